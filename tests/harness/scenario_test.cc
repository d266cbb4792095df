// Scenarios against a simulated server of known service times: every latency equals its closed form.
#include "harness/scenario.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "harness/options.h"
#include "results/latency.h"

namespace pareto {
namespace {

constexpr Nanos kMs = 1'000'000;

OptionMap flags(const std::string& scenario, const std::string& rate = "", const std::string& burstiness = "1") {
  return {{"scenario", scenario}, {"request_rate", rate}, {"burstiness", burstiness}};
}

std::vector<Request> generations(int n) {
  std::vector<Request> all(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) all[static_cast<std::size_t>(i)].doc = i;
  return all;
}

// One request at a time, first in first out, on a clock of its own: the first token `first` after the start, the others
// `gap` after one another, `together` of them at a time.
struct Server {
  Nanos first = 30 * kMs, gap = 10 * kMs;
  int tokens = 6, together = 1;

  std::vector<Response> serve(const std::vector<Request>& requests, Arrivals* arrivals) const {
    std::vector<Response> responses(requests.size());
    constexpr Nanos kStart = 5'000 * kMs;  // clocks do not start at 0
    arrivals->start(kStart);
    Nanos now = kStart;
    while (!arrivals->exhausted()) {
      const Request* request = arrivals->next(now);
      if (request == nullptr) {
        now += kMs / 8;
        continue;
      }
      Response& r = responses[static_cast<std::size_t>(request - requests.data())];
      r.start = now - kStart;
      r.first_token = r.start + first;
      for (int t = 0; t < tokens; ++t) r.token_times.push_back(r.first_token + t / together * gap * together);
      r.tokens.assign(static_cast<std::size_t>(tokens), 7);
      r.end = r.token_times.back();
      now = r.end + kStart;
      arrivals->answered(now);
      r.due = arrivals->due(*request);
    }
    return responses;
  }
  Nanos service() const { return first + (tokens - 1) / together * together * gap; }
};

Latency latencies(const std::vector<Request>& requests, const std::vector<Response>& responses) {
  std::vector<const Response*> pointers;
  for (const Response& r : responses) pointers.push_back(&r);
  return latency_of(requests, pointers, std::vector<char>(requests.size(), 0));
}

Scenario scenario_of(const OptionMap& values) {
  const auto scenario = parse_scenario(values, 3);
  EXPECT_TRUE(scenario) << scenario.error().message;
  return *scenario;
}

std::vector<const Request*> pointers_to(const std::vector<Request>& requests) {
  std::vector<const Request*> all;
  for (const Request& request : requests) all.push_back(&request);
  return all;
}

double mean_of(const Latency& latency, const char* name) { return stats_of(latency, name).summary.mean / kMs; }

TEST(Scenario, EveryDefinitionOfASingleStream) {
  const Server server;
  const std::vector<Request> requests = generations(20);
  Arrivals arrivals(pointers_to(requests), scenario_of(flags("single-stream")));
  const Latency latency = latencies(requests, server.serve(requests, &arrivals));
  // The next is due when the one before is answered: nothing waits.
  EXPECT_DOUBLE_EQ(mean_of(latency, "queue"), 0);
  EXPECT_DOUBLE_EQ(mean_of(latency, "ttft_from_schedule"), 30);
  EXPECT_DOUBLE_EQ(mean_of(latency, "ttft_from_admit"), 30);
  EXPECT_DOUBLE_EQ(mean_of(latency, "tpot_excl_first"), 10);        // 50 ms / 5
  EXPECT_DOUBLE_EQ(mean_of(latency, "tpot_incl_first"), 80.0 / 6);  // all of it / 6
  EXPECT_DOUBLE_EQ(mean_of(latency, "itl_token"), 10);
  EXPECT_DOUBLE_EQ(mean_of(latency, "icl_chunk"), 10);
  EXPECT_DOUBLE_EQ(mean_of(latency, "e2e_from_schedule"), 80);
  EXPECT_DOUBLE_EQ(mean_of(latency, "e2e_from_admit"), 80);
}

// Three tokens at a time, as speculation gives them: per token 0, 0, 30, 0, 0; per chunk 30.
TEST(Scenario, TokensThatComeTogether) {
  Server server;
  server.together = 3;
  const std::vector<Request> requests = generations(4);
  Arrivals arrivals(pointers_to(requests), scenario_of(flags("single-stream")));
  const Latency latency = latencies(requests, server.serve(requests, &arrivals));
  EXPECT_EQ(stats_of(latency, "itl_token").summary.n, 4 * 5);
  EXPECT_DOUBLE_EQ(mean_of(latency, "itl_token"), 6);
  EXPECT_EQ(stats_of(latency, "icl_chunk").summary.n, 4);
  EXPECT_DOUBLE_EQ(mean_of(latency, "icl_chunk"), 30);
  EXPECT_DOUBLE_EQ(mean_of(latency, "tpot_excl_first"), 6);
}

// 100 requests at constant gaps of 50 ms to a server that needs 80: request i waits i · 30 ms. Counted from when it
// was sent, every request looks alike and the queue is not there (coordinated omission).
TEST(Scenario, AQueueIsNotHidden) {
  const Server server;
  const std::vector<Request> requests = generations(100);
  Arrivals arrivals(pointers_to(requests), scenario_of(flags("server", "20", "inf")));
  const std::vector<Response> responses = server.serve(requests, &arrivals);
  for (int i = 0; i < 100; ++i) {
    const Response& r = responses[static_cast<std::size_t>(i)];
    EXPECT_EQ(r.due, 50 * kMs * (i + 1));
    EXPECT_EQ(r.start - r.due, 30 * kMs * i);
    EXPECT_EQ(r.end - r.due, 80 * kMs + 30 * kMs * i);
    EXPECT_EQ(r.end - r.start, server.service());
  }
  const Latency latency = latencies(requests, responses);
  EXPECT_DOUBLE_EQ(mean_of(latency, "e2e_from_admit"), 80);
  EXPECT_DOUBLE_EQ(mean_of(latency, "e2e_from_schedule"), 80 + 30 * 49.5);
  EXPECT_DOUBLE_EQ(mean_of(latency, "ttft_from_schedule"), 30 + 30 * 49.5);
  EXPECT_DOUBLE_EQ(stats_of(latency, "queue").summary.p50, 30 * 49.5 * kMs);
  EXPECT_DOUBLE_EQ(arrivals.offered_rate(), 20);
}

TEST(Scenario, OfflineIsAllDueAtOnce) {
  const Server server;
  const std::vector<Request> requests = generations(3);
  Arrivals arrivals(pointers_to(requests), Scenario());
  const std::vector<Response> responses = server.serve(requests, &arrivals);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(responses[static_cast<std::size_t>(i)].due, 0);
    EXPECT_EQ(responses[static_cast<std::size_t>(i)].start, 80 * kMs * i);
  }
}

TEST(Scenario, GoodputNeedsEveryTarget) {
  const Server server;
  const std::vector<Request> requests = generations(100);
  Arrivals arrivals(pointers_to(requests), scenario_of(flags("server", "20", "inf")));
  std::vector<Response> responses = server.serve(requests, &arrivals);
  responses[0].error = Error{Code::kIo, "lost"};
  std::vector<const Response*> pointers;
  for (const Response& r : responses) pointers.push_back(&r);
  const std::vector<char> resumed(100, 0);
  const auto met = [&](const char* targets) {
    return goodput_of(*parse_goodput(targets), requests, pointers, resumed, 10).met;
  };
  EXPECT_EQ(met("ttft:330"), 10);  // requests 1 to 10
  EXPECT_EQ(met("tpot:10"), 99);
  EXPECT_EQ(met("tpot:9.99"), 0);
  EXPECT_EQ(met("ttft:330,e2e:320"), 8);  // 80 + 30 i <= 320
  EXPECT_DOUBLE_EQ(goodput_of(*parse_goodput("e2el:320"), requests, pointers, resumed, 10).requests_per_s, 0.8);
}

// Gamma gaps: mean 1/R and coefficient of variation 1/√b.
TEST(Scenario, GapsHaveTheirMeanAndSpread) {
  for (const double burstiness : {0.5, 1.0, 4.0}) {
    const Scenario scenario{Scenario::Kind::kServer, 100, burstiness, 11};
    const std::vector<Nanos> due = due_times(20'000, scenario);
    EXPECT_EQ(due, due_times(20'000, scenario)) << "a pure function of its seed";
    std::vector<double> gaps;
    for (std::size_t i = 0; i < due.size(); ++i) gaps.push_back(static_cast<double>(due[i] - (i > 0 ? due[i - 1] : 0)));
    const double mean = std::accumulate(gaps.begin(), gaps.end(), 0.0) / static_cast<double>(gaps.size());
    double variance = 0;
    for (const double gap : gaps) variance += (gap - mean) * (gap - mean) / static_cast<double>(gaps.size());
    EXPECT_NEAR(mean, 10.0 * kMs, 0.3 * kMs) << burstiness;
    EXPECT_NEAR(std::sqrt(variance) / mean, 1 / std::sqrt(burstiness), 0.04) << burstiness;
  }
  EXPECT_NE(due_times(5, {Scenario::Kind::kServer, 100, 1, 1}), due_times(5, {Scenario::Kind::kServer, 100, 1, 2}));
}

TEST(Scenario, WhatDoesNotFitTogetherIsSaid) {
  const auto error = [](const OptionMap& values) { return parse_scenario(values, 0).error().message; };
  EXPECT_EQ(error(flags("server")), "--scenario server needs --request_rate R, requests per second");
  EXPECT_EQ(error(flags("offline", "3")), "--request_rate 3 needs --scenario server, not offline");
  EXPECT_EQ(error(flags("server", "0")),
            "--request_rate 0: give a number above 0; everything at once is --scenario offline");
  EXPECT_EQ(error(flags("server", "1", "-1")), "--burstiness -1: give a number above 0, or inf for constant gaps");
  for (const char* bad : {"ttft", "ttft:", "ttft:x", "ttft:0", "speed:3", "ttft:1,,", "tpot:inf"})
    EXPECT_FALSE(parse_goodput(bad)) << bad;
  EXPECT_EQ(parse_goodput("ttf:1").error().message,
            "--goodput ttf:1: 'ttf:1' is not ttft:MS, tpot:MS or e2e:MS with MS above 0");
}

// The share of samples whose interval holds the true percentile, of exponential values: at least the nominal 95 %, for
// ranks are whole numbers; not much more.
TEST(LatencyStats, PercentileIntervalsCover) {
  std::uint64_t state = 1;
  const auto draw = [&state] {  // xorshift64*
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return -std::log((static_cast<double>((state * 0x2545F4914F6CDD1Du) >> 11) + 0.5) * 0x1p-53);
  };
  for (const auto& [name, p, n] : {std::tuple{"p50", 0.5, 101}, {"p90", 0.9, 200}, {"p99", 0.99, 2000}}) {
    int covered = 0, given = 0;
    for (int trial = 0; trial < 2000; ++trial) {
      std::vector<double> values(static_cast<std::size_t>(n));
      for (double& value : values) value = draw();
      const LatencyStats stats = latency_stats(std::move(values));
      const auto interval = stats.ci95.find(name);
      if (interval == stats.ci95.end()) continue;
      ++given;
      const double truth = -std::log(1 - p);
      covered += interval->second.low <= truth && truth <= interval->second.high;
    }
    EXPECT_EQ(given, 2000);
    EXPECT_GE(covered / 2000.0, 0.94) << name;
    EXPECT_LE(covered / 2000.0, 0.98) << name;
  }
}

TEST(LatencyStats, SmallSamplesAreFlagged) {
  EXPECT_EQ(percentile_needs(0.5), 7);
  EXPECT_EQ(percentile_needs(0.9), 44);
  EXPECT_EQ(percentile_needs(0.99), 459);
  std::vector<double> values(100);
  std::iota(values.begin(), values.end(), 0.0);
  const LatencyStats stats = latency_stats(values);
  EXPECT_EQ(stats.too_few_for, std::vector<std::string>{"p99"});
  EXPECT_EQ(stats.ci95.count("p99"), 0u) << "the largest of 100 is below the p99 with 37 %";
  EXPECT_EQ(stats.ci95.at("p50").low, 39);  // order statistics 40 and 61 of 100
  EXPECT_EQ(stats.ci95.at("p50").high, 60);
  EXPECT_EQ(latency_stats({}).too_few_for.size(), 0u);
}

}  // namespace
}  // namespace pareto
