// One value of any numeric column.
#pragma once

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "arrow_view.hpp"

namespace fastml {

// False where the row is null, NaN or infinite.
inline bool finite_value(const Column& column, int64_t row, double& value) noexcept {
    if (!column.valid(row)) return false;
    switch (column.kind) {
        case Kind::boolean: value = column.boolean(row); break;
        case Kind::float32: value = column.numbers<float>()[row]; break;
        case Kind::float64: value = column.numbers<double>()[row]; break;
        case Kind::uint64: value = static_cast<double>(column.numbers<uint64_t>()[row]); break;
        default: value = static_cast<double>(column.index(row));
    }
    return std::isfinite(value);
}

// The columns of a batch that a fold of numbers is told to take.
inline const Column& numeric_column(const Imported& batch, int64_t index) {
    if (index < 0 || index >= batch.n_columns()) {
        throw std::invalid_argument("column index " + std::to_string(index) + " is not below " +
                                    std::to_string(batch.n_columns()));
    }
    const Column& column = batch.column(index);
    if (column.dictionary != nullptr || !(is_numeric(column.kind) || column.kind == Kind::null)) {
        throw std::invalid_argument("column '" + std::string(column.name) + "' is not numeric");
    }
    return column;
}

}  // namespace fastml
