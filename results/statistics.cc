#include "results/statistics.h"

#include <algorithm>
#include <atomic>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <thread>
#include <vector>

#include "core/mersenne_twister.h"

namespace pareto {
namespace {

double normal_quantile(double p) { return boost::math::quantile(boost::math::normal_distribution<double>(), p); }

// Σ(x − mean)²/(n − 1). REQUIRES: n >= 2.
double sample_variance(std::span<const double> values) {
  const double centre = mean(values);
  double sum = 0;
  for (const double x : values) sum += (x - centre) * (x - centre);
  return sum / static_cast<double>(values.size() - 1);
}

// Chunk `index` of the bootstrap: `chunk` replicates, each the perplexity of as many draws as there are values, summed
// in the order in which they are drawn.
void resampled_perplexities(std::span<const double> values, int index, std::span<double> replicates, int chunk) {
  python::MersenneTwister random = python::MersenneTwister::by_seed(index);
  const double n = static_cast<double>(values.size());
  for (double& replicate : replicates.subspan(static_cast<std::size_t>(index) * static_cast<std::size_t>(chunk),
                                              static_cast<std::size_t>(chunk))) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[static_cast<std::size_t>(random.random() * n)];
    replicate = std::exp(-sum / n);
  }
}

double score_of(const Choice& choice, Norm norm) {
  switch (norm) {
    case Norm::kSum:
      return choice.loglikelihood;
    case Norm::kChar:
      return choice.loglikelihood / static_cast<double>(choice.chars);
    case Norm::kByte:
      return choice.loglikelihood / static_cast<double>(choice.bytes);
    case Norm::kToken:
      return choice.loglikelihood / static_cast<double>(choice.tokens);
  }
  return choice.loglikelihood;
}

}  // namespace

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return sum / static_cast<double>(values.size());
}

std::optional<double> mean_stderr(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  return std::sqrt(sample_variance(values)) / std::sqrt(static_cast<double>(values.size()));
}

double perplexity(std::span<const double> values) { return std::exp(-mean(values)); }

std::optional<double> perplexity_stderr(std::span<const double> values, int iterations, int threads) {
  if (values.size() < 2) return std::nullopt;
  const int chunk = std::min(1000, iterations), chunks = iterations / chunk;
  std::vector<double> replicates(static_cast<std::size_t>(chunk) * static_cast<std::size_t>(chunks));
  std::atomic<int> next{0};
  const auto work = [&] {
    for (int i = next++; i < chunks; i = next++) resampled_perplexities(values, i, replicates, chunk);
  };
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::jthread> helpers;
  for (int t = 1; t < std::min(threads, chunks); ++t) helpers.emplace_back(work);
  work();
  helpers.clear();  // joins
  return std::sqrt(sample_variance(replicates));
}

Interval student_interval(std::span<const double> values, double alpha) {
  const boost::math::students_t_distribution<double> t(static_cast<double>(values.size() - 1));
  const double centre = mean(values);
  const double half = boost::math::quantile(t, 1 - alpha / 2) * mean_stderr(values).value_or(0);
  return {centre - half, centre + half};
}

Interval wilson(std::int64_t k, std::int64_t n, double alpha) {
  const double count = static_cast<double>(n);
  const double p = static_cast<double>(k) / count;
  const double z = -normal_quantile(alpha / 2);
  const double shrink = 1 + z * z / count;
  const double centre = (p + z * z / (2 * count)) / shrink;
  const double half = z * std::sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / shrink;
  // The bounds at k = 0 and k = n are 0 and 1 exactly; rounding would miss them.
  return {k == 0 ? 0 : std::max(0.0, centre - half), k == n ? 1 : std::min(1.0, centre + half)};
}

Interval normal_interval(std::span<const double> values, double alpha) {
  const double centre = mean(values);
  const double half = -normal_quantile(alpha / 2) * mean_stderr(values).value_or(0);
  return {centre - half, centre + half};
}

GroupScore group_score(std::span<const Member> members, GroupWeight weight) {
  const double k = static_cast<double>(members.size());
  double values = 0, weights = 0, documents = 0;
  double pooled = 0, squares = 0;
  bool all_have_errors = true;
  for (const Member& member : members) {
    const double n = static_cast<double>(member.n);
    const double w = weight == GroupWeight::kBySize ? n : 1;
    values += member.value * w;
    weights += w;
    documents += n;
    all_have_errors = all_have_errors && member.stderror.has_value();
    const double se = member.stderror.value_or(0);
    pooled += (n - 1) * n * se * se;
    squares += se * se;
  }
  GroupScore score;
  score.value = values / weights;
  if (!all_have_errors) return score;
  if (weight == GroupWeight::kEqual) {
    score.stderror = std::sqrt(squares) / k;
  } else if (documents > k) {
    score.stderror = std::sqrt(pooled / (documents - k) / documents);
  }
  return score;
}

double paired_mde(double difference_variance, std::int64_t n, double alpha, double power) {
  return (normal_quantile(1 - alpha / 2) + normal_quantile(power)) *
         std::sqrt(difference_variance / static_cast<double>(n));
}

std::optional<double> planned_mde(std::span<const double> values, double correlation, double alpha, double power) {
  if (values.size() < 2 || sample_variance(values) == 0) return std::nullopt;
  return paired_mde(2 * sample_variance(values) * (1 - correlation), static_cast<std::int64_t>(values.size()), alpha,
                    power);
}

const char* norm_name(Norm norm) {
  switch (norm) {
    case Norm::kSum:
      return "sum";
    case Norm::kChar:
      return "char";
    case Norm::kByte:
      return "byte";
    case Norm::kToken:
      return "token";
  }
  return "?";
}

Decision decide(std::span<const Choice> choices, Norm norm) {
  Decision decision;
  double best = 0;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const double score = score_of(choices[i], norm);
    if (std::isnan(score)) return {static_cast<int>(i), false};
    if (i == 0 || score > best) {
      decision = {static_cast<int>(i), false};
      best = score;
    } else if (score == best) {
      decision.tie = true;
    }
  }
  return decision;
}

void ChoiceDefinitions::add(std::span<const Choice> choices, std::span<const int> golds) {
  ++n_;
  for (const Norm norm : kNorms) {
    const Decision decision = decide(choices, norm);
    Count& count = counts_[static_cast<std::size_t>(norm)];
    count.correct += std::find(golds.begin(), golds.end(), decision.picked) != golds.end();
    count.ties += decision.tie;
  }
}

double quantile_sorted(std::span<const double> sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const std::size_t below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - static_cast<double>(below));
}

Summary summarise(std::span<const double> values) {
  if (values.empty()) return {};
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return {static_cast<std::int64_t>(values.size()), mean(values), quantile_sorted(sorted, 0.5),
          quantile_sorted(sorted, 0.9), quantile_sorted(sorted, 0.99)};
}

}  // namespace pareto
