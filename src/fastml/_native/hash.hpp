// 64-bit hashes of numbers and of strings, the same on every machine (little-endian).
//
// They spread values over tables and sketches; they are no defence against an adversary.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace fastml {

// David Stafford's "mix 13" (2011), the finaliser of SplitMix64: a bijection, every bit of the
// input reaches every bit of the output. (MurmurHash3's was measurably worse here on multiples of
// a large power of two.)
inline uint64_t hash_word(uint64_t x) noexcept {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    x ^= x >> 31;
    return x;
}

// Equal numbers hash equally, so negative zero is made positive first.
inline uint64_t hash_number(double x) noexcept {
    const double canonical = x + 0.0;
    uint64_t word;
    std::memcpy(&word, &canonical, sizeof word);
    return hash_word(word);
}

inline uint64_t read_word(const char* from) noexcept {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

// Both halves of the 128-bit product, folded: the mixing step of wyhash (Wang Yi, public domain).
inline uint64_t fold(uint64_t a, uint64_t b) noexcept {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// The first and the last 16 bytes of a string as four words, which overlap where it is shorter: the
// whole of a string of up to 32 bytes. Without a branch on the length: columns mix short strings
// with long ones, and a wrong guess costs more than the hash. Of a string of fewer than 8 bytes
// 8 bytes are read.
struct StringEnds {
    static constexpr size_t kWhole = 32;
    uint64_t words[4];

    StringEnds(const char* bytes, size_t length) noexcept {
        const size_t last = std::max<size_t>(length, 8) - 8;
        const uint64_t mask = length >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * length)) - 1;
        words[0] = read_word(bytes) & mask;
        words[1] = read_word(bytes + std::min<size_t>(last, 8)) & mask;
        words[2] = read_word(bytes + std::max<size_t>(length, 16) - 16) & mask;
        words[3] = read_word(bytes + last) & mask;
    }
    bool operator==(const StringEnds& other) const noexcept {
        return ((words[0] ^ other.words[0]) | (words[1] ^ other.words[1]) |
                (words[2] ^ other.words[2]) | (words[3] ^ other.words[3])) == 0;
    }
};

inline uint64_t hash_string(const StringEnds& ends, const char* bytes, size_t length) noexcept {
    constexpr uint64_t k0 = 0x9e3779b97f4a7c15ULL;
    constexpr uint64_t k1 = 0xd1b54a32d192ed03ULL;
    constexpr uint64_t k2 = 0xe7037ed1a0b428dbULL;
    uint64_t seed = length ^ k0;
    for (size_t at = 16; at + 16 < length; at += 16) {  // what lies between the ends
        seed = fold(read_word(bytes + at) ^ k1, read_word(bytes + at + 8) ^ seed);
    }
    const uint64_t folded = fold(ends.words[0] ^ k1, ends.words[1] ^ seed) ^
                            fold(ends.words[2] ^ k2, ends.words[3] ^ seed);
    return fold(folded ^ k0, k1);
}

}  // namespace fastml
