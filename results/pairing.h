// The items that two runs both answered, side by side, and what they say about the difference.
//
//   A  doc 9f… 1.0   doc 41… 0.0  doc 77… 1.0        a  1 0
//   B  doc 41… 1.0   doc 9f… 1.0                 →   b  1 1    only A: 1    b − a: mean .5, interval, p, gained, lost
//
// Pairs are made on equal document hashes and nothing else. A document that stands in a run more than once is paired in
// the order of the file; items that only one run answered are left out and counted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "results/run_files.h"

namespace pareto {

// How a metric's value comes from the values of its items.
enum class Scale {
  kMean,         // Σx/n
  kPerplexity,   // exp(−Σx/Σw): the error bar is that of its logarithm
  kBitsPerByte,  // −Σx/Σw/ln 2
};
Scale scale_of(std::string_view metric);

// The items of one metric that both runs answered. Vectors are parallel.
struct PairedScores {
  std::string metric, filter;
  Scale scale = Scale::kMean;
  bool higher_is_better = true;
  std::vector<double> a, b;
  std::vector<double> weight_a, weight_b;  // kMean: empty
  std::vector<std::uint64_t> documents;
  std::vector<std::int64_t> doc_ids;
  std::int64_t only_a = 0, only_b = 0, other_prompts = 0;  // not paired; paired but asked differently

  std::string key() const { return metric + "," + filter; }
  std::int64_t n() const { return static_cast<std::int64_t>(a.size()); }
  bool binary() const;  // every value is 0 or 1
  // More than 1 % of the items repeat a document: errors are clustered by document.
  bool clustered() const;
  // b − a of each item, on the scale on which they add up (kPerplexity: of the logarithm), so that their mean is the
  // difference.
  std::vector<double> differences() const;
  double value_a() const;
  double value_b() const;
};

// What the pairs say about b − a.
struct PairedEffect {
  std::int64_t n = 0, gained = 0, lost = 0;  // gained, lost: 0/1 metrics, wrong → right and right → wrong
  bool binary = false;
  double a = 0, b = 0, diff = 0;
  Interval ci;                          // 1 − alpha
  const char* ci_method = "";           // tango, student_t, clustered_t, student_t_of_log, clustered_t_of_log
  double p_value = 1;                   // two-sided
  const char* test = "";                // mcnemar_exact, paired_t, clustered_t
  std::optional<double> p_permutation;  // metrics that are not 0/1
  double mde = 0;                       // smallest difference that n such items find with power .8 at .05, two-sided
  double difference_variance = 0;       // ω² of the items, with one gained and one lost more where 0/1
};
// REQUIRES: scores.n() >= 1. `permute`: fill p_permutation.
PairedEffect effect_of(const PairedScores& scores, double alpha = 0.05, bool permute = true);

// One-sided p-value against "b is worse than a by `margin` or more" (shown not to be: small), in the metric's own unit.
double noninferior_p(const PairedScores& scores, double margin);
// One-sided p-value against "b is worse than a by `margin` at most" (shown to be worse: small).
double inferior_p(const PairedScores& scores, double margin);

// --- From runs ---------------------------------------------------------------------------------------------------

// The pairs of every metric of a task, or why there are none.
Result<std::vector<PairedScores>> pair_task(const Run& a, const Run& b, const std::string& task);
// The same with the leaf tasks of a group put together; only metrics that all of them have.
Result<std::vector<PairedScores>> pair_task_or_group(const Run& a, const Run& b, const std::string& name);

// Which of `scores` "acc" or "acc,none" names; "": the first. Nothing where none has it.
const PairedScores* find_metric(const std::vector<PairedScores>& scores, std::string_view metric);

// What every pair of a leaf task cost, of its first filter: columns parallel, one row per pair; a column is empty
// unless every pair has it on both sides.
struct PairedCosts {
  SampleCosts a, b;
  std::size_t n = 0;
};
PairedCosts pair_costs(const Run& a, const Run& b, const std::string& task);

}  // namespace pareto
