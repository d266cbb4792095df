#include "results/proportions.h"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <vector>

namespace pareto {
namespace {

constexpr double kOutsideNuisance = 1e-6;  // what the interval of the share of changed items may miss

// P(Bin(n, p) <= k).
double binomial_cdf(std::int64_t k, std::int64_t n, double p) {
  if (k < 0) return 0;
  if (k >= n || p <= 0) return 1;
  if (p >= 1) return 0;
  return boost::math::ibetac(static_cast<double>(k + 1), static_cast<double>(n - k), p);
}

double squared(double x) { return x * x; }

// The share of gained items that is likeliest when share(gained) − share(lost) is `difference`: Tango's q̂ + difference.
double restricted_lost_share(double gained, double lost, double n, double difference) {
  const double a = 2 * n, b = -gained - lost + (2 * n - gained + lost) * difference;
  const double c = -lost * difference * (1 - difference);
  return (std::sqrt(std::max(0.0, b * b - 4 * a * c)) - b) / (2 * a);
}

// The most items lost, per number of items gained, that are still at least as extreme as `z`; −1 where none is.
// Grows with the items gained, so that one walk finds all.
std::vector<std::int64_t> extreme_lost(double z, std::int64_t n, std::int64_t most_gained, double difference) {
  const double at_least = z - 1e-10 * (1 + std::abs(z));  // ties count, whatever rounding made of them
  std::vector<std::int64_t> most_lost;
  std::int64_t lost = -1;
  for (std::int64_t gained = 0; gained <= most_gained; ++gained) {
    lost = std::min(lost, n - gained);
    while (lost + 1 <= n - gained && tango_z(gained, lost + 1, n, difference) >= at_least) ++lost;
    most_lost.push_back(lost);
  }
  return most_lost;
}

// P(a table at least as extreme) where each item is gained with `gain` and lost with `gain − difference`.
double extreme_probability(const std::vector<std::int64_t>& most_lost, std::int64_t n, double gain, double difference) {
  const double lose = std::max(0.0, gain - difference), count = static_cast<double>(n);
  const double spread = 9 * std::sqrt(count * gain * (1 - gain)) + 9;  // beyond: less than 1e-18
  const std::int64_t first = std::max<std::int64_t>(0, static_cast<std::int64_t>(count * gain - spread));
  const std::int64_t last =
      std::min<std::int64_t>(std::ssize(most_lost) - 1, static_cast<std::int64_t>(count * gain + spread));
  const double lose_of_rest = gain < 1 ? std::min(1.0, lose / (1 - gain)) : 0;
  // ln of P(Bin(n, gain) = first), then its ratio from one to the next.
  double log_p = std::lgamma(count + 1) - std::lgamma(static_cast<double>(first) + 1) -
                 std::lgamma(count - static_cast<double>(first) + 1);
  log_p += first == 0 ? 0 : static_cast<double>(first) * std::log(gain);
  log_p += first == n ? 0 : (count - static_cast<double>(first)) * std::log1p(-gain);
  double sum = 0;
  for (std::int64_t gained = first; gained <= last; ++gained) {
    constexpr double kNegligible = -35;  // ln: all such terms together do not reach 1e-12
    if (log_p > kNegligible)
      sum += std::exp(log_p) * binomial_cdf(most_lost[static_cast<std::size_t>(gained)], n - gained, lose_of_rest);
    log_p += std::log(static_cast<double>(n - gained) * gain / (static_cast<double>(gained + 1) * (1 - gain)));
  }
  return sum;
}

}  // namespace

Interval clopper_pearson(std::int64_t k, std::int64_t n, double alpha) {
  const double successes = static_cast<double>(k), failures = static_cast<double>(n - k);
  return {k == 0 ? 0 : boost::math::ibeta_inv(successes, failures + 1, alpha / 2),
          k == n ? 1 : boost::math::ibetac_inv(successes + 1, failures, alpha / 2)};
}

double mcnemar_exact(std::int64_t gained, std::int64_t lost) {
  return std::min(1.0, 2 * binomial_cdf(std::min(gained, lost), gained + lost, 0.5));
}

Difference newcombe_paired(const PairedCounts& counts, double alpha) {
  const double a = static_cast<double>(counts.both), b = static_cast<double>(counts.lost);
  const double c = static_cast<double>(counts.gained), d = static_cast<double>(counts.neither);
  const double n = a + b + c + d, p1 = (a + b) / n, p2 = (a + c) / n;
  const Interval first = wilson(counts.both + counts.lost, counts.n(), alpha);
  const Interval second = wilson(counts.both + counts.gained, counts.n(), alpha);
  const double product = (a + b) * (c + d) * (a + c) * (b + d);
  double agreement = a * d - b * c;
  if (agreement > 0) agreement = std::max(0.0, agreement - n / 2);
  Difference out;
  out.phi = product > 0 ? agreement / std::sqrt(product) : 0;
  out.value = (b - c) / n;
  const auto reach = [&](double one, double other) {
    return std::sqrt(std::max(0.0, one * one - 2 * out.phi * one * other + other * other));
  };
  out.interval = {out.value - reach(p1 - first.low, second.high - p2),
                  out.value + reach(first.high - p1, p2 - second.low)};
  return out;
}

Difference newcombe_independent(std::int64_t k1, std::int64_t n1, std::int64_t k2, std::int64_t n2, double alpha) {
  const double p1 = static_cast<double>(k1) / static_cast<double>(n1);
  const double p2 = static_cast<double>(k2) / static_cast<double>(n2);
  const Interval first = wilson(k1, n1, alpha), second = wilson(k2, n2, alpha);
  Difference out;
  out.value = p1 - p2;
  out.interval = {out.value - std::sqrt(squared(p1 - first.low) + squared(second.high - p2)),
                  out.value + std::sqrt(squared(first.high - p1) + squared(p2 - second.low))};
  return out;
}

double tango_z(std::int64_t gained, std::int64_t lost, std::int64_t n, double difference) {
  const double g = static_cast<double>(gained), l = static_cast<double>(lost), count = static_cast<double>(n);
  const double q = restricted_lost_share(g, l, count, difference);
  const double variance = count * (2 * q + difference * (1 - difference));
  return variance > 0 ? (g - l - count * difference) / std::sqrt(variance) : 0;
}

Interval tango_interval(std::int64_t gained, std::int64_t lost, std::int64_t n, double alpha) {
  const double z = -boost::math::quantile(boost::math::normal_distribution<double>(), alpha / 2);
  const double estimate = static_cast<double>(gained - lost) / static_cast<double>(n);
  // The statistic falls as the difference grows: bisect between the estimate and the end of the scale.
  const auto bound = [&](double inside, double outside) {
    for (int i = 0; i < 60; ++i) {
      const double middle = (inside + outside) / 2;
      (std::abs(tango_z(gained, lost, n, middle)) <= z ? inside : outside) = middle;
    }
    return inside;
  };
  return {bound(estimate, -1), bound(estimate, 1)};
}

double paired_share_p(std::int64_t gained, std::int64_t lost, std::int64_t n, double difference) {
  // share(gained) − share(lost) = difference at the boundary; what is left free is how many items change at all.
  const Interval changed = clopper_pearson(gained + lost, n, kOutsideNuisance);
  const double least = std::max(0.0, difference), most = (1 + difference) / 2;
  const double low = std::clamp((changed.low + difference) / 2, least, most);
  const double high = std::clamp((changed.high + difference) / 2, least, most);
  const double spread = 9 * std::sqrt(static_cast<double>(n) * high) + 10;
  const std::int64_t most_gained = std::min(n, static_cast<std::int64_t>(static_cast<double>(n) * high + spread));
  const std::vector<std::int64_t> most_lost =
      extreme_lost(tango_z(gained, lost, n, difference), n, most_gained, difference);
  constexpr int kSteps = 40;
  double largest = 0;
  for (int i = 0; i <= kSteps; ++i)
    largest = std::max(largest, extreme_probability(most_lost, n, low + (high - low) * i / kSteps, difference));
  return std::min(1.0, largest + kOutsideNuisance);
}

}  // namespace pareto
