// Reading the paged cache for attention: the K and V rows of one kv head to f32, K transposed (attend_simd.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/kernels.h"

namespace pareto::cpu {
namespace {

constexpr int kKeys = kAttendBlock;

constexpr std::int64_t align_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }
inline int min_int(int a, int b) { return a < b ? a : b; }
inline int max_int(int a, int b) { return a > b ? a : b; }

inline std::int64_t padded_dim(int head_dim) { return align_up(head_dim, Simd::kWidth); }

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
  // Whether the eight rows from `position` on are neighbours in one page: they usually are.
  bool adjacent(std::int64_t position) const {
    const __m256i slot = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(slots + position));
    const std::int32_t first = slots[position], mask = (1 << shift) - 1;
    const __m256i run = _mm256_add_epi32(_mm256_set1_epi32(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return _mm256_movemask_epi8(_mm256_cmpeq_epi32(slot, run)) == -1 && (first & mask) + 7 <= mask;
  }
  // Where they start.
  void eight(const char* base, std::int64_t position, const char** row) const {
    if (adjacent(position)) {
      const char* first = base + at(position);
      for (int i = 0; i < 8; ++i) row[i] = first + i * row_bytes;
    } else {
      for (int i = 0; i < 8; ++i) row[i] = base + at(position + i);
    }
  }
  // Asks for them, if they are adjacent and lie below `until`. Inlined by force: GCC drops calls of a function that
  // does nothing but prefetch.
  __attribute__((always_inline)) void prefetch(const char* base, std::int64_t position, std::int64_t until) const {
    if (position + 8 > until || !adjacent(position)) return;
    const char* first = base + at(position);
    for (std::int64_t b = 0; b < 8 * row_bytes; b += 64) _mm_prefetch(first + b, _MM_HINT_T1);
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
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
    Simd::F x[4];
    for (int c = 0; c < 4; ++c) x[c] = load_as_f32<kType>(row, i + c * kWidth);
    for (int c = 0; c < 4; ++c) Simd::store(out + i + c * kWidth, x[c]);
  }
  for (; i + kWidth <= n; i += kWidth) Simd::store(out + i, load_as_f32<kType>(row, i));
  if (i == padded) return;
  constexpr int kBytes = kType == DType::kF32 ? 4 : 2;
  alignas(64) char last[kWidth * 4] = {};
  __builtin_memcpy(last, row + i * kBytes, static_cast<std::size_t>((n - i) * kBytes));
  Simd::store(out + i, load_as_f32<kType>(last, 0));
}

// Eight rows of eight f32 → out[8][8], rows `to` floats apart, transposed.
inline void transpose8(const char* const* rows, std::int64_t byte, float* out, std::int64_t to) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(reinterpret_cast<const float*>(rows[i] + byte));
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

template <DType kType>
inline __m256 widen8(__m128i x) {
  if constexpr (kType == DType::kF16) return _mm256_cvtph_ps(x);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}

// Eight rows of sixteen 16-bit values → out[16][8] in f32, transposed. The transposition comes first, while a vector
// holds sixteen of them: each 128-bit lane is a square of eight by eight.
template <DType kType>
inline void transpose16(const char* const* rows, std::int64_t byte, float* out, std::int64_t to) {
  __m256i r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[i] + byte));
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_epi16(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi16(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_unpacklo_epi32(t[i], t[i + 2]);
    r[i + 1] = _mm256_unpackhi_epi32(t[i], t[i + 2]);
    r[i + 2] = _mm256_unpacklo_epi32(t[i + 1], t[i + 3]);
    r[i + 3] = _mm256_unpackhi_epi32(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_epi64(r[i], r[i + 4]);
    t[2 * i + 1] = _mm256_unpackhi_epi64(r[i], r[i + 4]);
  }
  for (int d = 0; d < 8; ++d) {
    _mm256_storeu_ps(out + d * to, widen8<kType>(_mm256_castsi256_si128(t[d])));
    _mm256_storeu_ps(out + (d + 8) * to, widen8<kType>(_mm256_extracti128_si256(t[d], 1)));
  }
}

// Eight rows of head_dim values → eight columns of keys (head_dim, stride). Nothing beyond a row is read.
template <DType kType>
inline void convert_key_rows(const char* const* rows, int head_dim, std::int64_t stride, float* out) {
  constexpr int kStep = kType == DType::kF32 ? 8 : 16, kBytes = kType == DType::kF32 ? 4 : 2;
  const auto transpose = [](const char* const* from, std::int64_t byte, float* to, std::int64_t step) {
    if constexpr (kType == DType::kF32)
      transpose8(from, byte, to, step);
    else
      transpose16<kType>(from, byte, to, step);
  };
  int d = 0;
  for (; d + kStep <= head_dim; d += kStep) transpose(rows, d * kBytes, out + d * stride, stride);
  if (d == head_dim) return;
  alignas(64) char last[8][kStep * kBytes] = {};
  alignas(64) float square[kStep][8];
  const char* padded[8];
  for (int i = 0; i < 8; ++i) {
    __builtin_memcpy(last[i], rows[i] + d * kBytes, static_cast<std::size_t>((head_dim - d) * kBytes));
    padded[i] = last[i];
  }
  transpose(padded, 0, square[0], 8);
  for (int i = 0; d + i < head_dim; ++i) _mm256_storeu_ps(out + (d + i) * stride, _mm256_load_ps(square[i]));
}

// Some keys of one block: those at the positions [block + begin, block + end), f32 in `keys` or `values`, where the key
// at block + origin comes first.
struct Part {
  std::int64_t block;
  int begin, end, origin;
  int stride;          // of keys' rows
  std::int64_t until;  // rows of the next block below this position are asked for while this part is converted
};

// The eight rows from `key` of the part's block on; those outside of the part repeat one of it.
inline void rows_of_part(const HeadRows& rows, const char* base, const Part& part, int key, const char** row) {
  if (key >= part.begin && key + 8 <= part.end) {
    rows.eight(base, part.block + key, row);
    return;
  }
  for (int i = 0; i < 8; ++i) row[i] = base + rows.at(part.block + min_int(max_int(key + i, part.begin), part.end - 1));
}

// Columns beside [begin, end), up to a multiple of 8, repeat one of them.
template <DType kType>
void convert_keys(const HeadRows& rows, const Part& part, float* keys) {
  for (int j = part.begin / 8 * 8; j < part.end; j += 8) {
    const char* row[8];
    rows_of_part(rows, rows.k, part, j, row);
    convert_key_rows<kType>(row, rows.head_dim, part.stride, keys + (j - part.origin));
  }
}

template <DType kType>
void convert_values(const HeadRows& rows, const Part& part, float* values) {
  const int padded = static_cast<int>(padded_dim(rows.head_dim));
  for (int j = part.begin / 8 * 8; j < part.end; j += 8) {
    const char* row[8];
    rows_of_part(rows, rows.v, part, j, row);
    for (int i = max_int(0, part.begin - j); i < min_int(8, part.end - j); ++i) {
      widen_row<kType>(row[i], rows.head_dim, padded, values + static_cast<std::int64_t>(j + i - part.origin) * padded);
    }
  }
}

inline void convert_keys(const HeadRows& rows, const Part& part, float* keys) {
  switch (rows.dtype) {
    case DType::kF32:
      return convert_keys<DType::kF32>(rows, part, keys);
    case DType::kF16:
      return convert_keys<DType::kF16>(rows, part, keys);
    default:
      return convert_keys<DType::kBF16>(rows, part, keys);
  }
}

inline void convert_values(const HeadRows& rows, const Part& part, float* values) {
  switch (rows.dtype) {
    case DType::kF32:
      return convert_values<DType::kF32>(rows, part, values);
    case DType::kF16:
      return convert_values<DType::kF16>(rows, part, values);
    default:
      return convert_values<DType::kBF16>(rows, part, values);
  }
}

}  // namespace
}  // namespace pareto::cpu
