// The instruction set that the kernels use: chosen once, when a module is imported.
//
// A kernel's body stands in an `.inc` file, which "simd_levels.hpp" includes once for each level
// in a namespace of its own under a target region; the caller takes the function pointer of
// `simd_level()`. Levels give the same bits within themselves and agree to 1e-6 with one another.
#pragma once

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#define FASTML_X86 1
#endif

namespace fastml {

enum class SimdLevel : int { baseline = 0, avx2 = 1, avx512 = 2 };

inline SimdLevel simd_best() noexcept {
#ifdef FASTML_X86
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi2");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        return SimdLevel::avx512;
    }
    if (avx2) return SimdLevel::avx2;
#endif
    return SimdLevel::baseline;
}

// The level that FASTML_SIMD names, or -1 if it names none.
inline int simd_named(const char* name) noexcept {
    if (std::strcmp(name, "baseline") == 0) return 0;
    if (std::strcmp(name, "avx2") == 0) return 1;
    if (std::strcmp(name, "avx512") == 0) return 2;
    return -1;
}

// The best level of this machine, or a lower one where FASTML_SIMD asks for it.
inline SimdLevel simd_choose() noexcept {
    const SimdLevel best = simd_best();
    const char* asked = std::getenv("FASTML_SIMD");
    const int named = asked == nullptr ? -1 : simd_named(asked);
    if (named < 0 || named > static_cast<int>(best)) return best;
    return static_cast<SimdLevel>(named);
}

inline SimdLevel simd_level() noexcept {
    static const SimdLevel level = simd_choose();
    return level;
}

}  // namespace fastml
