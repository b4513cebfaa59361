// The affine map of a dense column, shared by training and serving bit for bit:
//
//     v   = float(double(x) - shift)              missing -> NaN
//     out = isnan(v) ? fill : (v - offset) * factor
//
// `shift` is a float64 near the column's centre, fixed before its statistics are known (its first
// value, say): what is left after it fits a float32 without cancellation, so a first pass may keep
// `v` and a later one finish it. `offset` and `factor` are the float32 rounding of
// (center - shift) and 1 / scale, and `fill` stands in units of the output. Every step is one
// IEEE operation in a stated precision (no fused multiply-add), so that every SIMD level, every
// cut of the rows and a value kept as `v` in between give the same bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

namespace fastml {

struct DenseColumn {
    double shift = 0.0;
    float offset = 0.0f;
    float factor = 1.0f;
    float fill = std::numeric_limits<float>::quiet_NaN();  // in units of the output
    int64_t column = 0;      // where in a row the value goes
    int64_t indicator = -1;  // where 1 (was missing) or 0 goes; -1: nowhere
};

struct DenseCounts {
    int64_t missing = 0;   // null or NaN
    int64_t infinite = 0;  // written as +-inf: infinite, or too large for a float32

    DenseCounts& operator+=(const DenseCounts& other) noexcept {
        missing += other.missing;
        infinite += other.infinite;
        return *this;
    }
};

// Arrow's booleans are bits; a value of this type stands for the packed buffer.
struct PackedBit {
    uint8_t bits;
};

// Rows that fit the first-level cache several times over.
inline constexpr int64_t kTileRows = 256;

// Columns are scaled in stretches of rows into a scratch of so many columns, and then spread into
// rows. Long stretches, because memory is read at twice the rate where a column's pages follow one
// another (8 KB: 7 GB/s; 32 KB: 18 GB/s), but no longer than the rows that they are spread into
// stay in the second-level cache. The padding keeps columns out of one another's cache sets.
inline constexpr int64_t kStretchRows = 16 * kTileRows;
inline constexpr int64_t kScratchColumns = 16;
inline constexpr int64_t kScratchPitch = kStretchRows + 16;
inline constexpr int64_t kScratchSize = kScratchColumns * kScratchPitch;

inline int64_t stretch_rows(int64_t stride) noexcept {
    constexpr int64_t kCacheFloats = 512 * 1024 / sizeof(float);
    return std::clamp(kCacheFloats / stride / kTileRows, int64_t{2}, int64_t{16}) * kTileRows;
}

// `count` <= 64 bits from bit `start`, low bit first; reads no byte that holds none of them.
inline uint64_t load_bits(const uint8_t* bits, int64_t start, int64_t count) noexcept {
    const uint8_t* from = bits + (start >> 3);
    const int skip = static_cast<int>(start & 7);
    const int64_t bytes = (skip + count + 7) >> 3;
    uint64_t word = 0;
    std::memcpy(&word, from, static_cast<size_t>(std::min<int64_t>(bytes, 8)));
    word >>= skip;
    if (bytes > 8) word |= static_cast<uint64_t>(from[8]) << (64 - skip);
    return count == 64 ? word : word & ((uint64_t{1} << count) - 1);
}

}  // namespace fastml
