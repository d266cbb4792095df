// The gate's error rates on simulated pairs of runs, and Holm over the rules of a tier.
#include "results/gate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace pareto {
namespace {

// A run of tasks t0, t1, … with 0/1 scores, as the readers would hand it over.
Run run_of(const std::vector<std::vector<double>>& tasks) {
  Run run;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    RunTask task;
    task.name = "t" + std::to_string(t);
    task.keys = {"acc,none"};
    task.samples_path = "memory";
    SampleItems items;
    items.filter = "none";
    items.metrics.push_back({"acc", tasks[t], {}});
    for (std::size_t i = 0; i < tasks[t].size(); ++i) {
      items.documents.push_back(i + 1), items.prompts.push_back(i + 1);
      items.doc_ids.push_back(static_cast<std::int64_t>(i));
    }
    task.filters.push_back(std::move(items));
    run.tasks.push_back(std::move(task));
  }
  return run;
}

class GatePairs {
 public:
  explicit GatePairs(std::uint64_t seed) : random_(seed) {}
  bool chance(double p) { return static_cast<double>(random_() >> 11) * 0x1p-53 < p; }

  // n items of which b loses and gains these shares.
  void add(std::size_t n, double lost, double gained) {
    std::vector<double> a, b;
    for (std::size_t i = 0; i < n; ++i) {
      const bool right = chance(0.6);
      a.push_back(right);
      b.push_back(chance(right ? lost / 0.6 : gained / 0.4) ? !right : right);
    }
    a_.push_back(std::move(a)), b_.push_back(std::move(b));
  }
  GateResult gate(const std::string& policy) {
    const Result<GateResult> result = apply_policy(parse_policy(policy, "p").value(), run_of(a_), run_of(b_));
    a_.clear(), b_.clear();
    return result.value();
  }

 private:
  std::mt19937_64 random_;
  std::vector<std::vector<double>> a_, b_;
};

// alpha·n plus three standard errors.
double at_most(double alpha, int n) { return alpha * n + 3 * std::sqrt(alpha * (1 - alpha) * n); }

// Three tasks that really do not differ, gated together without any margin, where false FAILs are likeliest.
TEST(Gate, ThousandPairsOfEqualRuns) {
  GatePairs pairs(11);
  int failed = 0;
  for (int i = 0; i < 1000; ++i) {
    for (int t = 0; t < 3; ++t) pairs.add(150, 0.06, 0.06);
    failed += pairs.gate("[[rule]]\ntask = \"*\"\nmargin = 0\n").verdict == Verdict::kFail;
  }
  EXPECT_LE(failed, at_most(0.05, 1000));
  EXPECT_GE(failed, 5) << "far too careful";
}

// Exactly at the margin: neither "shown worse" nor "shown not worse" more often than alpha.
TEST(Gate, AtTheMargin) {
  GatePairs pairs(12);
  int failed = 0, passed = 0;
  constexpr int kRuns = 400;
  for (int i = 0; i < kRuns; ++i) {
    pairs.add(300, 0.06, 0.04);
    const Verdict verdict = pairs.gate("[[rule]]\ntask = \"t0\"\nmargin = 0.02\n").verdict;
    failed += verdict == Verdict::kFail;
    passed += verdict == Verdict::kPass;
  }
  EXPECT_LE(failed, at_most(0.05, kRuns));
  EXPECT_LE(passed, at_most(0.05, kRuns));
}

// Two points lost of 14,042 items with a margin of one: what `detectable` promises with power .8 is less than the one
// point beyond the margin, so it is found more often than that.
TEST(Gate, TwoPointsOfManyItemsAreFound) {
  GatePairs pairs(13);
  int failed = 0;
  constexpr int kRuns = 60;
  for (int i = 0; i < kRuns; ++i) {
    pairs.add(14042, 0.06, 0.04);
    const GateResult gate = pairs.gate("[[rule]]\ntask = \"t0\"\nmargin = 0.01\n");
    EXPECT_LT(*gate.rules[0].detectable, 0.01);
    failed += gate.verdict == Verdict::kFail;
  }
  EXPECT_GE(failed, static_cast<int>(0.8 * kRuns));
}

// needed_n items of two equal runs PASS with about the power that it is for.
TEST(Gate, NeededItemsAreEnough) {
  GatePairs pairs(14);
  pairs.add(300, 0.05, 0.05);
  const std::int64_t needed = *pairs.gate("[[rule]]\ntask = \"t0\"\nmargin = 0.02\n").rules[0].needed_n;
  int passed = 0;
  constexpr int kRuns = 100;
  for (int i = 0; i < kRuns; ++i) {
    pairs.add(static_cast<std::size_t>(needed), 0.05, 0.05);
    passed += pairs.gate("[[rule]]\ntask = \"t0\"\nmargin = 0.02\n").verdict == Verdict::kPass;
  }
  EXPECT_GE(passed, 65);
}

TEST(Gate, HolmOverTheRulesOfATier) {
  GatePairs pairs(15);
  for (int t = 0; t < 4; ++t) pairs.add(400, 0.08, 0.03);
  const GateResult gate = pairs.gate("[[rule]]\ntask = \"*\"\nmargin = 0.01\n");
  ASSERT_EQ(gate.rules.size(), 4u);
  double least = 1;
  for (const RuleResult& rule : gate.rules) least = std::min(least, *rule.p_inferior);
  for (const RuleResult& rule : gate.rules) {
    if (*rule.p_inferior == least && rule.verdict == Verdict::kFail) {
      EXPECT_NEAR(*rule.p_value, std::min(1.0, 4 * least), 1e-12);
    }
  }
  // The advisory tier is its own family, and does not decide.
  for (int t = 0; t < 2; ++t) pairs.add(2000, t * 0.2, 0);
  const GateResult tiers = pairs.gate(
      "[[rule]]\ntask = \"t0\"\nmargin = 0.01\n[[rule]]\ntask = \"t1\"\nmargin = 0.01\ntier = \"advisory\"\n");
  EXPECT_EQ(tiers.verdict, Verdict::kPass);
  EXPECT_EQ(tiers.rules[1].verdict, Verdict::kFail);
  EXPECT_EQ(*tiers.rules[1].p_value, *tiers.rules[1].p_inferior);
}

}  // namespace
}  // namespace pareto
