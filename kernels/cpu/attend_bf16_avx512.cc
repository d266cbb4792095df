// Attention over a bf16 cache with AVX-512 BF16: attend_bf16.h, a few rows and two key tiles (or two columns of values)
// a product.
#include "kernels/cpu/simd_avx512.h"
// The vectors come first.
#include "kernels/cpu/attend_bf16.h"
#include "kernels/cpu/internal.h"

namespace pareto::cpu::avx512_bf16 {
namespace {

// out[r, 16c …] = Σ_p a[r, p] · b[c, p] over `tiles` tiles of 16 lines, p a pair of bf16. Rows of a are `a_row` bytes
// apart, b's columns `b_column` and b's tiles `b_tile`, out's rows `out_row` floats.
struct Operands {
  const char* a;
  i64 a_row;
  const char* b;
  i64 b_column, b_tile;
  int tiles;
  float* out;
  i64 out_row;
};

template <int kCount, int kColumns>
inline void multiply(const Operands& o, int first) {
  __m512 sum[kCount][kColumns];
  for (auto& row : sum)
    for (auto& s : row) s = _mm512_setzero_ps();
  for (int tile = 0; tile < o.tiles; ++tile) {
    const char* a = o.a + first * o.a_row + tile * kLineBytes;
    const char* b = o.b + tile * o.b_tile;
#pragma GCC unroll 4
    for (int p = 0; p < 16; ++p) {
      __m512i line[kColumns];
      for (int c = 0; c < kColumns; ++c) line[c] = _mm512_load_si512(b + c * o.b_column + p * kLineBytes);
      for (int r = 0; r < kCount; ++r) {
        std::int32_t pair;
        __builtin_memcpy(&pair, a + r * o.a_row + p * 4, sizeof pair);
        // Not set1: Clang 16 dies of a broadcast from memory as an operand of this product.
        const __m512i x = _mm512_broadcastd_epi32(_mm_cvtsi32_si128(pair));
        for (int c = 0; c < kColumns; ++c)
          sum[r][c] = _mm512_dpbf16_ps(sum[r][c], reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(line[c]));
      }
    }
  }
  for (int r = 0; r < kCount; ++r)
    for (int c = 0; c < kColumns; ++c) _mm512_store_ps(o.out + (first + r) * o.out_row + c * 16, sum[r][c]);
}

// n rows, at most 8 at a time.
template <int kColumns>
inline void multiply_rows(const Operands& o, int n) {
  const int parts = (n + 7) / 8;
  for (int i = 0; i < parts; ++i) {
    const int first = n * i / parts;
    switch (n * (i + 1) / parts - first) {
      case 1:
        multiply<1, kColumns>(o, first);
        break;
      case 2:
        multiply<2, kColumns>(o, first);
        break;
      case 3:
        multiply<3, kColumns>(o, first);
        break;
      case 4:
        multiply<4, kColumns>(o, first);
        break;
      case 5:
        multiply<5, kColumns>(o, first);
        break;
      case 6:
        multiply<6, kColumns>(o, first);
        break;
      case 7:
        multiply<7, kColumns>(o, first);
        break;
      default:
        multiply<8, kColumns>(o, first);
    }
  }
}

struct VectorProducts {
  // begin and end are even.
  void score(const Pass& t, i64 row, int n, int begin, int end) {
    const i64 head_dim = t.rows.head_dim;
    for (int j = begin; j < end; j += 2) {
      multiply_rows<2>({t.s.q + row * head_dim * 2, head_dim * 2, t.s.keys + j * kTileBytes, kTileBytes,
                        kKeyTiles * kTileBytes, static_cast<int>(head_dim / 32), t.s.scores + 16 * j, kKeys},
                       n);
    }
  }
  void weigh(const Pass& t, int n, int begin, int end) {
    const i64 head_dim = t.rows.head_dim;
    for (i64 d = 0; d < head_dim; d += 32) {
      multiply_rows<2>(
          {t.s.weights + begin * kLineBytes, kKeys * 2, t.s.values + (d / 16 * kValueTiles + begin) * kTileBytes,
           kValueTiles * kTileBytes, kTileBytes, end - begin, t.s.products + d, head_dim},
          n);
    }
  }
};

}  // namespace

std::size_t attend_scratch(int head_dim, int group) { return paired_attend_scratch(head_dim, group); }

void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out) {
  paired_attend<VectorProducts>(q, cache, sequence, heads, scale, window, q0, q1, h0, h1, scratch, out);
}

}  // namespace pareto::cpu::avx512_bf16
