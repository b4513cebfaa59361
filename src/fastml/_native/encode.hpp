// Numbers into the dense part of design rows: what both the fitting pass and serving call.
#pragma once

#include <cstdint>

#include "arrow_view.hpp"
#include "scale.hpp"

namespace fastml {

// Where a column comes from and where its values go.
struct DenseTask {
    Column from;
    DenseColumn to;
    DenseCounts counts;
};

// Impute, scale and transpose `n` rows of every task's column into `rows`.
void encode_dense(DenseTask* tasks, int64_t n_tasks, int64_t n, int64_t stride,
                  float* rows) noexcept;

}  // namespace fastml
