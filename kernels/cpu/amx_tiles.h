// The tile configuration of all AMX kernels: eight tiles of 16 rows of 64 bytes. For *_amx.cc files only.
//
// Four tiles accumulate (0-3), two hold A (4, 5), two hold B (6, 7). With bf16, A is 16 rows of 32 values and B has in
// line p the values 2p and 2p + 1 of 16 columns: 32-bit words, so that B is A of the other operand, transposed.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace pareto::cpu::amx {

// Loaded on entry, released on leaving: tiles in use make every context switch and every sleep dearer.
class TileScope {
 public:
  TileScope() {
    alignas(64) Config config;
    for (int t = 0; t < 8; ++t) {
      config.row_bytes[t] = 64;
      config.rows[t] = 16;
    }
    // GCC 12 believes that ldtilecfg reads eight bytes and drops the stores of the others.
    asm volatile("" ::"r"(&config) : "memory");
    _tile_loadconfig(&config);
  }
  ~TileScope() { _tile_release(); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;

 private:
  struct Config {
    std::uint8_t palette = 1, start_row = 0;
    std::uint8_t reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  };
  static_assert(sizeof(Config) == 64);
};

inline __mmask16 first_lanes(std::int64_t n) {
  return n >= 16 ? __mmask16{0xffff} : n <= 0 ? __mmask16{0} : static_cast<__mmask16>((1u << n) - 1);
}

// 16 lines of 16 words, transposed.
inline void transpose16(__m512i (&v)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {  // v[i + c]: in quarter q, column 4q + c of the rows i … i + 3
    v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {  // a 4 × 4 transposition of quarters
    const __m512i low01 = _mm512_shuffle_i32x4(v[c], v[c + 4], 0x44),
                  high01 = _mm512_shuffle_i32x4(v[c], v[c + 4], 0xee);
    const __m512i low23 = _mm512_shuffle_i32x4(v[c + 8], v[c + 12], 0x44);
    const __m512i high23 = _mm512_shuffle_i32x4(v[c + 8], v[c + 12], 0xee);
    t[c] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    t[c + 4] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
    t[c + 8] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    t[c + 12] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) v[i] = t[i];
}

}  // namespace pareto::cpu::amx
