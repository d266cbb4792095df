// Attention over the paged cache, written on Simd (simd_<isa>.h, included before this file).
//
// One call takes tiles of consecutive queries, one kv head at a time. A row is one (query, head of the group): all of a
// group's heads share each K and V row that is read. Keys are folded in blocks [0, 128), [128, 256), … of positions:
//
//   K block → Kt[head_dim, 128] f32           S[row, key] = Σ_d q[row, d] · Kt[d, key], one fma after the other
//   m' = max(m, S), P = 2^(S - m')            q holds scale · log2 e;  l = l · 2^(m - m') + Σ_key P
//   V block → V[128, head_dim] f32            acc[row, d] = acc[row, d] · 2^(m - m') + Σ_key P[row, key] · V[key, d]
//   at the end                                out = acc / l
//
// Keys that a row does not see have P = 0 exactly and blocks without any seen key leave (m, l, acc) as they are: so a
// row's bits depend on its own position alone, not on the rows beside it, pages or chunks. Every sum is in the order of
// the positions (Σ P: in lanes of position modulo Simd::kWidth).
#pragma once

#include <cstddef>

#include "kernels/cpu/attend_cache_simd.h"
#include "kernels/cpu/attend_softmax_simd.h"

namespace pareto::cpu {
namespace {

constexpr int kKeyStride = kKeys + 16;  // of Kt's rows, in f32: at a power of two a column would fill one cache set
constexpr int kRowTile = 6;             // rows whose scores are held in registers together
// Up to kStreamRows rows, a block is converted in parts of kPartKeys, which stay in the first-level cache, and the next
// block's rows are asked for meanwhile.
constexpr int kStreamRows = 16, kPartKeys = 64;

// Queries of one tile: enough rows to pay for a block's conversion, few enough to stay in the second-level cache.
inline int tile_queries(int head_dim, int group) { return max_int(1, (head_dim <= 128 ? 128 : 64) / group); }

struct Scratch {
  float* keys;    // (head_dim, 128), rows kKeyStride apart
  float* values;  // (128, padded head_dim)
  float* q;       // (rows, head_dim), times scale · log2 e
  float* acc;     // (rows, padded head_dim)
  float* max;     // (rows)
  float* sum;     // (rows)
  float* scores;  // (kStreamRows, 128)
};

// Lays the parts out from `at` (null: only counts), each at a multiple of 64 bytes; returns the bytes.
inline std::size_t lay_out(int head_dim, int group, float* at, Scratch& s) {
  const std::int64_t rows = static_cast<std::int64_t>(tile_queries(head_dim, group)) * group;
  std::int64_t used = 0;
  const auto take = [&](std::int64_t floats) {
    float* const part = at ? at + used : nullptr;
    used += align_up(floats, 16);
    return part;
  };
  s.keys = take(static_cast<std::int64_t>(head_dim) * kKeyStride);
  s.values = take(kKeys * padded_dim(head_dim));
  s.q = take(rows * head_dim);
  s.acc = take(rows * padded_dim(head_dim));
  s.max = take(rows);
  s.sum = take(rows);
  s.scores = take(kStreamRows * kKeys);
  return static_cast<std::size_t>(used) * sizeof(float);
}

// Scores of kRows rows with the keys [j, end), multiples of Simd::kWidth, kCols vectors at a time; `keys` and `scores`
// begin with key 0.
template <int kRows, int kCols>
inline int score_columns(const float* q, int head_dim, const float* keys, int stride, int j, int end, float* scores) {
  using S = Simd;
  for (; j + kCols * S::kWidth <= end; j += kCols * S::kWidth) {
    S::F acc[kRows][kCols];
    for (auto& row : acc)
      for (auto& a : row) a = S::zero();
    const float* key = keys + j;
    for (int d = 0; d < head_dim; ++d, key += stride) {
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

// Where a tile finds V: key j's values [d, d + kWidth).
struct WideValues {  // converted
  const float* values;
  std::int64_t padded;
  Simd::F load(int j, std::int64_t d) const { return Simd::load(values + j * padded + d); }
};
template <DType kType>
struct RowValues {  // in the cache
  const char* const* row;
  Simd::F load(int j, std::int64_t d) const { return load_as_f32<kType>(row[j], d); }
};

// acc[r, :] = acc[r, :] · keep[r] + Σ_j P[r, j] V[j, :], j in [begin, end), for the vectors [d, …) of the row; `scores`
// and `values` begin with key 0.
template <int kRows, int kCols, class Values>
inline int value_columns(const float* scores, Values values, std::int64_t padded, int begin, int end, const float* keep,
                         int d, float* acc) {
  using S = Simd;
  for (; d + kCols * S::kWidth <= padded; d += kCols * S::kWidth) {
    S::F sum[kRows][kCols];
    for (int r = 0; r < kRows; ++r) {
      const S::F k = S::set(keep[r]);
      for (int c = 0; c < kCols; ++c) sum[r][c] = S::mul(S::load(acc + r * padded + d + c * S::kWidth), k);
    }
    for (int j = begin; j < end; ++j) {
      S::F x[kCols];
      for (int c = 0; c < kCols; ++c) x[c] = values.load(j, d + c * S::kWidth);
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

// How many vectors of accumulators a row tile takes: enough to hide the latency of fma, few enough for the registers.
template <int kRows>
constexpr int columns() {
  if (Simd::kWidth == 16) return kRows == 1 ? 8 : 4;
  return kRows == 1 ? 8 : kRows == 2 ? 4 : 2;
}

// Some consecutive rows of a tile of queries, and the keys of the block that they see.
struct RowTile {
  int first, rows;
  int lo[kRowTile], hi[kRowTile];  // of each row
  int begin, end;                  // of any of them
  float keep[kRowTile];            // what a row's older sums are multiplied by
};

// Tile i of `tiles` of the rows of `queries` queries, `first` being the position of the first one.
RowTile row_tile(int i, int tiles, std::int64_t first, int queries, int group, int window, std::int64_t block) {
  RowTile tile{};
  tile.first = queries * group * i / tiles;
  tile.rows = queries * group * (i + 1) / tiles - tile.first;
  tile.begin = kKeys;
  for (int r = 0; r < tile.rows; ++r) {
    const std::int64_t position = first + (tile.first + r) / group;
    tile.lo[r] = clamp_key(first_seen(position, window) - block);
    tile.hi[r] = clamp_key(position + 1 - block);
    tile.begin = min_int(tile.begin, tile.lo[r]);
    tile.end = max_int(tile.end, tile.hi[r]);
  }
  return tile;
}

template <int kRows>
struct Rows {
  static constexpr int value = kRows;
};

template <class Body>
inline void with_rows(int rows, Body body) {
  switch (rows) {
    case 1:
      return body(Rows<1>{});
    case 2:
      return body(Rows<2>{});
    case 3:
      return body(Rows<3>{});
    case 4:
      return body(Rows<4>{});
    case 5:
      return body(Rows<5>{});
    default:
      return body(Rows<6>{});
  }
}

// The tile's scores with the part's keys; `scores` is the tile's (rows, 128).
void score(const RowTile& tile, const Part& part, const Scratch& s, int head_dim, float* scores) {
  const int lo = max_int(tile.begin, part.begin), hi = min_int(tile.end, part.end);
  if (lo >= hi) return;
  const int begin = lo / Simd::kWidth * Simd::kWidth, end = static_cast<int>(align_up(hi, Simd::kWidth));
  const float* q = s.q + static_cast<std::int64_t>(tile.first) * head_dim;
  const float* keys = s.keys - part.origin;
  with_rows(tile.rows, [&](auto rows) {
    constexpr int kRows = decltype(rows)::value, kCols = columns<kRows>();
    int j = score_columns<kRows, kCols>(q, head_dim, keys, part.stride, begin, end, scores);
    if constexpr (kCols > 2) j = score_columns<kRows, 2>(q, head_dim, keys, part.stride, j, end, scores);
    score_columns<kRows, 1>(q, head_dim, keys, part.stride, j, end, scores);
  });
}

// The tile's scores of the whole block → P, with the rows' maxima and sums.
void fold(RowTile& tile, const Scratch& s, float* scores) {
  if (tile.begin >= tile.end) return;
  const int begin = tile.begin / Simd::kWidth * Simd::kWidth;
  const int end = static_cast<int>(align_up(tile.end, Simd::kWidth));
  fold_rows(scores, tile.rows, begin, end, tile.lo, tile.hi, s.max + tile.first, s.sum + tile.first, tile.keep,
            StoreWeights{scores});
}

// Adds the values of the keys [begin, end) to the tile's accumulators, which are first multiplied by `keep`, once.
template <class Values>
void add_values(RowTile& tile, int begin, int end, Values values, const Scratch& s, std::int64_t padded,
                const float* scores) {
  const int lo = max_int(tile.begin, begin), hi = min_int(tile.end, end);
  if (lo >= hi) return;
  float* acc = s.acc + tile.first * padded;
  with_rows(tile.rows, [&](auto rows) {
    constexpr int kRows = decltype(rows)::value, kCols = columns<kRows>();
    int d = value_columns<kRows, kCols>(scores, values, padded, lo, hi, tile.keep, 0, acc);
    if constexpr (kCols > 2) d = value_columns<kRows, 2>(scores, values, padded, lo, hi, tile.keep, d, acc);
    value_columns<kRows, 1>(scores, values, padded, lo, hi, tile.keep, d, acc);
  });
  for (float& keep : tile.keep) keep = 1;
}

// The queries of one tile and one kv head.
struct QueryTile {
  HeadRows rows;
  Scratch s;
  std::int64_t first;  // position of the first query
  int queries, group, window;
  int tiles() const { return (queries * group + kRowTile - 1) / kRowTile; }
  RowTile tile(int i, std::int64_t block) const { return row_tile(i, tiles(), first, queries, group, window, block); }
};

// Many rows: the whole block is converted, and each row tile goes through all steps.
void fold_block(const QueryTile& t, const Part& block) {
  const std::int64_t padded = padded_dim(t.rows.head_dim);
  convert_keys(t.rows, block, t.s.keys);
  convert_values(t.rows, block, t.s.values);
  for (int i = 0; i < t.tiles(); ++i) {
    RowTile tile = t.tile(i, block.block);
    score(tile, block, t.s, t.rows.head_dim, t.s.scores);
    fold(tile, t.s, t.s.scores);
    add_values(tile, block.begin, block.end, WideValues{t.s.values, padded}, t.s, padded, t.s.scores);
  }
}

// Some of a block's keys at a time, asking for as many of the next one.
template <class Body>
inline void each_part(const Part& block, int keys, Body body) {
  for (int j = block.begin / keys * keys; j < block.end; j += keys)
    body(Part{block.block, max_int(j, block.begin), min_int(j + keys, block.end), j, keys, block.until});
}

// Asks for the rows of the next block at the place of these keys: a few at a time, spread over the work on this block,
// or they would stand in each other's way.
__attribute__((always_inline)) inline void ask_ahead(const HeadRows& rows, const char* base, const Part& part) {
  for (int j = part.begin / 8 * 8; j < part.end; j += 8) rows.prefetch(base, part.block + kKeys + j, part.until);
}

// The values of a block, straight from the cache. REQUIRES: head_dim is a multiple of Simd::kWidth.
template <DType kType>
void add_rows(const QueryTile& t, const Part& block, RowTile* tile, int tiles) {
  const char* row[kKeys];
  each_part(block, kPartKeys / 2, [&](const Part& part) {
    for (int j = part.begin / 8 * 8; j < part.end; j += 8) {
      rows_of_part(t.rows, t.rows.v, part, j, row + j);
    }
    for (int i = 0; i < tiles; ++i) {
      add_values(tile[i], part.begin, part.end, RowValues<kType>{row}, t.s, t.rows.head_dim,
                 t.s.scores + tile[i].first * kKeys);
    }
    ask_ahead(t.rows, t.rows.v, part);
  });
}

// Few rows: each step goes through all row tiles, part by part.
void fold_block_in_parts(const QueryTile& t, const Part& block) {
  RowTile tile[(kStreamRows + kRowTile - 1) / kRowTile];
  const int tiles = t.tiles();
  const std::int64_t padded = padded_dim(t.rows.head_dim);
  for (int i = 0; i < tiles; ++i) tile[i] = t.tile(i, block.block);
  const auto scores = [&](int i) { return t.s.scores + tile[i].first * kKeys; };
  const int step = tile[0].rows <= 2 ? kPartKeys : 16;
  each_part(block, kPartKeys, [&](const Part& part) {
    convert_keys(t.rows, part, t.s.keys);
    for (int j = part.origin; j < part.end; j += step) {
      Part some = part;
      some.begin = max_int(j, part.begin);
      some.end = min_int(j + step, part.end);
      for (int i = 0; i < tiles; ++i) score(tile[i], some, t.s, t.rows.head_dim, scores(i));
      ask_ahead(t.rows, t.rows.k, some);
    }
  });
  for (int i = 0; i < tiles; ++i) fold(tile[i], t.s, scores(i));
  if (padded == t.rows.head_dim) {
    switch (t.rows.dtype) {
      case DType::kF32:
        return add_rows<DType::kF32>(t, block, tile, tiles);
      case DType::kF16:
        return add_rows<DType::kF16>(t, block, tile, tiles);
      default:
        return add_rows<DType::kBF16>(t, block, tile, tiles);
    }
  }
  each_part(block, kPartKeys, [&](const Part& part) {
    convert_values(t.rows, part, t.s.values);
    for (int i = 0; i < tiles; ++i) {
      add_values(tile[i], part.begin, part.end, WideValues{t.s.values - part.origin * padded, padded}, t.s, padded,
                 scores(i));
    }
    ask_ahead(t.rows, t.rows.v, part);
  });
}

// All blocks that the tile's queries see.
void attend_tile(const QueryTile& t) {
  const bool few = t.queries * t.group <= kStreamRows;
  const std::int64_t from = first_seen(t.first, t.window), to = t.first + t.queries;
  for (std::int64_t block = from / kKeys * kKeys; block < to; block += kKeys) {
    const int begin = clamp_key(from - block), end = clamp_key(to - block);
    if (few)
      fold_block_in_parts(t, {block, begin, end, 0, 0, to});
    else
      fold_block(t, {block, begin, end, 0, kKeyStride, 0});
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
      attend_tile({rows, s, sequence.kv_len - sequence.q_len + i0, n, group, window});
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
