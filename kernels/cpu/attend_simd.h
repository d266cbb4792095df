// Attention over the paged cache, written on Simd (simd_<isa>.h, included before this file).
//
// One call takes tiles of consecutive queries, one kv head at a time. A row is one (query, head of the group): all of a
// group's heads share each K and V row that is read. Keys are folded in blocks [0, 128), [128, 256), … of positions:
//
//   K block → Kt[head_dim, 128] f32, transposed     S[row, key]  = Σ_d q[row, d] · Kt[d, key], one fma after the other
//   V block → V[128, head_dim] f32                  acc[row, d]  = acc[row, d] · 2^(m - m') + Σ_key P[row, key] ·
//   V[key, d] m' = max(m, S), P = 2^(S - m') (log2 e and the scale are in q), l = l · 2^(m - m') + Σ P; out = acc / l
//
// Keys that a row does not see have P = 0 exactly and blocks without any seen key leave (m, l, acc) as they are: so a
// row's bits depend on its own position alone, not on the rows beside it, pages or chunks. Every sum is in the order of
// the positions (Σ P: in lanes of position modulo Simd::kWidth).
#pragma once

#include <cstddef>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/simd_exp.h"

namespace pareto::cpu {
namespace {

constexpr int kKeys = kAttendBlock;
constexpr int kRowTile = 6;      // rows whose scores are held in registers together
constexpr int kStreamRows = 16;  // up to this many rows wait for memory: the next rows are asked for in advance
constexpr float kNoMaximum = -1e30f;

constexpr std::int64_t align_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }
inline int min_int(int a, int b) { return a < b ? a : b; }
inline int max_int(int a, int b) { return a > b ? a : b; }

// Queries of one tile: enough rows to pay for a block's conversion, few enough to stay in the second-level cache.
inline int tile_queries(int head_dim, int group) { return max_int(1, (head_dim <= 128 ? 128 : 64) / group); }

struct Scratch {
  float* keys;    // (head_dim, 128)
  float* values;  // (128, padded head_dim)
  float* q;       // (rows, head_dim), times scale · log2 e
  float* acc;     // (rows, padded head_dim)
  float* max;     // (rows)
  float* sum;     // (rows)
  float* scores;  // (kRowTile, 128)
};

inline std::int64_t padded_dim(int head_dim) { return align_up(head_dim, Simd::kWidth); }

// Lays the parts out from `at` (null: only counts), each at a multiple of 64 bytes; returns the bytes.
inline std::size_t lay_out(int head_dim, int group, float* at, Scratch& s) {
  const std::int64_t rows = static_cast<std::int64_t>(tile_queries(head_dim, group)) * group;
  std::int64_t used = 0;
  const auto take = [&](std::int64_t floats) {
    float* const part = at ? at + used : nullptr;
    used += align_up(floats, 16);
    return part;
  };
  s.keys = take(static_cast<std::int64_t>(head_dim) * kKeys);
  s.values = take(kKeys * padded_dim(head_dim));
  s.q = take(rows * head_dim);
  s.acc = take(rows * padded_dim(head_dim));
  s.max = take(rows);
  s.sum = take(rows);
  s.scores = take(kRowTile * kKeys);
  return static_cast<std::size_t>(used) * sizeof(float);
}

// Where the rows of one kv head lie.
struct HeadRows {
  const char* k;
  const char* v;
  const std::int32_t* slots;
  DType dtype;
  int head_dim, shift;                 // page_size = 1 << shift
  std::int64_t page_bytes, row_bytes;  // from one page to the next; of one row

  std::int64_t at(std::int64_t position) const {
    const std::int32_t slot = slots[position];
    return (slot >> shift) * page_bytes + (slot & ((1 << shift) - 1)) * row_bytes;
  }
  void prefetch(const char* base, std::int64_t begin, std::int64_t end) const {
    for (std::int64_t p = begin; p < end; ++p) {
      const char* row = base + at(p);
      for (std::int64_t b = 0; b < row_bytes; b += 64) _mm_prefetch(row + b, _MM_HINT_T0);
    }
  }
};

inline HeadRows rows_of_head(const KvCache& c, const std::int32_t* slots, int head) {
  HeadRows r{};
  r.slots = slots;
  r.dtype = c.dtype;
  r.head_dim = c.head_dim;
  while ((1 << r.shift) < c.page_size) ++r.shift;
  r.row_bytes = static_cast<std::int64_t>(c.head_dim) * (c.dtype == DType::kF32 ? 4 : 2);
  r.page_bytes = r.row_bytes * c.page_size * c.kv_heads;
  r.k = static_cast<const char*>(c.k) + head * r.row_bytes * c.page_size;
  r.v = static_cast<const char*>(c.v) + head * r.row_bytes * c.page_size;
  return r;
}

template <DType kType>
inline Simd::F load_as_f32(const char* row, std::int64_t i) {
  if constexpr (kType == DType::kF32) return Simd::load(reinterpret_cast<const float*>(row) + i);
  const auto* h = reinterpret_cast<const std::uint16_t*>(row) + i;
  if constexpr (kType == DType::kF16) return Simd::load_f16(h);
  return Simd::load_bf16(h);
}

// row[0, n) to f32; out[n, padded) is zero. Nothing beyond the row is read.
template <DType kType>
inline void widen_row(const char* row, int n, int padded, float* out) {
  constexpr int kWidth = Simd::kWidth;
  int i = 0;
  for (; i + kWidth <= n; i += kWidth) Simd::store(out + i, load_as_f32<kType>(row, i));
  if (i == padded) return;
  constexpr int kBytes = kType == DType::kF32 ? 4 : 2;
  alignas(64) char last[kWidth * 4] = {};
  __builtin_memcpy(last, row + i * kBytes, static_cast<std::size_t>((n - i) * kBytes));
  Simd::store(out + i, load_as_f32<kType>(last, 0));
}

// x[8][8] at a stride of `from` floats → out[8][8] at a stride of `to`, transposed.
inline void transpose8(const float* x, std::int64_t from, float* out, std::int64_t to) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(x + i * from);
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(out + i * to, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(out + (i + 4) * to, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

// Positions [block + begin, block + end) of K into the columns [begin, end) of keys (head_dim, 128). Columns up to the
// next multiple of 8 on both sides are zero.
template <DType kType>
void convert_keys(const HeadRows& rows, std::int64_t block, int begin, int end, float* keys) {
  constexpr int kMost = 256;  // dimensions at a time
  alignas(64) float wide[8][kMost + 16];
  constexpr int kBytes = kType == DType::kF32 ? 4 : 2;
  for (int j = begin / 8 * 8; j < end; j += 8) {
    for (int d0 = 0; d0 < rows.head_dim; d0 += kMost) {
      const int n = min_int(kMost, rows.head_dim - d0), padded = static_cast<int>(align_up(n, Simd::kWidth));
      for (int i = 0; i < 8; ++i) {
        if (j + i < begin || j + i >= end)
          for (int d = 0; d < padded; d += Simd::kWidth) Simd::store(wide[i] + d, Simd::zero());
        else
          widen_row<kType>(rows.k + rows.at(block + j + i) + d0 * kBytes, n, padded, wide[i]);
      }
      int d = 0;
      for (; d + 8 <= n; d += 8)
        transpose8(wide[0] + d, kMost + 16, keys + static_cast<std::int64_t>(d0 + d) * kKeys + j, kKeys);
      for (; d < n; ++d) {
        for (int i = 0; i < 8; ++i) keys[static_cast<std::int64_t>(d0 + d) * kKeys + j + i] = wide[i][d];
      }
    }
  }
}

template <DType kType>
void convert_values(const HeadRows& rows, std::int64_t block, int begin, int end, float* values) {
  const int padded = static_cast<int>(padded_dim(rows.head_dim));
  for (int j = begin; j < end; ++j)
    widen_row<kType>(rows.v + rows.at(block + j), rows.head_dim, padded,
                     values + static_cast<std::int64_t>(j) * padded);
}

// What the keys of one block are asked for.
struct BlockTask {
  HeadRows rows;
  Scratch s;
  std::int64_t block;  // its first position
  int begin, end;      // the positions in it that any row of the tile sees, from its first one
  bool streaming;
};

// Scores of kRows rows with the keys [begin, end), multiples of Simd::kWidth, kCols vectors at a time.
template <int kRows, int kCols>
inline int score_columns(const float* q, int head_dim, const float* keys, int j, int end, float* scores) {
  using S = Simd;
  for (; j + kCols * S::kWidth <= end; j += kCols * S::kWidth) {
    S::F acc[kRows][kCols];
    for (auto& row : acc)
      for (auto& a : row) a = S::zero();
    const float* key = keys + j;
    for (int d = 0; d < head_dim; ++d, key += kKeys) {
      S::F k[kCols];
      for (int c = 0; c < kCols; ++c) k[c] = S::load(key + c * S::kWidth);
      for (int r = 0; r < kRows; ++r) {
        const S::F x = S::set(q[r * head_dim + d]);
        for (int c = 0; c < kCols; ++c) acc[r][c] = S::fma(x, k[c], acc[r][c]);
      }
    }
    for (int r = 0; r < kRows; ++r)
      for (int c = 0; c < kCols; ++c) S::store(scores + r * kKeys + j + c * S::kWidth, acc[r][c]);
  }
  return j;
}

// acc[r, :] = acc[r, :] · keep[r] + Σ_j P[r, j] V[j, :], j in [begin, end), for the vectors [d, …) of the row.
template <int kRows, int kCols>
inline int value_columns(const float* scores, const float* values, std::int64_t padded, int begin, int end,
                         const float* keep, int d, float* acc) {
  using S = Simd;
  for (; d + kCols * S::kWidth <= padded; d += kCols * S::kWidth) {
    S::F sum[kRows][kCols];
    for (int r = 0; r < kRows; ++r) {
      const S::F k = S::set(keep[r]);
      for (int c = 0; c < kCols; ++c) sum[r][c] = S::mul(S::load(acc + r * padded + d + c * S::kWidth), k);
    }
    const float* v = values + begin * padded + d;
    for (int j = begin; j < end; ++j, v += padded) {
      S::F x[kCols];
      for (int c = 0; c < kCols; ++c) x[c] = S::load(v + c * S::kWidth);
      for (int r = 0; r < kRows; ++r) {
        const S::F p = S::set(scores[r * kKeys + j]);
        for (int c = 0; c < kCols; ++c) sum[r][c] = S::fma(p, x[c], sum[r][c]);
      }
    }
    for (int r = 0; r < kRows; ++r)
      for (int c = 0; c < kCols; ++c) S::store(acc + r * padded + d + c * S::kWidth, sum[r][c]);
  }
  return d;
}

// scores[0, 128) → P in place for one row that sees the keys [lo, hi) of the block; [begin, end) are the columns that
// its tile looks at. Updates the row's maximum and sum; returns what its older sums are multiplied by.
inline float fold_row(float* scores, int begin, int end, int lo, int hi, float& max, float& sum) {
  using S = Simd;
  const S::F never = S::set(-__builtin_inff());
  S::F top = never;
  for (int j = begin; j < end; j += S::kWidth) {
    S::F s = S::load(scores + j);
    if (j < lo || j + S::kWidth > hi) {
      s = S::select_lanes(s, never, lo - j, hi - j);
      S::store(scores + j, s);
    }
    top = S::max(top, s);
  }
  const float block_max = S::max_lane(top);
  const float new_max = block_max > max ? block_max : max;
  const S::F m = S::set(new_max);
  S::F total = S::zero();
  for (int j = begin; j < end; j += S::kWidth) {
    const S::F p = exp2(S::sub(S::load(scores + j), m));
    S::store(scores + j, p);
    total = S::add(total, p);
  }
  alignas(64) float keep[S::kWidth];
  S::store(keep, exp2(S::set(max - new_max)));
  sum = __builtin_fmaf(sum, keep[0], S::sum(total));
  max = new_max;
  return keep[0];
}

// How many vectors of accumulators a row tile takes: enough to hide the latency of fma, few enough for the registers.
template <int kRows>
constexpr int columns() {
  if (Simd::kWidth == 16) return kRows == 1 ? 8 : 4;
  return kRows == 1 ? 8 : kRows == 2 ? 4 : 2;
}

struct RowTile {
  int first;                       // its first row in the tile of queries
  int lo[kRowTile], hi[kRowTile];  // the keys of the block that each row sees
};

template <int kRows>
void fold_tile(const BlockTask& t, const RowTile& tile) {
  constexpr int kCols = columns<kRows>();
  const int head_dim = t.rows.head_dim;
  const std::int64_t padded = padded_dim(head_dim);
  const float* q = t.s.q + static_cast<std::int64_t>(tile.first) * head_dim;
  float* acc = t.s.acc + tile.first * padded;
  int lo = tile.lo[0], hi = tile.hi[0];
  for (int r = 1; r < kRows; ++r) lo = min_int(lo, tile.lo[r]), hi = max_int(hi, tile.hi[r]);
  if (lo >= hi) return;
  const int begin = lo / Simd::kWidth * Simd::kWidth;
  const int end = static_cast<int>(align_up(hi, Simd::kWidth));
  int j = score_columns<kRows, kCols>(q, head_dim, t.s.keys, begin, end, t.s.scores);
  if constexpr (kCols > 2) j = score_columns<kRows, 2>(q, head_dim, t.s.keys, j, end, t.s.scores);
  score_columns<kRows, 1>(q, head_dim, t.s.keys, j, end, t.s.scores);

  float keep[kRows];
  for (int r = 0; r < kRows; ++r) {
    const int row = tile.first + r;
    keep[r] = fold_row(t.s.scores + r * kKeys, begin, end, tile.lo[r], tile.hi[r], t.s.max[row], t.s.sum[row]);
  }
  int d = value_columns<kRows, kCols>(t.s.scores, t.s.values, padded, lo, hi, keep, 0, acc);
  if constexpr (kCols > 2) d = value_columns<kRows, 2>(t.s.scores, t.s.values, padded, lo, hi, keep, d, acc);
  value_columns<kRows, 1>(t.s.scores, t.s.values, padded, lo, hi, keep, d, acc);
}

void fold_rows(const BlockTask& t, const RowTile& tile, int rows) {
  switch (rows) {
    case 1:
      return fold_tile<1>(t, tile);
    case 2:
      return fold_tile<2>(t, tile);
    case 3:
      return fold_tile<3>(t, tile);
    case 4:
      return fold_tile<4>(t, tile);
    case 5:
      return fold_tile<5>(t, tile);
    default:
      return fold_tile<6>(t, tile);
  }
}

void convert_keys(const BlockTask& t) {
  switch (t.rows.dtype) {
    case DType::kF32:
      return convert_keys<DType::kF32>(t.rows, t.block, t.begin, t.end, t.s.keys);
    case DType::kF16:
      return convert_keys<DType::kF16>(t.rows, t.block, t.begin, t.end, t.s.keys);
    default:
      return convert_keys<DType::kBF16>(t.rows, t.block, t.begin, t.end, t.s.keys);
  }
}

void convert_values(const BlockTask& t) {
  switch (t.rows.dtype) {
    case DType::kF32:
      return convert_values<DType::kF32>(t.rows, t.block, t.begin, t.end, t.s.values);
    case DType::kF16:
      return convert_values<DType::kF16>(t.rows, t.block, t.begin, t.end, t.s.values);
    default:
      return convert_values<DType::kBF16>(t.rows, t.block, t.begin, t.end, t.s.values);
  }
}

// The first position that the query at `position` sees.
inline std::int64_t first_seen(std::int64_t position, int window) {
  return window > 0 && position + 1 > window ? position + 1 - window : 0;
}

// Queries at positions [first, first + queries), all rows of one kv head, against all blocks that they see.
void attend_tile(const HeadRows& rows, const Scratch& s, std::int64_t first, int queries, int group, int window) {
  const int total = queries * group, tiles = (total + kRowTile - 1) / kRowTile;
  const std::int64_t from = first_seen(first, window), to = first + queries;
  BlockTask t{rows, s, from / kKeys * kKeys, 0, 0, total <= kStreamRows};
  if (t.streaming) rows.prefetch(rows.k, from, t.block + (to - t.block < kKeys ? to - t.block : kKeys));
  for (; t.block < to; t.block += kKeys) {
    t.begin = static_cast<int>(from > t.block ? from - t.block : 0);
    t.end = static_cast<int>(to - t.block < kKeys ? to - t.block : kKeys);
    if (t.streaming) rows.prefetch(rows.v, t.block + t.begin, t.block + t.end);
    convert_keys(t);
    convert_values(t);
    if (t.streaming && t.block + kKeys < to) {
      const std::int64_t next = t.block + kKeys;
      rows.prefetch(rows.k, next, to - next < kKeys ? to : next + kKeys);
    }
    for (int i = 0; i < tiles; ++i) {
      RowTile tile;
      tile.first = total * i / tiles;
      const int n = total * (i + 1) / tiles - tile.first;
      for (int r = 0; r < n; ++r) {
        const std::int64_t position = first + (tile.first + r) / group;
        const std::int64_t lo = first_seen(position, window) - t.block, hi = position + 1 - t.block;
        tile.lo[r] = static_cast<int>(lo < 0 ? 0 : lo < kKeys ? lo : kKeys);
        tile.hi[r] = static_cast<int>(hi < 0 ? 0 : hi < kKeys ? hi : kKeys);
      }
      fold_rows(t, tile, n);
    }
  }
}

inline std::size_t simd_attend_scratch(int head_dim, int group) {
  Scratch s;
  return lay_out(head_dim, group, nullptr, s);
}

inline void simd_attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale,
                        int window, int q0, int q1, int h0, int h1, void* scratch, float* out) {
  using S = Simd;
  const int head_dim = cache.head_dim, group = heads / cache.kv_heads;
  const std::int64_t padded = padded_dim(head_dim);
  Scratch s;
  lay_out(head_dim, group, static_cast<float*>(scratch), s);
  const S::F factor = S::set(scale * 1.44269504f);
  const int most = tile_queries(head_dim, group);
  for (int h = h0; h < h1; ++h) {
    const HeadRows rows = rows_of_head(cache, sequence.slots, h);
    for (int i0 = q0; i0 < q1; i0 += most) {
      const int n = min_int(most, q1 - i0), width = group * head_dim;
      const std::int64_t base =
          (static_cast<std::int64_t>(i0) * heads + static_cast<std::int64_t>(h) * group) * head_dim;
      for (int i = 0; i < n; ++i) {
        const float* from = q + base + static_cast<std::int64_t>(i) * heads * head_dim;
        for (int d = 0; d < width; d += S::kWidth)
          S::store(s.q + i * width + d, S::mul(S::load(from + d, width - d), factor), width - d);
      }
      for (int r = 0; r < n * group; ++r) s.max[r] = kNoMaximum, s.sum[r] = 0;
      for (std::int64_t d = 0; d < n * group * padded; d += S::kWidth) S::store(s.acc + d, S::zero());
      attend_tile(rows, s, sequence.kv_len - sequence.q_len + i0, n, group, window);
      for (int r = 0; r < n * group; ++r) {
        float* to = out + base + (static_cast<std::int64_t>(r / group) * heads + r % group) * head_dim;
        const S::F sum = S::set(s.sum[r]);
        // + 0: a sum of zero weights may have either sign, depending on how many of them were looked at.
        for (int d = 0; d < head_dim; d += S::kWidth)
          S::store(to + d, S::add(S::div(S::load(s.acc + r * padded + d), sum), S::zero()), head_dim - d);
      }
    }
  }
}

}  // namespace
}  // namespace pareto::cpu
