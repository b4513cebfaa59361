// Sorts finite doubles: by bytes of their bits, lowest first.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace fastml {

// Negative zero sorts before zero. Comparisons would guess wrong half of the time; counting does
// not, and a byte that all values share costs no pass.
inline void sort_numbers(std::vector<double>& values) {
    const size_t n = values.size();
    if (n < 256) {
        std::sort(values.begin(), values.end());
        return;
    }
    std::vector<uint64_t> keys(n);
    std::vector<uint64_t> moved(n);
    uint32_t counts[8][256] = {};
    for (size_t i = 0; i < n; ++i) {
        const uint64_t bits = std::bit_cast<uint64_t>(values[i]);
        const uint64_t negative = -(bits >> 63);  // all bits turn over; else only the sign
        const uint64_t key = bits ^ (negative | uint64_t{1} << 63);
        keys[i] = key;
        for (int byte = 0; byte < 8; ++byte) ++counts[byte][(key >> (8 * byte)) & 255];
    }
    for (int byte = 0; byte < 8; ++byte) {
        uint32_t* count = counts[byte];
        if (count[(keys[0] >> (8 * byte)) & 255] == n) continue;
        uint32_t start = 0;
        for (int value = 0; value < 256; ++value) {
            const uint32_t here = count[value];
            count[value] = start;
            start += here;
        }
        for (size_t i = 0; i < n; ++i) moved[count[(keys[i] >> (8 * byte)) & 255]++] = keys[i];
        keys.swap(moved);
    }
    for (size_t i = 0; i < n; ++i) {
        const uint64_t negative = (keys[i] >> 63) - 1;
        values[i] = std::bit_cast<double>(keys[i] ^ (negative | uint64_t{1} << 63));
    }
}

}  // namespace fastml
