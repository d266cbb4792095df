// How requests reach the backend, and when each is due (MLPerf LoadGen's names).
//
//   offline        all at once
//   single-stream  one at a time: the next is due when the one before has been answered
//   server         an open loop: due times are drawn before the clock starts, and latency counts from them whether the
//                  backend was free or not, so a queue is never hidden (coordinated omission)
//
//   due[i] = due[i − 1] + Gamma(shape burstiness, mean 1 / request_rate)     burstiness 1: Poisson arrivals; more:
//   evener;
//                                                                            inf: constant
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/backend.h"
#include "core/options.h"
#include "core/result.h"
#include "results/latency.h"

namespace pareto {

struct Scenario {
  enum class Kind { kOffline, kSingleStream, kServer } kind = Kind::kOffline;
  double request_rate = 0;  // of kServer: requests per second
  double burstiness = 1;
  std::uint64_t seed = 0;  // of the gaps
};

// From --scenario, --request_rate, --burstiness. kUsage: a server without a rate, a rate without a server, a burstiness
// that is not above 0.
Result<Scenario> parse_scenario(const OptionMap& values, std::uint64_t seed);

// When each of n requests is due, nanoseconds after the clock starts; not decreasing. vLLM's `bench serve` draws the
// same gaps and then stretches them so that the last request comes at n / rate exactly; these are left as drawn.
// REQUIRES: kServer.
std::vector<Nanos> due_times(std::size_t n, const Scenario& scenario);

// Hands out the requests as their scenario says. `requests` stay valid while it is used.
class Arrivals final : public RequestSource {
 public:
  Arrivals(std::vector<const Request*> requests, const Scenario& scenario);
  // The clock starts; due times count from here. Before the first next().
  void start(Nanos now) { start_ = now; }
  const Request* next(Nanos now) override;
  bool exhausted() const override { return at_ == requests_.size(); }
  bool timed() const override { return kind_ == Scenario::Kind::kServer; }
  // When a request that was handed out was due, since start().
  Nanos due(const Request& request) const;
  // One of the requests that were handed out has its answer, or has failed.
  void answered(Nanos now);
  // Requests per second between the first and the last due time of a server; 0 for the others.
  double offered_rate() const;

 private:
  std::vector<const Request*> requests_;
  Scenario::Kind kind_;
  std::vector<Nanos> due_;                                // kServer: parallel to requests_
  std::unordered_map<const Request*, Nanos> handed_out_;  // kServer, kSingleStream
  Nanos start_ = 0, free_since_ = 0;
  bool busy_ = false;
  std::size_t at_ = 0;
};

// --goodput ttft:500,tpot:50,e2e:2000, in milliseconds. kUsage for another name or number.
Result<GoodputTargets> parse_goodput(const std::string& text);

}  // namespace pareto
