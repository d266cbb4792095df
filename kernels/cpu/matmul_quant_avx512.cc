// Products of GGUF's quantised weights for AVX-512 with VNNI: quant_matmul.h with sixteen rows of the weight at m > 1.
//
// vpdpbusd multiplies unsigned by signed and adds four products, in int32: nothing saturates. Q8_0's integers become
// unsigned by adding 128, which is taken back like the other formats' offset, through the sums of the activations.
// m = 1 is bound by memory and stays as it is there, with the same bits.
#include "kernels/cpu/simd_avx512.h"
// The vectors come first.
#include "kernels/cpu/internal.h"
#include "kernels/cpu/quant_matmul.h"
#include "kernels/cpu/quant_reference.h"

namespace pareto::cpu::avx512 {
namespace {

constexpr int kWide = 16;  // rows

inline __m512i join(__m256i low, __m256i high) { return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1); }
inline __m512 join(const float* low, const float* high) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_load_ps(low)), _mm256_load_ps(high), 1);
}
inline __m512i broadcast512(const void* p) {
  std::int32_t value;
  __builtin_memcpy(&value, p, sizeof value);
  return _mm512_set1_epi32(value);
}

// Sixteen rows' sub-block: register c holds values 4c … 4c + 3 of row r in lane r, unsigned.
struct WideColumns {
  __m512i w[8];
  __m512 scale, min;
  __m512i groups, first, second;  // kGroups: both int16 of a row in one lane, and each as int32
};

template <class F>
inline void load_wide(const Byte* const* rows, int sub, const Scales* s, WideColumns& c) {
  __m256i half[2][8];
  for (int h = 0; h < 2; ++h) {
    for (int r = 0; r < kRows; ++r) half[h][r] = F::integers(rows[h * kRows + r], sub);
    transpose_integers(half[h]);
  }
  for (int i = 0; i < 8; ++i) {
    c.w[i] = join(half[0][i], half[1][i]);
    if constexpr (F::kSigned) c.w[i] = _mm512_xor_si512(c.w[i], _mm512_set1_epi8(-128));
  }
  c.scale = join(s[0].scale[sub], s[1].scale[sub]);
  if constexpr (F::kMin) c.min = join(s[0].min[sub], s[1].min[sub]);
  if constexpr (F::kGroups) {
    c.groups = join(load256(s[0].groups[sub]), load256(s[1].groups[sub]));
    c.first = _mm512_srai_epi32(_mm512_slli_epi32(c.groups, 16), 16);
    c.second = _mm512_srai_epi32(c.groups, 16);
  }
}

struct WideDots {
  __m512i all, last;  // as Dots
};

template <class F>
inline WideDots dot_wide(const WideColumns& c, const std::int8_t* q, const std::int32_t* halves) {
  __m512i first = _mm512_setzero_si512(), last = _mm512_setzero_si512();
  for (int i = 0; i < 4; ++i) {
    first = _mm512_dpbusd_epi32(first, c.w[i], broadcast512(q + 4 * i));
    last = _mm512_dpbusd_epi32(last, c.w[i + 4], broadcast512(q + 4 * i + 16));
  }
  const __m512i sums = broadcast512(halves);
  if constexpr (F::kSigned) {
    return {_mm512_sub_epi32(first, _mm512_madd_epi16(sums, _mm512_set1_epi32(128))),
            _mm512_sub_epi32(last, _mm512_madd_epi16(sums, _mm512_set1_epi32(128 << 16)))};
  } else if constexpr (F::kGroups) {
    const __m512i dot = _mm512_add_epi32(_mm512_mullo_epi32(first, c.first), _mm512_mullo_epi32(last, c.second));
    static_assert(F::kOffset == 32);
    return {_mm512_sub_epi32(dot, _mm512_slli_epi32(_mm512_madd_epi16(c.groups, sums), 5)), _mm512_setzero_si512()};
  } else {
    const __m512i dot = _mm512_add_epi32(first, last);
    if constexpr (F::kOffset == 0) return {dot, _mm512_setzero_si512()};
    return {_mm512_sub_epi32(dot, _mm512_madd_epi16(sums, _mm512_set1_epi16(F::kOffset))), _mm512_setzero_si512()};
  }
}

// The same steps as accumulate().
template <class F>
inline __m512 accumulate_wide(__m512 acc, WideDots dots, const WideColumns& c, const Activations& a, Index at) {
  acc = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots.all), _mm512_mul_ps(c.scale, _mm512_set1_ps(a.d[at])), acc);
  const __m512 second = _mm512_set1_ps(a.d_sum[at]);
  if constexpr (F::kSigned) {
    acc = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots.last), _mm512_mul_ps(c.scale, second), acc);
  }
  if constexpr (F::kMin) acc = _mm512_fmadd_ps(c.min, second, acc);
  return acc;
}

struct SixteenRows {
  static constexpr int kGroup = kWide;

  // Rows [first, first + n) of the weight, n ≤ 16, with rows [i0, i1) of x, at most kXTile.
  template <class F>
  static void run(const Weight& w, const Activations& a, Index m, Index i0, Index i1, Index first, int n,
                  const float* bias, float* out, Index ldo) {
    const Index blocks = w.cols / F::kValues, row_bytes = blocks * F::kBytes;
    const Byte* at[kWide];
    for (int r = 0; r < kWide; ++r) {
      at[r] = static_cast<const Byte*>(w.data) + (first + (r < n ? r : n - 1)) * row_bytes;
    }
    const Byte* next = at[0] + kWide * row_bytes;  // what the next call reads
    alignas(64) float acc[kXTile][kWide];
    for (Index i = i0; i < i1; ++i) _mm512_store_ps(acc[i - i0], _mm512_setzero_ps());
    Scales s[2];
    WideColumns c;
    for (Index b = 0; b < blocks; ++b) {
      F::scales(at, s[0]);
      F::scales(at + kRows, s[1]);
      for (int line = 0; line < kWide * F::kBytes; line += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(next + b * kWide * F::kBytes + line), _MM_HINT_T1);
      }
      for (int sub = 0; sub < F::kSubs; ++sub) {
        load_wide<F>(at, sub, s, c);
        const Index block = (b * F::kSubs + sub) * m;
        for (Index i = i0; i < i1; ++i) {
          const Index x = block + i;
          const WideDots dots = dot_wide<F>(c, a.q + x * 32, a.halves + x);
          const __m512 sum = accumulate_wide<F>(_mm512_load_ps(acc[i - i0]), dots, c, a, x);
          _mm512_store_ps(acc[i - i0], sum);
        }
      }
      for (const Byte*& p : at) p += F::kBytes;
    }
    const __mmask16 lanes = static_cast<__mmask16>((1u << n) - 1);
    const __m512 b = bias ? _mm512_maskz_loadu_ps(lanes, bias + first) : _mm512_setzero_ps();
    for (Index i = i0; i < i1; ++i) {
      __m512 value = _mm512_load_ps(acc[i - i0]);
      if (bias) value = _mm512_add_ps(value, b);
      _mm512_mask_storeu_ps(out + i * ldo + first, lanes, value);
    }
  }
};

MatmulKernel dense_f32() { return matmul_dense(DType::kF32, Numerics::kReference); }

}  // namespace

MatmulKernel matmul_quant(DType dtype, Numerics numerics) {
  if (numerics == Numerics::kReference) return reference_kernel<dense_f32>(dtype);
  if (!cpu_features().avx512_vnni) return {};
  return quant_kernel<SixteenRows>(dtype);
}

}  // namespace pareto::cpu::avx512
