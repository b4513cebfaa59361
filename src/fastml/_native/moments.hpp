// Count, mean, spread and extremes of numeric columns, and the co-moments of their pairs.
//
// Within a block of rows every column is centred by its own mean in that block, and powers are
// summed of what is left: large sums are never subtracted from one another. Blocks are merged by
//   T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for
//   computing sample variances", Stanford STAN-CS-79-773, 1979.
// Null and NaN are missing. Infinities are counted, and otherwise treated as missing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrow_view.hpp"

namespace fastml {

inline constexpr int64_t kMomentTile = 256;    // rows; divides by every register's lanes
inline constexpr int64_t kMomentBlock = 65536;  // rows; the unit of rounding (engine/blocks.py)
inline constexpr int64_t kMomentGroup = 4;      // tiles of pairs are padded to so many columns
inline constexpr int64_t kMomentPanel = 256;    // columns that pair up with one another at a time

struct ColumnMoments {
    int64_t count = 0;  // finite values
    int64_t nulls = 0;
    int64_t nans = 0;
    int64_t infinite = 0;
    double mean = 0.0;
    double m2 = 0.0;  // sum of squared deviations from the mean
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();

    void merge(const ColumnMoments& other) noexcept {
        nulls += other.nulls;
        nans += other.nans;
        infinite += other.infinite;
        if (other.count == 0) return;
        if (count == 0) {
            count = other.count;
            mean = other.mean;
            m2 = other.m2;
        } else {
            const double n = static_cast<double>(count);
            const double m = static_cast<double>(other.count);
            const double delta = other.mean - mean;
            m2 += other.m2 + delta * delta * (n * m / (n + m));
            mean += delta * (m / (n + m));
            count += other.count;
        }
        min = std::fmin(min, other.min);
        max = std::fmax(max, other.max);
    }
};

// Moments of two columns x and y over the rows where both are present; xx, yy and xy are sums of
// products of deviations from the means.
struct Pair {
    double count = 0.0, mean_x = 0.0, mean_y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;

    void merge(const Pair& other) noexcept {
        if (other.count == 0.0) return;
        const double n = count;
        const double m = other.count;
        const double share = m / (n + m);
        const double dx = other.mean_x - mean_x;
        const double dy = other.mean_y - mean_y;
        xy += other.xy + dx * dy * (n * share);
        xx += other.xx + dx * dx * (n * share);
        yy += other.yy + dy * dy * (n * share);
        mean_x += dx * share;
        mean_y += dy * share;
        count = n + m;
    }
};

// The pairs of k columns, each once: those of the first column, of the second, and so on.
class Pairs {
  public:
    Pairs() = default;
    explicit Pairs(size_t columns) : columns_(columns), pairs_(columns * (columns - 1) / 2) {}

    void merge(const Pairs& other) noexcept {
        for (size_t p = 0; p < pairs_.size(); ++p) pairs_[p].merge(other.pairs_[p]);
    }

    // Of columns i < j.
    Pair& at(size_t i, size_t j) noexcept { return pairs_[place(i, j)]; }
    const Pair& at(size_t i, size_t j) const noexcept { return pairs_[place(i, j)]; }

  private:
    size_t place(size_t i, size_t j) const noexcept {
        return i * (2 * columns_ - i - 1) / 2 + (j - i - 1);
    }

    size_t columns_ = 0;
    std::vector<Pair> pairs_;
};

// What a kernel is told of one column in one block, and what it gives back.
struct BlockColumn {
    const Column* column = nullptr;
    double shift = 0.0;  // the provisional mean that deviations are taken from
    double sum = 0.0;    // of the deviations
    double square = 0.0;
};

// Sums over a block of deviations x, y from the shifts: `cross` of x y, and beside a column j with
// missing values, of rows where j is present: `count` of 1, `sum` of x, `square` of x x.
struct PairSums {
    int64_t stride = 0;  // of a row of the matrices: k padded to kMomentGroup
    std::vector<double> cross, sum, square;
    std::vector<int64_t> count;
};

struct MomentKernels {
    // The column's counts, extremes and (rounded) mean over rows start .. start + rows.
    void (*survey)(const Column& column, int64_t start, int64_t rows, ColumnMoments& out);
    // The sum and the squares of its deviations from `shift`.
    void (*deviate)(BlockColumn& column, int64_t start, int64_t rows);
    // `PairSums` of each pair of k columns; but where `split` (a multiple of kMomentGroup) is not 0,
    // only of each column before it with each from there on.
    void (*pair)(const BlockColumn* columns, int64_t k, int64_t split, int64_t start, int64_t rows,
                 PairSums& out);
};

const MomentKernels& moment_kernels() noexcept;

class Moments {
  public:
    Moments() = default;
    Moments(int64_t columns, bool pairs) : columns_(static_cast<size_t>(columns)), paired_(pairs) {
        if (paired_) pairs_ = Pairs(columns_.size());
    }

    void update(const Imported& batch, const int64_t* indices);
    void merge(const Moments& other) noexcept {
        for (size_t i = 0; i < columns_.size(); ++i) columns_[i].merge(other.columns_[i]);
        if (paired_) pairs_.merge(other.pairs_);
    }

    int64_t size() const noexcept { return static_cast<int64_t>(columns_.size()); }
    bool paired() const noexcept { return paired_; }
    const ColumnMoments& column(int64_t i) const noexcept {
        return columns_[static_cast<size_t>(i)];
    }
    double pair_count(int64_t i, int64_t j) const noexcept { return pair(i, j).count; }
    // Pearson's, of the rows where both are present; NaN where either is constant there.
    double correlation(int64_t i, int64_t j) const noexcept {
        if (i == j) {
            const ColumnMoments& c = column(i);
            return c.m2 > 0.0 ? 1.0 : std::numeric_limits<double>::quiet_NaN();
        }
        const Pair& p = pair(i, j);
        const double scale = std::sqrt(p.xx) * std::sqrt(p.yy);
        if (!(scale > 0.0)) return std::numeric_limits<double>::quiet_NaN();
        return std::fmin(1.0, std::fmax(-1.0, p.xy / scale));
    }

  private:
    const Pair& pair(int64_t i, int64_t j) const noexcept {
        return pairs_.at(static_cast<size_t>(std::min(i, j)), static_cast<size_t>(std::max(i, j)));
    }

    std::vector<ColumnMoments> columns_;
    Pairs pairs_;
    bool paired_ = false;
};

}  // namespace fastml
