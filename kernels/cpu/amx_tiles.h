// The tile configuration of all AMX kernels. For *_amx.cc files only.
//
// Four tiles of 16 rows of 64 bytes accumulate (0-3), two hold A (4, 5), two hold B (6, 7): 16 rows of `a_bytes` and
// a_bytes / 4 lines of 64 bytes. With bf16, B has in line p the values 2p and 2p + 1 of 16 columns; with int8, the
// values 4p … 4p + 3: 32-bit words, so that B is A of the other operand, transposed.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace pareto::cpu::amx {

// Loaded on entry, released on leaving: tiles in use make every context switch and every sleep dearer.
class TileScope {
 public:
  explicit TileScope(int a_bytes = 64) {
    alignas(64) Config config;
    for (int t = 0; t < 8; ++t) {
      config.row_bytes[t] = static_cast<std::uint16_t>(t == 4 || t == 5 ? a_bytes : 64);
      config.rows[t] = static_cast<std::uint8_t>(t < 6 ? 16 : a_bytes / 4);
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
