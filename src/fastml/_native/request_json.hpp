// Requests of JSON (RFC 8259): rows as objects or as lists, columns as lists, and lines of rows.
//
//     {"age": 41, "plan": "gold"}                        a row
//     [{"age": 41, "plan": "gold"}, [41, "gold"]]        rows, by name or in the model's order
//     {"instances": [...]}                               the same, wrapped; {"features": [...]} is a row
//     {"age": [41, 7], "plan": ["gold", null]}           columns
//     {"columns": ["age", "plan"], "data": [[41, "gold"]]}
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "request_rows.hpp"

namespace fastml::request {

class JsonReader {
  public:
    explicit JsonReader(const Names& names)
        : names_(names), seen_(static_cast<size_t>(names.size()), 0) {
        for (int64_t i = 0; i < names.size(); ++i) in_order_.push_back(i);
    }

    void read(std::string_view body, RequestRows& rows) {
        begin(body);
        if (peek() == '[') {
            list_of_rows(rows);
        } else if (peek() == '{') {
            object(rows);
        } else {
            throw wrong("an object or a list of rows");
        }
        if (!done()) throw wrong("the end of the document");
    }

    void read_lines(std::string_view body, RequestRows& rows) {
        begin(body);
        while (!done()) row(rows);
    }

  private:
    static constexpr int kDeepest = 64;

    void begin(std::string_view body) {
        if (body.substr(0, 3) == "\xEF\xBB\xBF") body.remove_prefix(3);
        first_ = at_ = body.data();
        end_ = at_ + body.size();
        if (done()) throw Fault("the body is empty; expected JSON");
    }

    // -- tokens ------------------------------------------------------------------------------

    bool done() noexcept {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
        return at_ == end_;
    }
    char peek() noexcept { return done() ? '\0' : *at_; }
    bool next(char c) noexcept {
        if (peek() != c || at_ == end_) return false;
        ++at_;
        return true;
    }
    void expect(char c, const char* what) {
        if (!next(c)) throw wrong(what);
    }

    Fault wrong(const char* what) {
        std::string found = "the end";
        if (!done()) {
            const size_t left = static_cast<size_t>(end_ - at_);
            found = quoted({at_, left < 12 ? left : 12});
        }
        return Fault("the body is no JSON that can be read: at byte " +
                     std::to_string(at_ - first_ + 1) + " found " + found + ", expected " + what);
    }

    bool word(const char* letters) noexcept {
        const size_t n = std::strlen(letters);
        if (static_cast<size_t>(end_ - at_) < n || std::memcmp(at_, letters, n) != 0) return false;
        at_ += n;
        return true;
    }

    // The text of a string, valid until the next one is read.
    std::string_view string() {
        expect('"', "a text in quotes");
        const char* from = at_;
        while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<uint8_t>(*at_) >= 0x20) {
            ++at_;
        }
        if (at_ != end_ && *at_ == '"') return {from, static_cast<size_t>(at_++ - from)};
        made_.assign(from, at_);
        while (at_ != end_ && *at_ != '"') {
            if (static_cast<uint8_t>(*at_) < 0x20) throw wrong("a text without control characters");
            if (*at_ == '\\') {
                escape();
            } else {
                made_.push_back(*at_++);
            }
        }
        expect('"', "the end of a text");
        return made_;
    }

    void escape() {
        static constexpr char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        ++at_;
        if (at_ == end_) throw wrong("the end of a text");
        if (*at_ == 'u') {
            ++at_;
            append_character(code_point());
            return;
        }
        const char* found = *at_ == 0 ? nullptr : std::strchr(from, *at_);
        if (found == nullptr) throw wrong("a character that may be escaped");
        made_.push_back(to[found - from]);
        ++at_;
    }

    uint32_t four_digits() {
        uint32_t value = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = at_ == end_ ? '\0' : *at_;
            const bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
            if (!letter && !(c >= '0' && c <= '9')) throw wrong("four hexadecimal digits");
            value = value * 16 + static_cast<uint32_t>(letter ? (c | 0x20) - 'a' + 10 : c - '0');
        }
        return value;
    }

    // A lone half of a pair of surrogates becomes the sign for what cannot be shown.
    uint32_t code_point() {
        const uint32_t one = four_digits();
        if (one < 0xD800 || one > 0xDFFF) return one;
        if (one > 0xDBFF || end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return 0xFFFD;
        const char* back = at_;
        at_ += 2;
        const uint32_t two = four_digits();
        if (two >= 0xDC00 && two <= 0xDFFF) return 0x10000 + ((one - 0xD800) << 10) + (two - 0xDC00);
        at_ = back;
        return 0xFFFD;
    }

    void append_character(uint32_t c) {
        const auto add = [this](uint32_t byte) { made_.push_back(static_cast<char>(byte)); };
        if (c < 0x80) {
            add(c);
        } else if (c < 0x800) {
            add(0xC0 | (c >> 6));
            add(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            add(0xE0 | (c >> 12));
            add(0x80 | ((c >> 6) & 0x3F));
            add(0x80 | (c & 0x3F));
        } else {
            add(0xF0 | (c >> 18));
            add(0x80 | ((c >> 12) & 0x3F));
            add(0x80 | ((c >> 6) & 0x3F));
            add(0x80 | (c & 0x3F));
        }
    }

    std::string_view number() {
        const char* from = at_;
        const auto digits = [this] {
            const char* first = at_;
            while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
            return at_ > first;
        };
        if (at_ != end_ && *at_ == '-') ++at_;
        const bool zero = at_ != end_ && *at_ == '0';
        const char* whole = at_;
        bool good = digits() && !(zero && at_ - whole > 1);
        if (good && at_ != end_ && *at_ == '.') {
            ++at_;
            good = digits();
        }
        if (good && at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
            ++at_;
            if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
            good = digits();
        }
        if (!good) {
            at_ = from;
            throw wrong("a number");
        }
        return {from, static_cast<size_t>(at_ - from)};
    }

    void skip(int depth = 0) {
        if (depth > kDeepest) throw wrong("a document that is not nested so deeply");
        switch (peek()) {
            case '"': string(); return;
            case '{':
                ++at_;
                if (next('}')) return;
                do {
                    string();
                    expect(':', "':'");
                    skip(depth + 1);
                } while (next(','));
                expect('}', "',' or '}'");
                return;
            case '[':
                ++at_;
                if (next(']')) return;
                do {
                    skip(depth + 1);
                } while (next(','));
                expect(']', "',' or ']'");
                return;
            default:
                if (!word("true") && !word("false") && !word("null") && !not_finite()) number();
        }
    }

    // NaN and the infinities are no JSON, but many who write it write them.
    bool not_finite() noexcept { return word("NaN") || word("Infinity") || word("-Infinity"); }

    // -- values ------------------------------------------------------------------------------

    void value(int64_t i, RequestRows& rows) {
        RequestColumn& column = rows[i];
        switch (peek()) {
            case '"': {
                const std::string_view text = string();
                const bool added =
                    column.is_text() ? column.add_text(text) : column.add_written(text, room_);
                if (!added) throw rows.unfit(i, quoted(text));
                return;
            }
            case '{': throw rows.unfit(i, "an object");
            case '[': throw rows.unfit(i, "a list");
            case 't':
            case 'f': boolean(i, column, rows); return;
            default: break;
        }
        if (word("null") || word("NaN")) {
            column.add_null();
            return;
        }
        const char* from = at_;
        double given;
        if (word("Infinity") || word("-Infinity")) {
            given = std::numeric_limits<double>::infinity() * (*from == '-' ? -1 : 1);
        } else {
            const std::string_view digits = number();
            if (column.is_text() && digits.find_first_of(".eE") == digits.npos) {
                column.add_text(digits == "-0" ? "0" : digits);  // a double would lose some
                return;
            }
            read_number(digits, given);
        }
        if (!column.add_given(given, room_)) {
            throw rows.unfit(i, {from, static_cast<size_t>(at_ - from)});
        }
    }

    void boolean(int64_t i, RequestColumn& column, const RequestRows& rows) {
        const bool yes = word("true");
        if (!yes && !word("false")) throw wrong("a value");
        if (column.is_text()) {
            column.add_text(yes ? "true" : "false");
        } else if (column.is_number()) {
            column.add_number(yes);
        } else {
            throw rows.unfit(i, yes ? "true" : "false");
        }
    }

    // -- rows --------------------------------------------------------------------------------

    void row(RequestRows& rows) {
        if (peek() == '{') {
            record(rows);
        } else if (peek() == '[') {
            listed(in_order_, rows);
        } else {
            throw wrong("a row: an object or a list");
        }
    }

    // The column that the key names; rows have their keys in the same order, as a rule.
    int64_t column_of(std::string_view key, size_t place) {
        if (place >= by_place_.size()) by_place_.resize(place + 1, -1);
        int64_t& guess = by_place_[place];
        if (guess < 0 || names_[guess] != key) guess = names_.find(key);
        return guess;
    }

    void record(RequestRows& rows) {
        expect('{', "'{'");
        ++turn_;
        int64_t found = 0;
        size_t place = 0;
        if (peek() != '}') {
            do {
                const std::string_view key = string();
                const int64_t i = column_of(key, place++);
                const bool features = i < 0 && key == "features";
                const bool alone = place == 1;
                expect(':', "':'");
                if (features && alone && peek() == '[') {
                    listed(in_order_, rows);
                    while (next(',')) skip_pair();
                    expect('}', "',' or '}'");
                    return;
                }
                if (i < 0) {
                    skip();
                    continue;
                }
                if (seen_[static_cast<size_t>(i)] == turn_) {
                    throw Fault(at_row(rows.rows()) + " has twice the column " + quoted(names_[i]));
                }
                seen_[static_cast<size_t>(i)] = turn_;
                value(i, rows);
                ++found;
            } while (next(','));
        }
        expect('}', "',' or '}'");
        if (found < names_.size()) throw lacking(rows);
        rows.end_row();
    }

    Fault lacking(const RequestRows& rows) const {
        int64_t i = 0;
        while (seen_[static_cast<size_t>(i)] == turn_) ++i;
        return Fault(at_row(rows.rows()) + " lacks the column " + quoted(names_[i]) +
                     "; a value that is not known is null");
    }

    void skip_pair() {
        string();
        expect(':', "':'");
        skip();
    }

    // A row of values whose columns are known by their places.
    void listed(const std::vector<int64_t>& columns, RequestRows& rows) {
        expect('[', "'['");
        size_t place = 0;
        if (peek() != ']') {
            do {
                if (place < columns.size() && columns[place] >= 0) {
                    value(columns[place], rows);
                } else {
                    skip();
                }
                ++place;
            } while (next(','));
        }
        expect(']', "',' or ']'");
        if (place != columns.size()) {
            throw Fault(at_row(rows.rows()) + " has " + std::to_string(place) +
                        " values, expected " + std::to_string(columns.size()));
        }
        rows.end_row();
    }

    void list_of_rows(RequestRows& rows) {
        const char* from = at_;
        expect('[', "'['");
        if (next(']')) return;
        if (peek() != '{' && peek() != '[') {  // the values of a single row
            at_ = from;
            listed(in_order_, rows);
            return;
        }
        do {
            row(rows);
        } while (next(','));
        expect(']', "',' or ']'");
    }

    // -- documents that are objects ----------------------------------------------------------

    struct Member {
        std::string key;
        const char* value;
    };
    static constexpr size_t kMostMembers = 1 << 17;  // a member takes ten times its bytes

    void object(RequestRows& rows) {
        const char* from = at_;
        ++at_;
        if (next('}')) throw Fault("the body is an object without a value; expected a row");
        const int64_t first = names_.find(string());
        expect(':', "':'");
        const char kind = peek();
        at_ = from;
        if (first >= 0 && kind != '[') {
            record(rows);
        } else {
            members(rows);
        }
    }

    void members(RequestRows& rows) {
        const char* from = at_;
        std::vector<Member> found;
        expect('{', "'{'");
        do {
            std::string key(string());
            expect(':', "':'");
            done();
            if (found.size() == kMostMembers) {
                throw Fault("the body is an object of more than " + std::to_string(kMostMembers) +
                            " members; expected a row, columns or instances");
            }
            found.push_back({std::move(key), at_});
            skip();
        } while (next(','));
        expect('}', "',' or '}'");
        const char* behind = at_;
        const auto value_of = [&](const char* key) -> const char* {
            if (names_.find(key) >= 0) return nullptr;  // a column of the model
            for (const Member& member : found) {
                if (member.key == key && *member.value == '[') return member.value;
            }
            return nullptr;
        };
        if (const char* instances = value_of("instances")) {
            at_ = instances;
            list_of_rows(rows);
        } else if (value_of("columns") != nullptr && value_of("data") != nullptr) {
            table(value_of("columns"), value_of("data"), rows);
        } else if (of_columns(found)) {
            columns(found, rows);
        } else {
            at_ = from;
            record(rows);
        }
        at_ = behind;
    }

    void table(const char* names, const char* data, RequestRows& rows) {
        at_ = names;
        std::vector<int64_t> at;
        expect('[', "'['");
        if (peek() != ']') {
            do {
                at.push_back(names_.find(string()));
            } while (next(','));
        }
        expect(']', "',' or ']'");
        names_.check_all(at, "'columns'");
        at_ = data;
        expect('[', "'['");
        if (next(']')) return;
        do {
            listed(at, rows);
        } while (next(','));
        expect(']', "',' or ']'");
    }

    bool of_columns(const std::vector<Member>& members) const {
        for (const Member& member : members) {
            if (names_.find(member.key) >= 0) return *member.value == '[';
        }
        return false;
    }

    void columns(const std::vector<Member>& members, RequestRows& rows) {
        std::vector<int64_t> at;
        for (const Member& member : members) at.push_back(names_.find(member.key));
        names_.check_all(at, "the body");
        int64_t n = -1;
        for (size_t m = 0; m < members.size(); ++m) {
            if (at[m] < 0) continue;
            at_ = members[m].value;
            rows.set_rows(0);
            expect('[', "a list of the column's values");
            if (peek() != ']') {
                do {
                    value(at[m], rows);
                    rows.end_row();
                } while (next(','));
            }
            expect(']', "',' or ']'");
            if (n >= 0 && rows.rows() != n) {
                throw Fault("column " + quoted(members[m].key) + " has " +
                            std::to_string(rows.rows()) + " values, others have " +
                            std::to_string(n));
            }
            n = rows.rows();
        }
    }

    const Names& names_;
    std::vector<int64_t> in_order_;  // the columns in the model's order
    std::vector<int64_t> by_place_;  // what was last the column of the key at each place
    std::vector<uint64_t> seen_;     // the last record that had each column
    uint64_t turn_ = 0;
    const char* first_ = nullptr;
    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::string made_, room_;
};

}  // namespace fastml::request
