#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/hash.h"
#include "core/rng.h"

namespace pareto {
namespace {

double gumbel(std::uint32_t word) { return -std::log(-std::log(uniform(word))); }

// The tokens that the filters leave, ties at the edge of top_k going to the lower id.
std::vector<Token> candidates(std::span<const float> logits, const Sampling& s) {
  std::vector<Token> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const bool by_k = s.top_k > 0 && static_cast<std::size_t>(s.top_k) < ids.size();
  if (!by_k && s.top_p >= 1) return ids;
  const auto before = [&](Token a, Token b) {
    const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const auto kept = ids.begin() + (by_k ? s.top_k : static_cast<std::ptrdiff_t>(ids.size()));
  std::partial_sort(ids.begin(), kept, ids.end(), before);
  ids.erase(kept, ids.end());
  if (s.top_p >= 1) return ids;

  const double top = logits[static_cast<std::size_t>(ids.front())];
  std::vector<double> weights;
  for (const Token id : ids) weights.push_back(std::exp((logits[static_cast<std::size_t>(id)] - top) / s.temperature));
  const double wanted = s.top_p * std::accumulate(weights.begin(), weights.end(), 0.0);
  double sum = 0;
  std::size_t count = 0;
  while (count < ids.size() && (count == 0 || sum < wanted)) sum += weights[count++];
  ids.resize(count);
  return ids;
}

}  // namespace

std::uint64_t sampling_stream(const Request& request) {
  const std::uint64_t place = static_cast<std::uint64_t>(static_cast<std::uint32_t>(request.doc)) << 32 |
                              static_cast<std::uint32_t>(request.part);
  return xxh3(request.id, place);
}

Token sample(std::span<const float> logits, const Sampling& sampling, std::uint64_t stream, std::uint32_t position) {
  const std::vector<Token> ids = candidates(logits, sampling);
  CounterRng rng(sampling.seed, stream, position);
  const auto noisy = [&](Token id) {
    return logits[static_cast<std::size_t>(id)] / sampling.temperature +
           gumbel(rng.word(static_cast<std::uint32_t>(id)));
  };
  // The noise of 32-bit words has an upper end: a token that could not win with the most of it needs no draw.
  static const double most = gumbel(std::numeric_limits<std::uint32_t>::max());
  Token best = *std::max_element(ids.begin(), ids.end(), [&](Token a, Token b) {
    return logits[static_cast<std::size_t>(a)] < logits[static_cast<std::size_t>(b)];
  });
  double best_value = noisy(best);
  for (const Token id : ids) {
    if (logits[static_cast<std::size_t>(id)] / sampling.temperature + most < best_value) continue;
    const double value = noisy(id);
    if (value > best_value) best = id, best_value = value;
  }
  return best;
}

}  // namespace pareto
