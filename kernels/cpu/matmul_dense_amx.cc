// bf16 products on AMX tiles: 16 rows of the weight times 16 rows of x, 32 values of k at a time, summed in f32.
//
//   A  rows of the weight as the file has them: 16 rows × 64 bytes, any distance apart
//   B  prepared x, one tile of 1 KiB for each 16 rows and 32 values of k: line p holds the values 2p and 2p + 1 of each
//      of the 16 rows, side by side
//   C  16 × 16 sums in f32, transposed on the way out
//
// Prepared x: groups of 16 rows; in a group its tiles in order of k, zeros behind the last value. Columns of rows that
// do not exist hold whatever was there: no column looks at another, and theirs are not stored.
//
// Every sum is one chain of tile products in order of k, whatever m is; blocks of k keep their sums as they are.
// A block of the weight (32 rows × 512 values) stays in L1 while all rows of x pass; meanwhile the next is fetched.
#include "kernels/cpu/amx_tiles.h"
#include "kernels/cpu/internal.h"

namespace pareto::cpu::amx {
namespace {

using i64 = std::int64_t;

constexpr i64 kDepth = 32;  // values of k in a tile
constexpr i64 kRows = 16;   // rows of a tile
constexpr i64 kTileBytes = 1024;
constexpr i64 kBlock = 512 / kDepth;      // tiles of k in a block
constexpr i64 kPanel = 2 * kRows;         // rows of the weight at a time
constexpr i64 kCacheBytes = 1280 * 1024;  // of prepared x, that stay in L2
constexpr i64 kMostGroups = 32;           // of x at a time: the sums of a panel take 64 KiB

i64 depth_tiles(i64 k) { return (k + kDepth - 1) / kDepth; }
i64 group_count(i64 m) { return (m + kRows - 1) / kRows; }

std::size_t prepared_bytes(i64 m, i64 k) {
  return static_cast<std::size_t>(group_count(m) * depth_tiles(k) * kTileBytes);
}

// Rows [begin, end) of x, begin a multiple of 16. Two values of k make one 32-bit word of the tile's line.
void prepare(const float* x, i64, i64 k, i64 begin, i64 end, void* prepared) {
  const i64 tiles = depth_tiles(k);
  for (i64 i = begin; i < end; ++i) {
    const float* from = x + i * k;
    auto* column = static_cast<std::uint32_t*>(prepared) + i / kRows * tiles * (kTileBytes / 4) + i % kRows;
    for (i64 t = 0; t < tiles; ++t, column += kTileBytes / 4) {
      const i64 left = k - t * kDepth;
      const auto mask = [](i64 n) {
        return n >= 16 ? __mmask16{0xffff} : n <= 0 ? __mmask16{0} : static_cast<__mmask16>((1u << n) - 1);
      };
      const __m512 low = _mm512_maskz_loadu_ps(mask(left), from + t * kDepth);
      const __m512 high = _mm512_maskz_loadu_ps(mask(left - 16), from + t * kDepth + 16);
      alignas(64) std::uint32_t words[16];
      _mm512_store_si512(words, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
#pragma GCC unroll 16
      for (int p = 0; p < 16; ++p) column[p * kRows] = words[p];
    }
  }
}

// A block of the weight as the tiles read it: two times 16 rows. Where the weight ends, in rows or in k, a copy with
// zeros behind it.
struct Panel {
  const char* base;
  i64 row_bytes;     // from one row to the next
  const char* tail;  // the last, incomplete tile of k of both halves, 64 bytes a row; null if there is none
};

struct Output {
  const float* bias;
  float* out;
  i64 ldo, row, rows, m;  // weight rows [row, row + rows) of the panel; rows of x
};

// Adds `tiles` tiles of k to the sums (of 2 × kGroups tiles in memory) of kGroups groups of x.
template <int kGroups>
void add_block(const Panel& panel, const char* b0, const char* b1, i64 tiles, const char* const* ahead, float* sums,
               bool first) {
  if (first) {
    _tile_zero(0);
    _tile_zero(1);
    if (kGroups == 2) {
      _tile_zero(2);
      _tile_zero(3);
    }
  } else {
    _tile_loadd(0, sums, 64);
    _tile_loadd(1, sums + 256, 64);
    if (kGroups == 2) {
      _tile_loadd(2, sums + 512, 64);
      _tile_loadd(3, sums + 768, 64);
    }
  }
  const i64 whole = panel.tail ? tiles - 1 : tiles;
  const char *a0 = panel.base, *a1 = panel.base + kRows * panel.row_bytes;
  for (i64 t = 0; t < tiles; ++t) {
    const bool in_copy = t == whole;
    _tile_loadd(4, in_copy ? panel.tail : a0 + t * 64, in_copy ? 64 : panel.row_bytes);
    _tile_loadd(5, in_copy ? panel.tail + kTileBytes : a1 + t * 64, in_copy ? 64 : panel.row_bytes);
    _tile_loadd(6, b0 + t * kTileBytes, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 5, 6);
    if (kGroups == 2) {
      _tile_loadd(7, b1 + t * kTileBytes, 64);
      _tile_dpbf16ps(2, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
    }
    for (const char* const* row = ahead; *row; ++row) _mm_prefetch(*row + t * 64, _MM_HINT_T1);
  }
  _tile_stored(0, sums, 64);
  _tile_stored(1, sums + 256, 64);
  if (kGroups == 2) {
    _tile_stored(2, sums + 512, 64);
    _tile_stored(3, sums + 768, 64);
  }
}

// sums[row of the weight][row of x], 16 × 16 → up to `columns` rows of out, `rows` values each.
void store_transposed(const float* sums, i64 columns, i64 rows, const float* bias, float* out, i64 ldo) {
  const __mmask16 mask = static_cast<__mmask16>((1u << rows) - 1);
  const __m512 offset = bias ? _mm512_maskz_loadu_ps(mask, bias) : _mm512_setzero_ps();
  for (i64 c = 0; c < columns; c += 4) {
    __m512 z[4];  // z[j]: in its four quarters the columns c … c + 3 of the rows j, j + 4, j + 8, j + 12
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      z[j] = _mm512_castps128_ps512(_mm_load_ps(sums + j * 16 + c));
      z[j] = _mm512_insertf32x4(z[j], _mm_load_ps(sums + (4 + j) * 16 + c), 1);
      z[j] = _mm512_insertf32x4(z[j], _mm_load_ps(sums + (8 + j) * 16 + c), 2);
      z[j] = _mm512_insertf32x4(z[j], _mm_load_ps(sums + (12 + j) * 16 + c), 3);
    }
    const __m512 a = _mm512_unpacklo_ps(z[0], z[1]), b = _mm512_unpackhi_ps(z[0], z[1]);
    const __m512 d = _mm512_unpacklo_ps(z[2], z[3]), e = _mm512_unpackhi_ps(z[2], z[3]);
    const auto pd = [](__m512 v) { return _mm512_castps_pd(v); };
    const __m512 column[4] = {
        _mm512_castpd_ps(_mm512_unpacklo_pd(pd(a), pd(d))), _mm512_castpd_ps(_mm512_unpackhi_pd(pd(a), pd(d))),
        _mm512_castpd_ps(_mm512_unpacklo_pd(pd(b), pd(e))), _mm512_castpd_ps(_mm512_unpackhi_pd(pd(b), pd(e)))};
    for (i64 j = 0; j < 4 && c + j < columns; ++j) {
      const __m512 v = bias ? _mm512_add_ps(column[j], offset) : column[j];
      _mm512_mask_storeu_ps(out + (c + j) * ldo, mask, v);
    }
  }
}

void store_group(const float* sums, i64 group, const Output& o) {
  const i64 first = group * kRows, columns = o.m - first < kRows ? o.m - first : kRows;
  for (i64 half = 0; half < 2; ++half) {
    const i64 rows = o.rows - half * kRows;
    if (rows <= 0) continue;
    const float* bias = o.bias ? o.bias + o.row + half * kRows : nullptr;
    store_transposed(sums + half * 256, columns, rows < kRows ? rows : kRows, bias,
                     o.out + first * o.ldo + o.row + half * kRows, o.ldo);
  }
}

// Copies `rows` rows (of 32) of `values` values each, `stride` values apart in the copy, zeros elsewhere.
void copy_rows(const std::uint16_t* from, i64 ld, i64 rows, i64 values, i64 stride, std::uint16_t* to) {
  for (i64 r = 0; r < kPanel; ++r) {
    for (i64 j = 0; j < stride; j += 32) {
      const i64 left = r < rows ? values - j : 0;
      const __mmask32 mask = left >= 32 ? 0xffffffffu : left <= 0 ? 0u : (1u << left) - 1;
      _mm512_storeu_si512(to + r * stride + j, _mm512_maskz_loadu_epi16(mask, from + r * ld + j));
    }
  }
}

struct Scratch {
  alignas(64) float sums[kMostGroups * 2 * 256];
  alignas(64) std::uint16_t rows[kPanel * kBlock * kDepth];  // an incomplete panel's block
  alignas(64) std::uint16_t tail[kPanel * kDepth];
};

// What the rows of the next block are, for prefetching: `share` of them from `first`, a null behind the last.
void fetch_list(const Weight& w, i64 row, i64 end, i64 tile, i64 first, i64 share, const char** list) {
  const char* data = static_cast<const char*>(w.data);
  i64 n = 0;
  for (i64 r = first; r < first + share && r < kPanel && row + r < end; ++r) {
    list[n++] = data + (row + r) * w.cols * 2 + tile * 64;
  }
  list[n] = nullptr;
}

// Weight rows [row, row + 32) ∩ [row, end) against groups [g0, g1) of x.
void run_panel(const Weight& w, const char* prepared, i64 m, i64 row, i64 end, i64 g0, i64 g1, const float* bias,
               float* out, i64 ldo, Scratch& scratch) {
  const auto* data = static_cast<const std::uint16_t*>(w.data) + row * w.cols;
  const i64 k = w.cols, tiles = depth_tiles(k), rows = end - row < kPanel ? end - row : kPanel;
  const i64 pairs = (g1 - g0 + 1) / 2, share = (kPanel + pairs - 1) / pairs;
  const Output output{bias, out, ldo, row, rows, m};
  for (i64 t0 = 0; t0 < tiles; t0 += kBlock) {
    const i64 count = tiles - t0 < kBlock ? tiles - t0 : kBlock, values = k - t0 * kDepth;
    const bool last = t0 + count == tiles, cut = last && k % kDepth != 0;
    Panel panel{reinterpret_cast<const char*>(data + t0 * kDepth), k * 2, nullptr};
    if (rows < kPanel) {
      copy_rows(data + t0 * kDepth, k, rows, values, kBlock * kDepth, scratch.rows);
      panel = {reinterpret_cast<const char*>(scratch.rows), kBlock * kDepth * 2, nullptr};
    } else if (cut) {
      const i64 at = (tiles - 1) * kDepth;
      copy_rows(data + at, k, kPanel, k - at, kDepth, scratch.tail);
      panel.tail = reinterpret_cast<const char*>(scratch.tail);
    }
    const i64 next_row = last ? row + kPanel : row, next_tile = last ? 0 : t0 + count;
    for (i64 p = 0; p < pairs; ++p) {
      const i64 g = g0 + 2 * p;
      const char* b0 = prepared + (g * tiles + t0) * kTileBytes;
      float* sums = scratch.sums + p * 1024;
      const char* ahead[kPanel + 1];
      fetch_list(w, next_row, end, next_tile, p * share, share, ahead);
      if (g + 1 < g1) {
        add_block<2>(panel, b0, b0 + tiles * kTileBytes, count, ahead, sums, t0 == 0);
      } else {
        add_block<1>(panel, b0, b0, count, ahead, sums, t0 == 0);
      }
      if (!last) continue;
      store_group(sums, g, output);
      if (g + 1 < g1) store_group(sums + 512, g + 1, output);
    }
  }
}

void run(const Weight& w, const void* prepared, i64 m, i64 begin, i64 end, const float* bias, float* out, i64 ldo) {
  if (begin >= end) return;
  const TileScope scope;
  Scratch scratch;
  const i64 groups = group_count(m);
  i64 most = kCacheBytes / (depth_tiles(w.cols) * kTileBytes) / 2 * 2;
  most = most < 2 ? 2 : most > kMostGroups ? kMostGroups : most;
  for (i64 g0 = 0; g0 < groups; g0 += most) {
    const i64 g1 = groups - g0 < most ? groups : g0 + most;
    for (i64 row = begin; row < end; row += kPanel) {
      run_panel(w, static_cast<const char*>(prepared), m, row, end, g0, g1, bias, out, ldo, scratch);
    }
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
