// Latencies and rates of a run, from the times of its responses.
//
//   due ──queue──▶ start ──▶ first token ──▶ token ──▶ … ──▶ end
//   ttft  first token − due         generated requests
//   tpot  (end − first) / (n − 1)   generated requests of at least two tokens: per request, the first token excluded
//   itl   gap between two tokens    pooled over all requests
//   e2e   end − due                 all requests
//
// In an offline run everything is due at once, so ttft and e2e hold the time in the queue.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/request.h"
#include "results/statistics.h"

namespace pareto {

// A summary with the 95 % interval of each of its numbers: the mean's from its standard error, a percentile's from the
// order statistics whose ranks bound it (binomial, normal approximation).
struct LatencyStats {
  Summary summary;
  std::map<std::string, Interval> ci95;  // "mean", "p50", "p90", "p99"; empty for fewer than two values
};
LatencyStats latency_stats(std::vector<double> values);

struct Latency {
  LatencyStats ttft_ns, tpot_ns, itl_ns, e2e_ns;
};
// `requests` and `responses` are parallel; null and failed responses are left out.
Latency latency_of(std::span<const Request> requests, std::span<const Response* const> responses);

struct Throughput {
  std::int64_t requests = 0, resumed = 0;  // computed in this run; answered from the journal
  std::int64_t prompt_tokens = 0, cached_prompt_tokens = 0, output_tokens = 0;  // of the computed ones
  double resumed_flops = 0, resumed_bytes = 0;  // the shares of the resumed ones, when they were computed
  double load_s = 0, warmup_s = 0, serve_s = 0;
};

}  // namespace pareto
