// The code part of design rows: categories, bins of numbers, and combinations of both.
//
// A part is a column as local codes 0 .. size - 1, or -1 for none: the staged codes of a category,
// or the bin of a staged number (the number of edges at or below it), looked up in a table. A
// column of the design is a part, or a cross of parts: what `Combinations` has for their codes.
#pragma once

#include <cstdint>

#include "combinations.hpp"

namespace fastml {

inline constexpr int64_t kMostParts = 3;    // of a cross
inline constexpr int64_t kMostEdges = 255;  // of a number's bins

// What a row has is `table[code + 1]`, so that -1 (missing) has an entry too.
struct CodePart {
    const int32_t* codes = nullptr;   // of a category, or
    const float* values = nullptr;    // of a number, NaN where it is missing, and
    const float* edges = nullptr;     // where its bins begin, ascending: the first begins at none
    int64_t n_edges = 0;
    const int32_t* table = nullptr;
};

struct CrossTask {
    const CodePart* parts;
    int64_t n_parts;
    const Combinations* known;
    int32_t start;  // is added to the codes of known combinations
    int64_t column;
};

// Write `n` rows of part j to column j of `rows`.
void encode_parts(const CodePart* parts, int64_t n_parts, int64_t n, int64_t stride,
                  int32_t* rows) noexcept;

// Write `n` rows of the crosses to their columns of `rows`.
void encode_crosses(const CrossTask* tasks, int64_t n_tasks, int64_t n, int64_t stride,
                    int32_t* rows) noexcept;

// Count the codes of `n` rows of a part; `counts[code + 1]`.
void count_part(const CodePart& part, int64_t n, int64_t* counts) noexcept;

// The number of each row's combination, -1 where a part has no code.
void combine_parts(const CodePart* parts, int64_t n_parts, const int64_t* sizes, int64_t n,
                   int64_t* keys) noexcept;

}  // namespace fastml
