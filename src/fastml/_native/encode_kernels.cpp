#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "encode.hpp"

#define FASTML_BODY "encode_kernels.inc"
#include "simd_levels.hpp"

namespace fastml {

void encode_dense(DenseTask* tasks, int64_t n_tasks, int64_t n, int64_t stride,
                  float* rows) noexcept {
    static const auto kernel = FASTML_DISPATCH(encode_dense_rows);
    static thread_local float scratch[kScratchSize];  // 257 KB, of the threads that come here
    kernel(tasks, n_tasks, n, stride, rows, scratch);
}

}  // namespace fastml
