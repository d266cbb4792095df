// Eight f32 lanes with AVX2, FMA and F16C: what attend_simd.h and elementwise_simd.h are written in.
//
// Included by *_avx2.cc alone. Everything has internal linkage, so that code compiled for this instruction set can
// never be linked in place of another file's (internal.h).
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace pareto::cpu {
namespace {

struct Simd {
  static constexpr int kWidth = 8;
  using F = __m256;
  using I = __m256i;

  static F zero() { return _mm256_setzero_ps(); }
  static F set(float x) { return _mm256_set1_ps(x); }
  static F load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, F x) { _mm256_storeu_ps(p, x); }
  // The first n lanes, 0 ≤ n ≤ kWidth; the others are zero, or stay as they are in memory.
  static F load(const float* p, std::int64_t n) { return n >= kWidth ? load(p) : _mm256_maskload_ps(p, first(n)); }
  static void store(float* p, F x, std::int64_t n) {
    if (n >= kWidth)
      store(p, x);
    else
      _mm256_maskstore_ps(p, first(n), x);
  }

  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F div(F a, F b) { return _mm256_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }    // a b + c
  static F fnma(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a b
  // If either is NaN: b.
  static F max(F a, F b) { return _mm256_max_ps(a, b); }
  static F min(F a, F b) { return _mm256_min_ps(a, b); }

  // 2^k in lanes whose bits are k + 127 in the low nine bits.
  static F power_of_two(F bits) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(bits), 23)); }
  // x where x_or_nan is not below `bound`, else zero.
  static F keep_unless_below(F x, F x_or_nan, F bound) {
    return _mm256_and_ps(x, _mm256_cmp_ps(x_or_nan, bound, _CMP_NLT_UQ));
  }
  // x in the lanes [lo, hi), which may lie outside of [0, kWidth); `other` elsewhere.
  static F select_lanes(F x, F other, int lo, int hi) {
    const I lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const I in = _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(lo), lane),
                                     _mm256_cmpgt_epi32(_mm256_set1_epi32(hi), lane));
    return _mm256_blendv_ps(other, x, _mm256_castsi256_ps(in));
  }
  // Bit i is set where lane i of a equals that of b.
  static unsigned equal_bits(F a, F b) {
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)));
  }

  static float sum(F x) {  // as a tree: halves, quarters, pairs
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
  static float max_lane(F x) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
  }

  static F load_bf16(const std::uint16_t* p) {
    const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(raw), 16));
  }
  static F load_f16(const std::uint16_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // Round to nearest even; a NaN stays one.
  static void store_bf16(std::uint16_t* p, F x) {
    const I bits = _mm256_castps_si256(x);
    const I odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    I rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const I quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    rounded = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
    rounded = _mm256_srli_epi32(rounded, 16);
    const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
  }
  static void store_f16(std::uint16_t* p, F x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }

  // (a b) → the even and the odd elements of the 2 · kWidth that they hold, and back.
  static void deinterleave(F a, F b, F& even, F& odd) {
    const F lo = _mm256_permute2f128_ps(a, b, 0x20), hi = _mm256_permute2f128_ps(a, b, 0x31);
    even = _mm256_shuffle_ps(lo, hi, 0x88);
    odd = _mm256_shuffle_ps(lo, hi, 0xdd);
  }
  static void interleave(F even, F odd, F& a, F& b) {
    const F lo = _mm256_unpacklo_ps(even, odd), hi = _mm256_unpackhi_ps(even, odd);
    a = _mm256_permute2f128_ps(lo, hi, 0x20);
    b = _mm256_permute2f128_ps(lo, hi, 0x31);
  }

 private:
  static I first(std::int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

}  // namespace
}  // namespace pareto::cpu
