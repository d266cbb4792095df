// Two runs over the same items: tests and intervals of the mean difference, of ratios of sums, and how many items it
// takes. Scores of any kind; those of 0/1 scores are in proportions.h.
//
//   a   .8 .5 1.0 …
//   b   .9 .5  .7 …   →  differences b − a  .1 0 −.3 …  →  t, sign-flip permutation, clustered standard error
//
// Pure functions of numbers; what is drawn at random is drawn from `seed`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "results/statistics.h"

namespace pareto {

// Student's t of the mean of paired differences. Where all differences are the same the error is 0, t infinite
// (0 for differences of 0) and p 0 (1).
struct PairedT {
  double mean_difference = 0, standard_error = 0, t = 0;
  std::int64_t df = 0;
  double p = 1;  // two-sided
  Interval interval;
};
// REQUIRES: at least two.
PairedT paired_t(std::span<const double> differences, double alpha = 0.05);

// Two-sided p-value of the mean difference under random exchange of a and b within each item. All 2^m exchanges of the
// m differences that are not 0 where m <= 20, else `draws` random ones: (1 + #{|sum| >= |observed|}) / (1 + draws).
struct Permutation {
  double p = 1;
  bool exact = true;
};
Permutation paired_permutation(std::span<const double> differences, int draws = 9999, std::uint64_t seed = 0);

// Holm 1979: p-values such that rejecting those <= alpha keeps the chance of any false rejection at alpha; in the order
// given.
std::vector<double> holm(std::span<const double> p_values);

// √(Σ over clusters of (Σ of their deviations from the mean)²)/n: items of a cluster may depend on each other (Miller
// 2024). Of scores, or of paired differences. `clusters`: any numbers, equal within a cluster.
// REQUIRES: not empty, equally long.
double clustered_stderr(std::span<const double> values, std::span<const std::uint64_t> clusters);

// The same as a test: mean, error, t with (clusters − 1) degrees of freedom. REQUIRES: at least two clusters.
PairedT clustered_t(std::span<const double> values, std::span<const std::uint64_t> clusters, double alpha = 0.05);

// One-sided p-value of "the true mean of the differences is at most `difference`": Student's t with two items more, one
// at −range and one at +range, so that a handful of equal differences does not pass for certainty. `range`: how far a
// difference can reach (1 for scores in [0, 1]); 0 adds none. REQUIRES: not empty.
double paired_mean_p(std::span<const double> differences, double difference, double range);

// --- Ratios -------------------------------------------------------------------------------------------------------

// Π Σ(column) over the numerators / Π Σ(column) over the denominators, columns over the same items: bytes per right
// answer of b over that of a is {bytes_b, right_a} / {right_b, bytes_a}.
struct Ratio {
  std::vector<std::span<const double>> numerators, denominators;
};
struct RatioEstimate {
  double value = 0;
  Interval interval;
};
// Studentised bootstrap of the logarithm; items beyond 2,000 are first summed in 2,000 random groups. Nothing where a
// sum is not positive or fewer than 10 items are there. REQUIRES: columns equally long, at most 8 of them.
std::optional<RatioEstimate> bootstrap_ratio(const Ratio& ratio, double alpha = 0.05, int replicates = 999,
                                             std::uint64_t seed = 0);

// --- Planning -----------------------------------------------------------------------------------------------------

// Items that a one-sided test at `alpha` needs to find a true distance of `distance` from its bound with `power`:
// ((z_{1−alpha} + z_{power})² ω²/distance²), ω² the variance of the per-item differences. REQUIRES: distance > 0.
std::int64_t needed_items(double difference_variance, double distance, double alpha = 0.05, double power = 0.8);

// The distance from its bound that such a test over n items finds with `power`. REQUIRES: n >= 1.
double detectable_distance(double difference_variance, std::int64_t n, double alpha = 0.05, double power = 0.8);

}  // namespace pareto
