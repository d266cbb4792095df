#include <fmt/format.h>

#include <bit>
#include <unordered_set>

#include "tasks/python.h"

namespace pareto::python {

Random::Random(std::int64_t seed) : twister_(MersenneTwister::by_seed(seed)) {}

double Random::random() { return twister_.random(); }

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
