// Attention over a bf16 cache on AMX tiles: attend_bf16.h with sixteen rows and sixteen keys or values a product.
#include "kernels/cpu/simd_avx512.h"
// The vectors come first.
#include "kernels/cpu/amx_tiles.h"
#include "kernels/cpu/attend_bf16.h"
#include "kernels/cpu/internal.h"

namespace pareto::cpu::amx {
namespace {

struct TileProducts {
  TileScope scope;

  // Four key tiles at a time.
  void score(const Pass& t, i64 row, int /*n*/, int begin, int end) {
    const int head_dim = t.rows.head_dim, steps = head_dim / 32;
    const char* q = t.s.q + row * head_dim * 2;
    for (int j = begin; j < end; j += 4) {
      const int n = end - j;
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
      for (int c = 0; c < steps; ++c) {
        const char* keys = t.s.keys + (c * kKeyTiles + j) * kTileBytes;
        _tile_loadd(4, q + c * 64, head_dim * 2);
        _tile_loadd(6, keys, 64);
        _tile_dpbf16ps(0, 4, 6);
        if (n > 1) {
          _tile_loadd(7, keys + kTileBytes, 64);
          _tile_dpbf16ps(1, 4, 7);
        }
        if (n > 2) {
          _tile_loadd(6, keys + 2 * kTileBytes, 64);
          _tile_dpbf16ps(2, 4, 6);
        }
        if (n > 3) {
          _tile_loadd(7, keys + 3 * kTileBytes, 64);
          _tile_dpbf16ps(3, 4, 7);
        }
      }
      float* scores = t.s.scores + 16 * j;
      _tile_stored(0, scores, kKeys * 4);
      if (n > 1) _tile_stored(1, scores + 16, kKeys * 4);
      if (n > 2) _tile_stored(2, scores + 32, kKeys * 4);
      if (n > 3) _tile_stored(3, scores + 48, kKeys * 4);
    }
  }

  void weigh(const Pass& t, int /*n*/, int begin, int end) {
    const int head_dim = t.rows.head_dim;
    for (int d = 0; d < head_dim; d += 32) {
      _tile_zero(0);
      _tile_zero(1);
      for (int j = begin; j < end; ++j) {
        const char* values = t.s.values + (d / 16 * kValueTiles + j) * kTileBytes;
        _tile_loadd(4, t.s.weights + j * 64, kKeys * 2);
        _tile_loadd(6, values, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, values + kValueTiles * kTileBytes, 64);
        _tile_dpbf16ps(1, 4, 7);
      }
      _tile_stored(0, t.s.products + d, head_dim * 4);
      _tile_stored(1, t.s.products + d + 16, head_dim * 4);
    }
  }
};

}  // namespace

std::size_t attend_scratch(int head_dim, int group) { return paired_attend_scratch(head_dim, group); }

void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out) {
  paired_attend<TileProducts>(q, cache, sequence, heads, scale, window, q0, q1, h0, h1, scratch, out);
}

}  // namespace pareto::cpu::amx
