#include <algorithm>
#include <cstdint>

#include "codes.hpp"
#include "scale.hpp"

#define FASTML_BODY "codes_kernels.inc"
#include "simd_levels.hpp"

namespace fastml {

void encode_parts(const CodePart* parts, int64_t n_parts, int64_t n, int64_t stride,
                  int32_t* rows) noexcept {
    static const auto kernel = FASTML_DISPATCH(encode_part_rows);
    kernel(parts, n_parts, n, stride, rows);
}

void encode_crosses(const CrossTask* tasks, int64_t n_tasks, int64_t n, int64_t stride,
                    int32_t* rows) noexcept {
    static const auto kernel = FASTML_DISPATCH(encode_cross_rows);
    kernel(tasks, n_tasks, n, stride, rows);
}

void count_part(const CodePart& part, int64_t n, int64_t* counts) noexcept {
    static const auto kernel = FASTML_DISPATCH(count_part_rows);
    kernel(part, n, counts);
}

void combine_parts(const CodePart* parts, int64_t n_parts, const int64_t* sizes, int64_t n,
                   int64_t* keys) noexcept {
    static const auto kernel = FASTML_DISPATCH(combine_part_rows);
    kernel(parts, n_parts, sizes, n, keys);
}

}  // namespace fastml
