// A set of distinct strings, each with a code: how many were there before it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "arrow_view.hpp"
#include "hash.hpp"

namespace fastml {

// The strings of a column, each with the 8 readable bytes that hashing wants: the last few of a
// buffer are copied out of it.
class StringReader {
  public:
    explicit StringReader(const Column& column)
        : column_(column), end_(nullptr) {
        if (column.length > 0) {
            const std::string_view last = column.string(column.length - 1);
            end_ = last.data() + last.size();
        }
    }

    // Valid until the next call.
    std::string_view at(int64_t row) noexcept {
        std::string_view s = column_.string(row);
        if (s.size() >= 8 || s.data() + 8 <= end_) return s;
        std::memset(spare_, 0, sizeof spare_);
        if (!s.empty()) std::memcpy(spare_, s.data(), s.size());
        return {spare_, s.size()};
    }

  private:
    const Column& column_;
    const char* end_;
    char spare_[8];
};

inline constexpr int32_t kNoCode = -1;    // of null
inline constexpr int32_t kOverflow = -2;  // of a string that is not in a table that is full

class StringTable {
  public:
    StringTable(int64_t max_strings, int64_t max_bytes)
        : max_strings_(max_strings), max_bytes_(max_bytes), slots_(256), bytes_(kPadding, 0), offsets_(1, 0) {}

    int64_t size() const noexcept { return static_cast<int64_t>(entries_.size()); }
    const std::vector<char>& bytes() const noexcept { return bytes_; }
    const std::vector<int64_t>& offsets() const noexcept { return offsets_; }
    std::string_view string(int64_t code) const noexcept {
        const int64_t* o = offsets_.data() + code;
        return {bytes_.data() + o[0], static_cast<size_t>(o[1] - o[0])};
    }

    // The code of `s`, added if there is room for it; else kOverflow. Reads 8 bytes of a shorter
    // string (see StringReader).
    int32_t code(std::string_view s) {
        const StringEnds ends(s.data(), s.size());
        const uint64_t hash = hash_string(ends, s.data(), s.size());
        const Slot* slots = slots_.data();
        const size_t mask = slots_.size() - 1;
        const uint32_t tag = static_cast<uint32_t>(hash >> 32);
        size_t at = hash & mask;
        for (; slots[at].code != kNoCode; at = (at + 1) & mask) {
            if (slots[at].tag == tag && equals(slots[at].code, ends, s)) return slots[at].code;
        }
        return add(s, ends, hash, at);
    }

  private:
    static constexpr int64_t kPadding = 8;
    // A table of up to so many slots is kept a quarter full, a larger one half: collisions cost a
    // wrong guess each, but a table that leaves the cache costs more.
    static constexpr size_t kRoomy = 1 << 14;

    struct Slot {
        uint32_t tag = 0;  // high bits of the hash; the low ones chose the slot
        int32_t code = kNoCode;
    };

    struct Entry {
        StringEnds ends;
        int64_t length;
        uint64_t hash;
    };

    bool equals(int32_t code, const StringEnds& ends, std::string_view s) const noexcept {
        const Entry& entry = entries_[static_cast<size_t>(code)];
        return entry.ends == ends && entry.length == static_cast<int64_t>(s.size()) &&
               (s.size() <= StringEnds::kWhole || string(code) == s);
    }

    [[gnu::noinline]] int32_t add(std::string_view s, const StringEnds& ends, uint64_t hash,
                                  size_t slot) {
        const int64_t length = static_cast<int64_t>(s.size());
        if (size() >= max_strings_ || offsets_.back() + length > max_bytes_) return kOverflow;
        const int32_t code = static_cast<int32_t>(size());
        bytes_.insert(bytes_.end() - kPadding, s.begin(), s.end());
        offsets_.push_back(offsets_.back() + length);
        entries_.push_back({ends, length, hash});
        slots_[slot] = {static_cast<uint32_t>(hash >> 32), code};
        if (entries_.size() * (slots_.size() <= kRoomy ? 4 : 2) > slots_.size()) grow();
        return code;
    }

    void grow() {
        std::vector<Slot> larger(slots_.size() * 2);
        for (int64_t code = 0; code < size(); ++code) {
            const uint64_t hash = entries_[static_cast<size_t>(code)].hash;
            size_t at = hash & (larger.size() - 1);
            while (larger[at].code != kNoCode) at = (at + 1) & (larger.size() - 1);
            larger[at] = {static_cast<uint32_t>(hash >> 32), static_cast<int32_t>(code)};
        }
        slots_.swap(larger);
    }

    int64_t max_strings_, max_bytes_;
    std::vector<Slot> slots_;  // a power of two
    std::vector<char> bytes_;
    std::vector<int64_t> offsets_;
    std::vector<Entry> entries_;
};

}  // namespace fastml
