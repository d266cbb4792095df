#include "core/mersenne_twister.h"

#include <algorithm>

namespace pareto::python {

MersenneTwister MersenneTwister::by_integer(std::uint32_t seed) {
  MersenneTwister t;
  t.state_[0] = seed;
  for (std::uint32_t i = 1; i < 624; ++i) {
    t.state_[i] = 1812433253u * (t.state_[i - 1] ^ (t.state_[i - 1] >> 30)) + i;
  }
  return t;
}

MersenneTwister MersenneTwister::by_array(std::span<const std::uint32_t> key) {
  MersenneTwister t = by_integer(19650218u);
  auto& s = t.state_;
  std::size_t i = 1, j = 0;
  for (std::size_t k = std::max<std::size_t>(624, key.size()); k > 0; --k) {
    s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1664525u)) + key[j] + static_cast<std::uint32_t>(j);
    if (++i == 624) {
      s[0] = s[623];
      i = 1;
    }
    if (++j == key.size()) j = 0;
  }
  for (std::size_t k = 623; k > 0; --k) {
    s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1566083941u)) - static_cast<std::uint32_t>(i);
    if (++i == 624) {
      s[0] = s[623];
      i = 1;
    }
  }
  s[0] = 0x80000000u;
  return t;
}

void MersenneTwister::refill() {
  for (std::size_t i = 0; i < 624; ++i) {
    const std::uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % 624] & 0x7FFFFFFFu);
    state_[i] = state_[(i + 397) % 624] ^ (y >> 1) ^ ((y & 1) ? 0x9908B0DFu : 0u);
  }
  index_ = 0;
}

std::uint32_t MersenneTwister::next() {
  if (index_ == 624) refill();
  std::uint32_t y = state_[static_cast<std::size_t>(index_++)];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9D2C5680u;
  y ^= (y << 15) & 0xEFC60000u;
  return y ^ (y >> 18);
}

// The key is the little-endian 32-bit limbs of |seed|, at least one.
MersenneTwister MersenneTwister::by_seed(std::int64_t seed) {
  const std::uint64_t magnitude = seed < 0 ? ~static_cast<std::uint64_t>(seed) + 1 : static_cast<std::uint64_t>(seed);
  const std::uint32_t limbs[] = {static_cast<std::uint32_t>(magnitude), static_cast<std::uint32_t>(magnitude >> 32)};
  return by_array(std::span(limbs, limbs[1] != 0 ? 2 : 1));
}

double MersenneTwister::random() {
  const std::uint32_t high = next() >> 5, low = next() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

}  // namespace pareto::python
