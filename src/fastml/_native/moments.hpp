// Count, mean, spread and extremes of numeric columns, and the co-moments of their pairs.
//
// Within a block of rows every column is centred by its own mean in that block, and powers are
// summed of what is left: large sums are never subtracted from one another. Blocks are merged by
//   T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for
//   computing sample variances", Stanford STAN-CS-79-773, 1979.
// Null and NaN are missing. Infinities are counted, and otherwise treated as missing.
#pragma once

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

// Of the rows where both of a pair are present. Entry i * k + j of a matrix is about column i
// beside column j, so `mean` and `m2` are not symmetric.
struct PairMoments {
    std::vector<double> count, mean, m2, cross;

    void resize(size_t entries) {
        for (auto* matrix : {&count, &mean, &m2, &cross}) matrix->assign(entries, 0.0);
    }

    void merge(const PairMoments& other, int64_t k) noexcept {
        for (int64_t i = 0; i < k; ++i) {
            for (int64_t j = i + 1; j < k; ++j) {
                merge_pair(other, static_cast<size_t>(i * k + j), static_cast<size_t>(j * k + i));
            }
        }
    }

  private:
    void merge_pair(const PairMoments& other, size_t ij, size_t ji) noexcept {
        const double n = count[ij];
        const double m = other.count[ij];
        if (m == 0.0) return;
        const double share = m / (n + m);
        const double di = other.mean[ij] - mean[ij];
        const double dj = other.mean[ji] - mean[ji];
        cross[ij] = cross[ji] = cross[ij] + (other.cross[ij] + di * dj * (n * share));
        m2[ij] += other.m2[ij] + di * di * (n * share);
        m2[ji] += other.m2[ji] + dj * dj * (n * share);
        mean[ij] += di * share;
        mean[ji] += dj * share;
        count[ij] = count[ji] = n + m;
    }
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
    // Of each pair of k columns, `PairSums`.
    void (*pair)(const BlockColumn* columns, int64_t k, int64_t start, int64_t rows, PairSums& out);
};

const MomentKernels& moment_kernels() noexcept;

class Moments {
  public:
    Moments() = default;
    Moments(int64_t columns, bool pairs) : columns_(static_cast<size_t>(columns)), paired_(pairs) {
        if (paired_) pairs_.resize(columns_.size() * columns_.size());
    }

    void update(const Imported& batch, const int64_t* indices);
    void merge(const Moments& other) noexcept {
        for (size_t i = 0; i < columns_.size(); ++i) columns_[i].merge(other.columns_[i]);
        if (paired_) pairs_.merge(other.pairs_, size());
    }

    int64_t size() const noexcept { return static_cast<int64_t>(columns_.size()); }
    bool paired() const noexcept { return paired_; }
    const ColumnMoments& column(int64_t i) const noexcept {
        return columns_[static_cast<size_t>(i)];
    }
    double pair_count(int64_t i, int64_t j) const noexcept {
        return pairs_.count[static_cast<size_t>(i * size() + j)];
    }
    // Pearson's, of the rows where both are present; NaN where either is constant there.
    double correlation(int64_t i, int64_t j) const noexcept {
        if (i == j) {
            const ColumnMoments& c = column(i);
            return c.m2 > 0.0 ? 1.0 : std::numeric_limits<double>::quiet_NaN();
        }
        const size_t ij = static_cast<size_t>(i * size() + j);
        const size_t ji = static_cast<size_t>(j * size() + i);
        const double scale = std::sqrt(pairs_.m2[ij]) * std::sqrt(pairs_.m2[ji]);
        if (!(scale > 0.0)) return std::numeric_limits<double>::quiet_NaN();
        return std::fmin(1.0, std::fmax(-1.0, pairs_.cross[ij] / scale));
    }

  private:
    std::vector<ColumnMoments> columns_;
    PairMoments pairs_;
    bool paired_ = false;
};

}  // namespace fastml
