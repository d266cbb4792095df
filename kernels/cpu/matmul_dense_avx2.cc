// Dense products on AVX2: weights in f32, f16 or bf16, read in place; activations in f32 in both numerics.
//
// One output element is the same sum for every m, whichever loop computes it:
//
//   k is cut into equal blocks of at most 1024          (a tile of the weight and the rows of x that meet it stay in
//   L1) in a block, one 8-lane chain of fused multiply-adds over k, folded ((0+1)+(2+3))+((4+5)+(6+7)) out = ((block 0
//   + block 1) + block 2) + … + bias
//
// m ≤ 8 is a matter of memory bandwidth. Rows are read as 8 (or 4) streams that are far apart: a prefetcher follows a
// few long streams at the memory's full rate, where the short rows of one place leave it half idle.
// m > 8: a tile of 4 rows is widened to f32 once, into L1, and meets the rows of x three at a time: twelve chains,
// which is what hides the latency of the multiply-adds. Meanwhile the next tile's rows are fetched.
#include <immintrin.h>

#include "kernels/cpu/internal.h"

namespace pareto::cpu::avx2 {
namespace {

using i64 = std::int64_t;

constexpr i64 kMaxBlock = 1024;          // k of one block
constexpr i64 kTile = 4;                 // rows of the weight in one tile
constexpr i64 kGroup = 3;                // rows of x that meet a tile at a time
constexpr i64 kStreamRows = 8;           // up to so many rows of x the weight is not copied
constexpr i64 kCacheFloats = 64 * 1024;  // x that stays in L2 beside the tiles

// acc += w · x in place. Left to itself the compiler folds the loads of w and x into every multiply-add that uses them,
// and copies accumulators about: with sixteen registers, all of them taken, that costs a third of the speed.
inline void multiply_add(__m256& acc, __m256 w, __m256 x) {
  asm("vfmadd231ps %2, %1, %0" : "+x"(acc) : "x"(w), "x"(x));
}

// A weight's elements, widened: eight of them, or the last n < 8 with zeros behind.
struct F32 {
  using Element = float;
  static __m256 load(const Element* p) { return _mm256_loadu_ps(p); }
  static __m256 load_tail(const Element* p, i64 n) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lanes));
  }
};
inline __m128i load_tail16(const std::uint16_t* p, i64 n) {
  std::uint64_t half[2] = {0, 0};
  for (i64 i = 0; i < n; ++i) half[i / 4] |= std::uint64_t{p[i]} << (16 * (i % 4));
  return _mm_set_epi64x(static_cast<long long>(half[1]), static_cast<long long>(half[0]));
}
struct F16 {
  using Element = std::uint16_t;
  static __m256 widen(__m128i v) { return _mm256_cvtph_ps(v); }
  static __m256 load(const Element* p) { return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static __m256 load_tail(const Element* p, i64 n) { return widen(load_tail16(p, n)); }
};
struct BF16 {
  using Element = std::uint16_t;
  static __m256 widen(__m128i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16)); }
  static __m256 load(const Element* p) { return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static __m256 load_tail(const Element* p, i64 n) { return widen(load_tail16(p, n)); }
};

i64 block_count(i64 k) { return (k + kMaxBlock - 1) / kMaxBlock; }
i64 block_size(i64 k) { return ((k + block_count(k) - 1) / block_count(k) + 7) / 8 * 8; }

// The sums of the lanes of four chains.
inline __m128 fold4(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256 halves = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}

// acc[i][r] += w[r][j..] · x[i][j..] for one vector of each; all of it in registers.
template <int kX, int kRows, class LoadW, class LoadX>
inline __attribute__((always_inline)) void step(__m256 (&acc)[kX][kRows], LoadW load_w, LoadX load_x) {
  __m256 xv[kX];
#pragma GCC unroll 8
  for (int i = 0; i < kX; ++i) xv[i] = load_x(i);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const __m256 wv = load_w(r);
#pragma GCC unroll 8
    for (int i = 0; i < kX; ++i) multiply_add(acc[i][r], wv, xv[i]);
  }
}

template <int kX, int kRows>
inline __attribute__((always_inline)) void clear(__m256 (&acc)[kX][kRows]) {
#pragma GCC unroll 8
  for (int i = 0; i < kX; ++i) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) acc[i][r] = _mm256_setzero_ps();
  }
}

// One block's sums of kRows rows of the weight (pointers to the block's start in each) with kX rows of x (`ldx` apart):
// sums[i][r / 4]. kRows is 4 or 8.
template <class T, int kX, int kRows>
inline void dot_block(const typename T::Element* const* w, const float* x, i64 ldx, i64 n,
                      __m128 (&sums)[kX][kRows / 4]) {
  constexpr i64 kLine = 64 / sizeof(typename T::Element), kAhead = 4 * kLine;
  __m256 acc[kX][kRows];
  clear(acc);
  i64 j = 0;
  for (; j + kLine <= n; j += kLine) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) _mm_prefetch(reinterpret_cast<const char*>(w[r] + j + kAhead), _MM_HINT_T0);
#pragma GCC unroll 4
    for (i64 l = j; l < j + kLine; l += 8) {
      step(
          acc, [&](int r) { return T::load(w[r] + l); }, [&](int i) { return F32::load(x + i * ldx + l); });
    }
  }
  for (; j + 8 <= n; j += 8) {
    step(
        acc, [&](int r) { return T::load(w[r] + j); }, [&](int i) { return F32::load(x + i * ldx + j); });
  }
  if (j < n) {
    step(
        acc, [&](int r) { return T::load_tail(w[r] + j, n - j); },
        [&](int i) { return F32::load_tail(x + i * ldx + j, n - j); });
  }
#pragma GCC unroll 8
  for (int i = 0; i < kX; ++i) {
#pragma GCC unroll 2
    for (int r = 0; r < kRows; r += 4) sums[i][r / 4] = fold4(acc[i][r], acc[i][r + 1], acc[i][r + 2], acc[i][r + 3]);
  }
}

// Rows of the weight straight from memory, in kRows streams, against kX rows of x.
template <class T, int kX, int kRows>
inline void run_stream_rows(const typename T::Element* const* rows, const i64* row, i64 k, const float* x,
                            const float* bias, float* out, i64 ldo) {
  const i64 block = block_size(k);
  __m128 total[kX][kRows / 4] = {};
  for (i64 k0 = 0; k0 < k; k0 += block) {
    const typename T::Element* p[kRows];
    for (int r = 0; r < kRows; ++r) p[r] = rows[r] + k0;
    __m128 sums[kX][kRows / 4];
    dot_block<T, kX, kRows>(p, x + k0, k, k - k0 < block ? k - k0 : block, sums);
    for (int i = 0; i < kX; ++i) {
      for (int r = 0; r < kRows / 4; ++r) total[i][r] = k0 ? _mm_add_ps(total[i][r], sums[i][r]) : sums[i][r];
    }
  }
  for (int i = 0; i < kX; ++i) {
    alignas(16) float value[kRows];
    for (int r = 0; r < kRows / 4; ++r) _mm_store_ps(value + 4 * r, total[i][r]);
    for (int r = 0; r < kRows; ++r) out[i * ldo + row[r]] = bias ? value[r] + bias[row[r]] : value[r];
  }
}

// m ≤ 8: each row once from memory, for up to three rows of x, and once more from cache for the other ones.
template <class T, int kRows>
void run_streams(const Weight& w, const float* x, i64 m, i64 begin, i64 end, const float* bias, float* out, i64 ldo) {
  using Element = typename T::Element;
  const Element* data = static_cast<const Element*>(w.data);
  const i64 k = w.cols, stride = (end - begin + kRows - 1) / kRows;
  for (i64 s = 0; s < stride; ++s) {
    i64 row[kRows];
    const Element* p[kRows];
    for (int r = 0; r < kRows; ++r) {  // the last stream may be shorter: it repeats the last row
      row[r] = begin + s + r * stride;
      if (row[r] >= end) row[r] = end - 1;
      p[r] = data + row[r] * k;
    }
    if constexpr (kRows == 8) {
      run_stream_rows<T, 1, 8>(p, row, k, x, bias, out, ldo);
    } else {
      for (i64 i = 0; i < m;) {
        const i64 size = m - i == 3 || m - i > 4 ? 3 : 2;  // never one alone: 2, 3, 2+2, 3+2, 3+3, …
        if (size == 3) {
          run_stream_rows<T, 3, 4>(p, row, k, x + i * k, bias, out + i * ldo, ldo);
        } else {
          run_stream_rows<T, 2, 4>(p, row, k, x + i * k, bias, out + i * ldo, ldo);
        }
        i += size;
      }
    }
  }
}

// Widens n values of each row of a tile, zeros behind them up to a multiple of 8; row r goes to tile + r * kMaxBlock.
template <class T>
void widen(const typename T::Element* const* rows, i64 n, float* tile) {
  for (i64 r = 0; r < kTile; ++r) {
    const typename T::Element* p = rows[r];
    float* to = tile + r * kMaxBlock;
    i64 j = 0;
    for (; j + 8 <= n; j += 8) _mm256_store_ps(to + j, T::load(p + j));
    if (j < n) _mm256_store_ps(to + j, T::load_tail(p + j, n - j));
  }
}

// What the next tile reads: two of its rows are fetched into L2 while a group of x goes by.
struct Ahead {
  const char *row0, *row1;
  i64 step;  // bytes of 16 elements, or 0 when all is fetched
};

// The sums of a tile's rows with kX rows of x.
template <int kX>
inline void dot_tile(const float* const* w, const float* x, i64 ldx, i64 n, Ahead ahead, __m128* sums) {
  const float *w0 = w[0], *w1 = w[1], *w2 = w[2], *w3 = w[3];
  const auto row = [&](int r) __attribute__((always_inline)) { return r == 0 ? w0 : r == 1 ? w1 : r == 2 ? w2 : w3; };
  __m256 acc[kX][kTile];
  clear(acc);
  i64 j = 0;
  for (; j + 16 <= n; j += 16, ahead.row0 += ahead.step, ahead.row1 += ahead.step) {
    _mm_prefetch(ahead.row0, _MM_HINT_T1);
    _mm_prefetch(ahead.row1, _MM_HINT_T1);
#pragma GCC unroll 2
    for (i64 l = j; l < j + 16; l += 8) {
      step(
          acc, [&](int r) { return F32::load(row(r) + l); }, [&](int i) { return F32::load(x + i * ldx + l); });
    }
  }
  if (j + 8 <= n) {
    step(
        acc, [&](int r) { return F32::load(row(r) + j); }, [&](int i) { return F32::load(x + i * ldx + j); });
    j += 8;
  }
  if (j < n) {
    step(
        acc, [&](int r) { return F32::load_tail(row(r) + j, n - j); },
        [&](int i) { return F32::load_tail(x + i * ldx + j, n - j); });
  }
#pragma GCC unroll 4
  for (int i = 0; i < kX; ++i) sums[i] = fold4(acc[i][0], acc[i][1], acc[i][2], acc[i][3]);
}

// Rows of the weight that make a tile: first, first + stride, …; those beyond `count` repeat the first.
struct Tile {
  i64 row[kTile];
  i64 count;
  bool adjacent;
  Tile(i64 first, i64 stride, i64 end) : count(0), adjacent(stride == 1) {
    for (i64 r = 0; r < kTile; ++r) {
      const bool inside = first + r * stride < end;
      row[r] = inside ? first + r * stride : first;
      count += inside;
    }
  }
};

// Adds one block's sums to an output row; the first block starts it, the last one adds the bias.
inline void store(const Tile& tile, __m128 sums, bool first, bool last, const float* bias, float* out) {
  if (tile.adjacent && tile.count == kTile) {
    float* to = out + tile.row[0];
    if (!first) sums = _mm_add_ps(_mm_loadu_ps(to), sums);
    if (last && bias) sums = _mm_add_ps(sums, _mm_loadu_ps(bias + tile.row[0]));
    _mm_storeu_ps(to, sums);
    return;
  }
  alignas(16) float value[kTile];
  _mm_store_ps(value, sums);
  for (i64 r = 0; r < tile.count; ++r) {
    float* to = out + tile.row[r];
    if (!first) value[r] = *to + value[r];
    *to = last && bias ? value[r] + bias[tile.row[r]] : value[r];
  }
}

// One tile and one block of k against rows [0, m) of x, in groups of at most three, as equal as they can be.
template <class T>
void run_tile(const Weight& w, const Tile& tile, const Tile& next, i64 k0, i64 next_k0, i64 n, const float* x, i64 m,
              const float* bias, float* out, i64 ldo) {
  using Element = typename T::Element;
  const Element* data = static_cast<const Element*>(w.data);
  const Element* rows[kTile];
  const char* ahead[kTile];
  for (i64 r = 0; r < kTile; ++r) {
    rows[r] = data + tile.row[r] * w.cols + k0;
    ahead[r] = reinterpret_cast<const char*>(data + next.row[r] * w.cols + next_k0);
  }
  alignas(64) float widened[kTile * kMaxBlock];
  const float* floats[kTile];
  if constexpr (sizeof(Element) == sizeof(float)) {  // f32 is read where it is
    for (i64 r = 0; r < kTile; ++r) floats[r] = rows[r];
  } else {
    widen<T>(rows, n, widened);
    for (i64 r = 0; r < kTile; ++r) floats[r] = widened + r * kMaxBlock;
  }
  const i64 groups = (m + kGroup - 1) / kGroup;
  const bool first = k0 == 0, last = k0 + n == w.cols;
  for (i64 g = 0, i = 0; g < groups; ++g) {
    const i64 size = m / groups + (g < m % groups);
    const Ahead fetch{ahead[(g & 1) * 2], ahead[(g & 1) * 2 + 1], g < 2 ? 16 * static_cast<i64>(sizeof(Element)) : 0};
    const float* xi = x + i * w.cols + k0;
    __m128 sums[kGroup];
    if (size == 3) {
      dot_tile<3>(floats, xi, w.cols, n, fetch, sums);
    } else if (size == 2) {
      dot_tile<2>(floats, xi, w.cols, n, fetch, sums);
    } else {
      dot_tile<1>(floats, xi, w.cols, n, fetch, sums);
    }
    for (i64 s = 0; s < size; ++s, ++i) store(tile, sums[s], first, last, bias, out + i * ldo);
  }
}

template <class T>
void run_tiles(const Weight& w, const float* x, i64 m, i64 begin, i64 end, const float* bias, float* out, i64 ldo) {
  const i64 k = w.cols, block = block_size(k), tiles = (end - begin + kTile - 1) / kTile;
  if (m * k <= kCacheFloats) {  // all of x stays in cache: whole rows, four long streams
    for (i64 t = 0; t < tiles; ++t) {
      const Tile tile(begin + t, tiles, end);
      for (i64 k0 = 0; k0 < k; k0 += block) {
        const bool wraps = k0 + block >= k;
        const Tile next(begin + t + (wraps && t + 1 < tiles), tiles, end);
        run_tile<T>(w, tile, next, k0, wraps ? 0 : k0 + block, wraps ? k - k0 : block, x, m, bias, out, ldo);
      }
    }
    return;
  }
  const i64 most = kCacheFloats / block / kGroup * kGroup;  // rows of x whose block stays in cache
  const i64 parts = (m + most - 1) / most, rows = (m + parts - 1) / parts;
  for (i64 i0 = 0; i0 < m; i0 += rows) {
    const i64 count = m - i0 < rows ? m - i0 : rows;
    for (i64 k0 = 0; k0 < k; k0 += block) {
      const i64 n = k - k0 < block ? k - k0 : block;
      for (i64 t = 0; t < tiles; ++t) {
        const Tile tile(begin + t * kTile, 1, end), next(begin + (t + 1 < tiles ? t + 1 : t) * kTile, 1, end);
        run_tile<T>(w, tile, next, k0, k0, n, x + i0 * k, count, bias, out + i0 * ldo, ldo);
      }
    }
  }
}

template <class T>
void run(const Weight& w, const void* prepared, i64 m, i64 begin, i64 end, const float* bias, float* out, i64 ldo) {
  const float* x = static_cast<const float*>(prepared);
  if (begin >= end) return;
  if (m == 1) {
    run_streams<T, 8>(w, x, m, begin, end, bias, out, ldo);
  } else if (m <= kStreamRows) {
    run_streams<T, 4>(w, x, m, begin, end, bias, out, ldo);
  } else {
    run_tiles<T>(w, x, m, begin, end, bias, out, ldo);
  }
}

}  // namespace

MatmulKernel matmul_dense(DType dtype, Numerics) {
  MatmulKernel kernel;
  kernel.grain = 16;
  switch (dtype) {
    case DType::kF32:
      kernel.run = run<F32>;
      break;
    case DType::kF16:
      kernel.run = run<F16>;
      break;
    case DType::kBF16:
      kernel.run = run<BF16>;
      break;
    default:
      break;
  }
  return kernel;
}

}  // namespace pareto::cpu::avx2
