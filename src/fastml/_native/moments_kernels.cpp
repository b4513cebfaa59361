#include "moments.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "numeric_value.hpp"
#include "scale.hpp"

#define FASTML_BODY "moments_kernels.inc"
#include "simd_levels.hpp"

namespace fastml {

const MomentKernels& moment_kernels() noexcept {
    static const MomentKernels kernels = {FASTML_DISPATCH(survey), FASTML_DISPATCH(deviate),
                                          FASTML_DISPATCH(pair)};
    return kernels;
}

namespace {

struct Pair {
    double count = 0.0, mean_x = 0.0, mean_y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
};

// One pair by Welford's recurrence, for the rare pair whose sums cancel.
Pair welford(const Column& x, const Column& y, int64_t start, int64_t rows) noexcept {
    Pair p;
    for (int64_t row = start; row < start + rows; ++row) {
        double a = 0.0;
        double b = 0.0;
        if (!finite_value(x, row, a) || !finite_value(y, row, b)) continue;
        p.count += 1.0;
        const double dx = a - p.mean_x;
        const double dy = b - p.mean_y;
        p.mean_x += dx / p.count;
        p.mean_y += dy / p.count;
        p.xx += dx * (a - p.mean_x);
        p.yy += dy * (b - p.mean_y);
        p.xy += dx * (b - p.mean_y);
    }
    return p;
}

// The values that pair up may lie far from the column's mean (an outlier stands only where the
// other is missing): then squares of the distance would be subtracted from one another.
bool cancels(double square, double m2) noexcept { return m2 < 1e-6 * square; }

class PairBlock {
  public:
    PairBlock(const std::vector<BlockColumn>& columns, const std::vector<ColumnMoments>& marginal,
              const PairSums& sums, int64_t start, int64_t rows)
        : columns_(columns), marginal_(marginal), sums_(sums), start_(start), rows_(rows) {}

    PairMoments moments() const {
        const size_t k = columns_.size();
        PairMoments out;
        out.resize(k * k);
        for (size_t i = 0; i < k; ++i) {
            for (size_t j = i + 1; j < k; ++j) set(i, j, out);
        }
        return out;
    }

  private:
    bool complete(size_t i) const noexcept { return marginal_[i].count == rows_; }

    double at(const std::vector<double>& matrix, size_t i, size_t j) const noexcept {
        return matrix[i * static_cast<size_t>(sums_.stride) + j];
    }

    void set(size_t i, size_t j, PairMoments& out) const {
        const size_t k = columns_.size();
        const size_t ij = i * k + j;
        const size_t ji = j * k + i;
        Pair p;
        p.count = static_cast<double>(
            sums_.count[i * static_cast<size_t>(sums_.stride) + j]);
        if (p.count == 0.0) return;
        const double sx = at(sums_.sum, i, j);
        const double sy = at(sums_.sum, j, i);
        const double qx = at(sums_.square, i, j);
        const double qy = at(sums_.square, j, i);
        p.mean_x = columns_[i].shift + sx / p.count;
        p.mean_y = columns_[j].shift + sy / p.count;
        p.xx = qx - sx * sx / p.count;
        p.yy = qy - sy * sy / p.count;
        p.xy = at(sums_.cross, i, j) - sx * sy / p.count;
        if (!(complete(i) && complete(j)) && (cancels(qx, p.xx) || cancels(qy, p.yy))) {
            p = welford(*columns_[i].column, *columns_[j].column, start_, rows_);
        }
        out.count[ij] = out.count[ji] = p.count;
        out.mean[ij] = p.mean_x;
        out.mean[ji] = p.mean_y;
        out.m2[ij] = std::fmax(p.xx, 0.0);
        out.m2[ji] = std::fmax(p.yy, 0.0);
        out.cross[ij] = out.cross[ji] = p.xy;
    }

    const std::vector<BlockColumn>& columns_;
    const std::vector<ColumnMoments>& marginal_;
    const PairSums& sums_;
    int64_t start_, rows_;
};

double finite_shift(const ColumnMoments& c) noexcept {
    if (c.count == 0) return 0.0;
    if (c.min == c.max) return c.min;  // exactly, so that a constant has no spread by rounding
    return std::isfinite(c.mean) ? c.mean : 0.5 * c.min + 0.5 * c.max;
}

}  // namespace

void Moments::update(const Imported& batch, const int64_t* indices) {
    const MomentKernels& kernels = moment_kernels();
    const int64_t k = size();
    std::vector<BlockColumn> columns(columns_.size());
    for (int64_t i = 0; i < k; ++i) {
        columns[static_cast<size_t>(i)].column = &numeric_column(batch, indices[i]);
    }
    for (int64_t start = 0; start < batch.length(); start += kMomentBlock) {
        const int64_t rows = std::min(kMomentBlock, batch.length() - start);
        std::vector<ColumnMoments> block(columns.size());
        PairSums sums;
        for (size_t i = 0; i < columns.size(); ++i) {
            kernels.survey(*columns[i].column, start, rows, block[i]);
            columns[i].shift = finite_shift(block[i]);
            kernels.deviate(columns[i], start, rows);
        }
        if (paired_) kernels.pair(columns.data(), k, start, rows, sums);
        for (size_t i = 0; i < columns.size(); ++i) {
            ColumnMoments& c = block[i];
            if (c.count > 0) {
                const double n = static_cast<double>(c.count);
                c.mean = columns[i].shift + columns[i].sum / n;
                c.m2 = std::fmax(columns[i].square - columns[i].sum * (columns[i].sum / n), 0.0);
            }
            columns_[i].merge(c);
        }
        if (paired_) {
            pairs_.merge(PairBlock(columns, block, sums, start, rows).moments(), k);
        }
    }
}

}  // namespace fastml
