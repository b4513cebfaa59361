// The rows of a request, in columns as Arrow has them, so that the kernels read them.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arrow_view.hpp"
#include "request_values.hpp"

namespace fastml::request {

// What is wrong with a request, for whoever sent it.
struct Fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline std::string quoted(std::string_view text) {
    constexpr size_t most = 40;
    std::string out = "'";
    for (const char c : text.substr(0, most)) {
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    }
    // A character is not cut in the middle.
    if (text.size() > most) {
        while (!out.empty() && (out.back() & 0xC0) == 0x80) out.pop_back();
        if (!out.empty() && (out.back() & 0x80)) out.pop_back();
        out += "...";
    }
    return out + "'";
}

inline std::string at_row(int64_t row) { return "row " + std::to_string(row + 1); }

// One column: numbers (NaN: missing), times with a byte for each that is known, or strings.
class RequestColumn {
  public:
    explicit RequestColumn(const Field& field) : field_(field) {}

    const Field& field() const noexcept { return field_; }
    int64_t size() const noexcept {
        if (is_number()) return static_cast<int64_t>(numbers_.size());
        return static_cast<int64_t>(is_time() ? times_.size() : offsets_.size() - 1);
    }
    bool is_number() const noexcept {
        return field_.wants <= Wants::boolean;
    }
    bool is_text() const noexcept {
        return field_.wants == Wants::text || field_.wants == Wants::label;
    }
    bool is_time() const noexcept { return !is_number() && !is_text(); }

    void clear() noexcept {
        numbers_.clear();
        times_.clear();
        bytes_.clear();
        valid_.clear();
        offsets_.assign(1, 0);
    }

    void add_null() {
        if (is_number()) {
            numbers_.push_back(std::numeric_limits<double>::quiet_NaN());
            return;
        }
        set_valid(size(), false);
        if (is_time()) {
            times_.push_back(0);
        } else {
            offsets_.push_back(static_cast<int64_t>(bytes_.size()));
        }
    }
    void add_number(double value) {
        const bool single = field_.wants == Wants::single;
        numbers_.push_back(single ? static_cast<double>(static_cast<float>(value)) : value);
    }
    void add_time(int64_t value) {
        set_valid(size(), true);
        times_.push_back(value);
    }
    // False where it is not UTF-8.
    bool add_text(std::string_view text) {
        if (!is_utf8(text)) return false;
        set_valid(size(), true);
        bytes_.append(text);
        offsets_.push_back(static_cast<int64_t>(bytes_.size()));
        return true;
    }

    // Add a value that is written as text, as delimited text has all of its values.
    bool add_written(std::string_view text, std::string& room) {
        double number;
        int64_t time;
        switch (field_.wants) {
            case Wants::number:
            case Wants::single:
                if (!read_number(text, number)) return false;
                add_number(number);
                return true;
            case Wants::boolean:
                if (!read_boolean(text, number)) return false;
                add_number(number);
                return true;
            case Wants::text: return add_text(text);
            case Wants::label: return add_text(label_of(text, room));
            default:
                if (!read_time(field_, text, time)) return false;
                add_time(time);
                return true;
        }
    }

    // Add a number of JSON, as `write_whole` has it where the column is text.
    bool add_given(double value, std::string& room) {
        if (is_number()) {
            add_number(value);
            return true;
        }
        return is_text() && write_whole(value, room) && add_text(room);
    }

    // Of a column of numbers, or of times as numbers.
    double number(int64_t row) const noexcept {
        const size_t at = static_cast<size_t>(row);
        return is_number() ? numbers_[at] : static_cast<double>(times_[at]);
    }
    void forget(int64_t row) noexcept {
        numbers_[static_cast<size_t>(row)] = std::numeric_limits<double>::quiet_NaN();
    }

    const std::vector<double>& numbers() const noexcept { return numbers_; }
    const std::vector<int64_t>& times() const noexcept { return times_; }
    const std::vector<int64_t>& offsets() const noexcept { return offsets_; }
    const std::string& bytes() const noexcept { return bytes_; }
    const std::vector<uint8_t>& valid() const noexcept { return valid_; }

    Column view() const noexcept {
        Column column;
        column.length = size();
        column.name = field_.name.c_str();
        if (is_number()) {
            column.kind = Kind::float64;
            column.values = numbers_.data();
            return column;
        }
        column.validity = valid_.data();
        if (is_time()) {
            column.kind = Kind::int64;
            column.values = times_.data();
        } else {
            column.kind = Kind::large_string;
            column.offsets = offsets_.data();
            column.values = bytes_.data();
        }
        return column;
    }

  private:
    void set_valid(int64_t row, bool valid) {
        if ((row & 7) == 0) valid_.push_back(0);
        valid_.back() = static_cast<uint8_t>(valid_.back() | (valid << (row & 7)));
    }

    Field field_;
    std::vector<double> numbers_;
    std::vector<int64_t> times_;
    std::string bytes_;
    std::vector<int64_t> offsets_ = {0};
    std::vector<uint8_t> valid_;
};

// The columns that a model reads, by name.
class Names {
  public:
    explicit Names(const std::vector<Field>& fields) {
        for (const Field& field : fields) {
            names_.push_back(field.name);
            places_.emplace(field.name, static_cast<int64_t>(places_.size()));
        }
    }

    int64_t size() const noexcept { return static_cast<int64_t>(names_.size()); }
    const std::string& operator[](int64_t i) const noexcept {
        return names_[static_cast<size_t>(i)];
    }
    // -1 for a name that is none of them.
    int64_t find(std::string_view name) const {
        const auto found = places_.find(name);
        return found == places_.end() ? -1 : found->second;
    }
    // Throws unless each is in `at`, the columns that stand at each place of a row, once.
    void check_all(const std::vector<int64_t>& at, const char* where) const {
        std::vector<int64_t> times(names_.size(), 0);
        for (const int64_t i : at) {
            if (i >= 0) ++times[static_cast<size_t>(i)];
        }
        for (int64_t i = 0; i < size(); ++i) {
            const int64_t n = times[static_cast<size_t>(i)];
            if (n == 1) continue;
            throw Fault(std::string(where) + (n == 0 ? " lacks the column " : " has twice the column ") +
                        quoted((*this)[i]));
        }
    }

  private:
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view name) const noexcept {
            return std::hash<std::string_view>()(name);
        }
    };
    std::vector<std::string> names_;
    std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> places_;
};

class RequestRows {
  public:
    explicit RequestRows(const std::vector<Field>& fields) {
        columns_.reserve(fields.size());
        for (const Field& field : fields) columns_.emplace_back(field);
    }

    int64_t width() const noexcept { return static_cast<int64_t>(columns_.size()); }
    int64_t rows() const noexcept { return rows_; }
    RequestColumn& operator[](int64_t i) noexcept { return columns_[static_cast<size_t>(i)]; }
    const RequestColumn& operator[](int64_t i) const noexcept {
        return columns_[static_cast<size_t>(i)];
    }
    void clear() noexcept {
        rows_ = 0;
        for (RequestColumn& column : columns_) column.clear();
    }
    // All columns have a value more.
    void end_row() noexcept { ++rows_; }
    void set_rows(int64_t rows) noexcept { rows_ = rows; }

    // What is wrong where column i cannot take a value of the row at hand.
    Fault unfit(int64_t i, std::string_view found) const {
        const Field& field = columns_[static_cast<size_t>(i)].field();
        return Fault(at_row(rows_) + ", column " + quoted(field.name) + ": found " +
                     std::string(found) + ", expected " + expected(field));
    }

  private:
    std::vector<RequestColumn> columns_;
    int64_t rows_ = 0;
};

}  // namespace fastml::request
