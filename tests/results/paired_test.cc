// Paired tests of scores of any kind against scipy, statsmodels, and sums worked by hand.
#include "results/paired.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "tests/results/statistics_reference.h"

namespace pareto {
namespace {

using nlohmann::json;
using reference_values::expect_close;

TEST(PairedT, ReferenceValues) {
  const auto rows = reference_values::of("paired_t");
  if (rows.empty()) GTEST_SKIP() << reference_values::kMissing;
  for (const json& row : rows) {
    const auto a = row["input"]["a"].get<std::vector<double>>(), b = row["input"]["b"].get<std::vector<double>>();
    std::vector<double> differences;
    for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
    const PairedT got = paired_t(differences, row["input"]["alpha"]);
    const json& want = row["output"];
    const std::string what = row["case"].dump();
    expect_close(got.mean_difference, want["mean_difference"], what + " mean");
    expect_close(got.standard_error, want["standard_error"], what + " error");
    EXPECT_EQ(got.df, want["df"].get<std::int64_t>()) << what;
    if (!want["t"].is_number()) continue;
    expect_close(got.t, want["t"], what + " t");
    expect_close(got.p, want["p"], what + " p");
    expect_close(got.interval.low, want["low"], what + " low");
    expect_close(got.interval.high, want["high"], what + " high");
  }
}

TEST(PairedT, EqualDifferences) {
  EXPECT_EQ(paired_t(std::array{0.0, 0.0, 0.0}).p, 1);
  EXPECT_EQ(paired_t(std::array{0.5, 0.5, 0.5}).p, 0);
}

// Differences 1 2 3: of the 8 exchanges only +++ and −−− reach |6|.
TEST(Permutation, AllOfEight) {
  const Permutation got = paired_permutation(std::array{1.0, 0.0, 2.0, 3.0});
  EXPECT_TRUE(got.exact);
  EXPECT_DOUBLE_EQ(got.p, 2.0 / 8);
  EXPECT_EQ(paired_permutation(std::array{0.0, 0.0}).p, 1);
}

// On ±1 it is McNemar's exact test.
TEST(Permutation, OfSignsIsTheSignTest) {
  std::vector<double> differences(12, -1.0);
  differences.insert(differences.end(), 4, 1.0);
  double tail = 0;
  for (const double ways : {1.0, 16.0, 120.0, 560.0, 1820.0}) tail += ways / 65536;
  EXPECT_NEAR(paired_permutation(differences).p, 2 * tail, 1e-15);
  differences.insert(differences.end(), 20, 1.0);  // 24 of 36: drawn
  const Permutation drawn = paired_permutation(differences, 20'000, 7);
  EXPECT_FALSE(drawn.exact);
  EXPECT_NEAR(drawn.p, 0.0652, 0.006);
  EXPECT_EQ(drawn.p, paired_permutation(differences, 20'000, 7).p);
}

TEST(Holm, ReferenceValues) {
  const auto rows = reference_values::of("holm");
  if (rows.empty()) GTEST_SKIP() << reference_values::kMissing;
  for (const json& row : rows) {
    const std::vector<double> got = holm(row["input"]["p"].get<std::vector<double>>());
    ASSERT_EQ(got.size(), row["output"]["adjusted"].size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      expect_close(got[i], row["output"]["adjusted"][i], row["case"].dump());
      EXPECT_EQ(got[i] <= row["input"]["alpha"].get<double>(), row["output"]["reject"][i].get<bool>()) << row["case"];
    }
  }
}

TEST(Clustered, ReferenceValues) {
  const auto rows = reference_values::of("clustered_standard_error");
  if (rows.empty()) GTEST_SKIP() << reference_values::kMissing;
  for (const json& row : rows) {
    const auto scores = row["input"]["scores"].get<std::vector<double>>();
    const auto clusters = row["input"]["clusters"].get<std::vector<std::uint64_t>>();
    expect_close(mean(scores), row["output"]["mean"], row["case"].dump());
    expect_close(clustered_stderr(scores, clusters), row["output"]["standard_error"], row["case"].dump());
  }
}

TEST(Clustered, SingleItemsAreThePairedTest) {
  const std::array values = {0.5, -1.0, 2.0, 0.25};
  const PairedT single = paired_t(values), clustered = clustered_t(values, std::array<std::uint64_t, 4>{1, 2, 3, 4});
  EXPECT_NEAR(clustered.standard_error, single.standard_error, 1e-15);
  EXPECT_NEAR(clustered.p, single.p, 1e-12);
  // Every item twice is no more evidence than once.
  const std::array twice = {0.5, 0.5, -1.0, -1.0, 2.0, 2.0, 0.25, 0.25};
  EXPECT_NEAR(clustered_t(twice, std::array<std::uint64_t, 8>{1, 1, 2, 2, 3, 3, 4, 4}).p, single.p, 1e-12);
}

TEST(PairedMean, NeedsMoreThanAFewEqualItems) {
  const std::vector<double> few(60, 0.0), many(600, 0.0);
  EXPECT_GT(paired_mean_p(few, -0.02, 1), 0.05);  // nothing seen in 60 items does not rule out 1 in 50
  EXPECT_LT(paired_mean_p(many, -0.02, 1), 0.001);
  EXPECT_EQ(paired_mean_p(few, -0.02, 0), 0);
  EXPECT_EQ(paired_mean_p(few, 0, 0), 1);
  EXPECT_EQ(paired_mean_p(std::vector<double>{0.1}, 0, 0), 1);
}

TEST(BootstrapRatio, ConstantRatioIsExact) {
  const std::vector<double> bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, twice = {2, 4, 6, 8, 10, 12, 14, 16, 18, 20};
  const auto got = bootstrap_ratio({{twice}, {bytes}});
  ASSERT_TRUE(got.has_value());
  EXPECT_NEAR(got->value, 2, 1e-12);
  EXPECT_NEAR(got->interval.low, 2, 1e-9);
  EXPECT_NEAR(got->interval.high, 2, 1e-9);
  EXPECT_FALSE(bootstrap_ratio({{twice}, {std::vector<double>(10, 0.0)}}).has_value());
  EXPECT_FALSE(bootstrap_ratio({{std::vector<double>{1, 2}}, {std::vector<double>{1, 2}}}).has_value());
}

TEST(BootstrapRatio, GroupsOfItemsGiveTheSameInterval) {
  std::mt19937_64 random(3);
  std::vector<double> x, y;
  for (int i = 0; i < 20'000; ++i) {
    y.push_back(1 + static_cast<double>(random() % 1000) / 1000);
    x.push_back(y.back() * (0.5 + static_cast<double>(random() % 1000) / 1000));
  }
  const auto got = bootstrap_ratio({{x}, {y}});
  double squares = 0, sum_x = 0, sum_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum_x += x[i], sum_y += y[i];
  const double ratio = sum_x / sum_y;
  for (std::size_t i = 0; i < x.size(); ++i) squares += std::pow(x[i] - ratio * y[i], 2);
  const double half = 1.96 * std::sqrt(squares) / sum_y;
  EXPECT_NEAR(got->value, ratio, 1e-12);
  EXPECT_NEAR(got->interval.low, ratio - half, 0.15 * half);
  EXPECT_NEAR(got->interval.high, ratio + half, 0.15 * half);
}

// z(.95) + z(.8) = 1.644853627 + 0.841621234; ω² = .1, distance .01: 618.26 · 10.
TEST(Planning, FormulaAndItsInverse) {
  EXPECT_EQ(needed_items(0.1, 0.01), 6183);
  EXPECT_NEAR(detectable_distance(0.1, 6183), 0.01, 1e-6);
  EXPECT_EQ(needed_items(0, 0.01), 2);
}

}  // namespace
}  // namespace pareto
