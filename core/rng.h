// Counter-based random numbers: Philox4x32-10, from
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
//
// A draw is a pure function of (key, counter), so a sampled token depends on its seed, request and position alone,
// never on the batch that it was computed in or on the order of the requests.
#pragma once

#include <array>
#include <cstdint>

namespace pareto {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// Ten rounds, as Random123's philox4x32: the four words of block `counter` under `key`.
PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key);

// The open interval (0, 1): (u + 1/2) / 2³².
inline double uniform(std::uint32_t u) { return (static_cast<double>(u) + 0.5) * 0x1p-32; }

// The words of one stream at one position. Word i is number i % 4 of
// philox4x32({i / 4, position, stream low, stream high}, seed).
class CounterRng {
 public:
  CounterRng(std::uint64_t seed, std::uint64_t stream, std::uint32_t position)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0, position, static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)} {}
  std::uint32_t word(std::uint32_t index);

 private:
  PhiloxKey key_;
  PhiloxCounter counter_;
  PhiloxCounter block_{};
  bool have_block_ = false;
};

}  // namespace pareto
