// Requests of delimited text, RFC 4180, with a line of names or without.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "request_rows.hpp"

namespace fastml::request {

enum class Header : int { detect, present, absent };

struct CsvDialect {
    char delimiter = ',';
    char quote = '"';  // 0: none
    char escape = 0;   // 0: none
    char decimal = '.';
    std::vector<std::string> markers;  // what stands for a missing value
};

class CsvReader {
  public:
    CsvReader(const Names& names, const CsvDialect& dialect) : names_(names), dialect_(dialect) {
        for (const char c : {dialect.delimiter, dialect.quote, dialect.escape, '\n', '\r'}) {
            if (c != 0) special_[static_cast<uint8_t>(c)] = true;
        }
        for (const std::string& marker : dialect.markers) {
            if (marker.empty()) {
                empty_is_null_ = true;
            } else {
                markers_[static_cast<uint8_t>(marker.front())].push_back(marker);
            }
        }
    }

    void read(std::string_view body, Header header, RequestRows& rows) {
        if (body.substr(0, 3) == "\xEF\xBB\xBF") body.remove_prefix(3);
        at_ = body.data();
        end_ = at_ + body.size();
        by_place_.resize(static_cast<size_t>(names_.size()));
        for (size_t i = 0; i < by_place_.size(); ++i) by_place_[i] = static_cast<int64_t>(i);
        bool first = true, named = false;
        while (next_record(rows)) {
            const bool is_header = first && header != Header::absent &&
                                   (header == Header::present || names_any());
            first = false;
            if (is_header) {
                take_names();
                named = true;
            } else {
                take_row(rows);
            }
        }
        if (first) throw Fault("the body is empty; expected rows of delimited text");
        // Such is a file that a client sent without its line ends, and no table without rows.
        const bool one_line = body.find_first_of("\r\n") == std::string_view::npos;
        const bool others = static_cast<int64_t>(by_place_.size()) > names_.size();
        if (named && one_line && others && header == Header::detect) {
            throw Fault("the body is a line of names that does not end, and has no rows; "
                        "send line ends as they are (curl: --data-binary)");
        }
    }

  private:
    struct Cell {
        std::string_view text;  // in the body, or
        size_t made;            // where its text begins among those that were made
        bool quoted, is_made;
    };

    std::string_view text_of(const Cell& cell) const noexcept {
        return cell.is_made ? std::string_view(made_).substr(cell.made, cell.text.size())
                            : cell.text;
    }

    // Read the cells of the next record that is not blank; false at the end.
    bool next_record(const RequestRows& rows) {
        const bool blank_is_null = names_.size() == 1;
        while (!blank_is_null && at_ != end_ && (*at_ == '\n' || *at_ == '\r')) ++at_;
        if (at_ == end_) return false;
        cells_.clear();
        made_.clear();
        for (;;) {
            cells_.push_back(next_cell(rows));
            if (at_ == end_) return true;
            const char c = *at_++;
            if (c == dialect_.delimiter) continue;
            if (c == '\r' && at_ != end_ && *at_ == '\n') ++at_;
            return true;
        }
    }

    Cell next_cell(const RequestRows& rows) {
        if (at_ != end_ && dialect_.quote != 0 && *at_ == dialect_.quote) return quoted_cell(rows);
        const char* first = at_;
        while (at_ != end_ && !special_[static_cast<uint8_t>(*at_)]) ++at_;
        while (at_ != end_ && *at_ == dialect_.quote) {  // no quote but where a cell begins
            ++at_;
            while (at_ != end_ && !special_[static_cast<uint8_t>(*at_)]) ++at_;
        }
        if (at_ == end_ || dialect_.escape == 0 || *at_ != dialect_.escape) {
            return {{first, static_cast<size_t>(at_ - first)}, 0, false, false};
        }
        const size_t made = made_.size();
        made_.append(first, at_);
        while (at_ != end_ && *at_ != dialect_.delimiter && *at_ != '\n' && *at_ != '\r') {
            if (*at_ == dialect_.escape && at_ + 1 != end_) ++at_;
            made_.push_back(*at_++);
        }
        return {{first, made_.size() - made}, made, false, true};
    }

    Cell quoted_cell(const RequestRows& rows) {
        const char quote = dialect_.quote;
        const char* first = ++at_;
        const size_t made = made_.size();
        bool is_made = false;
        for (;;) {
            const char* from = at_;
            while (at_ != end_ && *at_ != quote && (dialect_.escape == 0 || *at_ != dialect_.escape)) {
                ++at_;
            }
            if (at_ == end_) throw Fault(at_row(rows.rows()) + ": a quote is not closed");
            const char c = *at_;
            const bool doubled = c == quote && at_ + 1 != end_ && at_[1] == quote;
            if (c == quote && !doubled) {
                if (is_made) made_.append(from, at_);
                break;
            }
            if (at_ + 1 == end_) throw Fault(at_row(rows.rows()) + ": a quote is not closed");
            made_.append(from, at_);
            made_.push_back(at_[1]);
            is_made = true;
            at_ += 2;
        }
        const size_t size = is_made ? made_.size() - made : static_cast<size_t>(at_ - first);
        ++at_;
        if (at_ != end_ && *at_ != dialect_.delimiter && *at_ != '\n' && *at_ != '\r') {
            throw Fault(at_row(rows.rows()) + ": there is text behind a closing quote");
        }
        return {{first, size}, made, true, is_made};
    }

    bool names_any() const {
        for (const Cell& cell : cells_) {
            if (names_.find(text_of(cell)) >= 0) return true;
        }
        return false;
    }

    void take_names() {
        by_place_.clear();
        for (const Cell& cell : cells_) by_place_.push_back(names_.find(text_of(cell)));
        names_.check_all(by_place_, "the line of names");
    }

    void take_row(RequestRows& rows) {
        if (cells_.size() != by_place_.size()) {
            throw Fault(at_row(rows.rows()) + " has " + std::to_string(cells_.size()) +
                        " values, expected " + std::to_string(by_place_.size()));
        }
        for (size_t place = 0; place < by_place_.size(); ++place) {
            const int64_t i = by_place_[place];
            if (i >= 0) take_cell(i, cells_[place], rows);
        }
        rows.end_row();
    }

    void take_cell(int64_t i, const Cell& cell, RequestRows& rows) {
        RequestColumn& column = rows[i];
        const std::string_view text = text_of(cell);
        if (is_null(text) && !(cell.quoted && column.is_text())) {
            column.add_null();
        } else if (!column.add_written(with_point(column, text), room_)) {
            throw rows.unfit(i, quoted(text));
        }
    }

    bool is_null(std::string_view text) const noexcept {
        if (text.empty()) return empty_is_null_;
        for (const std::string& marker : markers_[static_cast<uint8_t>(text.front())]) {
            if (marker == text) return true;
        }
        return false;
    }

    // Numbers with another decimal point become numbers with one; those that have one are none.
    std::string_view with_point(const RequestColumn& column, std::string_view text) {
        if (dialect_.decimal == '.' || !column.is_number()) return text;
        point_.assign(text);
        for (char& c : point_) c = c == '.' ? '?' : c == dialect_.decimal ? '.' : c;
        return point_;
    }

    const Names& names_;
    CsvDialect dialect_;
    std::array<bool, 256> special_{};
    std::array<std::vector<std::string>, 256> markers_;  // by their first character
    bool empty_is_null_ = false;
    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::vector<int64_t> by_place_;  // the column at each place of a row, or -1
    std::vector<Cell> cells_;        // of the record at hand
    std::string made_;               // texts of cells that had doubled quotes
    std::string room_, point_;
};

}  // namespace fastml::request
