#include "harness/scenario.h"

#include <array>
#include <boost/math/distributions/gamma.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/rng.h"

namespace pareto {
namespace {

constexpr std::uint64_t kGapStream = 0x676170;  // "gap": no request's sampling stream has this number and position 0

std::optional<double> positive(const std::string& text) {
  if (text == "inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0)) return std::nullopt;
  return value;
}

}  // namespace

Result<Scenario> parse_scenario(const OptionMap& values, std::uint64_t seed) {
  Scenario scenario;
  scenario.seed = seed;
  const std::string &name = values.at("scenario"), &rate = values.at("request_rate"),
                    &burstiness = values.at("burstiness");
  if (name == "single-stream") scenario.kind = Scenario::Kind::kSingleStream;
  if (name == "server") scenario.kind = Scenario::Kind::kServer;
  const auto shape = positive(burstiness);
  if (!shape) return fail(Code::kUsage, "--burstiness {}: give a number above 0, or inf for constant gaps", burstiness);
  scenario.burstiness = *shape;
  if (scenario.kind != Scenario::Kind::kServer) {
    if (!rate.empty()) return fail(Code::kUsage, "--request_rate {} needs --scenario server, not {}", rate, name);
    return scenario;
  }
  if (rate.empty()) return fail(Code::kUsage, "--scenario server needs --request_rate R, requests per second");
  const auto per_second = positive(rate);
  if (!per_second || std::isinf(*per_second))
    return fail(Code::kUsage, "--request_rate {}: give a number above 0; everything at once is --scenario offline",
                rate);
  scenario.request_rate = *per_second;
  return scenario;
}

std::vector<Nanos> due_times(std::size_t n, const Scenario& scenario) {
  const double mean = 1e9 / scenario.request_rate;
  std::vector<Nanos> due(n);
  CounterRng random(scenario.seed, kGapStream, 0);
  double at = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double gap = mean;
    if (!std::isinf(scenario.burstiness)) {
      const boost::math::gamma_distribution<double> gaps(scenario.burstiness, mean / scenario.burstiness);
      gap = boost::math::quantile(gaps, uniform(random.word(static_cast<std::uint32_t>(i))));
    }
    at += gap;
    due[i] = static_cast<Nanos>(at);
  }
  return due;
}

Arrivals::Arrivals(std::vector<const Request*> requests, const Scenario& scenario)
    : requests_(std::move(requests)), kind_(scenario.kind) {
  if (kind_ == Scenario::Kind::kServer) due_ = due_times(requests_.size(), scenario);
}

const Request* Arrivals::next(Nanos now) {
  if (exhausted()) return nullptr;
  switch (kind_) {
    case Scenario::Kind::kOffline:
      return requests_[at_++];
    case Scenario::Kind::kSingleStream:
      if (busy_) return nullptr;
      busy_ = true;
      handed_out_[requests_[at_]] = free_since_;
      return requests_[at_++];
    case Scenario::Kind::kServer:
      if (now - start_ < due_[at_]) return nullptr;
      handed_out_[requests_[at_]] = due_[at_];
      return requests_[at_++];
  }
  return nullptr;
}

Nanos Arrivals::due(const Request& request) const {
  const auto found = handed_out_.find(&request);
  return found == handed_out_.end() ? 0 : found->second;
}

void Arrivals::answered(Nanos now) {
  busy_ = false;
  free_since_ = now - start_;
}

double Arrivals::offered_rate() const {
  if (due_.size() < 2 || due_.back() <= due_.front()) return 0;
  return static_cast<double>(due_.size() - 1) * 1e9 / static_cast<double>(due_.back() - due_.front());
}

Result<GoodputTargets> parse_goodput(const std::string& text) {
  GoodputTargets targets;
  const std::array<std::pair<std::string_view, double*>, 3> names = {
      {{"ttft", &targets.ttft_ms}, {"tpot", &targets.tpot_ms}, {"e2e", &targets.e2e_ms}}};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string piece = text.substr(at, end - at);
    at = end + 1;
    const std::size_t colon = std::min(piece.find(':'), piece.size());
    const std::string name = piece.substr(0, colon) == "e2el" ? "e2e" : piece.substr(0, colon);  // vLLM's name
    const double value = colon < piece.size() ? positive(piece.substr(colon + 1)).value_or(0) : 0;
    bool known = false;
    for (const auto& [own, target] : names)
      if (name == own && value > 0 && !std::isinf(value)) {
        *target = value;
        known = true;
      }
    if (!known)
      return fail(Code::kUsage, "--goodput {}: '{}' is not ttft:MS, tpot:MS or e2e:MS with MS above 0", text, piece);
  }
  return targets;
}

}  // namespace pareto
