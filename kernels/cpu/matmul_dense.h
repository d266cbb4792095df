// Dense products, for every vector width: weights read in place, row-major [n, k]. Included by matmul_dense_<isa>.cc
// alone, which say with a `Dot` what a vector is; everything has internal linkage (internal.h).
//
// One output element is the same sum for every m, whichever loop computes it:
//
//   k is cut into equal blocks of at most 1024          (a tile of the weight and the rows of x that meet it stay in
//   L1) in a block, one chain of multiply-adds of vectors over k, whose lanes are then folded in a fixed tree out =
//   ((block 0 + block 1) + block 2) + … + bias
//
// m ≤ 48: rows are read as 4 (m = 1: 8) streams that are far apart, straight into registers: a prefetcher follows a few
// long streams at the memory's full rate, where the short rows of one place leave it half idle. Rows of x beyond the
// first few meet the same rows of the weight once more, from cache.
// m > 48: a tile of 4 rows is widened to f32 once, into L1, and meets the rows of x a few at a time: as many chains as
// registers hold, which is what hides the latency of the multiply-adds. Meanwhile the next tile's rows are fetched.
//
//   struct Dot {
//     using WElement, XElement, TElement;        // as in the weight's file, in the prepared x, in a tile
//     using Sum, Operand;                        // registers: a chain; a vector of the weight or of x
//     static constexpr int kStep;                // values of k in a vector
//     static constexpr int kGroup;               // rows of x that meet a tile at a time: 4 kGroup chains
//     static constexpr bool kWiden;              // tiles are copies in TElement; else the rows themselves
//     static std::int64_t stride(k);             // elements from one prepared row of x to the next
//     static Sum zero();
//     static Operand load_w(const WElement*), load_x(const XElement*), load_tile(const TElement*);
//     static Operand load_w_tail(const WElement*, n), …;          // the last n < kStep, zeros behind them
//     static void store_tile(TElement*, Operand);                 // where kWiden
//     static void multiply_add(Sum&, Operand w, Operand x);
//     static __m128 fold4(Sum, Sum, Sum, Sum);                    // the sums of the lanes of four chains
//   };
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/kernels.h"

namespace pareto::cpu {
namespace {

using i64 = std::int64_t;

constexpr i64 kMaxBlock = 1024;          // k of one block
constexpr i64 kTile = 4;                 // rows of the weight in one tile
constexpr i64 kStreamRows = 48;          // up to so many rows of x the weight is not copied
constexpr i64 kCacheBytes = 256 * 1024;  // of x, that stay in L2 beside the tiles

template <class Dot>
struct Dense {
  using W = typename Dot::WElement;
  using X = typename Dot::XElement;
  using T = typename Dot::TElement;
  using Sum = typename Dot::Sum;
  static constexpr i64 kStep = Dot::kStep, kGroup = Dot::kGroup;

  static i64 block_size(i64 k) {
    const i64 blocks = (k + kMaxBlock - 1) / kMaxBlock;
    return ((k + blocks - 1) / blocks + kStep - 1) / kStep * kStep;
  }

  // sum[i][r] += w[r] · x[i] for one vector of each; all of it in registers.
  template <int kX, int kRows, class LoadW, class LoadX>
  static inline __attribute__((always_inline)) void step(Sum (&sum)[kX][kRows], LoadW load_w, LoadX load_x) {
    typename Dot::Operand x[kX];
#pragma GCC unroll 8
    for (int i = 0; i < kX; ++i) x[i] = load_x(i);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const typename Dot::Operand w = load_w(r);
#pragma GCC unroll 8
      for (int i = 0; i < kX; ++i) Dot::multiply_add(sum[i][r], w, x[i]);
    }
  }

  template <int kX, int kRows>
  static inline __attribute__((always_inline)) void clear(Sum (&sum)[kX][kRows]) {
#pragma GCC unroll 8
    for (int i = 0; i < kX; ++i) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) sum[i][r] = Dot::zero();
    }
  }

  // Calls f with the compile-time number kX that equals `size`, 1 ≤ size ≤ kX at the start.
  template <int kX>
  struct Constant {
    static constexpr int value = kX;
  };
  template <int kX, class F>
  static inline __attribute__((always_inline)) void with_size(i64 size, F f) {
    if constexpr (kX == 1) {
      f(Constant<1>{});
    } else if (size == kX) {
      f(Constant<kX>{});
    } else {
      with_size<kX - 1>(size, f);
    }
  }

  // One block's sums of kRows rows of the weight (pointers to the block's start in each) with kX rows of x:
  // sums[i][r / 4]. kRows is 4 or 8.
  template <int kX, int kRows>
  static inline __attribute__((always_inline)) void dot_block(const W* const* w, const X* x, i64 ldx, i64 n,
                                                              __m128 (&sums)[kX][kRows / 4]) {
    constexpr i64 kLine = 64 / sizeof(W), kAhead = 4 * kLine;
    Sum sum[kX][kRows];
    clear(sum);
    i64 j = 0;
    for (; j + kLine <= n; j += kLine) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) _mm_prefetch(reinterpret_cast<const char*>(w[r] + j + kAhead), _MM_HINT_T0);
#pragma GCC unroll 4
      for (i64 l = j; l < j + kLine; l += kStep) {
        step(
            sum, [&](int r) { return Dot::load_w(w[r] + l); }, [&](int i) { return Dot::load_x(x + i * ldx + l); });
      }
    }
    for (; j + kStep <= n; j += kStep) {
      step(
          sum, [&](int r) { return Dot::load_w(w[r] + j); }, [&](int i) { return Dot::load_x(x + i * ldx + j); });
    }
    if (j < n) {
      step(
          sum, [&](int r) { return Dot::load_w_tail(w[r] + j, n - j); },
          [&](int i) { return Dot::load_x_tail(x + i * ldx + j, n - j); });
    }
#pragma GCC unroll 8
    for (int i = 0; i < kX; ++i) {
#pragma GCC unroll 2
      for (int r = 0; r < kRows; r += 4) {
        sums[i][r / 4] = Dot::fold4(sum[i][r], sum[i][r + 1], sum[i][r + 2], sum[i][r + 3]);
      }
    }
  }

  // Rows of the weight straight from memory, in kRows streams, against kX rows of x.
  template <int kX, int kRows>
  static inline __attribute__((always_inline)) void run_stream_rows(const W* const* rows, const i64* row, i64 k,
                                                                    const X* x, const float* bias, float* out,
                                                                    i64 ldo) {
    const i64 block = block_size(k);
    __m128 total[kX][kRows / 4] = {};
    for (i64 k0 = 0; k0 < k; k0 += block) {
      const W* p[kRows];
      for (int r = 0; r < kRows; ++r) p[r] = rows[r] + k0;
      __m128 sums[kX][kRows / 4];
      dot_block<kX, kRows>(p, x + k0, Dot::stride(k), k - k0 < block ? k - k0 : block, sums);
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

  // Few rows of x: each row of the weight once from memory, for the first group of them, and from cache for the others.
  template <int kRows>
  static void run_streams(const Weight& w, const X* x, i64 m, i64 begin, i64 end, const float* bias, float* out,
                          i64 ldo) {
    const W* data = static_cast<const W*>(w.data);
    const i64 k = w.cols, streams = (end - begin + kRows - 1) / kRows, groups = (m + kGroup - 1) / kGroup;
    for (i64 s = 0; s < streams; ++s) {
      i64 row[kRows];
      const W* p[kRows];
      for (int r = 0; r < kRows; ++r) {  // the last stream may be shorter: it repeats the last row
        row[r] = begin + s + r * streams;
        if (row[r] >= end) row[r] = end - 1;
        p[r] = data + row[r] * k;
      }
      if constexpr (kRows == 8) {
        run_stream_rows<1, 8>(p, row, k, x, bias, out, ldo);
      } else {
        for (i64 g = 0, i = 0; g < groups; ++g) {
          const i64 size = m / groups + (g < m % groups);
          with_size<kGroup>(
              size, [&](auto n) __attribute__((always_inline)) {
                run_stream_rows<n.value, 4>(p, row, k, x + i * Dot::stride(k), bias, out + i * ldo, ldo);
              });
          i += size;
        }
      }
    }
  }

  // Copies n values of each row of a tile, zeros behind them up to a whole vector; row r goes to tile + r * kMaxBlock.
  static void widen(const W* const* rows, i64 n, T* tile) {
    for (i64 r = 0; r < kTile; ++r) {
      const W* p = rows[r];
      T* to = tile + r * kMaxBlock;
      i64 j = 0;
      for (; j + kStep <= n; j += kStep) Dot::store_tile(to + j, Dot::load_w(p + j));
      if (j < n) Dot::store_tile(to + j, Dot::load_w_tail(p + j, n - j));
    }
  }

  // Fetches the part of the next tile's rows that falls to group `g` of `groups`, `n` values of each row, into L2.
  static void fetch(const W* const* rows, i64 n, i64 g, i64 groups) {
    const i64 lines = (n * static_cast<i64>(sizeof(W)) + 63) / 64, all = lines * kTile;
    for (i64 l = all * g / groups; l < all * (g + 1) / groups; ++l) {
      _mm_prefetch(reinterpret_cast<const char*>(rows[l / lines]) + l % lines * 64, _MM_HINT_T1);
    }
  }

  // The sums of a tile's rows with kX rows of x. A function of its own: inlined, its registers would be spilled.
  template <int kX>
  static __attribute__((noinline)) void dot_tile(const T* const* w, const X* x, i64 ldx, i64 n, __m128* sums) {
    const T *w0 = w[0], *w1 = w[1], *w2 = w[2], *w3 = w[3];
    const auto row = [&](int r) __attribute__((always_inline)) { return r == 0 ? w0 : r == 1 ? w1 : r == 2 ? w2 : w3; };
    Sum sum[kX][kTile];
    clear(sum);
    i64 j = 0;
#pragma GCC unroll 2
    for (; j + kStep <= n; j += kStep) {
      step(
          sum, [&](int r) { return Dot::load_tile(row(r) + j); }, [&](int i) { return Dot::load_x(x + i * ldx + j); });
    }
    if (j < n) {
      step(
          sum, [&](int r) { return Dot::load_tile_tail(row(r) + j, n - j); },
          [&](int i) { return Dot::load_x_tail(x + i * ldx + j, n - j); });
    }
#pragma GCC unroll 8
    for (int i = 0; i < kX; ++i) sums[i] = Dot::fold4(sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
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
  static inline __attribute__((always_inline)) void store(const Tile& tile, __m128 sums, bool first, bool last,
                                                          const float* bias, float* out) {
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

  // One tile and one block of k against rows [0, m) of x, in groups as equal as they can be.
  static void run_tile(const Weight& w, const Tile& tile, const Tile& next, i64 k0, i64 next_k0, i64 n, const X* x,
                       i64 m, const float* bias, float* out, i64 ldo) {
    const W* data = static_cast<const W*>(w.data);
    const W* rows[kTile];
    const W* ahead[kTile];
    for (i64 r = 0; r < kTile; ++r) {
      rows[r] = data + tile.row[r] * w.cols + k0;
      ahead[r] = data + next.row[r] * w.cols + next_k0;
    }
    alignas(64) T copy[Dot::kWiden ? kTile * kMaxBlock : 1];
    const T* values[kTile];
    if constexpr (Dot::kWiden) {
      widen(rows, n, copy);
      for (i64 r = 0; r < kTile; ++r) values[r] = copy + r * kMaxBlock;
    } else {
      for (i64 r = 0; r < kTile; ++r) values[r] = rows[r];
    }
    const i64 groups = (m + kGroup - 1) / kGroup, ldx = Dot::stride(w.cols);
    const bool first = k0 == 0, last = k0 + n == w.cols;
    for (i64 g = 0, i = 0; g < groups; ++g) {
      const i64 size = m / groups + (g < m % groups);
      fetch(ahead, n, g, groups);
      __m128 sums[kGroup];
      with_size<kGroup>(
          size, [&](auto count)
                    __attribute__((always_inline)) { dot_tile<count.value>(values, x + i * ldx + k0, ldx, n, sums); });
      for (i64 s = 0; s < size; ++s, ++i) store(tile, sums[s], first, last, bias, out + i * ldo);
    }
  }

  static void run_tiles(const Weight& w, const X* x, i64 m, i64 begin, i64 end, const float* bias, float* out,
                        i64 ldo) {
    const i64 k = w.cols, block = block_size(k), tiles = (end - begin + kTile - 1) / kTile, ldx = Dot::stride(k);
    if (m * ldx * static_cast<i64>(sizeof(X)) <=
        kCacheBytes) {  // all of x stays in cache: whole rows, four long streams
      for (i64 t = 0; t < tiles; ++t) {
        const Tile tile(begin + t, tiles, end);
        for (i64 k0 = 0; k0 < k; k0 += block) {
          const bool wraps = k0 + block >= k;
          const Tile next(begin + t + (wraps && t + 1 < tiles), tiles, end);
          run_tile(w, tile, next, k0, wraps ? 0 : k0 + block, wraps ? k - k0 : block, x, m, bias, out, ldo);
        }
      }
      return;
    }
    const i64 most = kCacheBytes / (block * static_cast<i64>(sizeof(X))) / kGroup * kGroup;  // a block of them fits
    const i64 parts = (m + most - 1) / most, rows = (m + parts - 1) / parts;
    for (i64 i0 = 0; i0 < m; i0 += rows) {
      const i64 count = m - i0 < rows ? m - i0 : rows;
      for (i64 k0 = 0; k0 < k; k0 += block) {
        const i64 n = k - k0 < block ? k - k0 : block;
        for (i64 t = 0; t < tiles; ++t) {
          const Tile tile(begin + t * kTile, 1, end), next(begin + (t + 1 < tiles ? t + 1 : t) * kTile, 1, end);
          run_tile(w, tile, next, k0, k0, n, x + i0 * ldx, count, bias, out + i0 * ldo, ldo);
        }
      }
    }
  }

  // MatmulKernel::run.
  static void run(const Weight& w, const void* prepared, i64 m, i64 begin, i64 end, const float* bias, float* out,
                  i64 ldo) {
    const X* x = static_cast<const X*>(prepared);
    if (begin >= end) return;
    if (m == 1) {
      run_streams<8>(w, x, m, begin, end, bias, out, ldo);
    } else if (m <= kStreamRows) {
      run_streams<4>(w, x, m, begin, end, bias, out, ldo);
    } else {
      run_tiles(w, x, m, begin, end, bias, out, ldo);
    }
  }
};

// ((0+1)+(2+3)) + ((4+5)+(6+7)) of the lanes of each.
inline __attribute__((always_inline)) __m128 fold4_256(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256 halves = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}

}  // namespace
}  // namespace pareto::cpu
