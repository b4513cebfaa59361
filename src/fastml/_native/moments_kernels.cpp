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

// The pairs of a block of rows, a panel of columns beside a panel at a time: what is summed at once
// is bounded, and stays in the processor's cache.
class PairBlock {
  public:
    PairBlock(const std::vector<BlockColumn>& columns, const std::vector<ColumnMoments>& marginal,
              int64_t start, int64_t rows)
        : columns_(columns), marginal_(marginal), start_(start), rows_(rows) {}

    void merge_into(Pairs& out) {
        constexpr size_t panel = static_cast<size_t>(kMomentPanel);
        for (size_t i = 0; i < columns_.size(); i += panel) {
            for (size_t j = i; j < columns_.size(); j += panel) merge_panels(i, j, out);
        }
    }

  private:
    void merge_panels(size_t first, size_t second, Pairs& out) {
        const size_t first_end = panel_end(first);
        const size_t second_end = panel_end(second);
        std::vector<BlockColumn> both(columns_.begin() + static_cast<ptrdiff_t>(first),
                                      columns_.begin() + static_cast<ptrdiff_t>(first_end));
        const size_t split = first == second ? 0 : both.size();
        if (split > 0) {
            both.insert(both.end(), columns_.begin() + static_cast<ptrdiff_t>(second),
                        columns_.begin() + static_cast<ptrdiff_t>(second_end));
        }
        moment_kernels().pair(both.data(), static_cast<int64_t>(both.size()),
                              static_cast<int64_t>(split), start_, rows_, sums_);
        for (size_t i = first; i < first_end; ++i) {
            for (size_t j = std::max(i + 1, second); j < second_end; ++j) {
                out.at(i, j).merge(pair(i, j, i - first, j - second + split));
            }
        }
    }

    size_t panel_end(size_t first) const noexcept {
        return std::min(first + static_cast<size_t>(kMomentPanel), columns_.size());
    }

    bool complete(size_t i) const noexcept { return marginal_[i].count == rows_; }

    // Of columns i and j, which are `a` and `b` in the sums.
    Pair pair(size_t i, size_t j, size_t a, size_t b) const noexcept {
        const size_t ab = a * static_cast<size_t>(sums_.stride) + b;
        const size_t ba = b * static_cast<size_t>(sums_.stride) + a;
        Pair p;
        p.count = static_cast<double>(sums_.count[ab]);
        if (p.count == 0.0) return p;
        const double sx = sums_.sum[ab];
        const double sy = sums_.sum[ba];
        const double qx = sums_.square[ab];
        const double qy = sums_.square[ba];
        p.mean_x = columns_[i].shift + sx / p.count;
        p.mean_y = columns_[j].shift + sy / p.count;
        p.xx = qx - sx * sx / p.count;
        p.yy = qy - sy * sy / p.count;
        p.xy = sums_.cross[ab] - sx * sy / p.count;
        if (!(complete(i) && complete(j)) && (cancels(qx, p.xx) || cancels(qy, p.yy))) {
            p = welford(*columns_[i].column, *columns_[j].column, start_, rows_);
        }
        p.xx = std::fmax(p.xx, 0.0);
        p.yy = std::fmax(p.yy, 0.0);
        return p;
    }

    const std::vector<BlockColumn>& columns_;
    const std::vector<ColumnMoments>& marginal_;
    PairSums sums_;
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
        for (size_t i = 0; i < columns.size(); ++i) {
            kernels.survey(*columns[i].column, start, rows, block[i]);
            columns[i].shift = finite_shift(block[i]);
            kernels.deviate(columns[i], start, rows);
        }
        for (size_t i = 0; i < columns.size(); ++i) {
            ColumnMoments& c = block[i];
            if (c.count > 0) {
                const double n = static_cast<double>(c.count);
                c.mean = columns[i].shift + columns[i].sum / n;
                c.m2 = std::fmax(columns[i].square - columns[i].sum * (columns[i].sum / n), 0.0);
            }
            columns_[i].merge(c);
        }
        if (paired_) PairBlock(columns, block, start, rows).merge_into(pairs_);
    }
}

}  // namespace fastml
