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

namespace fastml::score {

// The kernels, which live in modules of their own.
struct Cores {
    void (*encode_dense)(DenseTask*, int64_t, int64_t, int64_t, float*);
    void (*encode_parts)(const CodePart*, int64_t, int64_t, int64_t, int32_t*);
    void (*encode_crosses)(const CrossTask*, int64_t, int64_t, int64_t, int32_t*);
    void (*margins)(const linear::Shape&, const linear::Block&, const void*, void*);
};

enum class Link : int { identity, logistic, softmax };
enum class Calibration : int { none, platt, isotonic, temperature };
enum class Calendar : int { none, month, weekday, hour };
constexpr int64_t kMostUnits = 86'400'000'000'000;  // of a day: nanoseconds

struct Number {
    int64_t column;
    DenseColumn to;
};

// A category: known strings of a column, or a part of a date.
struct Category {
    int64_t column;
    Calendar part;
    int64_t units_per_day;  // of the date
    std::unique_ptr<Lookup> known;
};

struct Bin {
    int64_t column;
    double shift;
    std::vector<float> edges;
};

// A part (a category, or a bin: those follow) with what each of its codes becomes.
struct Part {
    int64_t place;
    std::vector<int32_t> table;
};

struct Cross {
    std::vector<Part> parts;
    std::unique_ptr<Combinations> known;
    int32_t start;
};

struct Model {
    std::vector<Number> numbers;
    std::vector<Category> categories;
    std::vector<Bin> bins;
    std::vector<Part> single;
    std::vector<Cross> crosses;
    int64_t n_dense = 0;
    linear::Shape shape;
    std::vector<float> weights;     // (rows, lanes), the intercept's zero
    std::vector<double> intercept;  // one a lane
    Link link = Link::identity;
    Calibration calibration = Calibration::none;
    double slope = 1.0, offset = 0.0;  // of Platt; a temperature is the slope
    std::vector<double> given, calibrated;

    int64_t lanes() const noexcept { return static_cast<int64_t>(intercept.size()); }
    int64_t coded() const noexcept { return static_cast<int64_t>(single.size() + crosses.size()); }

    // The parts may come from a file: whatever it says, nothing is read or written out of place.
    void check(const std::vector<request::Field>& fields) const;
};

inline void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

inline void Model::check(const std::vector<request::Field>& fields) const {
    const auto is_there = [&](int64_t column) {
        return column >= 0 && column < static_cast<int64_t>(fields.size());
    };
    const auto is_text = [&](int64_t column) {
        const request::Wants wants = fields[static_cast<size_t>(column)].wants;
        return wants == request::Wants::text || wants == request::Wants::label;
    };
    const auto is_time = [&](int64_t column) {
        return fields[static_cast<size_t>(column)].wants >= request::Wants::date;
    };
    for (const request::Field& field : fields) {
        require(field.wants >= request::Wants::number && field.wants <= request::Wants::clock &&
                    field.per_second > 0 && field.per_second <= 1'000'000'000,
                "a field's type is not known");
    }
    require(n_dense >= 0 && shape.codes >= 0, "a number of features below 0");
    require(lanes() <= linear::kMostLanes, "there are too many lanes");
    for (const Number& number : numbers) {
        require(is_there(number.column) && !is_text(number.column), "a number's column is not one of numbers");
        require(number.to.column >= 0 && number.to.column < n_dense && number.to.indicator >= -1 &&
                    number.to.indicator < n_dense,
                "a number's place is beyond the dense part");
    }
    for (const Category& category : categories) {
        require(is_there(category.column), "a category's column is not there");
        const bool of_text = is_text(category.column);
        if (category.part == Calendar::none) {
            require(of_text, "a category's column is not one of text");
        } else {
            require(is_time(category.column) && category.part > Calendar::none &&
                        category.part <= Calendar::hour && category.units_per_day > 0 &&
                        category.units_per_day <= kMostUnits,
                    "a part of a date is not known");
        }
    }
    for (const Bin& bin : bins) {
        require(is_there(bin.column) && !is_text(bin.column), "a bin's column is not one of numbers");
        require(static_cast<int64_t>(bin.edges.size()) <= kMostEdges, "a number has too many bins");
    }
    const auto check_part = [&](const Part& part, int64_t below) {
        const size_t place = static_cast<size_t>(part.place);
        size_t codes;
        if (place < categories.size()) {
            constexpr size_t kSizes[] = {0, 12, 7, 24};
            const Category& category = categories[place];
            codes = category.known ? static_cast<size_t>(category.known->size()) + 1
                                   : kSizes[static_cast<size_t>(category.part)];
        } else {
            require(part.place >= 0 && place < categories.size() + bins.size(),
                    "a part is not there");
            codes = bins[place - categories.size()].edges.size() + 1;
        }
        require(part.table.size() > codes, "a part's table is too short");
        for (const int32_t code : part.table) {
            require(code >= -1 && code < below, "a code is beyond the code part");
        }
    };
    for (const Part& part : single) check_part(part, shape.codes);
    for (const Cross& cross : crosses) {
        require(!cross.parts.empty() && cross.parts.size() <= kMostParts &&
                    cross.parts.size() == cross.known->sizes().size(),
                "a cross has too many parts, or sizes of others");
        for (size_t i = 0; i < cross.parts.size(); ++i) {
            check_part(cross.parts[i], cross.known->sizes()[i]);
        }
        require(cross.start >= 0 && cross.start + cross.known->size() <= shape.codes,
                "a cross is beyond the code part");
    }
    require(given.size() == calibrated.size() &&
                (calibration != Calibration::isotonic || !given.empty()),
            "a calibration has not as many values as points");
    require(link <= Link::softmax && calibration <= Calibration::temperature,
            "a link or a calibration is not known");
}

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
