// Statistics against formulas worked by hand, and against the reference values of statsmodels, scipy and lm-eval.
#include "results/statistics.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pareto {
namespace {

using nlohmann::json;

// Relative 1e-9, or absolute where the value is near 0 or 1.
void expect_close(double got, double want, const std::string& what) {
  EXPECT_LE(std::abs(got - want), 1e-9 * std::max(1.0, std::abs(want))) << what << ": " << got << " not " << want;
}

std::vector<json> reference(const std::string& statistic) {
  std::vector<json> rows;
  std::ifstream file(std::string(PARETO_SHARED) + "/accept/data/statistics.jsonl");
  for (std::string line; std::getline(file, line);) {
    json row = json::parse(line);
    if (row["statistic"] == statistic) rows.push_back(std::move(row));
  }
  return rows;
}

TEST(Mean, ErrorOfThreeOfFour) {
  const std::vector<double> values = {1, 0, 1, 1};
  EXPECT_DOUBLE_EQ(mean(values), 0.75);
  EXPECT_DOUBLE_EQ(*mean_stderr(values), std::sqrt(0.75 / 3) / 2);  // Σd² = .75
  EXPECT_FALSE(mean_stderr(std::vector<double>{1}).has_value());
}

TEST(Mean, ReferenceValues) {
  const auto rows = reference("lm_eval_mean_stderr");
  if (rows.empty()) GTEST_SKIP() << "needs ../shared/accept/data/statistics.jsonl";
  for (const json& row : rows) {
    const auto values = row["input"]["values"].get<std::vector<double>>();
    expect_close(mean(values), row["output"]["mean"], row.dump());
    expect_close(mean_stderr(values).value(), row["output"]["stderr"], row.dump());
  }
}

TEST(Wilson, EdgesAreExact) {
  EXPECT_EQ(wilson(0, 10).low, 0);
  EXPECT_EQ(wilson(10, 10).high, 1);
  EXPECT_NEAR(wilson(0, 10).high, 0.2775327998628892, 1e-12);
}

TEST(Wilson, ReferenceValues) {
  const auto rows = reference("wilson");
  if (rows.empty()) GTEST_SKIP() << "needs ../shared/accept/data/statistics.jsonl";
  for (const json& row : rows) {
    const Interval got = wilson(row["input"]["k"], row["input"]["n"], row["input"]["alpha"]);
    expect_close(got.low, row["output"]["low"], row.dump());
    expect_close(got.high, row["output"]["high"], row.dump());
  }
}

TEST(Group, ReferenceValues) {
  const auto rows = reference("lm_eval_group");
  if (rows.empty()) GTEST_SKIP() << "needs ../shared/accept/data/statistics.jsonl";
  for (const json& row : rows) {
    std::vector<Member> members;
    for (std::size_t i = 0; i < row["input"]["means"].size(); ++i) {
      members.push_back({row["input"]["means"][i], row["input"]["stderrs"][i].get<double>(), row["input"]["sizes"][i]});
    }
    const GroupScore by_size = group_score(members, GroupWeight::kBySize);
    const GroupScore equal = group_score(members, GroupWeight::kEqual);
    const std::string what = row["case"].dump();
    expect_close(by_size.value, row["output"]["mean_weighted"], what);
    expect_close(by_size.stderror.value(), row["output"]["stderr_pooled"], what);
    expect_close(equal.value, row["output"]["mean_unweighted"], what);
    expect_close(equal.stderror.value(), row["output"]["stderr_unweighted"], what);
  }
}

TEST(Group, OneMemberWithoutErrorLeavesNone) {
  const std::vector<Member> members = {{0.5, 0.1, 10}, {1.0, std::nullopt, 1}};
  const GroupScore score = group_score(members, GroupWeight::kBySize);
  EXPECT_NEAR(score.value, 6.0 / 11, 1e-15);
  EXPECT_FALSE(score.stderror.has_value());
}

TEST(Mde, PairedFormula) {
  // z(.975) + z(.8) = 1.959963985 + 0.841621234; ω² = .25 over 100 items.
  EXPECT_NEAR(paired_mde(0.25, 100), 2.801585218 * 0.05, 1e-9);
  // Uncorrelated runs are the unpaired case: √2 times the correlation-½ plan.
  const std::vector<double> values = {1, 0, 1, 1, 0, 0, 1, 0};
  EXPECT_NEAR(planned_mde(values, 0).value() / planned_mde(values).value(), std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(planned_mde(values).value(), 2.801585218 * mean_stderr(values).value(), 1e-9);
  EXPECT_FALSE(planned_mde(std::vector<double>{1}).has_value());
  EXPECT_FALSE(planned_mde(std::vector<double>{0, 0, 0}).has_value()) << "not 0: nothing says how they vary";
}

TEST(Definitions, NormsPickDifferentChoices) {
  // Sum prefers the short one, per character the long one, per token the middle one.
  const std::vector<Choice> choices = {{-4, 4, 4, 1}, {-6, 6, 12, 6}, {-10, 20, 20, 5}};
  EXPECT_EQ(decide(choices, Norm::kSum).picked, 0);
  EXPECT_EQ(decide(choices, Norm::kChar).picked, 2);
  EXPECT_EQ(decide(choices, Norm::kByte).picked, 1);  // -.5 twice: the lower index
  EXPECT_TRUE(decide(choices, Norm::kByte).tie);
  EXPECT_FALSE(decide(choices, Norm::kChar).tie);
  EXPECT_EQ(decide(choices, Norm::kToken).picked, 1);
  ChoiceDefinitions definitions;
  definitions.add(choices, std::array{1});
  definitions.add(choices, std::array{0});
  EXPECT_EQ(definitions.n(), 2);
  EXPECT_DOUBLE_EQ(definitions.accuracy(Norm::kSum), 0.5);
  EXPECT_DOUBLE_EQ(definitions.accuracy(Norm::kChar), 0);
  EXPECT_EQ(definitions.of(Norm::kByte).ties, 2);
}

TEST(Definitions, NanAndTiesFollowArgmax) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(decide(std::vector<Choice>{{-1, 1, 1, 1}, {nan, 1, 1, 1}, {0, 1, 1, 1}}, Norm::kSum).picked, 1);
  EXPECT_EQ(decide(std::vector<Choice>{{-1, 1, 1, 1}, {-1, 1, 1, 1}}, Norm::kSum).picked, 0);
  // An empty choice divides by zero: −∞, or NaN if its log-likelihood is 0.
  EXPECT_EQ(decide(std::vector<Choice>{{-1, 0, 0, 0}, {-9, 1, 1, 1}}, Norm::kChar).picked, 1);
}

TEST(Latency, QuantilesInterpolate) {
  const Summary summary = summarise(std::vector<double>{4, 1, 3, 2});
  EXPECT_EQ(summary.n, 4);
  EXPECT_DOUBLE_EQ(summary.mean, 2.5);
  EXPECT_DOUBLE_EQ(summary.p50, 2.5);
  EXPECT_DOUBLE_EQ(summary.p90, 3.7);
  EXPECT_DOUBLE_EQ(summary.p99, 3.97);
  EXPECT_EQ(summarise({}).n, 0);
  EXPECT_DOUBLE_EQ(summarise(std::vector<double>{7}).p99, 7);
}

TEST(Perplexity, BootstrapReferenceValues) {
  const std::vector<json> rows = reference("lm_eval_bootstrap_stderr");
  if (rows.empty()) GTEST_SKIP() << "needs ../shared/accept/data/statistics.jsonl";
  for (const json& row : rows) {
    if (row["input"]["metric"] != "perplexity") continue;
    const auto values = row["input"]["values"].get<std::vector<double>>();
    expect_close(perplexity(values), row["output"]["value"], "perplexity");
    for (const int threads : {1, 3})
      expect_close(*perplexity_stderr(values, row["input"]["iters"], threads), row["output"]["stderr"], row.dump());
  }
}

TEST(Perplexity, ErrorNeedsTwoDocuments) {
  EXPECT_FALSE(perplexity_stderr(std::vector<double>{-1}).has_value());
  EXPECT_NEAR(*perplexity_stderr(std::vector<double>{-1, -1}), 0, 1e-9);  // a mean of 100,000 rounds
}

// n = 3, values 1 2 3: mean 2, standard error 1/√3, t(.975, 2) = 4.302653.
TEST(Student, IntervalOfThree) {
  const Interval interval = student_interval(std::vector<double>{1, 2, 3});
  EXPECT_NEAR(interval.low, 2 - 4.302653 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(interval.high, 2 + 4.302653 / std::sqrt(3.0), 1e-6);
}

TEST(ChoiceDefinitions, AnyOfSeveralIsRight) {
  const std::vector<Choice> choices = {{-3, 1, 1, 1}, {-2, 1, 1, 1}, {-1, 1, 1, 1}};
  ChoiceDefinitions definitions;
  definitions.add(choices, std::array{0, 2});
  definitions.add(choices, std::array{0, 1});
  EXPECT_EQ(definitions.accuracy(Norm::kSum), 0.5);
}

}  // namespace
}  // namespace pareto
