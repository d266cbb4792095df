#include "core/rng.h"

namespace pareto {
namespace {

// The multipliers and the Weyl increments of the paper's table 2.
constexpr std::uint32_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

}  // namespace

PhiloxCounter philox4x32(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < kRounds; ++round) {
    if (round > 0) k = {k[0] + kWeyl0, k[1] + kWeyl1};
    const std::uint64_t product0 = std::uint64_t{kMultiply0} * c[0];
    const std::uint64_t product1 = std::uint64_t{kMultiply1} * c[2];
    c = {static_cast<std::uint32_t>(product1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(product1),
         static_cast<std::uint32_t>(product0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(product0)};
  }
  return c;
}

std::uint32_t CounterRng::word(std::uint32_t index) {
  if (!have_block_ || counter_[0] != index / 4) {
    counter_[0] = index / 4;
    block_ = philox4x32(counter_, key_);
    have_block_ = true;
  }
  return block_[index % 4];
}

}  // namespace pareto
