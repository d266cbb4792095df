// bf16 products on AMX tiles: 16 × 16 sums in f32 of 32 values of k at a time.
//
// Every sum is one chain of tile products in order of k, whatever m is and whichever operand is which:
//
//   m < 128  A = 16 rows of the weight as the file has them, any distance apart; B = prepared x, whose line p holds the
//            values 2p and 2p + 1 of 16 rows of x side by side; the sums are transposed on the way out. The weight is
//            read as two streams of 16 rows that are far apart, each row asked for 256 bytes ahead.
//   m ≥ 128  A = prepared x, 16 rows of 64 bytes; B = the weight, 32 rows × at most 1024 values of k paired like that
//   in
//            scratch, while all rows of x pass, themselves in L2. Meanwhile the next rows of the weight are fetched,
//            and the places of the sums: to wait for those would take a third of the time.
//
// Prepared x: groups of 16 rows, in a group its tiles (1 KiB) in order of k; zeros where there is no row or no value.
#include "kernels/cpu/amx_tiles.h"
#include "kernels/cpu/internal.h"
#include "kernels/cpu/transpose_avx512.h"

namespace pareto::cpu::amx {
namespace {

using i64 = std::int64_t;

constexpr i64 kDepth = 32;  // values of k in a tile
constexpr i64 kRows = 16;   // rows of a tile
constexpr i64 kTileBytes = 1024;
constexpr i64 kPairedRows = kLeastSplitRows;  // from so many rows of x on it is the weight that is paired
constexpr i64 kBlock = 1024 / kDepth;         // most tiles of k in a block
constexpr i64 kStreams = 2;                   // of the weight, where x has few rows
constexpr i64 kPanel = 2 * kRows;             // rows of the weight at a time
constexpr i64 kCacheBytes = 1024 * 1024;      // of prepared x, that stay in L2
constexpr i64 kAhead = 256;                   // bytes of a row that are asked for before they are needed

i64 depth_tiles(i64 k) { return (k + kDepth - 1) / kDepth; }
i64 group_count(i64 m) { return (m + kRows - 1) / kRows; }

std::size_t prepared_bytes(i64 m, i64 k) {
  return static_cast<std::size_t>(group_count(m) * depth_tiles(k) * kTileBytes);
}

// ---- Preparing x ----

// Values [at, at + 32) of a row in bf16, zeros beyond `k`.
inline __m512i narrow32(const float* row, i64 at, i64 k) {
  if (at + kDepth <= k)
    return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(row + at + 16), _mm512_loadu_ps(row + at)));
  const __m512 low = _mm512_maskz_loadu_ps(first_lanes(k - at), row + at);
  const __m512 high = _mm512_maskz_loadu_ps(first_lanes(k - at - 16), row + at + 16);
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

// Rows [begin, end) of x[m, k], begin a multiple of 16.
void prepare(const float* x, i64 m, i64 k, i64 begin, i64 end, void* prepared) {
  const i64 tiles = depth_tiles(k);
  for (i64 first = begin; first < end; first += kRows) {
    char* to = static_cast<char*>(prepared) + first / kRows * tiles * kTileBytes;
    const i64 rows = end - first < kRows ? end - first : kRows;
    for (i64 t = 0; t < tiles; ++t, to += kTileBytes) {
      __m512i line[kRows];
      for (i64 r = 0; r < kRows; ++r) {
        line[r] = r < rows ? narrow32(x + (first + r) * k, t * kDepth, k) : _mm512_setzero_si512();
      }
      if (m < kPairedRows) transpose16(line);
      for (i64 r = 0; r < kRows; ++r) _mm512_store_si512(to + r * 64, line[r]);
    }
  }
}

// ---- Few rows of x: the weight's rows straight from memory ----

// sums[row of the weight][row of x], 16 × 16 → `columns` rows of out, `rows` values each.
void store_transposed(const float* sums, i64 columns, i64 rows, const float* bias, float* out, i64 ldo) {
  __m512i line[kRows];
  for (i64 r = 0; r < kRows; ++r) line[r] = _mm512_load_si512(sums + r * kRows);
  transpose16(line);
  const __mmask16 mask = first_lanes(rows);
  for (i64 c = 0; c < columns; ++c) {
    __m512 v = _mm512_castsi512_ps(line[c]);
    if (bias) v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, bias));
    _mm512_mask_storeu_ps(out + c * ldo, mask, v);
  }
}

// Copies `rows` rows of `values` values (both at most what a tile has), zeros elsewhere.
void copy_tile(const char* from, i64 row_bytes, i64 rows, i64 values, char* to) {
  const __mmask32 mask = values >= kDepth ? 0xffffffffu : (1u << values) - 1;
  for (i64 r = 0; r < kRows; ++r) {
    const __m512i v = r < rows ? _mm512_maskz_loadu_epi16(mask, from + r * row_bytes) : _mm512_setzero_si512();
    _mm512_store_si512(to + r * 64, v);
  }
}

// What a stream reads: 16 rows of the weight from `row` on, `rows` of them there.
struct Stream {
  const char* base;
  i64 row, rows;
};

// A tile of 16 lines of 64 bytes.
struct Lines {
  const char* base;
  i64 distance;
};

// Tile t of a stream, `values` values wide; an incomplete one is copied.
inline Lines lines_of(const Stream& s, i64 row_bytes, i64 t, i64 values, char* copy) {
  const char* at = s.base + t * 64;
  if (s.rows == kRows && values >= kDepth) return {at, row_bytes};
  copy_tile(at, row_bytes, s.rows, values, copy);
  return {copy, 64};
}

// 16 rows of each of two streams with kGroups groups of x. Sum (s, g) is in the tile s · kGroups + g.
template <int kGroups>
void run_streams(const Weight& w, const Stream* stream, const char* b, i64 m, const float* bias, float* out, i64 ldo) {
  const i64 k = w.cols, tiles = depth_tiles(k), row_bytes = k * 2;
  alignas(64) char copy[kTileBytes];
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (i64 t = 0; t < tiles; ++t) {
    const i64 values = k - t * kDepth;
    _tile_loadd(6, b + t * kTileBytes, 64);
    if constexpr (kGroups == 2) _tile_loadd(7, b + (tiles + t) * kTileBytes, 64);
    for (const Stream* each = stream; each < stream + kStreams; ++each)
      for (i64 i = 0; i < kRows; ++i) _mm_prefetch(each->base + i * row_bytes + t * 64 + kAhead, _MM_HINT_T0);
    const Lines w0 = lines_of(stream[0], row_bytes, t, values, copy);
    _tile_loadd(4, w0.base, w0.distance);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kGroups == 2) _tile_dpbf16ps(1, 4, 7);
    const Lines w1 = lines_of(stream[1], row_bytes, t, values, copy);
    _tile_loadd(5, w1.base, w1.distance);
    if constexpr (kGroups == 2) {
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    } else {
      _tile_dpbf16ps(1, 5, 6);
    }
  }
  alignas(64) float sums[4][kRows * kRows];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(2, sums[2], 64);
  _tile_stored(3, sums[3], 64);
  for (int s = 0; s < kStreams; ++s) {
    for (int g = 0; g < kGroups; ++g) {
      const i64 left = m - g * kRows;
      store_transposed(sums[s * kGroups + g], left < kRows ? left : kRows, stream[s].rows,
                       bias ? bias + stream[s].row : nullptr, out + g * kRows * ldo + stream[s].row, ldo);
    }
  }
}

// Rows [begin, end) of the weight in two streams, each piece of 16 rows against all groups of x: from memory for
// the first of them, from cache for the others.
void run_few(const Weight& w, const char* prepared, i64 m, i64 begin, i64 end, const float* bias, float* out, i64 ldo) {
  const i64 pieces = (end - begin + kRows - 1) / kRows, length = (pieces + kStreams - 1) / kStreams;
  const i64 groups = group_count(m), group_bytes = depth_tiles(w.cols) * kTileBytes;
  for (i64 p = 0; p < length; ++p) {
    Stream stream[kStreams];
    for (i64 s = 0; s < kStreams; ++s) {  // the last stream may be shorter: it repeats the last piece
      const i64 piece = p + s * length < pieces ? p + s * length : pieces - 1, row = begin + piece * kRows;
      const i64 rows = end - row < kRows ? end - row : kRows;
      stream[s] = {static_cast<const char*>(w.data) + row * w.cols * 2, row, rows};
    }
    for (i64 g = 0; g < groups; g += 2) {
      const char* b = prepared + g * group_bytes;
      float* to = out + g * kRows * ldo;
      const i64 left = m - g * kRows;
      if (g + 1 == groups) {
        run_streams<1>(w, stream, b, left, bias, to, ldo);
      } else {
        run_streams<2>(w, stream, b, left, bias, to, ldo);
      }
    }
  }
}

// ---- Many rows of x: the weight in blocks ----

struct Scratch {
  alignas(64) float sums[4 * 256];                   // of 32 rows of x and 32 of the weight
  alignas(64) char weight[2 * kBlock * kTileBytes];  // a block, paired: the tiles of 16 rows, then of the others
};

// Pairs `rows` rows of the weight (at most 32), `tiles` tiles of k from value k0 on.
void pair_block(const Weight& w, i64 row, i64 rows, i64 k0, i64 tiles, char* to) {
  const char* from = static_cast<const char*>(w.data) + (row * w.cols + k0) * 2;
  for (i64 half = 0; half < 2; ++half) {
    for (i64 t = 0; t < tiles; ++t) {
      const i64 values = w.cols - k0 - t * kDepth;
      const __mmask32 mask = values >= kDepth ? 0xffffffffu : (1u << values) - 1;
      __m512i line[kRows];
      for (i64 i = 0; i < kRows; ++i) {
        const i64 r = half * kRows + i;
        line[i] = r < rows ? _mm512_maskz_loadu_epi16(mask, from + r * w.cols * 2 + t * 64) : _mm512_setzero_si512();
      }
      transpose16(line);
      for (i64 i = 0; i < kRows; ++i) _mm512_store_si512(to + (half * tiles + t) * kTileBytes + i * 64, line[i]);
    }
  }
}

// Lines of 64 bytes of a block of the weight in order of their addresses: what to ask for while the block before it is
// worked on.
struct Ahead {
  const char* row;
  i64 row_bytes, tiles, rows, tile;  // `rows` are left
  void ask(i64 count) {
    for (; count > 0 && rows > 0; --count) {
      _mm_prefetch(row + tile * 64, _MM_HINT_T1);
      if (++tile < tiles) continue;
      tile = 0, row += row_bytes, --rows;
    }
  }
};

// Where the sums of up to 32 rows of x and 32 of the weight go.
struct Place {
  float* out;
  i64 ldo, rows, columns;
  // Asks for rows [from, to), to be written.
  void ask(i64 from, i64 to) const {
    for (i64 i = from; i < to && i < rows; ++i) {
      const float* row = out + i * ldo;
      __builtin_prefetch(row, 1, 3);
      __builtin_prefetch(row + kRows, 1, 3);
      __builtin_prefetch(row + kPanel - 1, 1, 3);
    }
  }
};

// What is done with each 16 × 16 of the sums: group of x, half of the panel. (Tile instructions name their tiles.)
template <class Body>
inline void each_quarter(const Place& place, float* sums, Body body) {
  for (i64 g = 0; g < 2 && g * kRows < place.rows; ++g) {
    for (i64 half = 0; half < 2 && half * kRows < place.columns; ++half) {
      const i64 left = place.rows - g * kRows;
      body(sums + (2 * g + half) * 256, place.out + g * kRows * place.ldo + half * kRows, left < kRows ? left : kRows,
           half, first_lanes(place.columns - half * kRows));
    }
  }
}

void load_sums(const Place& place, float* sums) {
  each_quarter(place, sums, [&](float* to, const float* from, i64 rows, i64, __mmask16 mask) {
    for (i64 i = 0; i < rows; ++i) _mm512_store_ps(to + i * kRows, _mm512_maskz_loadu_ps(mask, from + i * place.ldo));
  });
}

void store_sums(const Place& place, float* sums, const float* bias) {
  each_quarter(place, sums, [&](const float* from, float* to, i64 rows, i64 half, __mmask16 mask) {
    const __m512 offset = bias ? _mm512_maskz_loadu_ps(mask, bias + half * kRows) : _mm512_setzero_ps();
    for (i64 i = 0; i < rows; ++i) {
      const __m512 v = _mm512_load_ps(from + i * kRows);
      _mm512_mask_storeu_ps(to + i * place.ldo, mask, bias ? _mm512_add_ps(v, offset) : v);
    }
  });
}

// A block's tiles of k for two groups of x (one: a1 = a0, whose sums then count for nothing), added to `sums` unless
// this is the first block.
void add_block(const char* a0, const char* a1, const char* weight, i64 tiles, bool first, const Place& place,
               Ahead& ahead, i64 asks, float* sums) {
  if (first) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, sums, 64);
    _tile_loadd(1, sums + 256, 64);
    _tile_loadd(2, sums + 512, 64);
    _tile_loadd(3, sums + 768, 64);
  }
  const i64 rows = (kPanel + tiles - 1) / tiles;
  for (i64 t = 0; t < tiles; ++t) {
    _tile_loadd(6, weight + t * kTileBytes, 64);
    _tile_loadd(4, a0 + t * kTileBytes, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, weight + (tiles + t) * kTileBytes, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a1 + t * kTileBytes, 64);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    ahead.ask(asks);
    place.ask(t * rows, (t + 1) * rows);
  }
  _tile_stored(0, sums, 64);
  _tile_stored(1, sums + 256, 64);
  _tile_stored(2, sums + 512, 64);
  _tile_stored(3, sums + 768, 64);
}

// One block of k: tiles [t0, t0 + count) of `tiles`.
struct Block {
  i64 t0, count, tiles;
  bool first() const { return t0 == 0; }
  bool last() const { return t0 + count == tiles; }
};

// One block of weight rows [row, row + 32) ∩ [row, end) against groups [g0, g1) of x. Between blocks the sums are in
// `out`.
void run_panel(const Weight& w, const char* prepared, i64 m, const Block& block, i64 row, i64 end, i64 g0, i64 g1,
               const float* bias, float* out, i64 ldo, Scratch& scratch) {
  const auto rows_from = [&](i64 first) { return end - first < kPanel ? end - first : kPanel; };
  pair_block(w, row, rows_from(row), block.t0 * kDepth, block.count, scratch.weight);
  const i64 next = row + kPanel, pairs = (g1 - g0 + 1) / 2, asks = (kPanel + pairs - 1) / pairs;
  Ahead ahead{static_cast<const char*>(w.data) + next * w.cols * 2 + block.t0 * 64, w.cols * 2, block.count,
              rows_from(next), 0};
  for (i64 g = g0; g < g1; g += 2) {
    const i64 group_bytes = block.tiles * kTileBytes, left = m - g * kRows;
    const char* a0 = prepared + g * group_bytes + block.t0 * kTileBytes;
    const Place place{out + g * kRows * ldo + row, ldo, left < 2 * kRows ? left : 2 * kRows, rows_from(row)};
    if (!block.first()) load_sums(place, scratch.sums);
    add_block(a0, g + 1 < g1 ? a0 + group_bytes : a0, scratch.weight, block.count, block.first(), place, ahead, asks,
              scratch.sums);
    store_sums(place, scratch.sums, block.last() && bias ? bias + row : nullptr);
  }
}

void run_many(const Weight& w, const char* prepared, i64 m, i64 begin, i64 end, const float* bias, float* out,
              i64 ldo) {
  Scratch scratch;
  const i64 tiles = depth_tiles(w.cols), blocks = (tiles + kBlock - 1) / kBlock, groups = group_count(m);
  for (i64 b = 0; b < blocks; ++b) {
    const i64 t0 = tiles * b / blocks;
    const Block block{t0, tiles * (b + 1) / blocks - t0, tiles};
    const i64 most = kCacheBytes / (block.count * kTileBytes) / 2 * 2;
    for (i64 g0 = 0; g0 < groups; g0 += most) {
      const i64 g1 = groups - g0 < most ? groups : g0 + most;
      for (i64 row = begin; row < end; row += kPanel)
        run_panel(w, prepared, m, block, row, end, g0, g1, bias, out, ldo, scratch);
    }
  }
}

void run(const Weight& w, const void* prepared, i64 m, i64 begin, i64 end, const float* bias, float* out, i64 ldo) {
  if (begin >= end) return;
  const TileScope scope;
  const auto* x = static_cast<const char*>(prepared);
  if (m >= kPairedRows) {
    run_many(w, x, m, begin, end, bias, out, ldo);
  } else {
    run_few(w, x, m, begin, end, bias, out, ldo);
  }
}

}  // namespace

MatmulKernel matmul_dense(DType dtype, Numerics numerics) {
  MatmulKernel kernel;
  if (dtype == DType::kBF16 && numerics == Numerics::kFast && cpu_features().amx_bf16) {
    kernel.prepared_bytes = prepared_bytes;
    kernel.prepare = prepare;
    kernel.run = run;
    kernel.grain = static_cast<int>(kPanel);
    kernel.prepare_grain = static_cast<int>(kRows);
    kernel.divisible = true;
  }
  return kernel;
}

}  // namespace pareto::cpu::amx
