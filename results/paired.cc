#include "results/paired.h"

#include <algorithm>
#include <array>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <unordered_map>

namespace pareto {
namespace {

constexpr std::size_t kExactFlips = 20;
constexpr std::size_t kBootstrapGroups = 2000;
constexpr std::size_t kRatioColumns = 8;

double upper_normal_quantile(double p) {
  return boost::math::quantile(boost::math::normal_distribution<double>(), 1 - p);
}

// P(T > t), t infinite included.
double upper_tail(double t, double df) {
  if (std::isinf(t)) return t > 0 ? 0 : 1;
  return boost::math::cdf(boost::math::complement(boost::math::students_t_distribution<double>(df), t));
}

PairedT t_of(double centre, double error, std::int64_t df, double alpha) {
  PairedT out;
  out.mean_difference = centre;
  out.standard_error = error;
  out.df = df;
  if (error > 0) {
    out.t = centre / error;
  } else if (centre != 0) {
    out.t = std::copysign(std::numeric_limits<double>::infinity(), centre);
  }
  out.p = std::min(1.0, 2 * upper_tail(std::abs(out.t), static_cast<double>(df)));
  const boost::math::students_t_distribution<double> student(static_cast<double>(df));
  const double half = boost::math::quantile(student, 1 - alpha / 2) * error;
  out.interval = {centre - half, centre + half};
  return out;
}

std::size_t below(std::mt19937_64* random, std::size_t n) {
  return static_cast<std::size_t>(((*random)() >> 32) * n >> 32);
}

// How many of all 2^m sign flips reach `observed`; Gray code, so that each flip changes one sign.
double all_flips(std::span<const double> values, double observed, double tolerance) {
  std::vector<double> signs(values.begin(), values.end());
  double sum = std::accumulate(signs.begin(), signs.end(), 0.0);
  const std::uint64_t all = std::uint64_t{1} << values.size();
  std::uint64_t reach = 0;
  for (std::uint64_t i = 1; i <= all; ++i) {
    reach += std::abs(sum) >= observed - tolerance;
    if (i == all) break;
    const auto bit = static_cast<std::size_t>(__builtin_ctzll(i));
    sum -= 2 * signs[bit];
    signs[bit] = -signs[bit];
  }
  return static_cast<double>(reach) / static_cast<double>(all);
}

double random_flip(std::span<const double> values, std::mt19937_64* random) {
  std::array<double, 2> sums = {0, 0};
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 64 == 0) bits = (*random)();
    sums[bits & 1] += values[i];
    bits >>= 1;
  }
  return sums[0] - sums[1];
}

// --- Ratios -------------------------------------------------------------------------------------------------------

// Columns side by side per item (or group of items), numerators first: one item's numbers lie together.
struct Rows {
  std::size_t columns = 0, numerators = 0;
  std::vector<double> values;
  std::size_t size() const { return values.size() / columns; }
  const double* row(std::size_t i) const { return values.data() + i * columns; }
};

Rows rows_of(const Ratio& ratio, std::uint64_t seed) {
  Rows rows;
  rows.numerators = ratio.numerators.size();
  rows.columns = rows.numerators + ratio.denominators.size();
  const std::size_t n = ratio.numerators.front().size();
  const bool grouped = n > kBootstrapGroups;
  rows.values.assign(rows.columns * (grouped ? kBootstrapGroups : n), 0.0);
  std::vector<std::size_t> group(n);
  std::iota(group.begin(), group.end(), std::size_t{0});
  if (grouped) {  // equally many items in each, which ones at random
    std::mt19937_64 random(seed);
    for (std::size_t i = n; i > 1; --i) std::swap(group[i - 1], group[below(&random, i)]);
    for (std::size_t& g : group) g %= kBootstrapGroups;
  }
  for (std::size_t c = 0; c < rows.columns; ++c) {
    const auto column = c < rows.numerators ? ratio.numerators[c] : ratio.denominators[c - rows.numerators];
    for (std::size_t i = 0; i < n; ++i) rows.values[group[i] * rows.columns + c] += column[i];
  }
  return rows;
}

// ln of the ratio of the chosen rows; nothing where a sum is not positive.
std::optional<double> log_ratio(const Rows& rows, std::span<const std::uint32_t> chosen) {
  std::array<double, kRatioColumns> sums{};
  for (const std::uint32_t i : chosen)
    for (std::size_t c = 0; c < rows.columns; ++c) sums[c] += rows.row(i)[c];
  double value = 0;
  for (std::size_t c = 0; c < rows.columns; ++c) {
    if (!(sums[c] > 0)) return std::nullopt;
    value += (c < rows.numerators ? 1 : -1) * std::log(sums[c]);
  }
  return value;
}

}  // namespace

PairedT paired_t(std::span<const double> differences, double alpha) {
  return t_of(mean(differences), mean_stderr(differences).value_or(0), std::ssize(differences) - 1, alpha);
}

Permutation paired_permutation(std::span<const double> differences, int draws, std::uint64_t seed) {
  std::vector<double> changed;
  double scale = 0;
  for (const double d : differences)
    if (d != 0) changed.push_back(d), scale += std::abs(d);
  if (changed.empty()) return {};
  const double observed = std::abs(std::accumulate(changed.begin(), changed.end(), 0.0));
  const double tolerance = 1e-12 * scale;  // sums in another order are still ties
  if (changed.size() <= kExactFlips) return {all_flips(changed, observed, tolerance), true};
  std::mt19937_64 random(seed);
  int reach = 0;
  for (int i = 0; i < draws; ++i) reach += std::abs(random_flip(changed, &random)) >= observed - tolerance;
  return {static_cast<double>(1 + reach) / static_cast<double>(1 + draws), false};
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return p_values[i] < p_values[j]; });
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, p_values[order[rank]] * static_cast<double>(order.size() - rank));
    adjusted[order[rank]] = std::min(1.0, largest);
  }
  return adjusted;
}

double clustered_stderr(std::span<const double> values, std::span<const std::uint64_t> clusters) {
  const double centre = mean(values);
  std::unordered_map<std::uint64_t, double> sums;
  for (std::size_t i = 0; i < values.size(); ++i) sums[clusters[i]] += values[i] - centre;
  double squares = 0;
  for (const auto& [cluster, sum] : sums) squares += sum * sum;
  return std::sqrt(squares) / static_cast<double>(values.size());
}

PairedT clustered_t(std::span<const double> values, std::span<const std::uint64_t> clusters, double alpha) {
  std::vector<std::uint64_t> distinct(clusters.begin(), clusters.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  const double count = static_cast<double>(distinct.size());
  // With few clusters the sum of squares is too small by (c − 1)/c: as n − 1 for single items.
  const double error = clustered_stderr(values, clusters) * std::sqrt(count / (count - 1));
  return t_of(mean(values), error, std::ssize(distinct) - 1, alpha);
}

double paired_mean_p(std::span<const double> differences, double difference, double range) {
  std::vector<double> values(differences.begin(), differences.end());
  if (range > 0) values.insert(values.end(), {-range, range});
  if (values.size() < 2) return 1;
  const double centre = mean(values) - difference, error = mean_stderr(values).value_or(0);
  if (error == 0) return centre > 0 ? 0 : 1;
  return upper_tail(centre / error, static_cast<double>(values.size() - 1));
}

std::optional<RatioEstimate> bootstrap_ratio(const Ratio& ratio, double alpha, int replicates, std::uint64_t seed) {
  const Rows rows = rows_of(ratio, seed);
  if (rows.size() < 10) return std::nullopt;
  std::vector<std::uint32_t> chosen(rows.size());
  std::iota(chosen.begin(), chosen.end(), 0u);
  const std::optional<double> all = log_ratio(rows, chosen);
  if (!all) return std::nullopt;
  std::mt19937_64 random(seed + 1);
  std::vector<double> drawn;
  for (int b = 0; b < replicates; ++b) {
    for (std::uint32_t& i : chosen) i = static_cast<std::uint32_t>(below(&random, rows.size()));
    if (const std::optional<double> value = log_ratio(rows, chosen)) drawn.push_back(*value);
  }
  if (drawn.size() < 2) return std::nullopt;
  const double n = static_cast<double>(rows.size());
  const double error = *mean_stderr(drawn) * std::sqrt(static_cast<double>(drawn.size())) * std::sqrt(n / (n - 1));
  const double half = boost::math::quantile(boost::math::students_t_distribution<double>(n - 1), 1 - alpha / 2) * error;
  return RatioEstimate{std::exp(*all), {std::exp(*all - half), std::exp(*all + half)}};
}

std::int64_t needed_items(double difference_variance, double distance, double alpha, double power) {
  const double z = upper_normal_quantile(alpha) + upper_normal_quantile(1 - power);
  const double n = std::ceil(z * z * difference_variance / (distance * distance));
  return std::max<std::int64_t>(2, static_cast<std::int64_t>(std::min(n, 1e15)));
}

double detectable_distance(double difference_variance, std::int64_t n, double alpha, double power) {
  return (upper_normal_quantile(alpha) + upper_normal_quantile(1 - power)) *
         std::sqrt(difference_variance / static_cast<double>(n));
}

}  // namespace pareto
