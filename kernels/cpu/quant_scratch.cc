#include "kernels/cpu/quant_scratch.h"

#include <cstdlib>
#include <memory>

namespace pareto::cpu {
namespace {

struct Free {
  void operator()(float* p) const { std::free(p); }
};
struct Tile {
  std::unique_ptr<float, Free> data;
  std::size_t floats = 0;
};

}  // namespace

float* thread_tile(std::size_t floats) {
  thread_local Tile tile;
  if (floats > tile.floats) {
    tile.floats = (floats + 1023) / 1024 * 1024;
    tile.data.reset(static_cast<float*>(std::aligned_alloc(64, tile.floats * sizeof(float))));
    if (!tile.data) std::abort();  // a few hundred KB: the memory plan has its reserve
  }
  return tile.data.get();
}

}  // namespace pareto::cpu
