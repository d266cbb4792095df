// Latencies and rates of a run, from the times of its responses.
//
//   due ──queue──▶ start ──▶ first token ──▶ token ──▶ … ──▶ last token = end
//
// What others call by one name are several quantities; each has a name of its own here (n: tokens generated):
//
//   ttft_from_schedule   first − due                  MLPerf's server; ours
//   ttft_from_admit      first − start                vLLM, AIPerf, GuideLLM: from when the client sends
//   tpot_excl_first      (end − first) / (n − 1)      vLLM's and MLPerf's TPOT; AIPerf's and GuideLLM's ITL
//   tpot_incl_first      (end − start) / n            GuideLLM's TPOT
//   itl_token            gaps between two tokens, of all requests together
//   icl_chunk            gaps between two arrivals; tokens that come together are one     vLLM's ITL, AIPerf's ICL
//   e2e_from_schedule    end − due                    MLPerf's server; ours
//   e2e_from_admit       end − start                  vLLM, AIPerf, GuideLLM
//   queue                start − due                  what counting from `start` leaves out (coordinated omission)
//
// TTFT, TPOT, ITL and ICL are of generated requests (TPOT of at least two tokens), e2e and queue of all. In an offline
// run everything is due at once, so what counts from the schedule holds the time in the queue.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/request.h"
#include "results/statistics.h"

namespace pareto {

// A summary with the 95 % interval of each of its numbers: the mean's from its standard error, a percentile's from the
// order statistics that bound it (binomial, exact, at least 95 %).
struct LatencyStats {
  Summary summary;
  std::map<std::string, Interval> ci95;  // "mean", "p50", "p90", "p99"; without those that no order statistic bounds
  // Percentiles for which there are too few values: with fewer than percentile_needs() it may be that none at all lies
  // beyond it.
  std::vector<std::string> too_few_for;
};
LatencyStats latency_stats(std::vector<double> values);

// How many values it takes for one beyond the p-th quantile to be among them with 99 % confidence: ⌈ln .01 / ln p⌉, of
// p50 7, p90 44, p99 459 (MLPerf LoadGen's early stopping, no value above the bound). REQUIRES: 0 < p < 1.
std::int64_t percentile_needs(double p);

// By name, as above.
using Latency = std::vector<std::pair<std::string, LatencyStats>>;
// Of what was computed in this run (`resumed` is 0): a journal may hold answers of another batch size. All three are
// parallel; null and failed responses are left out.
Latency latency_of(std::span<const Request> requests, std::span<const Response* const> responses,
                   std::span<const char> resumed);
// REQUIRES: one of the names.
const LatencyStats& stats_of(const Latency& latency, std::string_view name);

// Milliseconds that an answer may take; 0: not asked for.
struct GoodputTargets {
  double ttft_ms = 0, tpot_ms = 0, e2e_ms = 0;
  bool any() const { return ttft_ms > 0 || tpot_ms > 0 || e2e_ms > 0; }
};
struct Goodput {
  GoodputTargets targets;
  std::int64_t met = 0, requests = 0;
  double requests_per_s = 0;  // that met all of them
};
// Of the generated requests that were computed in this run (`resumed` is 0), from the schedule on: how many met every
// target. A failed one met none; of one token there is no TPOT to miss.
Goodput goodput_of(const GoodputTargets& targets, std::span<const Request> requests,
                   std::span<const Response* const> responses, std::span<const char> resumed, double seconds);

struct Throughput {
  std::int64_t requests = 0, resumed = 0;  // computed in this run; answered from the journal
  std::int64_t prompt_tokens = 0, cached_prompt_tokens = 0, output_tokens = 0;  // of the computed ones
  double resumed_flops = 0, resumed_bytes = 0;  // the shares of the resumed ones, when they were computed
  double offered_requests_per_s = 0;            // of a server scenario: what its due times ask for
  double load_s = 0, warmup_s = 0, serve_s = 0;
};

}  // namespace pareto
