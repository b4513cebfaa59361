// A fitted plan and a linear model, as scoring takes them.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "codes.hpp"
#include "linear_types.hpp"
#include "lookup.hpp"
#include "request_values.hpp"
#include "scale.hpp"

namespace fastml::score {

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

}  // namespace fastml::score
