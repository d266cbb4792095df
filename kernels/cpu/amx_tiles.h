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

}  // namespace pareto::cpu::amx
