// Products of GGUF's quantised weights on AMX tiles: quant_matmul.h with sixteen rows of the weight and sixteen of x at
// m > 1. One tile product multiplies 32 values of k:
//
//   A = 16 rows of the weight, their integers as they are (Q8_0 straight from the file, else unpacked to scratch)
//   B = prepared x: line p holds the values 4p … 4p + 3 of 16 rows of x side by side
//   C[row of the weight, row of x] int32, which then meets the scales: lane = row of x
//
// Where a block's halves have scales of their own (Q8_0: of x; Q6_K: of the weight) there are two products of 16
// values.
//
// Prepared x, m > 1, with `padded` = m rounded up to 16 and zeros where there is no row:
//   int8 [block][group of 16 rows][line 0 … 7][row][4] | d f32 [block][padded] | d Σq (Q8_0: d of the second half) f32
//   [block][padded] | Σq of each half, two int16 [block][padded]
// m = 1 is bound by memory: quant_matmul.h's form and loop.
#include "kernels/cpu/simd_avx512.h"
// The vectors come first.
#include "kernels/cpu/amx_tiles.h"
#include "kernels/cpu/internal.h"
#include "kernels/cpu/quant_matmul.h"

namespace pareto::cpu::amx {
namespace {

constexpr Index kSide = 16;         // rows of a tile
constexpr Index kXTileBytes = 512;  // 16 rows of 32 int8

inline Index padded_rows(Index m) { return (m + kSide - 1) / kSide * kSide; }

std::size_t tile_prepared_bytes(Index m, Index k) { return quant_prepared_bytes(m == 1 ? 1 : padded_rows(m), k); }

template <bool kTwoScales>
void tile_prepare(const float* x, Index m, Index k, Index begin, Index end, void* prepared) {
  if (m == 1) return quant_prepare<kTwoScales>(x, m, k, begin, end, prepared);
  const Index padded = padded_rows(m);
  const Activations a = activations(prepared, padded, k);
  const Index last = end == m ? padded : end;  // who prepares the last row also fills up its group
  for (Index i = begin; i < last; ++i) {
    for (Index b = 0; b < k / 32; ++b) {
      alignas(32) std::int8_t q[32] = {};
      float d = 0, d_sum = 0;
      std::int32_t halves = 0;
      if (i < m) quantise_block<kTwoScales>(x + i * k + b * 32, {q, &d, &d_sum, &halves}, 0);
      const Index at = b * padded + i;
      std::int8_t* tile = a.q + (b * padded + i / kSide * kSide) * 32 + i % kSide * 4;
      for (int p = 0; p < 8; ++p) __builtin_memcpy(tile + p * 64, q + p * 4, 4);
      a.d[at] = d;
      a.d_sum[at] = d_sum;
      a.halves[at] = halves;
    }
  }
}

template <class F>
constexpr bool kHalves = F::kSigned || F::kGroups;

constexpr int kBatch = 4;  // sub-blocks

// Some sub-blocks of sixteen rows of the weight.
struct Batch {
  alignas(64) Byte integers[kBatch][kSide][32];
  alignas(64) float scale[kBatch][kSide], min[kBatch][kSide];
  alignas(64) std::int32_t groups[kBatch][kSide];
};

// Products with one group of x: of the first halves, or of whole sub-blocks, and of the last halves.
struct Dots {
  alignas(64) std::int32_t first[kBatch][kSide][kSide], last[kBatch][kSide][kSide];
};

// The f16 at `at` of each row's block. Through memory: the other way is sixteen insertions.
inline void load_halves16(const Byte* const* rows, Index at, float* out) {
  alignas(32) std::uint16_t halves[kSide];
  for (int r = 0; r < kSide; ++r) halves[r] = load_u16(rows[r] + at);
  _mm512_store_ps(out, _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(halves))));
}

// The sub-blocks [begin, begin + n) of the rows, begin a multiple of kBatch: of one block where blocks have several.
template <class F>
inline void load_batch(const Byte* const* rows, Index begin, int n, Batch& batch) {
  static_assert(F::kSubs == 1 || F::kSubs % kBatch == 0);
  for (int i = 0; i < n; ++i) {
    const Index at = (begin + i) / F::kSubs * F::kBytes;
    for (int r = 0; r < kSide; ++r) {
      const __m256i integers = F::integers(rows[r] + at, static_cast<int>((begin + i) % F::kSubs));
      _mm256_store_si256(reinterpret_cast<__m256i*>(batch.integers[i][r]), integers);
    }
    if constexpr (F::kSubs == 1) {
      load_halves16(rows, at, batch.scale[i]);
      if constexpr (F::kMin) load_halves16(rows, at + 2, batch.min[i]);
    }
  }
  if constexpr (F::kSubs > 1) {
    for (int h = 0; h < kSide; h += kRows) {
      const Byte* block[kRows];
      for (int r = 0; r < kRows; ++r) block[r] = rows[h + r] + begin / F::kSubs * F::kBytes;
      Scales s;
      F::scales(block, s);
      for (int i = 0; i < n; ++i) {
        const Index sub = begin % F::kSubs + i;
        _mm256_store_ps(batch.scale[i] + h, _mm256_load_ps(s.scale[sub]));
        if constexpr (F::kMin) _mm256_store_ps(batch.min[i] + h, _mm256_load_ps(s.min[sub]));
        if constexpr (F::kGroups)
          _mm256_store_si256(reinterpret_cast<__m256i*>(batch.groups[i] + h), load256(s.groups[sub]));
      }
    }
  }
}

// One product, in tiles that are given as text: GCC takes nothing else. The operands' signs are part of the
// instruction.
#define PARETO_TILE_PRODUCT(C, A, B, integers, x, dots) \
  do {                                                  \
    _tile_zero(C);                                      \
    _tile_loadd(A, integers, 32);                       \
    _tile_loadd(B, x, 64);                              \
    if constexpr (F::kSigned)                           \
      _tile_dpbssd(C, A, B);                            \
    else                                                \
      _tile_dpbusd(C, A, B);                            \
    _tile_stored(C, dots, 64);                          \
  } while (false)

// The batch's products with one group of x, whose sub-blocks are `step` bytes apart.
template <class F>
inline void multiply(const Batch& batch, int n, const std::int8_t* x, Index step, Dots& dots) {
  if constexpr (kHalves<F>) {
    for (int i = 0; i < n; i += 2) {
      PARETO_TILE_PRODUCT(0, 4, 6, batch.integers[i], x + i * step, dots.first[i]);
      PARETO_TILE_PRODUCT(1, 5, 7, batch.integers[i][0] + 16, x + i * step + kXTileBytes / 2, dots.last[i]);
      if (i + 1 == n) break;
      PARETO_TILE_PRODUCT(2, 4, 6, batch.integers[i + 1], x + (i + 1) * step, dots.first[i + 1]);
      PARETO_TILE_PRODUCT(3, 5, 7, batch.integers[i + 1][0] + 16, x + (i + 1) * step + kXTileBytes / 2,
                          dots.last[i + 1]);
    }
  } else {
    PARETO_TILE_PRODUCT(0, 4, 6, batch.integers[0], x, dots.first[0]);
    if (n > 1) PARETO_TILE_PRODUCT(1, 5, 7, batch.integers[1], x + step, dots.first[1]);
    if (n > 2) PARETO_TILE_PRODUCT(2, 4, 6, batch.integers[2], x + 2 * step, dots.first[2]);
    if (n > 3) PARETO_TILE_PRODUCT(3, 5, 7, batch.integers[3], x + 3 * step, dots.first[3]);
  }
}

#undef PARETO_TILE_PRODUCT

// acc[row of the weight], sixteen rows of x each and `stride` apart, plus the products: the steps of accumulate(), one
// sub-block after the other. The group of x is at index `at` of the first sub-block's scales, `padded` further in each.
template <class F, int kCount>
inline void accumulate_batch(const Batch& batch, const Dots& dots, const Activations& a, Index at, Index padded,
                             float* acc, Index stride) {
  __m512 d[kCount], second[kCount];
  __m512i sums[kCount], offset[kCount];
  for (int i = 0; i < kCount; ++i) {
    d[i] = _mm512_loadu_ps(a.d + at + i * padded);
    second[i] = _mm512_loadu_ps(a.d_sum + at + i * padded);
    sums[i] = _mm512_loadu_si512(a.halves + at + i * padded);
    offset[i] = _mm512_madd_epi16(sums[i], _mm512_set1_epi16(F::kOffset));
  }
  for (int r = 0; r < kSide; ++r) {
    __m512 sum = _mm512_load_ps(acc + r * stride);
    for (int i = 0; i < kCount; ++i) {
      __m512i dot = _mm512_load_si512(dots.first[i][r]);
      const __m512 scale = _mm512_set1_ps(batch.scale[i][r]);
      if constexpr (F::kGroups) {
        const __m512i groups = _mm512_set1_epi32(batch.groups[i][r]);
        const __m512i first = _mm512_mullo_epi32(dot, _mm512_srai_epi32(_mm512_slli_epi32(groups, 16), 16));
        const __m512i last = _mm512_mullo_epi32(_mm512_load_si512(dots.last[i][r]), _mm512_srai_epi32(groups, 16));
        static_assert(F::kOffset == 32);
        const __m512i taken = _mm512_slli_epi32(_mm512_madd_epi16(groups, sums[i]), 5);
        dot = _mm512_sub_epi32(_mm512_add_epi32(first, last), taken);
      } else if constexpr (F::kOffset != 0) {
        dot = _mm512_sub_epi32(dot, offset[i]);
      }
      sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), _mm512_mul_ps(scale, d[i]), sum);
      if constexpr (F::kSigned) {
        const __m512 last = _mm512_cvtepi32_ps(_mm512_load_si512(dots.last[i][r]));
        sum = _mm512_fmadd_ps(last, _mm512_mul_ps(scale, second[i]), sum);
      }
      if constexpr (F::kMin) sum = _mm512_fmadd_ps(_mm512_set1_ps(batch.min[i][r]), second[i], sum);
    }
    _mm512_store_ps(acc + r * stride, sum);
  }
}

template <class F>
inline void accumulate_batch(const Batch& batch, int n, const Dots& dots, const Activations& a, Index at, Index padded,
                             float* acc, Index stride) {
  switch (n) {
    case 1:
      return accumulate_batch<F, 1>(batch, dots, a, at, padded, acc, stride);
    case 2:
      return accumulate_batch<F, 2>(batch, dots, a, at, padded, acc, stride);
    case 3:
      return accumulate_batch<F, 3>(batch, dots, a, at, padded, acc, stride);
    default:
      return accumulate_batch<F, 4>(batch, dots, a, at, padded, acc, stride);
  }
}

// Rows [first, first + n) of the weight, n ≤ 16, with the groups [g0, g1) of x, at most kXTile / 16.
template <class F>
void run_tile(const Weight& w, const Activations& a, Index m, Index g0, Index g1, Index first, int n, const float* bias,
              float* out, Index ldo) {
  const Index row_bytes = w.cols / F::kValues * F::kBytes, padded = padded_rows(m), stride = (g1 - g0) * kSide;
  const Byte* rows[kSide];
  for (int r = 0; r < kSide; ++r) {
    rows[r] = static_cast<const Byte*>(w.data) + (first + (r < n ? r : n - 1)) * row_bytes;
  }
  const Byte* next = rows[0] + kSide * row_bytes;  // what the next call reads
  const Index ahead = kSide * row_bytes / (w.cols / 32 / kBatch + 1) / 64 * 64 + 64;
  alignas(64) float acc[kSide * kXTile];
  for (Index i = 0; i < kSide * stride; i += kSide) _mm512_store_ps(acc + i, _mm512_setzero_ps());
  Batch batch;
  Dots dots[2];
  for (Index b = 0; b < w.cols / 32; b += kBatch) {
    const int count = static_cast<int>(w.cols / 32 - b < kBatch ? w.cols / 32 - b : kBatch);
    load_batch<F>(rows, b, count, batch);
    for (Index line = 0; line < ahead; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(next + b / kBatch * ahead + line), _MM_HINT_T1);
    }
    const auto x = [&](Index g) { return a.q + (b * padded + g * kSide) * 32; };
    multiply<F>(batch, count, x(g0), padded * 32, dots[0]);
    for (Index g = g0; g < g1; ++g) {  // the next group's products while this one's meet the scales
      const Index i = g - g0;
      if (g + 1 < g1) multiply<F>(batch, count, x(g + 1), padded * 32, dots[(i + 1) % 2]);
      accumulate_batch<F>(batch, count, dots[i % 2], a, b * padded + g * kSide, padded, acc + i * kSide, stride);
    }
  }
  const Index columns = (g1 * kSide < m ? g1 * kSide : m) - g0 * kSide;
  for (Index i = 0; i < columns; ++i) {
    for (int r = 0; r < n; ++r) {
      const float value = acc[r * stride + i];
      out[(g0 * kSide + i) * ldo + first + r] = bias ? value + bias[first + r] : value;
    }
  }
}

template <class F>
void tile_run(const Weight& w, const void* prepared, Index m, Index begin, Index end, const float* bias, float* out,
              Index ldo) {
  if (m == 1) {
    return quant_run_one<F>(w, activations(const_cast<void*>(prepared), m, w.cols), begin, end, bias, out);
  }
  const Index padded = padded_rows(m), groups = padded / kSide;
  const Activations a = activations(const_cast<void*>(prepared), padded, w.cols);
  const TileScope scope(kHalves<F> ? 16 : 32);
  Index parts = (padded * w.cols + kXBytes - 1) / kXBytes;  // of x, in the second-level cache
  if (parts > groups) parts = groups;
  if (parts < (padded + kXTile - 1) / kXTile) parts = (padded + kXTile - 1) / kXTile;
  for (Index p = 0; p < parts; ++p) {
    for (Index r = begin; r < end; r += kSide) {
      const int n = static_cast<int>(end - r < kSide ? end - r : kSide);
      run_tile<F>(w, a, m, groups * p / parts, groups * (p + 1) / parts, r, n, bias, out, ldo);
    }
  }
}

template <class F>
MatmulKernel tile_kernel() {
  return {tile_prepared_bytes, tile_prepare<F::kSigned>, tile_run<F>, static_cast<int>(kSide), 1};
}

}  // namespace

// Reference numerics are left to AVX-512.
MatmulKernel matmul_quant(DType dtype, Numerics numerics) {
  if (numerics == Numerics::kReference || !cpu_features().amx_int8) return {};
  switch (dtype) {
    case DType::kQ8_0:
      return tile_kernel<Q8_0>();
    case DType::kQ4_0:
      return tile_kernel<Q4_0>();
    case DType::kQ4_1:
      return tile_kernel<Q4_1>();
    case DType::kQ4_K:
      return tile_kernel<Q4_K>();
    case DType::kQ5_K:
      return tile_kernel<Q5_K>();
    case DType::kQ6_K:
      return tile_kernel<Q6_K>();
    default:
      return {};
  }
}

}  // namespace pareto::cpu::amx
