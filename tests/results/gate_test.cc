// The gate's error rates on simulated pairs of runs, and Holm over the rules of a tier.
#include "results/gate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace pareto {
namespace {

#ifdef PARETO_SANITIZED
constexpr int kEqualPairs = 100;  // the rates are judged by the plain build
#else
constexpr int kEqualPairs = 1000;
#endif

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
  GateResult gate(const std::string& text, bool sequential = false) {
    const Policy policy = parse_policy(text, "p").value();
    const Result<GateResult> result = sequential ? apply_policy_sequentially(policy, run_of(a_), run_of(b_))
                                                 : apply_policy(policy, run_of(a_), run_of(b_));
    a_.clear(), b_.clear();
    return result.value();
  }

 private:
  std::mt19937_64 random_;
  std::vector<std::vector<double>> a_, b_;
};

// alpha·n plus three standard errors.
double at_most(double alpha, int n) { return alpha * n + 3 * std::sqrt(alpha * (1 - alpha) * n); }

// Two tasks that really do not differ, gated together without any margin, where false FAILs are likeliest.
TEST(Gate, ThousandPairsOfEqualRuns) {
  GatePairs pairs(11);
  int failed = 0;
  for (int i = 0; i < kEqualPairs; ++i) {
    for (int t = 0; t < 2; ++t) pairs.add(80, 0.08, 0.08);
    failed += pairs.gate("[[rule]]\ntask = \"*\"\nmargin = 0\n").verdict == Verdict::kFail;
  }
  EXPECT_LE(failed, at_most(0.05, kEqualPairs));
  EXPECT_GE(failed, kEqualPairs / 200) << "far too careful";
}

TEST(Gate, SequentialKeepsItsErrorRate) {
  GatePairs pairs(16);
  int failed = 0;
  for (int i = 0; i < kEqualPairs; ++i) {
    pairs.add(120, 0.08, 0.08);
    failed += pairs.gate("[[rule]]\ntask = \"t0\"\nmargin = 0\n", true).verdict == Verdict::kFail;
  }
  EXPECT_LE(failed, at_most(0.05, kEqualPairs));
  EXPECT_GE(failed, kEqualPairs / 200) << "far too careful";
}

TEST(Gate, SequentialStopsWhereItIsDecided) {
  GatePairs pairs(17);
  pairs.add(4000, 0.2, 0.01);
  const GateResult worse = pairs.gate("[[rule]]\ntask = \"t0\"\nmargin = 0.01\n", true);
  EXPECT_EQ(worse.verdict, Verdict::kFail);
  EXPECT_EQ(worse.stop->look, 1);
  EXPECT_NEAR(static_cast<double>(worse.stop->items), 1000, 120);
  EXPECT_EQ(worse.stop->all, 4000);
  pairs.add(60, 0.05, 0.05);
  const GateResult unclear = pairs.gate("[[rule]]\ntask = \"t0\"\nmargin = 0.02\n", true);
  EXPECT_EQ(unclear.verdict, Verdict::kInconclusive);
  EXPECT_EQ(unclear.stop->look, 4);
  EXPECT_EQ(unclear.stop->items, 60);
}

// Exactly at the margin: neither "shown worse" nor "shown not worse" more often than alpha.
TEST(Gate, AtTheMargin) {
  GatePairs pairs(12);
  int failed = 0, passed = 0;
  constexpr int kRuns = 300;
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
  constexpr int kRuns = 30;
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
