// Peak rates of the AMX unit: four accumulators, nothing loaded.
#include "kernels/cpu/amx_tiles.h"
#include "kernels/cpu/peak.h"

namespace pareto::cpu::amx {

double peak_bf16(std::int64_t iterations) {
  const TileScope scope;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  return static_cast<double>(iterations) * 4 * 16 * 16 * 32 * 2;
}

double peak_int8(std::int64_t iterations) {
  const TileScope scope;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  return static_cast<double>(iterations) * 4 * 16 * 16 * 64 * 2;
}

}  // namespace pareto::cpu::amx
