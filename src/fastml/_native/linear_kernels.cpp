#include "linear_types.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace fastml {
using namespace linear;
}

#define FASTML_BODY "linear_kernels.inc"
#include "simd_levels.hpp"

namespace fastml::linear {

const Kernels& kernels(bool single, int64_t lanes) {
    return *FASTML_DISPATCH(linear_kernels)(single, lanes);
}

}  // namespace fastml::linear
