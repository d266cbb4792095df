// A square of 32-bit words, transposed. For files of AVX-512 alone, after simd_avx512.h.
#pragma once

#include <immintrin.h>

namespace pareto::cpu {
namespace {

// 16 lines of 16 words, transposed. Four lines at a time first: so all of it stays in registers.
inline void transpose16(__m512i (&v)[16]) {
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {  // v[i + c]: in quarter q, column 4q + c of the rows i … i + 3
    const __m512i low01 = _mm512_unpacklo_epi32(v[i], v[i + 1]), high01 = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    const __m512i low23 = _mm512_unpacklo_epi32(v[i + 2], v[i + 3]);
    const __m512i high23 = _mm512_unpackhi_epi32(v[i + 2], v[i + 3]);
    v[i] = _mm512_unpacklo_epi64(low01, low23);
    v[i + 1] = _mm512_unpackhi_epi64(low01, low23);
    v[i + 2] = _mm512_unpacklo_epi64(high01, high23);
    v[i + 3] = _mm512_unpackhi_epi64(high01, high23);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {  // a 4 × 4 transposition of quarters
    const __m512i low01 = _mm512_shuffle_i32x4(v[c], v[c + 4], 0x44);
    const __m512i high01 = _mm512_shuffle_i32x4(v[c], v[c + 4], 0xee);
    const __m512i low23 = _mm512_shuffle_i32x4(v[c + 8], v[c + 12], 0x44);
    const __m512i high23 = _mm512_shuffle_i32x4(v[c + 8], v[c + 12], 0xee);
    v[c] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    v[c + 4] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
    v[c + 8] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    v[c + 12] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
  }
}

}  // namespace
}  // namespace pareto::cpu
