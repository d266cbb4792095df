#include "results/latency.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <optional>

namespace pareto {
namespace {

constexpr std::pair<const char*, double> kPercentiles[] = {{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}};

// The narrowest pair of order statistics that holds the p-th quantile with at least 95 %, half of the rest on either
// side: ranks l, u (from 1) with P(X < l) ≤ 2.5 % and P(X ≥ u) ≤ 2.5 % of X ~ Binomial(n, p). Nothing where the
// smallest or the largest value does not bound it.
std::optional<Interval> quantile_interval(std::span<const double> sorted, double p) {
  const auto n = static_cast<double>(sorted.size());
  const boost::math::binomial_distribution<double> below(n, p);
  const auto at_most = [&](double k) { return k < 0 ? 0 : boost::math::cdf(below, k); };
  // From the normal approximation's ranks to the exact ones: a few steps.
  const double half = 1.96 * std::sqrt(n * p * (1 - p));
  double low = std::clamp(std::floor(n * p - half), 0.0, n), high = std::clamp(std::ceil(n * p + half) + 1, 1.0, n + 1);
  while (low > 0 && at_most(low - 1) > 0.025) --low;
  while (low < n && at_most(low) <= 0.025) ++low;
  while (high <= n && at_most(high - 1) < 0.975) ++high;
  while (high > 1 && at_most(high - 2) >= 0.975) --high;
  if (low < 1 || high > n) return std::nullopt;
  return Interval{sorted[static_cast<std::size_t>(low) - 1], sorted[static_cast<std::size_t>(high) - 1]};
}

std::optional<double> tpot_excl_first(const Response& r) {
  if (r.output_tokens() < 2) return std::nullopt;
  return static_cast<double>(r.end - r.first_token) / static_cast<double>(r.output_tokens() - 1);
}

// A server may send several tokens as one piece of text; what ends the answer is a token without text.
bool timed_by_token(const Response& r) { return std::ssize(r.token_times) + 1 >= r.output_tokens(); }

constexpr double kMs = 1e6;  // nanoseconds

}  // namespace

LatencyStats latency_stats(std::vector<double> values) {
  LatencyStats stats;
  std::sort(values.begin(), values.end());
  stats.summary = summarise(values);
  if (values.size() >= 2) stats.ci95["mean"] = normal_interval(values);
  for (const auto& [name, p] : kPercentiles) {
    if (values.empty()) continue;
    if (const auto interval = quantile_interval(values, p)) stats.ci95[name] = *interval;
    if (std::ssize(values) < percentile_needs(p)) stats.too_few_for.emplace_back(name);
  }
  return stats;
}

std::int64_t percentile_needs(double p) { return static_cast<std::int64_t>(std::ceil(std::log(0.01) / std::log(p))); }

Latency latency_of(std::span<const Request> requests, std::span<const Response* const> responses,
                   std::span<const char> resumed) {
  std::vector<double> ttft_schedule, ttft_admit, tpot_excl, tpot_incl, itl, icl, e2e_schedule, e2e_admit, queue;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (resumed[i] != 0 || responses[i] == nullptr || responses[i]->error) continue;
    const Response& r = *responses[i];
    e2e_schedule.push_back(static_cast<double>(r.end - r.due));
    e2e_admit.push_back(static_cast<double>(r.end - r.start));
    queue.push_back(static_cast<double>(r.start - r.due));
    if (requests[i].kind != Request::Kind::kGenerate || r.output_tokens() == 0 || r.token_times.empty()) continue;
    ttft_schedule.push_back(static_cast<double>(r.first_token - r.due));
    ttft_admit.push_back(static_cast<double>(r.first_token - r.start));
    if (const auto tpot = tpot_excl_first(r)) tpot_excl.push_back(*tpot);
    tpot_incl.push_back(static_cast<double>(r.end - r.start) / static_cast<double>(r.output_tokens()));
    for (std::size_t t = 1; t < r.token_times.size(); ++t) {
      const auto gap = static_cast<double>(r.token_times[t] - r.token_times[t - 1]);
      if (timed_by_token(r)) itl.push_back(gap);
      if (gap > 0) icl.push_back(gap);
    }
  }
  return {{"ttft_from_schedule", latency_stats(std::move(ttft_schedule))},
          {"ttft_from_admit", latency_stats(std::move(ttft_admit))},
          {"tpot_excl_first", latency_stats(std::move(tpot_excl))},
          {"tpot_incl_first", latency_stats(std::move(tpot_incl))},
          {"itl_token", latency_stats(std::move(itl))},
          {"icl_chunk", latency_stats(std::move(icl))},
          {"e2e_from_schedule", latency_stats(std::move(e2e_schedule))},
          {"e2e_from_admit", latency_stats(std::move(e2e_admit))},
          {"queue", latency_stats(std::move(queue))}};
}

const LatencyStats& stats_of(const Latency& latency, std::string_view name) {
  return std::find_if(latency.begin(), latency.end(), [&](const auto& entry) { return entry.first == name; })->second;
}

Goodput goodput_of(const GoodputTargets& targets, std::span<const Request> requests,
                   std::span<const Response* const> responses, std::span<const char> resumed, double seconds) {
  Goodput goodput;
  goodput.targets = targets;
  const auto within = [](double ns, double ms) { return ms == 0 || ns <= ms * kMs; };
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].kind != Request::Kind::kGenerate || resumed[i] != 0) continue;
    ++goodput.requests;
    if (responses[i] == nullptr || responses[i]->error) continue;
    const Response& r = *responses[i];
    const bool met = within(static_cast<double>(r.first_token - r.due), targets.ttft_ms) &&
                     within(tpot_excl_first(r).value_or(0), targets.tpot_ms) &&
                     within(static_cast<double>(r.end - r.due), targets.e2e_ms);
    if (met) ++goodput.met;
  }
  if (seconds > 0) goodput.requests_per_s = static_cast<double>(goodput.met) / seconds;
  return goodput;
}

}  // namespace pareto
