// The distinct strings of a column in order of first appearance, how often each occurs, and the
// code of every row. A dictionary array costs one hash for each entry that occurs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrow_view.hpp"
#include "string_table.hpp"

namespace fastml {

// Where the codes of rows go, if anywhere: `stride` bytes apart.
struct CodeSink {
    char* at = nullptr;
    int64_t stride = 0;

    void put(int64_t row, int32_t code) const noexcept {
        if (at != nullptr) std::memcpy(at + row * stride, &code, sizeof code);
    }
};

class Categories {
  public:
    Categories(int64_t max_strings, int64_t max_bytes) : table_(max_strings, max_bytes) {}

    const StringTable& table() const noexcept { return table_; }
    const std::vector<int64_t>& counts() const noexcept { return counts_; }
    int64_t nulls() const noexcept { return nulls_; }
    int64_t others() const noexcept { return others_; }

    void update(const Column& column, CodeSink out) {
        if (column.kind == Kind::null) {
            for (int64_t row = 0; row < column.length; ++row) out.put(row, kNoCode);
            nulls_ += column.length;
        } else if (column.dictionary != nullptr && is_string(column.dictionary->kind)) {
            update_dictionary(column, out);
        } else if (column.dictionary == nullptr && is_string(column.kind)) {
            update_strings(column, out);
        } else {
            throw std::invalid_argument("column '" + std::string(column.name) + "' is not text");
        }
    }

    // remap[other's code] = the code here.
    void merge(const Categories& other, int32_t* remap) {
        nulls_ += other.nulls_;
        others_ += other.others_;
        for (int64_t code = 0; code < other.table_.size(); ++code) {
            const int64_t times = other.counts_[static_cast<size_t>(code)];
            remap[code] = table_.code(other.table_.string(code));
            add(remap[code], times);
        }
    }

  private:
    int32_t count_null() noexcept {
        ++nulls_;
        return kNoCode;
    }

    int32_t count(std::string_view s) {
        const int32_t code = table_.code(s);
        add(code, 1);
        return code;
    }

    void add(int32_t code, int64_t times) {
        if (code == kOverflow) {
            others_ += times;
        } else if (static_cast<size_t>(code) == counts_.size()) {
            counts_.push_back(times);
        } else {
            counts_[static_cast<size_t>(code)] += times;
        }
    }

    void update_strings(const Column& column, CodeSink out) {
        StringReader strings(column);
        for (int64_t row = 0; row < column.length; ++row) {
            out.put(row, column.valid(row) ? count(strings.at(row)) : count_null());
        }
    }

    void update_dictionary(const Column& column, CodeSink out) {
        if (column.length < column.dictionary->length / 4) {  // a short slice of a long dictionary
            update_sparsely(column, out);
            return;
        }
        switch (column.kind) {
            case Kind::int8: return gather<int8_t>(column, out);
            case Kind::int16: return gather<int16_t>(column, out);
            case Kind::int32: return gather<int32_t>(column, out);
            case Kind::int64: return gather<int64_t>(column, out);
            case Kind::uint8: return gather<uint8_t>(column, out);
            case Kind::uint16: return gather<uint16_t>(column, out);
            case Kind::uint32: return gather<uint32_t>(column, out);
            default: return gather<uint64_t>(column, out);
        }
    }

    void update_sparsely(const Column& column, CodeSink out) {
        const Column& dictionary = *column.dictionary;
        StringReader strings(dictionary);
        for (int64_t row = 0; row < column.length; ++row) {
            if (!column.valid(row)) {
                out.put(row, count_null());
                continue;
            }
            const int64_t entry = column.index(row);
            if (entry < 0 || entry >= dictionary.length) throw beyond(column);
            out.put(row, dictionary.valid(entry) ? count(strings.at(entry)) : count_null());
        }
    }

    template <typename Index>
    void gather(const Column& column, CodeSink out) {
        const Column& dictionary = *column.dictionary;
        StringReader strings(dictionary);
        const Index* entries = column.numbers<Index>();
        const uint64_t size = static_cast<uint64_t>(dictionary.length);
        constexpr int32_t kUnseen = -3;
        // One more for null, and one for an index that no well-formed array has.
        std::vector<int32_t> codes(size + 2, kUnseen);
        codes[size] = codes[size + 1] = kNoCode;
        // Several tallies of a short dictionary: one of the same entry again would wait for the last.
        const uint64_t tallies = size <= 1024 ? 4 : 1;
        std::vector<int64_t> tally((size + 2) * tallies, 0);
        for (int64_t row = 0; row < column.length; ++row) {
            const uint64_t index = static_cast<uint64_t>(entries[row]);
            uint64_t entry = std::min(index, size + 1);
            entry = entry == size ? size + 1 : entry;
            entry = column.validity == nullptr || column.valid(row) ? entry : size;
            ++tally[(static_cast<uint64_t>(row) & (tallies - 1)) * (size + 2) + entry];
            int32_t code = codes[entry];
            if (code == kUnseen) [[unlikely]] {
                const int64_t at = static_cast<int64_t>(entry);
                code = dictionary.valid(at) ? table_.code(strings.at(at)) : kNoCode;
                codes[entry] = code;
            }
            out.put(row, code);
        }
        counts_.resize(static_cast<size_t>(table_.size()), 0);
        for (uint64_t entry = 0; entry < size + 2; ++entry) {
            int64_t times = 0;
            for (uint64_t t = 0; t < tallies; ++t) times += tally[t * (size + 2) + entry];
            if (times == 0) continue;
            if (entry == size + 1) throw beyond(column);
            if (codes[entry] == kNoCode) {
                nulls_ += times;
            } else {
                add(codes[entry], times);
            }
        }
    }

    static std::invalid_argument beyond(const Column& column) {
        return std::invalid_argument("column '" + std::string(column.name) +
                                     "' has an index that is not in its dictionary");
    }

    StringTable table_;
    std::vector<int64_t> counts_;
    int64_t nulls_ = 0;
    int64_t others_ = 0;
};

}  // namespace fastml
