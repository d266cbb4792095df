#include <fmt/format.h>

#include <bit>
#include <unordered_set>

#include "tasks/python.h"

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

namespace {

// Little-endian 32-bit limbs of |seed|, at least one.
MersenneTwister seeded(std::int64_t seed) {
  const std::uint64_t magnitude = seed < 0 ? ~static_cast<std::uint64_t>(seed) + 1 : static_cast<std::uint64_t>(seed);
  const std::uint32_t limbs[] = {static_cast<std::uint32_t>(magnitude), static_cast<std::uint32_t>(magnitude >> 32)};
  return MersenneTwister::by_array(std::span(limbs, limbs[1] != 0 ? 2 : 1));
}

}  // namespace

Random::Random(std::int64_t seed) : twister_(seeded(seed)) {}

double Random::random() {
  const std::uint32_t high = twister_.next() >> 5, low = twister_.next() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

std::uint64_t Random::getrandbits(int bits) {
  if (bits <= 32) return twister_.next() >> (32 - bits);
  const std::uint64_t low = twister_.next();
  return low | static_cast<std::uint64_t>(twister_.next() >> (64 - bits)) << 32;
}

std::string Random::uuid4() {
  std::uint32_t word[4];  // least significant first
  for (auto& w : word) w = twister_.next();
  word[2] = (word[2] & 0xFFFF0FFFu) | 0x4000u;      // version 4
  word[1] = (word[1] & 0x3FFFFFFFu) | 0x80000000u;  // RFC 4122 variant
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", word[3], word[2] >> 16, word[2] & 0xFFFF,
                     word[1] >> 16, word[1] & 0xFFFF, word[0]);
}

std::int64_t Random::randbelow(std::int64_t n) {
  const int bits = std::bit_width(static_cast<std::uint64_t>(n));
  std::uint64_t r = getrandbits(bits);
  while (r >= static_cast<std::uint64_t>(n)) r = getrandbits(bits);
  return static_cast<std::int64_t>(r);
}

std::int64_t Random::randint(std::int64_t lo, std::int64_t hi) { return lo + randbelow(hi - lo + 1); }

std::vector<std::int64_t> Random::sample(std::int64_t n, std::int64_t k) {
  std::vector<std::int64_t> out;
  out.reserve(static_cast<std::size_t>(k));
  std::int64_t set_size = 21;  // of a small set; a bigger one weighs 4^ceil(log_4(3k))
  if (k > 5) {
    std::int64_t table = 1;
    while (table < 3 * k) table *= 4;
    set_size += table;
  }
  if (n <= set_size) {
    std::vector<std::int64_t> pool(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) pool[static_cast<std::size_t>(i)] = i;
    for (std::int64_t i = 0; i < k; ++i) {
      const auto j = static_cast<std::size_t>(randbelow(n - i));
      out.push_back(pool[j]);
      pool[j] = pool[static_cast<std::size_t>(n - i - 1)];
    }
    return out;
  }
  std::unordered_set<std::int64_t> chosen;
  for (std::int64_t i = 0; i < k; ++i) {
    std::int64_t j = randbelow(n);
    while (!chosen.insert(j).second) j = randbelow(n);
    out.push_back(j);
  }
  return out;
}

std::vector<std::int64_t> Random::choices(std::int64_t n, std::int64_t k) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(std::max<std::int64_t>(k, 0)));
  for (auto& i : out) i = static_cast<std::int64_t>(random() * static_cast<double>(n));
  return out;
}

std::int64_t NumpyRandom::randint(std::int64_t lo, std::int64_t hi) {
  const auto range = static_cast<std::uint64_t>(hi - 1 - lo);
  if (range == 0) return lo;  // no draw
  const std::uint64_t mask = std::bit_width(range) == 64 ? ~0ull : (1ull << std::bit_width(range)) - 1;
  std::uint64_t r = twister_.next() & mask;
  while (r > range) r = twister_.next() & mask;
  return lo + static_cast<std::int64_t>(r);
}

}  // namespace pareto::python
