// Known strings to codes. A dictionary array costs one hash for each entry that occurs.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrow_view.hpp"
#include "string_table.hpp"

namespace fastml {

class Lookup {
  public:
    // `known` must hold distinct strings and no nulls.
    explicit Lookup(const Column& known)
        : size_(known.length), table_(known.length, int64_t{1} << 62) {
        if (!is_string(known.kind) || known.dictionary != nullptr) {
            throw std::invalid_argument("the known categories are not strings");
        }
        StringReader strings(known);
        for (int64_t i = 0; i < size_; ++i) {
            if (!known.valid(i) || table_.code(strings.at(i)) != i) {
                throw std::invalid_argument("the known categories are not distinct");
            }
        }
    }

    int64_t size() const noexcept { return size_; }

    // Codes of a column's rows: -1 for null, the number of known strings for any other. The
    // table is full, so that finding adds nothing and threads may share it.
    void find(const Column& column, int32_t* out) const {
        if (column.kind == Kind::null) {
            for (int64_t i = 0; i < column.length; ++i) out[i] = kNoCode;
        } else if (column.dictionary != nullptr && is_string(column.dictionary->kind)) {
            find_entries(column, out);
        } else if (column.dictionary == nullptr && is_string(column.kind)) {
            StringReader strings(column);
            for (int64_t i = 0; i < column.length; ++i) {
                out[i] = column.valid(i) ? code(strings.at(i)) : kNoCode;
            }
        } else {
            throw std::invalid_argument("column '" + std::string(column.name) + "' is not text");
        }
    }

  private:
    int32_t code(std::string_view s) const {
        const int32_t found = const_cast<StringTable&>(table_).code(s);
        return found == kOverflow ? static_cast<int32_t>(size_) : found;
    }

    void find_entries(const Column& column, int32_t* out) const {
        const Column& dictionary = *column.dictionary;
        StringReader strings(dictionary);
        constexpr int32_t kUnseen = -3;
        std::vector<int32_t> codes(static_cast<size_t>(dictionary.length), kUnseen);
        for (int64_t i = 0; i < column.length; ++i) {
            if (!column.valid(i)) {
                out[i] = kNoCode;
                continue;
            }
            const int64_t entry = column.index(i);
            if (entry < 0 || entry >= dictionary.length) {
                throw std::invalid_argument("column '" + std::string(column.name) +
                                            "' has an index that is not in its dictionary");
            }
            int32_t& known = codes[static_cast<size_t>(entry)];
            if (known == kUnseen) {
                known = dictionary.valid(entry) ? code(strings.at(entry)) : kNoCode;
            }
            out[i] = known;
        }
    }

    int64_t size_;
    StringTable table_;
};

}  // namespace fastml
