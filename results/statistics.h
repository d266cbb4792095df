// What a run says about its scores: means and their errors, intervals, group scores, detectable differences, ties.
//
//   per document  1 0 1 1 …  →  mean .75   stderr .25 (lm-eval's)   Wilson [.30, .95]   MDE of a paired comparison
//
// Pure functions of numbers; nothing here knows a task or a file. Scores are fractions, never percent.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace pareto {

struct Interval {
  double low = 0, high = 0;
};

// Σx/n, added in order as Python's sum() does. REQUIRES: not empty.
double mean(std::span<const double> values);

// lm-eval's mean_stderr: sd/√n, the sd with n − 1. Nothing for fewer than two values ("N/A" there).
std::optional<double> mean_stderr(std::span<const double> values);

// exp(−Σx/n): the perplexity of documents whose log-likelihoods are `values`. REQUIRES: not empty.
double perplexity(std::span<const double> values);

// lm-eval's bootstrap_stderr of it: `iterations` resamples in chunks of 1000 (fewer: one chunk), chunk i drawn by
// random.Random(i).choices(), the sample sd of their perplexities. Chunks run on `threads` (0: all cores); the value
// does not depend on how many. Nothing for fewer than two values.
inline constexpr int kBootstrapIterations = 100'000;
std::optional<double> perplexity_stderr(std::span<const double> values, int iterations = kBootstrapIterations,
                                        int threads = 0);

// mean ± t·stderr, Student's t with n − 1 degrees of freedom: of few documents with several answers each, whose values
// are the means of their answers. REQUIRES: at least two values.
Interval student_interval(std::span<const double> values, double alpha = 0.05);

// Wilson's score interval of k successes in n (Wilson 1927), without continuity correction; two-sided, 1 − alpha.
// REQUIRES: 0 <= k <= n, n >= 1, 0 < alpha < 1.
Interval wilson(std::int64_t k, std::int64_t n, double alpha = 0.05);

// mean ± z·stderr: the interval of a score that is not 0/1. REQUIRES: at least two values.
Interval normal_interval(std::span<const double> values, double alpha = 0.05);

// --- Groups ("mmlu" of its subjects) ------------------------------------------------------------------------------

enum class GroupWeight { kBySize, kEqual };  // lm-eval's weight_by_size: true, false

struct Member {
  double value = 0;                // the member's mean
  std::optional<double> stderror;  // nothing: "N/A"
  std::int64_t n = 0;              // its documents
};

struct GroupScore {
  double value = 0;
  std::optional<double> stderror;
};

// lm-eval 0.4.13's group row over its leaf tasks (aggregate_subtask_metrics, pooled_sample_stderr,
// unweighted_mean_stderr):
//   kBySize: Σ m n / Σ n,  stderr √( [Σ (n−1)·n·se² / (Σn − k)] / Σn )
//   kEqual:  Σ m / k,      stderr √(Σ se²) / k
// stderr is nothing as soon as a member has none. REQUIRES: not empty.
GroupScore group_score(std::span<const Member> members, GroupWeight weight);

// --- Detectable differences ---------------------------------------------------------------------------------------

// The smallest true difference of two runs over the same n items that a two-sided paired test at `alpha` finds with
// probability `power`: (z_{1−alpha/2} + z_{power}) · √(ω²/n), ω² the variance of the per-item differences (Miller 2024,
// "Adding error bars to evals", equation for n solved for δ, one answer per item). REQUIRES: n >= 1.
double paired_mde(double difference_variance, std::int64_t n, double alpha = 0.05, double power = 0.8);

// The same before there is a second run: both runs are taken to vary as this one does (s², with n − 1) and to agree
// from item to item with `correlation`, so ω² = 2·s²·(1 − correlation). Nothing where all values are alike: how they
// vary is not known then.
inline constexpr double kPlannedCorrelation = 0.5;
std::optional<double> planned_mde(std::span<const double> values, double correlation = kPlannedCorrelation,
                                  double alpha = 0.05, double power = 0.8);

// --- What a multiple-choice score would be under other definitions ------------------------------------------------

// The score of a choice is its log-likelihood, or that divided by its length. kSum is lm-eval's acc, kChar its acc_norm
// (code points), kByte its acc_bytes; kToken is what llama.cpp and lighteval use.
enum class Norm { kSum, kChar, kByte, kToken };
inline constexpr std::array<Norm, 4> kNorms = {Norm::kSum, Norm::kChar, Norm::kByte, Norm::kToken};
const char* norm_name(Norm norm);  // "sum", "char", "byte", "token"

struct Choice {
  double loglikelihood = 0;                       // natural log, of the whole continuation
  std::int64_t chars = 0, bytes = 0, tokens = 0;  // of the choice: text without its delimiter; tokens scored
};

struct Decision {
  int picked = -1;   // ties go to the lowest index; the first NaN wins (np.argmax)
  bool tie = false;  // another choice has exactly the best score
};
// REQUIRES: not empty.
Decision decide(std::span<const Choice> choices, Norm norm);

// How many documents are right, and how many are decided by a tie, under each definition.
class ChoiceDefinitions {
 public:
  struct Count {
    std::int64_t correct = 0, ties = 0;
  };
  // `golds`: the right choices.
  void add(std::span<const Choice> choices, std::span<const int> golds);
  std::int64_t n() const { return n_; }
  const Count& of(Norm norm) const { return counts_[static_cast<std::size_t>(norm)]; }
  double accuracy(Norm norm) const { return n_ == 0 ? 0 : static_cast<double>(of(norm).correct) / n_; }

 private:
  std::int64_t n_ = 0;
  std::array<Count, kNorms.size()> counts_{};
};

// --- Latencies ----------------------------------------------------------------------------------------------------

// The p-th quantile, 0 <= p <= 1, by linear interpolation between order statistics (NumPy's default).
// REQUIRES: not empty, sorted.
double quantile_sorted(std::span<const double> sorted, double p);

struct Summary {
  std::int64_t n = 0;
  double mean = 0, p50 = 0, p90 = 0, p99 = 0;
};
// All zero for no values; in any order.
Summary summarise(std::span<const double> values);

}  // namespace pareto
