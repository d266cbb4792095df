// Peak rates of AVX2: twelve independent chains hide the latency, all of it in registers.
#include <immintrin.h>

#include "kernels/cpu/peak.h"

namespace pareto::cpu::avx2 {
namespace {

constexpr int kChains = 12;

}  // namespace

double peak_f32(std::int64_t iterations) {
  __m256 chain[kChains];
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) chain[c] = _mm256_set1_ps(static_cast<float>(c));
  __m256 factor = _mm256_set1_ps(0.75f), term = _mm256_set1_ps(0.5f);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) asm volatile("vfmadd213ps %2, %1, %0" : "+x"(chain[c]) : "x"(factor), "x"(term));
  }
  return static_cast<double>(iterations) * kChains * 8 * 2;
}

double peak_int8(std::int64_t iterations) {
  __m256i chain[8];
#pragma GCC unroll 8
  for (int c = 0; c < 8; ++c) chain[c] = _mm256_setzero_si256();
  const __m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(5), ones = _mm256_set1_epi16(1);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 8
    for (int c = 0; c < 8; ++c) {
      __m256i products;
      asm volatile("vpmaddubsw %2, %1, %0\n\tvpmaddwd %3, %0, %0" : "=&x"(products) : "x"(w), "x"(x), "x"(ones));
      asm volatile("vpaddd %1, %0, %0" : "+x"(chain[c]) : "x"(products));
    }
  }
  return static_cast<double>(iterations) * 8 * 32 * 2;
}

}  // namespace pareto::cpu::avx2
