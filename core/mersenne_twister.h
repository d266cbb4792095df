// MT19937 (Matsumoto and Nishimura 1998) with the seedings of CPython and NumPy: few-shot draws and bootstraps must be
// upstream's, draw for draw.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace pareto::python {

class MersenneTwister {
 public:
  static MersenneTwister by_array(std::span<const std::uint32_t> key);  // init_by_array: CPython
  static MersenneTwister by_integer(std::uint32_t seed);                // init_genrand: NumPy
  static MersenneTwister by_seed(std::int64_t seed);                    // random.Random(seed)
  std::uint32_t next();
  double random();  // random.random(): [0, 1), 53 bits

 private:
  MersenneTwister() = default;
  void refill();
  std::array<std::uint32_t, 624> state_{};
  int index_ = 624;
};

}  // namespace pareto::python
