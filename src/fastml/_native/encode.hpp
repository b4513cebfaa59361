// A record batch into design rows: what both the fitting pass and serving call.
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

// Category codes of one column, and what each becomes: `table[code + 1]`, so that -1 (null) has
// an entry too.
struct CodeTask {
    const int32_t* codes;
    const int32_t* table;
    int64_t column;
};

// Impute, scale and transpose `n` rows of every task's column into `rows`.
void encode_dense(DenseTask* tasks, int64_t n_tasks, int64_t n, int64_t stride,
                  float* rows) noexcept;

// Translate and transpose `n` rows of every task's codes into `rows`.
void encode_codes(const CodeTask* tasks, int64_t n_tasks, int64_t n, int64_t stride,
                  int32_t* rows) noexcept;

}  // namespace fastml
