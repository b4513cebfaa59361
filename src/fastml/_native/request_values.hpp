// One value of a request, as text, read as its column wants it.
//
// What a reader of files would make of the value if it stood there alone (see data/inference.py):
// so a row means the same alone, among others, and in a file.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

namespace fastml::request {

enum class Wants : int {
    number,
    single,  // a number that is rounded to float32, as training saw it
    boolean,  // as a number; true and false are words for it
    text,
    label,   // text that whole numbers and booleans stand for, too
    date,    // days
    moment,  // units since 1970
    clock,   // units since midnight
};

struct Field {
    std::string name;
    Wants wants = Wants::number;
    int64_t per_second = 1;  // units of a moment or a clock
    bool zoned = false;      // whether a moment is of a time zone
};

inline const char* expected(const Field& field) noexcept {
    switch (field.wants) {
        case Wants::number:
        case Wants::single: return "a number";
        case Wants::boolean: return "true or false";
        case Wants::text: return "text in UTF-8";
        case Wants::label: return "text in UTF-8 or a whole number";
        case Wants::date: return "a date such as 2024-02-29";
        case Wants::moment:
            return field.zoned ? "a time with its zone such as 2024-02-29T12:30:00Z"
                               : "a time without a zone such as 2024-02-29T12:30:00";
        default: return "a time of day such as 12:30:00";
    }
}

// Whether bytes are UTF-8 as Unicode has it (table 3-7): no byte too many, no surrogate.
inline bool is_utf8(std::string_view text) noexcept {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    const auto* end = at + text.size();
    while (at != end) {
        if (*at < 0x80) {
            ++at;
            continue;
        }
        const unsigned char first = *at;
        const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
        if (first < 0xC2 || first > 0xF4 || end - at <= more) return false;
        const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        if (at[1] < low || at[1] > high) return false;
        for (int i = 2; i <= more; ++i) {
            if ((at[i] & 0xC0) != 0x80) return false;
        }
        at += more + 1;
    }
    return true;
}

inline std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// False where the text is no number. What is too small becomes 0, what is too large infinite.
inline bool read_number(std::string_view text, double& value) noexcept {
    text = trimmed(text);
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ptr != end || text.empty()) return false;
    if (read.ec == std::errc()) return true;
    if (read.ec != std::errc::result_out_of_range) return false;
    value = std::strtod(std::string(text).c_str(), nullptr);  // which says on which side it is
    return true;
}

inline bool is_true(std::string_view word) noexcept {
    return word == "true" || word == "True" || word == "TRUE";
}
inline bool is_false(std::string_view word) noexcept {
    return word == "false" || word == "False" || word == "FALSE";
}

inline bool read_boolean(std::string_view text, double& value) noexcept {
    text = trimmed(text);
    if (is_true(text) || is_false(text)) {
        value = is_true(text);
        return true;
    }
    return read_number(text, value);
}

// A whole number as text has it; false where it is none that 64 bits hold.
inline bool write_whole(double value, std::string& out) {
    if (value != std::floor(value) || std::fabs(value) >= 9223372036854775808.0) return false;
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<int64_t>(value));
    out.assign(digits, end.ptr);
    return true;
}

// The category that a text stands for where all categories are whole numbers or booleans: the
// number that it is written as. Others stay as they are; leading zeros are no number.
inline std::string_view label_of(std::string_view text, std::string& room) {
    const std::string_view word = trimmed(text);
    if (word.empty()) return text;
    if (is_true(word)) return "true";
    if (is_false(word)) return "false";
    const std::string_view digits = word.front() == '-' ? word.substr(1) : word;
    if (digits.empty() || digits.front() < '0' || digits.front() > '9') return text;
    if (digits.find_first_not_of("0123456789") == digits.npos) {
        if (digits.size() > 1 && digits.front() == '0') return text;
        return word == "-0" ? std::string_view("0") : word;
    }
    double value;
    return read_number(word, value) && write_whole(value, room) ? std::string_view(room) : text;
}

// Reads digits and signs from the left of a text.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}
    bool done() const noexcept { return at_ == end_; }
    bool next(char c) noexcept {
        if (done() || *at_ != c) return false;
        ++at_;
        return true;
    }
    bool next_of(const char* any) noexcept {
        for (; *any != 0; ++any) {
            if (next(*any)) return true;
        }
        return false;
    }
    // Exactly `count` digits, of a number of at most `most`.
    bool digits(int count, int64_t most, int64_t& value) noexcept {
        if (end_ - at_ < count) return false;
        value = 0;
        for (int i = 0; i < count; ++i, ++at_) {
            if (*at_ < '0' || *at_ > '9') return false;
            value = value * 10 + (*at_ - '0');
        }
        return value <= most;
    }
    // Up to nine digits after a point, as billionths.
    bool fraction(int64_t& billionths) noexcept {
        int64_t scale = 1'000'000'000;
        billionths = 0;
        const char* first = at_;
        for (; !done() && *at_ >= '0' && *at_ <= '9' && scale > 1; ++at_) {
            scale /= 10;
            billionths += (*at_ - '0') * scale;
        }
        return at_ > first;
    }

  private:
    const char* at_;
    const char* end_;
};

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
inline int64_t days_from_civil(int64_t year, int64_t month, int64_t day) noexcept {
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t of_era = year - era * 400;
    const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

inline int64_t month_of(int64_t days) noexcept {
    const int64_t of_era = (days % 146'097 + 135'080 + 146'097) % 146'097;  // any day has one
    const int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const int64_t shifted = (5 * of_year + 2) / 153;
    return shifted < 10 ? shifted + 2 : shifted - 10;  // January is 0
}

inline bool read_date(Scanner& scan, int64_t& days) noexcept {
    int64_t year, month, day;
    if (!scan.digits(4, 9999, year) || !scan.next('-') || !scan.digits(2, 12, month) ||
        !scan.next('-') || !scan.digits(2, 31, day) || month < 1 || day < 1) {
        return false;
    }
    static constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (month == 2 && leap)) return false;
    days = days_from_civil(year, month, day);
    return true;
}

// Seconds since midnight, and billionths of one.
inline bool read_clock(Scanner& scan, int64_t& seconds, int64_t& billionths) noexcept {
    int64_t hour, minute, second = 0;
    billionths = 0;
    if (!scan.digits(2, 23, hour)) return false;
    if (!scan.next(':') || !scan.digits(2, 59, minute)) return false;
    if (scan.next(':')) {
        if (!scan.digits(2, 59, second)) return false;
        if (scan.next('.') && !scan.fraction(billionths)) return false;
    }
    seconds = (hour * 60 + minute) * 60 + second;
    return true;
}

// Seconds that local time is ahead of UTC: Z, +hh, +hhmm or +hh:mm.
inline bool read_zone(Scanner& scan, int64_t& ahead) noexcept {
    ahead = 0;
    if (scan.next('Z')) return true;
    const bool east = scan.next('+');
    int64_t hours, minutes = 0;
    if (!(east || scan.next('-')) || !scan.digits(2, 23, hours)) return false;
    if (!scan.done()) {
        scan.next(':');
        if (!scan.digits(2, 59, minutes)) return false;
    }
    ahead = (hours * 60 + minutes) * (east ? 60 : -60);
    return true;
}

// The number that Arrow stores for a date, a moment or a time of day; what is finer than the
// column's unit is cut off, towards 1970.
inline bool read_time(const Field& field, std::string_view text, int64_t& value) noexcept {
    Scanner scan(trimmed(text));
    int64_t days = 0, seconds = 0, billionths = 0, ahead = 0;
    if (field.wants == Wants::clock) {
        if (!read_clock(scan, seconds, billionths)) return false;
    } else {
        if (!read_date(scan, days)) return false;
        if (scan.next_of(" T") && !read_clock(scan, seconds, billionths)) return false;
        const bool zoned = !scan.done();
        if (zoned && !read_zone(scan, ahead)) return false;
        if (field.wants == Wants::moment && zoned != field.zoned) return false;
    }
    if (!scan.done()) return false;
    if (field.wants == Wants::date) {
        value = days;
        return true;
    }
    seconds += days * 86'400 - ahead;
    const int64_t finer = 1'000'000'000 / field.per_second;
    value = billionths / finer;
    if (seconds < 0 && billionths % finer != 0) ++value;
    return !__builtin_mul_overflow(seconds, field.per_second, &seconds) &&
           !__builtin_add_overflow(seconds, value, &value);
}

}  // namespace fastml::request
