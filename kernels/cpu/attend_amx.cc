// Attention over a bf16 cache on AMX tiles. A row is one (query, head of the group); rows go in tiles of 16, keys in
// blocks of 128 positions, each of which is paired (amx_tiles.h) once for all rows of the call:
//
//   S[row, key] = Σ_d q[row, d] K[key, d]        q holds scale · log2 e, rounded to bf16
//   m' = max(m, S), P = 2^(S - m')               in f32, attend_softmax_simd.h;  l = l · 2^(m - m') + Σ_key P
//   acc[row, d] = acc[row, d] · 2^(m - m') + Σ_key bf16(P[row, key]) V[key, d]
//   at the end                                   out = acc / l
//
// A block's Σ_key starts from zero in the tile and is added to acc outside of it, so that keys which a row does not see
// (P = 0) and blocks without any leave a row's bits alone, whatever rows are beside it: a tile product flushes
// denormals.
#include "kernels/cpu/simd_avx512.h"
// The vectors come first.
#include "kernels/cpu/amx_tiles.h"
#include "kernels/cpu/attend_softmax_simd.h"
#include "kernels/cpu/internal.h"

namespace pareto::cpu::amx {
namespace {

using i64 = std::int64_t;

constexpr i64 kRows = 16, kTileBytes = 1024;
constexpr int kMostRows = 256;           // of one pass over the keys
constexpr int kKeyTiles = kKeys / 16;    // of a block of K, for each 32 values of the head
constexpr int kValueTiles = kKeys / 32;  // of a block of V, for each 16 values

// Queries of one pass: enough rows to pay for pairing the blocks, few enough for their sums to stay in L2.
int pass_queries(int group) { return group >= kMostRows ? 1 : kMostRows / group; }
i64 pass_rows(int group) { return align_up(static_cast<i64>(pass_queries(group)) * group, kRows); }

struct Scratch {
  char* keys;       // tile (j, c) at (c · kKeyTiles + j): keys 16j …, values 32c … of the head
  char* values;     // tile (j, c) at (c · kValueTiles + j): keys 32j …, values 16c …
  char* q;          // bf16 (rows, head_dim)
  char* weights;    // bf16 (16, 128): P
  float* scores;    // (16, 128)
  float* products;  // (16, head_dim)
  float* acc;       // (rows, head_dim)
  float* max;       // (rows)
  float* sum;       // (rows)
};

// Lays the parts out from `at` (null: only counts); returns the bytes.
std::size_t lay_out(int head_dim, int group, char* at, Scratch& s) {
  const i64 rows = pass_rows(group);
  i64 used = 0;
  const auto take = [&](i64 bytes) {
    char* const part = at ? at + used : nullptr;
    used += align_up(bytes, 64);
    return part;
  };
  const auto floats = [&](i64 n) { return reinterpret_cast<float*>(take(n * 4)); };
  s.keys = take(kKeys * head_dim * 2);
  s.values = take(kKeys * head_dim * 2);
  s.q = take(rows * head_dim * 2);
  s.weights = take(kRows * kKeys * 2);
  s.scores = floats(kRows * kKeys);
  s.products = floats(kRows * head_dim);
  s.acc = floats(rows * head_dim);
  s.max = floats(rows);
  s.sum = floats(rows);
  return static_cast<std::size_t>(used);
}

// The rows of `count` keys of the block from `key` on; keys outside of [part.begin, part.end) repeat one inside, which
// nobody looks at, and the next block's are asked for.
inline void key_rows(const HeadRows& rows, const char* base, const Part& part, int key, int count, const char** row) {
  for (int j = 0; j < count; j += 8) {
    rows_of_part(rows, base, part, key + j, row + j);
    rows.prefetch(base, part.block + kKeys + key + j, part.until);
  }
}

void pair_keys(const HeadRows& rows, const Part& part, char* keys) {
  for (int j = part.begin / 16; j < (part.end + 15) / 16; ++j) {
    const char* row[16];
    key_rows(rows, rows.k, part, 16 * j, 16, row);
    for (int c = 0; c < rows.head_dim / 32; ++c) {
      __m512i line[16];
      for (int i = 0; i < 16; ++i) line[i] = _mm512_loadu_si512(row[i] + c * 64);
      transpose16(line);
      char* to = keys + (c * kKeyTiles + j) * kTileBytes;
      for (int i = 0; i < 16; ++i) _mm512_store_si512(to + i * 64, line[i]);
    }
  }
}

void pair_values(const HeadRows& rows, const Part& part, char* values) {
  const auto pick = [](int first) {  // words first … first + 15 of the first and the second row, in turn
    alignas(64) std::uint16_t index[32];
    for (int i = 0; i < 16; ++i) {
      index[2 * i] = static_cast<std::uint16_t>(first + i);
      index[2 * i + 1] = static_cast<std::uint16_t>(first + i + 32);
    }
    return _mm512_load_si512(index);
  };
  const __m512i low = pick(0), high = pick(16);
  for (int j = part.begin / 32; j < (part.end + 31) / 32; ++j) {
    const char* row[32];
    key_rows(rows, rows.v, part, 32 * j, 32, row);
    for (int c = 0; c < rows.head_dim / 32; ++c) {
      char* to = values + (2 * c * kValueTiles + j) * kTileBytes;
      for (int p = 0; p < 16; ++p) {
        const __m512i even = _mm512_loadu_si512(row[2 * p] + c * 64), odd = _mm512_loadu_si512(row[2 * p + 1] + c * 64);
        _mm512_store_si512(to + p * 64, _mm512_permutex2var_epi16(even, low, odd));
        _mm512_store_si512(to + kValueTiles * kTileBytes + p * 64, _mm512_permutex2var_epi16(even, high, odd));
      }
    }
  }
}

// The queries of one pass and one kv head.
struct Pass {
  HeadRows rows;
  Scratch s;
  i64 first;  // position of the first query
  int queries, group, window;
  int count() const { return queries * group; }
};

// scores[16, 16j …) of 16 rows for the key tiles [begin, end), four at a time.
void score(const Pass& t, i64 row, int begin, int end) {
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

// products[16, head_dim] = Σ P[16, key] V[key, :] over the keys of the value tiles [begin, end).
void weigh(const Pass& t, int begin, int end) {
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

// One block of keys for the rows [row, row + n), n ≤ 16.
void fold_rows(const Pass& t, i64 block, i64 row, int n) {
  int lo[kRows], hi[kRows], begin = kKeys, end = 0;
  for (int r = 0; r < n; ++r) {
    const i64 position = t.first + (row + r) / t.group;
    lo[r] = clamp_key(first_seen(position, t.window) - block);
    hi[r] = clamp_key(position + 1 - block);
    if (lo[r] >= hi[r]) continue;
    begin = min_int(begin, lo[r]);
    end = max_int(end, hi[r]);
  }
  if (begin >= end) return;
  begin = begin / 32 * 32;
  end = static_cast<int>(align_up(end, 32));
  score(t, row, begin / 16, end / 16);
  float keep[kRows];
  for (int r = 0; r < n; ++r) {
    float* p = t.s.scores + r * kKeys;
    keep[r] = fold_row(p, begin, end, lo[r], hi[r], t.s.max[row + r], t.s.sum[row + r]);
    for (int j = begin; j < end; j += 32) {
      const __m512bh narrow = _mm512_cvtne2ps_pbh(_mm512_load_ps(p + j + 16), _mm512_load_ps(p + j));
      _mm512_store_si512(t.s.weights + (r * kKeys + j) * 2, reinterpret_cast<__m512i>(narrow));
    }
  }
  weigh(t, begin / 32, end / 32);
  const int head_dim = t.rows.head_dim;
  for (int r = 0; r < n; ++r) {
    float* acc = t.s.acc + (row + r) * head_dim;
    const __m512 k = _mm512_set1_ps(keep[r]);
    for (int d = 0; d < head_dim; d += 16) {
      const __m512 products = _mm512_load_ps(t.s.products + r * head_dim + d);
      _mm512_store_ps(acc + d, _mm512_fmadd_ps(_mm512_load_ps(acc + d), k, products));
    }
  }
}

void attend_pass(const Pass& t) {
  const i64 from = first_seen(t.first, t.window), to = t.first + t.queries;
  for (i64 block = from / kKeys * kKeys; block < to; block += kKeys) {
    const Part part{block, clamp_key(from - block), clamp_key(to - block), 0, 0, to};
    pair_keys(t.rows, part, t.s.keys);
    pair_values(t.rows, part, t.s.values);
    for (i64 row = 0; row < t.count(); row += kRows)
      fold_rows(t, block, row, min_int(static_cast<int>(kRows), t.count() - static_cast<int>(row)));
  }
}

bool on_tiles(const KvCache& cache) {
  return cache.dtype == DType::kBF16 && cache.head_dim % 32 == 0 && cache.head_dim <= 256;
}

}  // namespace

std::size_t attend_scratch(int head_dim, int group) {
  Scratch s;
  const std::size_t tiles = head_dim % 32 == 0 ? lay_out(head_dim, group, nullptr, s) : 0;
  const std::size_t vectors = avx512::attend_scratch(head_dim, group);  // for the other caches
  return tiles > vectors ? tiles : vectors;
}

void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out) {
  if (!on_tiles(cache)) {
    avx512::attend(q, cache, sequence, heads, scale, window, q0, q1, h0, h1, scratch, out);
    return;
  }
  const TileScope scope;
  const int head_dim = cache.head_dim, group = heads / cache.kv_heads;
  Scratch s;
  lay_out(head_dim, group, static_cast<char*>(scratch), s);
  // Rows that do not exist are multiplied too, and looked at by nobody; but a NaN among them would be slow.
  for (i64 i = 0; i < kRows * kKeys * 2; i += 64) _mm512_store_si512(s.weights + i, _mm512_setzero_si512());
  const __m512 factor = _mm512_set1_ps(scale * 1.44269504f);
  for (int h = h0; h < h1; ++h) {
    const HeadRows rows = rows_of_head(cache, sequence.slots, h);
    for (int i0 = q0; i0 < q1; i0 += pass_queries(group)) {
      const int n = min_int(pass_queries(group), q1 - i0);
      const Pass pass{rows, s, sequence.kv_len - sequence.q_len + i0, n, group, window};
      const i64 padded = align_up(pass.count(), kRows);
      const auto at = [&](i64 row) {  // in q and out
        return ((i0 + row / group) * heads + static_cast<i64>(h) * group + row % group) * head_dim;
      };
      for (i64 r = 0; r < padded; ++r) {
        char* to = s.q + r * head_dim * 2;
        for (int d = 0; d < head_dim; d += 32) {
          __m512i v = _mm512_setzero_si512();
          if (r < pass.count()) {
            const float* from = q + at(r) + d;
            v = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_mul_ps(_mm512_loadu_ps(from + 16), factor),
                                                              _mm512_mul_ps(_mm512_loadu_ps(from), factor)));
          }
          _mm512_store_si512(to + d * 2, v);
        }
        for (int d = 0; d < head_dim; d += 16) _mm512_store_ps(s.acc + r * head_dim + d, _mm512_setzero_ps());
        s.max[r] = kNoMaximum;
        s.sum[r] = 0;
      }
      attend_pass(pass);
      for (i64 r = 0; r < pass.count(); ++r) {
        const __m512 sum = _mm512_set1_ps(s.sum[r]);
        // + 0: a sum of zero weights may have either sign, depending on how many of them were looked at.
        for (int d = 0; d < head_dim; d += 16) {
          const __m512 mean = _mm512_div_ps(_mm512_load_ps(s.acc + r * head_dim + d), sum);
          _mm512_storeu_ps(out + at(r) + d, _mm512_add_ps(mean, _mm512_setzero_ps()));
        }
      }
    }
  }
}

}  // namespace pareto::cpu::amx
