// Tests and intervals of shares against statsmodels, scipy, published examples and sums over all tables.
#include "results/proportions.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/results/statistics_reference.h"

namespace pareto {
namespace {

using nlohmann::json;
using reference_values::expect_close;

TEST(ClopperPearson, ReferenceValues) {
  const auto rows = reference_values::of("clopper_pearson");
  if (rows.empty()) GTEST_SKIP() << reference_values::kMissing;
  for (const json& row : rows) {
    const Interval got = clopper_pearson(row["input"]["k"], row["input"]["n"], row["input"]["alpha"]);
    expect_close(got.low, row["output"]["low"], row.dump());
    expect_close(got.high, row["output"]["high"], row.dump());
  }
}

TEST(McNemar, ByHand) {
  EXPECT_EQ(mcnemar_exact(0, 0), 1);
  EXPECT_EQ(mcnemar_exact(3, 3), 1);
  EXPECT_DOUBLE_EQ(mcnemar_exact(0, 5), 2.0 / 32);
  EXPECT_DOUBLE_EQ(mcnemar_exact(5, 0), 2.0 / 32);
  EXPECT_NEAR(mcnemar_exact(12, 3), 0.035156, 1e-6);
}

TEST(McNemar, ReferenceValues) {
  const auto rows = reference_values::of("mcnemar_exact_two_sided");
  if (rows.empty()) GTEST_SKIP() << reference_values::kMissing;
  for (const json& row : rows) {
    const double want = row["output"]["p"], got = mcnemar_exact(row["input"]["b"], row["input"]["c"]);
    EXPECT_LE(std::abs(got - want), 1e-9 * want) << row.dump() << ": " << got;  // relative, however small
  }
}

TEST(Newcombe, PublishedExample) {
  const Difference d = newcombe_paired({36, 12, 2, 0});
  EXPECT_NEAR(d.interval.low, 0.0569, 5e-5);
  EXPECT_NEAR(d.interval.high, 0.3404, 5e-5);
}

TEST(Newcombe, PairedReferenceValues) {
  const auto rows = reference_values::of("newcombe_paired_difference");
  if (rows.empty()) GTEST_SKIP() << reference_values::kMissing;
  for (const json& row : rows) {
    const json& in = row["input"];
    const Difference got = newcombe_paired(
        {in["both_right"], in["only_first_right"], in["only_second_right"], in["both_wrong"]}, in["alpha"]);
    expect_close(got.value, row["output"]["difference"], row.dump());
    expect_close(got.interval.low, row["output"]["low"], row.dump());
    expect_close(got.interval.high, row["output"]["high"], row.dump());
    expect_close(got.phi, row["output"]["phi"], row.dump());
  }
}

TEST(Newcombe, IndependentReferenceValues) {
  const auto rows = reference_values::of("newcombe_independent_difference");
  if (rows.empty()) GTEST_SKIP() << reference_values::kMissing;
  for (const json& row : rows) {
    const json& in = row["input"];
    const Difference got = newcombe_independent(in["k1"], in["n1"], in["k2"], in["n2"], in["alpha"]);
    expect_close(got.value, row["output"]["difference"], row.dump());
    expect_close(got.interval.low, row["output"]["low"], row.dump());
    expect_close(got.interval.high, row["output"]["high"], row.dump());
  }
}

// Tango 1998, table V (44 pairs, 43 both, one lost): −1/44, 95 % from −0.1173 to 0.0543; and z at 0 is McNemar's.
TEST(Tango, ZeroDifferenceIsMcNemarsZ) {
  EXPECT_NEAR(tango_z(12, 2, 50, 0), 10 / std::sqrt(14.0), 1e-12);
  EXPECT_NEAR(tango_z(2, 12, 50, 0), -10 / std::sqrt(14.0), 1e-12);
  EXPECT_EQ(tango_z(0, 0, 50, 0), 0);
}

TEST(Tango, IntervalIsWhereZLeavesTheNormalQuantiles) {
  const Interval interval = tango_interval(20, 31, 500);
  EXPECT_NEAR(tango_z(20, 31, 500, interval.low), 1.959963984540054, 1e-6);
  EXPECT_NEAR(tango_z(20, 31, 500, interval.high), -1.959963984540054, 1e-6);
  const Interval mirrored = tango_interval(31, 20, 500);
  EXPECT_NEAR(mirrored.low, -interval.high, 1e-12);
  EXPECT_NEAR(mirrored.high, -interval.low, 1e-12);
  const Interval nothing_changed = tango_interval(0, 0, 60);
  EXPECT_LT(nothing_changed.low, -0.03);
  EXPECT_GT(nothing_changed.high, 0.03);
}

// With nothing changed, the most extreme table: P(nothing) is largest where items can only be lost, at .02 each.
TEST(PairedShare, NothingChanged) {
  EXPECT_NEAR(paired_share_p(0, 0, 60, -0.02), std::pow(0.98, 60), 2e-6);
  EXPECT_NEAR(paired_share_p(0, 0, 149, -0.02), std::pow(0.98, 149), 2e-6);
}

// P(reject) summed over every table, at the boundary and for every share of changed items: the level holds.
TEST(PairedShare, HoldsItsLevelExactly) {
  constexpr double kAlpha = 0.05, kMargin = 0.05;
  for (const int n : {20, 45}) {
    std::vector<std::vector<char>> passes(static_cast<std::size_t>(n) + 1), fails = passes;
    for (int g = 0; g <= n; ++g)
      for (int l = 0; g + l <= n; ++l) {
        passes[static_cast<std::size_t>(g)].push_back(paired_share_p(g, l, n, -kMargin) <= kAlpha);
        fails[static_cast<std::size_t>(g)].push_back(paired_share_p(l, g, n, kMargin) <= kAlpha);
      }
    for (double gain = 0; gain < 0.45; gain += 0.01) {
      const double lose = gain + kMargin, same = 1 - gain - lose;
      double passed = 0, failed = 0;
      for (int g = 0; g <= n; ++g)
        for (int l = 0; g + l <= n; ++l) {
          double log_p = std::lgamma(n + 1) - std::lgamma(g + 1) - std::lgamma(l + 1) - std::lgamma(n - g - l + 1);
          log_p += (g > 0 ? g * std::log(gain) : 0) + l * std::log(lose) + (n - g - l) * std::log(same);
          const double p = std::exp(log_p);
          passed += passes[static_cast<std::size_t>(g)][static_cast<std::size_t>(l)] * p;
          failed += fails[static_cast<std::size_t>(g)][static_cast<std::size_t>(l)] * p;
        }
      EXPECT_LE(passed, kAlpha + 1e-4) << n << " items, gain " << gain;
      EXPECT_LE(failed, kAlpha + 1e-4) << n << " items, gain " << gain;
    }
  }
}

TEST(PairedShare, LargeSamplesAgreeWithTheScoreTest) {
  const auto normal_tail = [](double z) { return std::erfc(z / std::sqrt(2.0)) / 2; };
  for (const auto& [gained, lost] : {std::pair{700, 720}, {650, 800}, {60, 200}}) {
    const double exact = paired_share_p(gained, lost, 14042, -0.01),
                 score = normal_tail(tango_z(gained, lost, 14042, -0.01));
    EXPECT_NEAR(exact, score, 0.15 * score + 2e-5) << gained << " " << lost;
  }
}

}  // namespace
}  // namespace pareto
