// Includes FASTML_BODY once for each SIMD level. No include guard: a `_kernels.cpp` file says
//
//     #include "everything the body needs, standard headers above all"
//     #define FASTML_BODY "moments_kernels.inc"
//     #include "simd_levels.hpp"
//
// and finds the body's functions in fastml::baseline, fastml::avx2 and fastml::avx512 (on other
// processors than x86-64, in fastml::baseline alone), so that
//
//     FASTML_DISPATCH(function)
//
// is the pointer of the level in force. In the body FASTML_LANES is how many float32 a register
// of the level holds. Headers included inside a target region would compile the standard library
// for one level and link it into all; and lambdas are not inlined across the region.
#include "simd.hpp"

namespace fastml::baseline {
#define FASTML_LANES 4
#include FASTML_BODY
#undef FASTML_LANES
}  // namespace fastml::baseline

#ifdef FASTML_X86

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi,bmi2")
#endif
namespace fastml::avx2 {
#define FASTML_LANES 8
#include FASTML_BODY
#undef FASTML_LANES
}  // namespace fastml::avx2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(                                                               \
    __attribute__((target("avx2,fma,bmi,bmi2,avx512f,avx512dq,avx512bw,avx512vl"))),       \
    apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi,bmi2,avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")
#endif
namespace fastml::avx512 {
#define FASTML_LANES 16
#include FASTML_BODY
#undef FASTML_LANES
}  // namespace fastml::avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#ifndef FASTML_DISPATCH
#define FASTML_DISPATCH(function)                                                             \
    (::fastml::simd_level() == ::fastml::SimdLevel::avx512 ? &::fastml::avx512::function      \
     : ::fastml::simd_level() == ::fastml::SimdLevel::avx2 ? &::fastml::avx2::function        \
                                                           : &::fastml::baseline::function)
#endif
#else
#define FASTML_DISPATCH(function) (&::fastml::baseline::function)
#endif

#undef FASTML_BODY
