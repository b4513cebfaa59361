// A fitted plan and a linear model as one function: from columns of rows to scores.
//
// The kernels are those that training and batches of predictions run, in the same order on the same
// numbers, so a row has the same score wherever it comes from.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "arrow_view.hpp"
#include "codes.hpp"
#include "encode.hpp"
#include "linear_types.hpp"
#include "link.hpp"
#include "lookup.hpp"
#include "request_values.hpp"
#include "score_model.hpp"

namespace fastml::score {

// The kernels, which live in modules of their own.
struct Cores {
    void (*encode_dense)(DenseTask*, int64_t, int64_t, int64_t, float*);
    void (*encode_parts)(const CodePart*, int64_t, int64_t, int64_t, int32_t*);
    void (*encode_crosses)(const CrossTask*, int64_t, int64_t, int64_t, int32_t*);
    void (*margins)(const linear::Shape&, const linear::Block&, const void*, void*);
};

// Of any time, and at most kMostUnits a day: a code of its part.
inline int32_t calendar_code(Calendar part, int64_t time, int64_t units_per_day) noexcept {
    const int64_t left = time % units_per_day;
    const int64_t of_day = left < 0 ? left + units_per_day : left;
    if (part == Calendar::hour) return static_cast<int32_t>(of_day * 24 / units_per_day);
    const int64_t days = time / units_per_day - (left < 0);
    if (part == Calendar::month) return static_cast<int32_t>(request::month_of(days));
    return static_cast<int32_t>((days % 7 + 10) % 7);  // 1970 began on a Thursday
}

// What scoring needs beside the model; each thread its own.
class Scorer {
  public:
    Scorer(const Model& model, const Cores& cores) : model_(model), cores_(cores) {}

    // Write the margins of `n` rows from `first` on, (n, lanes). Returns the place among the
    // numbers of one that is infinite or too large, and -1 where there is none.
    int64_t margins(const std::vector<Column>& columns, int64_t first, int64_t n, double* out) {
        if (n == 0) return -1;
        const int64_t infinite = encode_numbers(columns, first, n);
        if (infinite >= 0) return infinite;
        encode_codes(columns, first, n);
        const int64_t lanes = model_.lanes();
        margins_.resize(static_cast<size_t>(n * lanes));
        linear::Block block{};
        block.dense = dense_.data();
        block.codes = rows_.data();
        block.n = n;
        cores_.margins(model_.shape, block, model_.weights.data(), margins_.data());
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t l = 0; l < lanes; ++l) {
                const size_t at = static_cast<size_t>(i * lanes + l);
                out[at] = static_cast<double>(margins_[at]) + model_.intercept[static_cast<size_t>(l)];
            }
        }
        return -1;
    }

    // Margins to scores, in place: P(positive), the probabilities of the classes, or numbers.
    void finish(int64_t n, double* scores) const noexcept {
        const int64_t lanes = model_.lanes();
        for (int64_t i = 0; i < n; ++i) {
            double* own = scores + i * lanes;
            if (model_.link == Link::logistic) {
                own[0] = calibrated(link::logistic(own[0]));
            } else if (model_.link == Link::softmax) {
                link::softmax(own, lanes);
                if (model_.calibration == Calibration::temperature) {
                    link::temper(own, lanes, model_.slope);
                }
            }
        }
    }

  private:
    double calibrated(double probability) const noexcept {
        switch (model_.calibration) {
            case Calibration::platt:
                return link::platt(probability, model_.slope, model_.offset);
            case Calibration::isotonic:
                return link::interpolate(probability, model_.given.data(),
                                         model_.calibrated.data(),
                                         static_cast<int64_t>(model_.given.size()));
            case Calibration::temperature: {
                double both[2] = {1.0 - probability, probability};
                link::temper(both, 2, model_.slope);
                return both[1];
            }
            default: return probability;
        }
    }

    static Column rows_of(const Column& column, int64_t first, int64_t n) noexcept {
        Column part = column;
        part.offset += first;
        part.length = n;
        return part;
    }

    int64_t encode_numbers(const std::vector<Column>& columns, int64_t first, int64_t n) {
        tasks_.clear();
        for (const Number& number : model_.numbers) {
            tasks_.push_back({rows_of(columns[static_cast<size_t>(number.column)], first, n),
                              number.to, DenseCounts{}});
        }
        dense_.resize(static_cast<size_t>(n * model_.n_dense));
        if (tasks_.empty()) return -1;
        const int64_t k = static_cast<int64_t>(tasks_.size());
        cores_.encode_dense(tasks_.data(), k, n, model_.n_dense, dense_.data());
        for (int64_t j = 0; j < k; ++j) {
            if (tasks_[static_cast<size_t>(j)].counts.infinite != 0) return j;
        }
        return -1;
    }

    void encode_codes(const std::vector<Column>& columns, int64_t first, int64_t n) {
        rows_.resize(static_cast<size_t>(n * model_.coded()));
        if (rows_.empty()) return;
        stage(columns, first, n);
        parts_.clear();
        for (const Part& part : model_.single) parts_.push_back(part_of(part, n));
        cores_.encode_parts(parts_.data(), static_cast<int64_t>(parts_.size()), n, model_.coded(),
                            rows_.data());
        crossed_.resize(model_.crosses.size());
        crosses_.clear();
        for (size_t c = 0; c < model_.crosses.size(); ++c) {
            const Cross& cross = model_.crosses[c];
            crossed_[c].clear();
            for (const Part& part : cross.parts) crossed_[c].push_back(part_of(part, n));
            crosses_.push_back({crossed_[c].data(), static_cast<int64_t>(crossed_[c].size()),
                                cross.known.get(), cross.start,
                                static_cast<int64_t>(model_.single.size() + c)});
        }
        cores_.encode_crosses(crosses_.data(), static_cast<int64_t>(crosses_.size()), n,
                              model_.coded(), rows_.data());
    }

    // The codes of the categories and the numbers of the bins, a column after the other.
    void stage(const std::vector<Column>& columns, int64_t first, int64_t n) {
        codes_.resize(model_.categories.size() * static_cast<size_t>(n));
        int32_t* own = codes_.data();
        for (const Category& category : model_.categories) {
            const Column column = rows_of(columns[static_cast<size_t>(category.column)], first, n);
            if (category.part == Calendar::none) {
                category.known->find(column, own);
            } else {
                for (int64_t i = 0; i < n; ++i) {
                    own[i] = column.valid(i) ? calendar_code(category.part, column.index(i),
                                                             category.units_per_day)
                                             : -1;
                }
            }
            own += n;
        }
        staged_.resize(model_.bins.size() * static_cast<size_t>(n));
        tasks_.clear();
        for (size_t b = 0; b < model_.bins.size(); ++b) {
            const Bin& bin = model_.bins[b];
            tasks_.push_back({rows_of(columns[static_cast<size_t>(bin.column)], first, n),
                              DenseColumn{bin.shift, 0.0f, 1.0f,
                                          std::numeric_limits<float>::quiet_NaN(),
                                          static_cast<int64_t>(b) * n, -1},
                              DenseCounts{}});
        }
        if (!tasks_.empty()) {
            cores_.encode_dense(tasks_.data(), static_cast<int64_t>(tasks_.size()), n, 1,
                                staged_.data());
        }
    }

    CodePart part_of(const Part& part, int64_t n) const noexcept {
        const int64_t categories = static_cast<int64_t>(model_.categories.size());
        CodePart found;
        found.table = part.table.data();
        if (part.place < categories) {
            found.codes = codes_.data() + part.place * n;
            return found;
        }
        const int64_t b = part.place - categories;
        const Bin& bin = model_.bins[static_cast<size_t>(b)];
        found.values = staged_.data() + b * n;
        found.edges = bin.edges.data();
        found.n_edges = static_cast<int64_t>(bin.edges.size());
        return found;
    }

    const Model& model_;
    const Cores& cores_;
    std::vector<DenseTask> tasks_;
    std::vector<float> dense_, staged_, margins_;
    std::vector<int32_t> codes_, rows_;
    std::vector<CodePart> parts_;
    std::vector<std::vector<CodePart>> crossed_;
    std::vector<CrossTask> crosses_;
};

}  // namespace fastml::score
