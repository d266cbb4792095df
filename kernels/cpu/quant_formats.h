// GGUF's blocks on 256-bit vectors: the integers of 32 values, and the scales of eight rows at a time.
//
// Each format F has
//   kValues, kBytes         of one block (blocks.h draws them); kSubs = kValues / 32 sub-blocks of 32 values
//   integers(block, sub)    the 32 integers q of one sub-block, one a byte in their order, unsigned but for Q8_0
//   scales(rows, s)         for one block of each of eight rows: x = scale · (q - kOffset) + min
//   kGroups                 Q6_K: q - kOffset is also multiplied by one of two int8 for each 16 values (s.groups)
//   kMin                    whether min is not zero; kMost: the largest |q|; kSigned: q is int8, else a byte
//   kNibbles                where a block's 16 bytes of two integers each begin, or -1
// Included by *_avx2.cc and *_avx512.cc alone; everything has internal linkage (internal.h).
#pragma once

#include <cstdint>

#include "core/types.h"

namespace pareto::cpu {
namespace {

using Byte = std::uint8_t;

constexpr int kRows = 8;  // of the weight, handled together

// One block of each row: [sub-block][row].
struct Scales {
  alignas(32) float scale[8][kRows];
  alignas(32) float min[8][kRows];
  alignas(32) std::int32_t groups[8][kRows];  // two int16: the multiplier of the first 16 values, of the last 16
};

inline __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

inline std::uint16_t load_u16(const Byte* p) {
  std::uint16_t value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}

// The f16 at `at` of each row's block.
inline __m256 load_halves(const Byte* const* rows, int at) {
  const auto half = [&](int r) { return static_cast<short>(load_u16(rows[r] + at)); };
  return _mm256_cvtph_ps(_mm_setr_epi16(half(0), half(1), half(2), half(3), half(4), half(5), half(6), half(7)));
}

// The 16 bytes at `at` of each row's block as four vectors of 32 bits, lane = row.
inline void load_columns(const Byte* const* rows, int at, __m256i (&column)[4]) {
  __m256i r[4], t[4];
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(load128(rows[i] + at)), load128(rows[i + 4] + at), 1);
  }
  for (int i = 0; i < 4; i += 2) {
    t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
  column[0] = _mm256_unpacklo_epi64(t[0], t[2]);
  column[1] = _mm256_unpackhi_epi64(t[0], t[2]);
  column[2] = _mm256_unpacklo_epi64(t[1], t[3]);
  column[3] = _mm256_unpackhi_epi64(t[1], t[3]);
}

struct Q8_0 {
  static constexpr int kValues = 32, kBytes = 34, kSubs = 1, kOffset = 0;
  static constexpr int kNibbles = -1;
  static constexpr int kMost = 128;
  static constexpr bool kSigned = true;
  static constexpr bool kMin = false, kGroups = false;
  static __m256i integers(const Byte* block, int) { return load256(block + 2); }
  static void scales(const Byte* const* rows, Scales& s) { _mm256_store_ps(s.scale[0], load_halves(rows, 0)); }
};

// 16 bytes: the low halves are the first 16 values.
inline __m256i nibbles(const Byte* p) {
  const __m256i packed = _mm256_broadcastsi128_si256(load128(p));
  return _mm256_and_si256(_mm256_srlv_epi32(packed, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4)), _mm256_set1_epi8(15));
}

struct Q4_0 {
  static constexpr int kValues = 32, kBytes = 18, kSubs = 1, kOffset = 8;
  static constexpr int kNibbles = 2;
  static constexpr int kMost = 15;
  static constexpr bool kSigned = false;
  static constexpr bool kMin = false, kGroups = false;
  static __m256i integers(const Byte* block, int) { return nibbles(block + kNibbles); }
  static void scales(const Byte* const* rows, Scales& s) { _mm256_store_ps(s.scale[0], load_halves(rows, 0)); }
};

struct Q4_1 {
  static constexpr int kValues = 32, kBytes = 20, kSubs = 1, kOffset = 0;
  static constexpr int kNibbles = 4;
  static constexpr int kMost = 15;
  static constexpr bool kSigned = false;
  static constexpr bool kMin = true, kGroups = false;
  static __m256i integers(const Byte* block, int) { return nibbles(block + kNibbles); }
  static void scales(const Byte* const* rows, Scales& s) {
    _mm256_store_ps(s.scale[0], load_halves(rows, 0));
    _mm256_store_ps(s.min[0], load_halves(rows, 2));
  }
};

// 32 bytes from p, the low halves for an even sub-block and the high ones for an odd one.
inline __m256i half_bytes(const Byte* p, int sub) {
  return _mm256_and_si256(_mm256_srl_epi16(load256(p), _mm_cvtsi32_si128(sub % 2 * 4)), _mm256_set1_epi8(15));
}

// Four 6-bit numbers in each row's 32 bits, times `factor`, to out[0 … 3][row].
inline void scale_bytes(__m256i bytes, __m256 factor, float (*out)[kRows]) {
  for (int j = 0; j < 4; ++j) {
    const __m256i number = _mm256_and_si256(_mm256_srl_epi32(bytes, _mm_cvtsi32_si128(8 * j)), _mm256_set1_epi32(63));
    _mm256_store_ps(out[j], _mm256_mul_ps(_mm256_cvtepi32_ps(number), factor));
  }
}

// What Q4_K and Q5_K have in their first 16 bytes: d, dmin and eight packed scales and minima (blocks.h).
inline void superblock_scales(const Byte* const* rows, Scales& s) {
  __m256i column[4];
  load_columns(rows, 0, column);
  const __m256i low_half = _mm256_set1_epi32(0xffff);
  const __m256i halves =  // per 128-bit lane: d of four rows, dmin of four rows
      _mm256_packus_epi32(_mm256_and_si256(column[0], low_half), _mm256_srli_epi32(column[0], 16));
  const __m256 first = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
  const __m256 second = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
  const __m256 d = _mm256_permute2f128_ps(first, second, 0x20);
  // x = scale · q - dmin · m: the sign goes into dmin, which changes no bit.
  const __m256 dmin = _mm256_xor_ps(_mm256_permute2f128_ps(first, second, 0x31), _mm256_set1_ps(-0.0f));
  const __m256i six = _mm256_set1_epi32(0x3f3f3f3f), low = _mm256_set1_epi32(0x0f0f0f0f),
                high = _mm256_set1_epi32(0x30303030);
  const auto joined = [&](__m256i nibble, __m256i top) {
    return _mm256_or_si256(_mm256_and_si256(nibble, low), _mm256_and_si256(_mm256_srli_epi32(top, 2), high));
  };
  scale_bytes(_mm256_and_si256(column[1], six), d, s.scale);
  scale_bytes(joined(column[3], column[1]), d, s.scale + 4);
  scale_bytes(_mm256_and_si256(column[2], six), dmin, s.min);
  scale_bytes(joined(_mm256_srli_epi32(column[3], 4), column[2]), dmin, s.min + 4);
}

struct Q4_K {
  static constexpr int kValues = 256, kBytes = 144, kSubs = 8, kOffset = 0;
  static constexpr int kNibbles = -1;
  static constexpr int kMost = 15;
  static constexpr bool kSigned = false;
  static constexpr bool kMin = true, kGroups = false;
  static __m256i integers(const Byte* block, int sub) { return half_bytes(block + 16 + sub / 2 * 32, sub); }
  static void scales(const Byte* const* rows, Scales& s) { superblock_scales(rows, s); }
};

struct Q5_K {
  static constexpr int kValues = 256, kBytes = 176, kSubs = 8, kOffset = 0;
  static constexpr int kNibbles = -1;
  static constexpr int kMost = 31;
  static constexpr bool kSigned = false;
  static constexpr bool kMin = true, kGroups = false;
  static __m256i integers(const Byte* block, int sub) {
    const __m256i bit =
        _mm256_and_si256(_mm256_srl_epi16(load256(block + 16), _mm_cvtsi32_si128(sub)), _mm256_set1_epi8(1));
    return _mm256_or_si256(half_bytes(block + 48 + sub / 2 * 32, sub), _mm256_slli_epi16(bit, 4));
  }
  static void scales(const Byte* const* rows, Scales& s) { superblock_scales(rows, s); }
};

struct Q6_K {
  static constexpr int kValues = 256, kBytes = 210, kSubs = 8, kOffset = 32;
  static constexpr int kNibbles = -1;
  static constexpr int kMost = 63;
  static constexpr bool kSigned = false;
  static constexpr bool kMin = false, kGroups = true;
  // Each half of 128 values: sub-blocks 0 and 1 are low halves of ql[0, 32) and [32, 64), 2 and 3 the high halves.
  static __m256i integers(const Byte* block, int sub) {
    const int half = sub / 4, part = sub % 4;
    const __m256i low = half_bytes(block + half * 64 + part % 2 * 32, part / 2);
    const __m256i high = _mm256_and_si256(
        _mm256_srl_epi16(load256(block + 128 + half * 32), _mm_cvtsi32_si128(2 * part)), _mm256_set1_epi8(3));
    return _mm256_or_si256(low, _mm256_slli_epi16(high, 4));
  }
  static void scales(const Byte* const* rows, Scales& s) {
    const __m256 d = load_halves(rows, 208);
    __m256i column[4];
    load_columns(rows, 192, column);
    // Of each 32 bits, bytes 0 and 1 (2 and 3) go to the high bytes of the two int16, and down again with their sign.
    const __m256i first =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(-1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13));
    const __m256i second =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(-1, 2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15));
    for (int i = 0; i < 4; ++i) {
      const auto spread = [&](__m256i pick) { return _mm256_srai_epi16(_mm256_shuffle_epi8(column[i], pick), 8); };
      _mm256_store_si256(reinterpret_cast<__m256i*>(s.groups[2 * i]), spread(first));
      _mm256_store_si256(reinterpret_cast<__m256i*>(s.groups[2 * i + 1]), spread(second));
    }
    for (auto& scale : s.scale) _mm256_store_ps(scale, d);
  }
};

// One block of each of `count` ≤ 8 rows → kValues f32 at out + r · ldo, by the formula of ops.h's dequantise, bit for
// bit.
template <class F>
inline void dequantise_blocks(const Byte* const* rows, int count, float* out, std::int64_t ldo) {
  Scales s;
  F::scales(rows, s);
  for (int r = 0; r < count; ++r) {
    for (int sub = 0; sub < F::kSubs; ++sub) {
      const __m256i q = _mm256_sub_epi8(F::integers(rows[r], sub), _mm256_set1_epi8(F::kOffset));
      const auto* groups = reinterpret_cast<const std::int16_t*>(&s.groups[sub][r]);
      for (int part = 0; part < 4; ++part) {  // of eight values
        const __m128i half = part < 2 ? _mm256_castsi256_si128(q) : _mm256_extracti128_si256(q, 1);
        const __m256 n = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(part % 2 ? _mm_srli_si128(half, 8) : half));
        float scale = s.scale[sub][r];
        if constexpr (F::kGroups) scale *= static_cast<float>(groups[part / 2]);
        __m256 x = _mm256_mul_ps(n, _mm256_set1_ps(scale));
        if constexpr (F::kMin) x = _mm256_add_ps(x, _mm256_set1_ps(s.min[sub][r]));
        _mm256_storeu_ps(out + r * ldo + sub * 32 + part * 8, x);
      }
    }
  }
}

// Eight rows' `blocks` blocks, row_bytes apart → out[count][…] with ldo between rows.
template <class F>
inline void dequantise_rows(const Byte* data, std::int64_t row_bytes, int count, std::int64_t blocks, float* out,
                            std::int64_t ldo) {
  const Byte* rows[kRows];
  for (int r = 0; r < kRows; ++r) rows[r] = data + (r < count ? r : count - 1) * row_bytes;
  for (std::int64_t b = 0; b < blocks; ++b) {
    dequantise_blocks<F>(rows, count, out + b * F::kValues, ldo);
    for (const Byte*& row : rows) row += F::kBytes;
  }
}

// Consecutive blocks, eight at a time.
template <class F>
inline void dequantise_run(const void* data, std::int64_t n, float* out) {
  const auto* p = static_cast<const Byte*>(data);
  for (std::int64_t left = n / F::kValues; left > 0; left -= kRows) {
    dequantise_rows<F>(p, F::kBytes, static_cast<int>(left < kRows ? left : kRows), 1, out, F::kValues);
    p += kRows * F::kBytes;
    out += kRows * F::kValues;
  }
}

}  // namespace
}  // namespace pareto::cpu
