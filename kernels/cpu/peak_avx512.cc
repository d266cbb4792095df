// Peak rates of AVX-512: sixteen independent chains hide the latency, all of it in registers.
#include <immintrin.h>

#include "kernels/cpu/peak.h"

namespace pareto::cpu::avx512 {
namespace {

constexpr int kChains = 16;

}  // namespace

double peak_f32(std::int64_t iterations) {
  __m512 chain[kChains];
#pragma GCC unroll 16
  for (int c = 0; c < kChains; ++c) chain[c] = _mm512_set1_ps(static_cast<float>(c));
  __m512 factor = _mm512_set1_ps(0.75f), term = _mm512_set1_ps(0.5f);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) asm volatile("vfmadd213ps %2, %1, %0" : "+v"(chain[c]) : "v"(factor), "v"(term));
  }
  return static_cast<double>(iterations) * kChains * 16 * 2;
}

double peak_bf16(std::int64_t iterations) {
  __m512 chain[kChains];
#pragma GCC unroll 16
  for (int c = 0; c < kChains; ++c) chain[c] = _mm512_setzero_ps();
  __m512i w = _mm512_set1_epi16(0x3c00), x = _mm512_set1_epi16(0x3d00);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) asm volatile("vdpbf16ps %2, %1, %0" : "+v"(chain[c]) : "v"(w), "v"(x));
  }
  return static_cast<double>(iterations) * kChains * 32 * 2;
}

double peak_int8(std::int64_t iterations) {
  __m512i chain[kChains];
#pragma GCC unroll 16
  for (int c = 0; c < kChains; ++c) chain[c] = _mm512_setzero_si512();
  __m512i w = _mm512_set1_epi8(3), x = _mm512_set1_epi8(5);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) asm volatile("vpdpbusd %2, %1, %0" : "+v"(chain[c]) : "v"(w), "v"(x));
  }
  return static_cast<double>(iterations) * kChains * 64 * 2;
}

}  // namespace pareto::cpu::avx512
