#include "results/latency.h"

#include <algorithm>
#include <cmath>

namespace pareto {
namespace {

constexpr double kZ95 = 1.959963984540054;

// Order statistics whose ranks are n·p ∓ z·√(n·p·(1−p)).
Interval quantile_interval(std::span<const double> sorted, double p) {
  const double n = static_cast<double>(sorted.size());
  const double half = kZ95 * std::sqrt(n * p * (1 - p));
  const auto at = [&](double rank) { return sorted[static_cast<std::size_t>(std::clamp(rank, 0.0, n - 1))]; };
  return {at(std::floor(n * p - half)), at(std::ceil(n * p + half))};
}

}  // namespace

LatencyStats latency_stats(std::vector<double> values) {
  LatencyStats stats;
  std::sort(values.begin(), values.end());
  stats.summary = summarise(values);
  if (values.size() < 2) return stats;
  stats.ci95["mean"] = normal_interval(values);
  stats.ci95["p50"] = quantile_interval(values, 0.50);
  stats.ci95["p90"] = quantile_interval(values, 0.90);
  stats.ci95["p99"] = quantile_interval(values, 0.99);
  return stats;
}

Latency latency_of(std::span<const Request> requests, std::span<const Response* const> responses) {
  std::vector<double> ttft, tpot, itl, e2e;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (responses[i] == nullptr || responses[i]->error) continue;
    const Response& r = *responses[i];
    e2e.push_back(static_cast<double>(r.end - r.due));
    if (requests[i].kind != Request::Kind::kGenerate || r.tokens.empty()) continue;
    ttft.push_back(static_cast<double>(r.first_token - r.due));
    if (r.tokens.size() > 1)
      tpot.push_back(static_cast<double>(r.end - r.first_token) / static_cast<double>(r.tokens.size() - 1));
    for (std::size_t t = 1; t < r.token_times.size(); ++t)
      itl.push_back(static_cast<double>(r.token_times[t] - r.token_times[t - 1]));
  }
  return {latency_stats(std::move(ttft)), latency_stats(std::move(tpot)), latency_stats(std::move(itl)),
          latency_stats(std::move(e2e))};
}

}  // namespace pareto
