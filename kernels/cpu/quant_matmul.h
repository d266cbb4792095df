// Products of quantised weights with int8 activations, for any instruction set with AVX2.
//
// Activations, per row, in blocks of 32: d = max |x| / 127, q = round(x / d) (half to even), in
//   q int8 [block][row][32] | d f32 [block][row] | d Σq f32 [block][row] | Σq of each half, int16 [block][row][2]
// Q8_0, whose own error is as small as that of int8 activations, has a d for each half of a block, the second one in
// place of d Σq.
//
// One output element is, whatever m and whichever loop computes it,
//   for each block of 32, in order:
//     acc = fma(dot, scale · d, acc)          Q8_0: for one half after the other
//     acc = fma(min, d Σq, acc)               where the format has minima
//   out = acc + bias
// dot = Σ (w - offset) q (for Q6_K: each half times its int8) is an exact integer below 2^24. Eight rows of the weight
// are handled together, lane = row, so that scaling costs one multiply-add for all of them:
//   m = 1   each row's 32 products are added up by a tree across the eight rows, straight from the blocks
//   m > 1   the eight rows' integers are unpacked and transposed once (register c: values 4c … 4c + 3 of each row), and
//           meet every row of x as broadcast quadruples
#pragma once

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/quant_formats.h"

namespace pareto::cpu {
namespace {

using Index = std::int64_t;

// The parts of the prepared form.
struct Activations {
  std::int8_t* q;
  float* d;
  float* d_sum;          // kSigned: d of the second half
  std::int32_t* halves;  // two int16
};

constexpr Index kXTile = 256;          // most rows of x at a time,
constexpr Index kXLeast = 16;          // least,
constexpr Index kXBytes = 256 * 1024;  // and so that they stay in the second-level cache
constexpr Index kPrefetchBytes = 512;  // ahead of each stream at m = 1

constexpr std::size_t kActivationBytes = 32 + 3 * 4;  // per block and row

inline std::size_t quant_prepared_bytes(Index m, Index k) {
  return static_cast<std::size_t>(m * (k / 32)) * kActivationBytes;
}

inline Activations activations(void* prepared, Index m, Index k) {
  const Index blocks = m * (k / 32);
  auto* q = static_cast<std::int8_t*>(prepared);
  auto* d = reinterpret_cast<float*>(q + blocks * 32);
  return {q, d, d + blocks, reinterpret_cast<std::int32_t*>(d + 2 * blocks)};
}

// The largest magnitude of two vectors, compared as integers: a NaN is larger than anything.
inline float largest_magnitude(__m256 a, __m256 b) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  const __m256i top = _mm256_max_epi32(_mm256_and_si256(_mm256_castps_si256(a), magnitude),
                                       _mm256_and_si256(_mm256_castps_si256(b), magnitude));
  __m128i t = _mm_max_epi32(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1));
  t = _mm_max_epi32(t, _mm_shuffle_epi32(t, 0x4e));
  t = _mm_max_epi32(t, _mm_shuffle_epi32(t, 0xb1));
  return _mm_cvtss_f32(_mm_castsi128_ps(t));
}
inline bool larger(float a, float b) { return !(a <= b); }  // a NaN is

// x[32] → q, d and the sums at index `at`. A NaN in x makes d one, and so every output of the row.
template <bool kTwoScales>
inline void quantise_block(const float* x, const Activations& a, Index at) {
  __m256 v[4];
  for (int i = 0; i < 4; ++i) v[i] = _mm256_loadu_ps(x + 8 * i);
  float top[2] = {largest_magnitude(v[0], v[1]), largest_magnitude(v[2], v[3])};
  if constexpr (!kTwoScales) top[0] = top[1] = larger(top[0], top[1]) ? top[0] : top[1];
  __m256i n[4];
  for (int i = 0; i < 4; ++i) {
    const __m256 inverse = _mm256_set1_ps(top[i / 2] > 1e-30f ? 127.0f / top[i / 2] : 0.0f);
    n[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
  }
  const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(n[0], n[1]), _mm256_packs_epi32(n[2], n[3]));
  const __m256i q = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(a.q + at * 32), q);

  __m256i sum = _mm256_maddubs_epi16(_mm256_set1_epi8(1), q);
  sum = _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
  sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0x4e));
  sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0xb1));
  const int low = _mm256_extract_epi32(sum, 0), high = _mm256_extract_epi32(sum, 4);
  a.halves[at] = (low & 0xffff) | static_cast<std::int32_t>(static_cast<std::uint32_t>(high) << 16);
  a.d[at] = top[0] / 127.0f;
  a.d_sum[at] = kTwoScales ? top[1] / 127.0f : a.d[at] * static_cast<float>(low + high);
}

template <bool kTwoScales>
void quant_prepare(const float* x, Index m, Index k, Index begin, Index end, void* prepared) {
  const Activations a = activations(prepared, m, k);
  for (Index i = begin; i < end; ++i)
    for (Index b = 0; b < k / 32; ++b) quantise_block<kTwoScales>(x + i * k + b * 32, a, b * m + i);
}

// ---- Eight rows of the weight ----

// Eight rows' 32 integers each, row r in v[r] → column c holds values 4c … 4c + 3 of row r in lane r.
inline void transpose_integers(__m256i (&v)[8]) {
  __m256i t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
  }
  __m256i u[8];
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
    u[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
    u[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
    u[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x20);
    v[i + 4] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x31);
  }
}

// One level of a tree over 32-bit positions: twice, then join_lanes, leaves the sum over the vector of row r in lane r.
template <class Add>
inline __m256i fold_pairs32(__m256i a, __m256i b, Add add) {
  return add(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}
template <class Add>
inline __m256i fold_pairs64(__m256i a, __m256i b, Add add) {
  return add(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}
template <class Add>
inline void fold_rows(const __m256i (&v)[8], __m256i& rows0to3, __m256i& rows4to7, Add add) {
  rows0to3 = fold_pairs64(fold_pairs32(v[0], v[1], add), fold_pairs32(v[2], v[3], add), add);
  rows4to7 = fold_pairs64(fold_pairs32(v[4], v[5], add), fold_pairs32(v[6], v[7], add), add);
}
inline __m256i join_lanes(__m256i rows0to3, __m256i rows4to7) {
  return _mm256_add_epi32(_mm256_permute2x128_si256(rows0to3, rows4to7, 0x20),
                          _mm256_permute2x128_si256(rows0to3, rows4to7, 0x31));
}

inline __m256i add16(__m256i a, __m256i b) { return _mm256_add_epi16(a, b); }
inline __m256i add32(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }
inline __m256i sum_pairs(__m256i x) { return _mm256_madd_epi16(x, _mm256_set1_epi16(1)); }
// Σ of two products, int16. |w q| ≤ 128 · 127 each: never saturates, since q is never -128.
inline __m256i signed_products(__m256i magnitude, __m256i w, __m256i q) {
  return _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(q, w));
}
inline __m256i broadcast32(const void* p) {
  std::int32_t value;
  __builtin_memcpy(&value, p, sizeof value);
  return _mm256_set1_epi32(value);
}
// An offset format's dot product of unsigned integers, corrected. `halves` as prepared.
template <class F>
inline __m256i take_offset(__m256i dot, const std::int32_t* halves) {
  if constexpr (F::kOffset == 0 || F::kGroups) return dot;
  return _mm256_sub_epi32(dot, _mm256_madd_epi16(broadcast32(halves), _mm256_set1_epi16(F::kOffset)));
}

// Eight rows' dot products with one block of q; kSigned: with its first half, and its last.
struct Dots {
  __m256i all, last;
};

// m = 1: the dot products of eight rows' sub-blocks with q[32].
template <class F>
inline Dots dot_rows(const Byte* const* rows, int sub, __m256i q, const std::int32_t* halves, const Scales& s) {
  __m256i p[8], low, high;
  if constexpr (F::kGroups) {
    // The first half's multiplier in all int16 of the low lane, the last half's in the high one.
    const __m256i spread = _mm256_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3, 2,
                                            3, 2, 3, 2, 3, 2, 3);
    const __m256i offset = _mm256_maddubs_epi16(_mm256_set1_epi8(F::kOffset), q);
    for (int r = 0; r < kRows; ++r) {
      const __m256i products = _mm256_sub_epi16(_mm256_maddubs_epi16(F::integers(rows[r], sub), q), offset);
      p[r] = _mm256_madd_epi16(products, _mm256_shuffle_epi8(broadcast32(&s.groups[sub][r]), spread));
    }
    fold_rows(p, low, high, add32);
    return {join_lanes(low, high), _mm256_setzero_si256()};
  } else if constexpr (F::kSigned) {
    for (int r = 0; r < kRows; ++r) {
      const __m256i w = F::integers(rows[r], sub);
      p[r] = sum_pairs(signed_products(_mm256_abs_epi8(w), w, q));
    }
    fold_rows(p, low, high, add32);
    return {_mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31)};
  } else if constexpr (F::kNibbles >= 0) {  // two rows in one vector: half of the work of the tree is not there
    const __m256i q_low = _mm256_permute2x128_si256(q, q, 0x00), q_high = _mm256_permute2x128_si256(q, q, 0x11);
    const __m256i mask = _mm256_set1_epi8(15);
    __m256i t[4];  // low lane: row r, high lane: row r + 4
    for (int r = 0; r < 4; ++r) {
      const __m256i packed = _mm256_blend_epi32(_mm256_broadcastsi128_si256(load128(rows[r] + F::kNibbles)),
                                                _mm256_broadcastsi128_si256(load128(rows[r + 4] + F::kNibbles)), 0xf0);
      const __m256i first = _mm256_and_si256(packed, mask);
      const __m256i last = _mm256_and_si256(_mm256_srli_epi16(packed, 4), mask);
      t[r] = add16(_mm256_maddubs_epi16(first, q_low), _mm256_maddubs_epi16(last, q_high));
    }
    static_assert(F::kMost * 127 * 2 * 8 < 32768);
    const __m256i sums = fold_pairs64(fold_pairs32(t[0], t[1], add16), fold_pairs32(t[2], t[3], add16), add16);
    return {take_offset<F>(sum_pairs(sums), halves), _mm256_setzero_si256()};
  } else {  // at most 31: four sums of two products fit int16
    for (int r = 0; r < kRows; ++r) p[r] = _mm256_maddubs_epi16(F::integers(rows[r], sub), q);
    fold_rows(p, low, high, add16);
    return {take_offset<F>(join_lanes(sum_pairs(low), sum_pairs(high)), halves), _mm256_setzero_si256()};
  }
}

// Eight rows' sub-block, transposed, with what its dot products need besides.
struct Columns {
  __m256i w[8];
  __m256i magnitude[8];           // kSigned
  __m256i groups, first, second;  // kGroups: both int16, each of them twice
};

template <class F>
inline void load_sub_block(const Byte* const* rows, int sub, const Scales& s, Columns& c) {
  for (int r = 0; r < kRows; ++r) c.w[r] = F::integers(rows[r], sub);
  transpose_integers(c.w);
  if constexpr (F::kSigned) {
    for (int i = 0; i < 8; ++i) c.magnitude[i] = _mm256_abs_epi8(c.w[i]);
  }
  if constexpr (F::kGroups) {
    c.groups = _mm256_load_si256(reinterpret_cast<const __m256i*>(s.groups[sub]));
    const __m256i low = _mm256_set1_epi32(0xffff);
    c.first = _mm256_or_si256(_mm256_and_si256(c.groups, low), _mm256_slli_epi32(c.groups, 16));
    c.second = _mm256_or_si256(_mm256_andnot_si256(low, c.groups), _mm256_srli_epi32(c.groups, 16));
  }
}

// The quadruple i of q[32] in all lanes, i a constant after inlining. Half of them by shuffles, half by loads: either
// alone would be the bottleneck.
inline auto quads(const std::int8_t* q) {
  const __m256i low = _mm256_broadcastsi128_si256(load128(q));
  return [ low, q ](int i) __attribute__((always_inline)) {
    switch (i) {
      case 0:
        return _mm256_shuffle_epi32(low, 0x00);
      case 1:
        return _mm256_shuffle_epi32(low, 0x55);
      case 2:
        return _mm256_shuffle_epi32(low, 0xaa);
      case 3:
        return _mm256_shuffle_epi32(low, 0xff);
      default:
        return broadcast32(q + 4 * i);
    }
  };
}

// m > 1: the same dot products from the transposed integers.
template <class F>
inline Dots dot_columns(const Columns& c, const std::int8_t* q, const std::int32_t* halves) {
  const auto quad = quads(q);
  const auto pair = [&](int i) __attribute__((always_inline)) {  // values 4i … 4i + 7
    return _mm256_add_epi16(_mm256_maddubs_epi16(c.w[i], quad(i)), _mm256_maddubs_epi16(c.w[i + 1], quad(i + 1)));
  };
  if constexpr (F::kGroups) {
    const __m256i first = add32(_mm256_madd_epi16(pair(0), c.first), _mm256_madd_epi16(pair(2), c.first));
    const __m256i second = add32(_mm256_madd_epi16(pair(4), c.second), _mm256_madd_epi16(pair(6), c.second));
    const __m256i offset = _mm256_madd_epi16(c.groups, broadcast32(halves));
    static_assert(F::kOffset == 32);
    return {_mm256_sub_epi32(add32(first, second), _mm256_slli_epi32(offset, 5)), _mm256_setzero_si256()};
  } else if constexpr (F::kSigned) {
    const auto products = [&](int i) __attribute__((always_inline)) {
      return sum_pairs(signed_products(c.magnitude[i], c.w[i], quad(i)));
    };
    return {add32(add32(products(0), products(1)), add32(products(2), products(3))),
            add32(add32(products(4), products(5)), add32(products(6), products(7)))};
  } else if constexpr (F::kMost * 127 * 2 * 8 < 32768) {
    return {take_offset<F>(sum_pairs(add16(add16(pair(0), pair(2)), add16(pair(4), pair(6)))), halves),
            _mm256_setzero_si256()};
  } else {
    return {take_offset<F>(add32(sum_pairs(add16(pair(0), pair(2))), sum_pairs(add16(pair(4), pair(6)))), halves),
            _mm256_setzero_si256()};
  }
}

// acc plus one sub-block's part of the output: the one place that says how.
template <class F>
inline __m256 accumulate(__m256 acc, Dots dots, __m256 scale, __m256 min, const Activations& a, Index at) {
  acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots.all), _mm256_mul_ps(scale, _mm256_set1_ps(a.d[at])), acc);
  const __m256 second = _mm256_set1_ps(a.d_sum[at]);
  if constexpr (F::kSigned) acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots.last), _mm256_mul_ps(scale, second), acc);
  if constexpr (F::kMin) acc = _mm256_fmadd_ps(min, second, acc);
  return acc;
}

// ---- The loops ----

// m = 1. The part is read as eight streams that are far apart, not as eight neighbours: few long streams are what a
// prefetcher follows.
template <class F>
void quant_run_one(const Weight& w, const Activations& a, Index begin, Index end, const float* bias, float* out) {
  const auto* data = static_cast<const Byte*>(w.data);
  const Index blocks = w.cols / F::kValues, row_bytes = blocks * F::kBytes, stride = (end - begin + kRows - 1) / kRows;
  Scales s;
  for (Index first = begin; first < begin + stride; ++first) {
    Index row[kRows];
    const Byte* at[kRows];
    for (int r = 0; r < kRows; ++r) {
      row[r] = first + r * stride < end ? first + r * stride : end - 1;
      at[r] = data + row[r] * row_bytes;
    }
    __m256 acc = _mm256_setzero_ps();
    for (Index b = 0; b < blocks; ++b) {
      F::scales(at, s);
      for (int sub = 0; sub < F::kSubs; ++sub) {
        const Index block = b * F::kSubs + sub;
        const Dots dots = dot_rows<F>(at, sub, load256(a.q + block * 32), a.halves + block, s);
        acc = accumulate<F>(acc, dots, _mm256_load_ps(s.scale[sub]), _mm256_load_ps(s.min[sub]), a, block);
      }
      for (const Byte*& p : at) {
        for (int line = 0; line < F::kBytes; line += 64)
          _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchBytes + line), _MM_HINT_T0);
        p += F::kBytes;
      }
    }
    alignas(32) float value[kRows];
    _mm256_store_ps(value, acc);
    for (int r = 0; r < kRows; ++r) out[row[r]] = bias ? value[r] + bias[row[r]] : value[r];
  }
}

// Rows [first, first + n) of the weight, n ≤ 8, with rows [i0, i1) of x, at most kXTile.
template <class F>
void quant_run_group(const Weight& w, const Activations& a, Index m, Index i0, Index i1, Index first, int n,
                     const float* bias, float* out, Index ldo) {
  const Index blocks = w.cols / F::kValues, row_bytes = blocks * F::kBytes;
  const Byte* at[kRows];
  for (int r = 0; r < kRows; ++r) {
    at[r] = static_cast<const Byte*>(w.data) + (first + (r < n ? r : n - 1)) * row_bytes;
  }
  const Byte* next = at[0] + kRows * row_bytes;  // what the next call reads
  alignas(32) float acc[kXTile][kRows];
  for (Index i = i0; i < i1; ++i) _mm256_store_ps(acc[i - i0], _mm256_setzero_ps());
  Scales s;
  Columns c;
  for (Index b = 0; b < blocks; ++b) {
    F::scales(at, s);
    for (int line = 0; line < kRows * F::kBytes; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(next + b * kRows * F::kBytes + line), _MM_HINT_T1);
    }
    for (int sub = 0; sub < F::kSubs; ++sub) {
      load_sub_block<F>(at, sub, s, c);
      const __m256 scale = _mm256_load_ps(s.scale[sub]), min = _mm256_load_ps(s.min[sub]);
      const Index block = (b * F::kSubs + sub) * m;
      for (Index i = i0; i < i1; ++i) {
        const Dots dots = dot_columns<F>(c, a.q + (block + i) * 32, a.halves + block + i);
        float* sum = acc[i - i0];
        _mm256_store_ps(sum, accumulate<F>(_mm256_load_ps(sum), dots, scale, min, a, block + i));
      }
    }
    for (const Byte*& p : at) p += F::kBytes;
  }
  for (Index i = i0; i < i1; ++i) {
    for (int r = 0; r < n; ++r) {
      const float value = acc[i - i0][r];
      out[i * ldo + first + r] = bias ? value + bias[first + r] : value;
    }
  }
}

// How one instruction set runs a group of rows at m > 1.
struct EightRows {
  static constexpr int kGroup = kRows;
  template <class F>
  static void run(const Weight& w, const Activations& a, Index m, Index i0, Index i1, Index first, int n,
                  const float* bias, float* out, Index ldo) {
    quant_run_group<F>(w, a, m, i0, i1, first, n, bias, out, ldo);
  }
};

template <class F, class Group>
void quant_run(const Weight& w, const void* prepared, Index m, Index begin, Index end, const float* bias, float* out,
               Index ldo) {
  const Activations a = activations(const_cast<void*>(prepared), m, w.cols);
  if (m == 1) return quant_run_one<F>(w, a, begin, end, bias, out);
  Index tiles = (m * w.cols + kXBytes - 1) / kXBytes;
  if (tiles > (m + kXLeast - 1) / kXLeast) tiles = (m + kXLeast - 1) / kXLeast;
  if (tiles < (m + kXTile - 1) / kXTile) tiles = (m + kXTile - 1) / kXTile;
  for (Index t = 0; t < tiles; ++t) {
    for (Index r = begin; r < end; r += Group::kGroup) {
      const int n = static_cast<int>(end - r < Group::kGroup ? end - r : Group::kGroup);
      Group::template run<F>(w, a, m, m * t / tiles, m * (t + 1) / tiles, r, n, bias, out, ldo);
    }
  }
}

template <class Group>
MatmulKernel quant_kernel(DType dtype) {
  MatmulKernel kernel{quant_prepared_bytes, quant_prepare<false>, nullptr, Group::kGroup, 1};
  switch (dtype) {
    case DType::kQ8_0:
      kernel.prepare = quant_prepare<true>;
      kernel.run = quant_run<Q8_0, Group>;
      break;
    case DType::kQ4_0:
      kernel.run = quant_run<Q4_0, Group>;
      break;
    case DType::kQ4_1:
      kernel.run = quant_run<Q4_1, Group>;
      break;
    case DType::kQ4_K:
      kernel.run = quant_run<Q4_K, Group>;
      break;
    case DType::kQ5_K:
      kernel.run = quant_run<Q5_K, Group>;
      break;
    case DType::kQ6_K:
      kernel.run = quant_run<Q6_K, Group>;
      break;
    default:
      return {};
  }
  return kernel;
}

}  // namespace
}  // namespace pareto::cpu
