// Combinations of codes, as one number each: ((a * size_b) + b) * size_c + c ...
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hash.hpp"

namespace fastml {

// Numbers (at least 0) in an open table; what stands beside each is 0 when it is new.
template <typename T>
class KeyTable {
  public:
    static constexpr int64_t kEmpty = -1;
    struct Slot {
        int64_t key = kEmpty;
        T value = 0;
    };

    explicit KeyTable(size_t expected = 0) {
        size_t slots = 16;
        while (slots < 2 * expected) slots *= 2;
        slots_.resize(slots);
    }

    size_t size() const noexcept { return held_; }
    const std::vector<Slot>& slots() const noexcept { return slots_; }

    T& at(int64_t key) {
        if (2 * held_ >= slots_.size()) grow();
        Slot& slot = slots_[place(slots_.data(), slots_.size() - 1, key)];
        held_ += slot.key == kEmpty;
        slot.key = key;
        return slot.value;
    }

    // Where a key stands, or the empty slot where it would.
    static size_t place(const Slot* slots, size_t mask, int64_t key) noexcept {
        size_t at = hash_word(static_cast<uint64_t>(key)) & mask;
        while (slots[at].key != key && slots[at].key != kEmpty) at = (at + 1) & mask;
        return at;
    }

  private:
    void grow() {
        std::vector<Slot> old(slots_.size() * 2);
        old.swap(slots_);
        for (const Slot& slot : old) {
            if (slot.key != kEmpty) {
                slots_[place(slots_.data(), slots_.size() - 1, slot.key)] = slot;
            }
        }
    }

    std::vector<Slot> slots_;
    size_t held_ = 0;
};

// The product of the sizes, which must stay below 2^62.
inline int64_t possible_combinations(const std::vector<int64_t>& sizes) {
    int64_t possible = 1;
    for (const int64_t size : sizes) {
        if (size < 0 || (size > 0 && possible > (int64_t{1} << 62) / size)) {
            throw std::invalid_argument("the codes have too many combinations to be numbered");
        }
        possible *= size;
    }
    return possible;
}

// Known combinations: number i of `keys` has code i.
class Combinations {
  public:
    static constexpr int64_t kMostDense = int64_t{1} << 20;  // 4 MB: a table of all, else a hash

    Combinations(std::vector<int64_t> sizes, const int64_t* keys, int64_t n)
        : sizes_(std::move(sizes)), size_(n), sparse_(static_cast<size_t>(n)) {
        const int64_t possible = possible_combinations(sizes_);
        if (possible <= kMostDense) dense_.assign(static_cast<size_t>(possible) + 1, -1);
        for (int64_t i = 0; i < n; ++i) {
            if (keys[i] < 0 || keys[i] >= possible || (i > 0 && keys[i] <= keys[i - 1])) {
                throw std::invalid_argument("the combinations are not ascending and in range");
            }
            if (is_dense()) {
                dense_[static_cast<size_t>(keys[i]) + 1] = static_cast<int32_t>(i);
            } else {
                sparse_.at(keys[i]) = static_cast<int32_t>(i);
            }
        }
    }

    int64_t size() const noexcept { return size_; }
    const std::vector<int64_t>& sizes() const noexcept { return sizes_; }
    bool is_dense() const noexcept { return !dense_.empty(); }
    const int32_t* dense() const noexcept { return dense_.data() + 1; }  // that of -1 is none
    const KeyTable<int32_t>& sparse() const noexcept { return sparse_; }

  private:
    std::vector<int64_t> sizes_;
    int64_t size_;
    std::vector<int32_t> dense_;
    KeyTable<int32_t> sparse_;
};

// How often each combination occurs. Where there is no room for all, the rarest are forgotten:
// each time half of the room is freed, so that a combination is counted short by no more than
// the counts that were forgotten, the least of the time.
class CombinationCounts {
  public:
    explicit CombinationCounts(int64_t room) : room_(static_cast<size_t>(room)) {}

    void update(const std::vector<int64_t>& keys) {
        for (const int64_t key : keys) {
            if (key >= 0) ++counts_.at(key);
        }
    }

    void merge(const CombinationCounts& other) {
        for (const auto& slot : other.counts_.slots()) {
            if (slot.key >= 0) counts_.at(slot.key) += slot.value;
        }
        if (counts_.size() > room_) forget();
    }

    // (combination, rows), ascending.
    std::vector<std::pair<int64_t, int64_t>> items() const {
        std::vector<std::pair<int64_t, int64_t>> out;
        out.reserve(counts_.size());
        for (const auto& slot : counts_.slots()) {
            if (slot.key >= 0) out.emplace_back(slot.key, slot.value);
        }
        std::sort(out.begin(), out.end());
        return out;
    }

  private:
    void forget() {
        std::vector<int64_t> rows;
        rows.reserve(counts_.size());
        for (const auto& slot : counts_.slots()) {
            if (slot.key >= 0) rows.push_back(slot.value);
        }
        const auto last = rows.end() - static_cast<std::ptrdiff_t>(room_ / 2 + 1);
        std::nth_element(rows.begin(), last, rows.end());
        KeyTable<int64_t> kept(room_);
        for (const auto& slot : counts_.slots()) {
            if (slot.key >= 0 && slot.value > *last) kept.at(slot.key) = slot.value;
        }
        counts_ = std::move(kept);
    }

    size_t room_;
    KeyTable<int64_t> counts_;
};

}  // namespace fastml
