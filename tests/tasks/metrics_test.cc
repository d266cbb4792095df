// exact_match, choices, and the marking of competition mathematics, by cases of lm-evaluation-harness.
#include "tasks/metrics.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "tasks/common_math.h"
#include "tasks/filters.h"

namespace pareto {
namespace {

using nlohmann::json;

std::vector<json> marked(const std::string& task) {
  std::vector<json> rows;
  std::ifstream file(std::string(PARETO_SHARED) + "/accept/data/answer_marking.jsonl");
  for (std::string line; std::getline(file, line);) {
    json row = json::parse(line);
    if (row["task"] == task) rows.push_back(std::move(row));
  }
  return rows;
}

ExactMatch options_of(const json& row) {
  ExactMatch options;
  for (const json& regex : row.value("regexes_to_ignore", json::array())) {
    options.regexes_to_ignore.push_back(*PythonRegex::compile(regex.get<std::string>()));
  }
  options.ignore_case = row.value("ignore_case", false);
  options.ignore_punctuation = row.value("ignore_punctuation", false);
  options.ignore_numbers = row.value("ignore_numbers", false);
  return options;
}

TEST(ExactMatch, ReferenceCases) {
  const auto rows = marked("exact_match");
  if (rows.empty()) GTEST_SKIP() << "needs ../shared/accept/data/answer_marking.jsonl";
  for (const json& row : rows) {
    const bool got = exact_match(row["response"].get<std::string>(), row["reference"].get<std::string>(),
                                 options_of(row["options"]));
    EXPECT_EQ(got, row["exact_match"] == 1.0) << row.dump();
  }
}

TEST(ExactMatch, NumpyStrings) {
  EXPECT_TRUE(exact_match(std::string_view("a\0\0", 3), "a", {}));
  EXPECT_FALSE(exact_match(std::string_view("\0a", 2), "a", {}));
  const ExactMatch ignore_case{.ignore_case = true};
  EXPECT_TRUE(exact_match("İ", "I", ignore_case));  // "i̇" cut to one character
  EXPECT_FALSE(exact_match("İ", "i̇", ignore_case));
  EXPECT_TRUE(exact_match("ΣΑΣ", "σας", ignore_case));
  const ExactMatch plain{.ignore_punctuation = true, .ignore_numbers = true};
  EXPECT_TRUE(exact_match("a1-b_2", "ab", plain));
  EXPECT_FALSE(exact_match("a¿b", "ab", plain));
}

TEST(BestChoice, TiesNansAndLengths) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(best_choice(std::vector<double>{-2, -1, -1}), 1);
  EXPECT_EQ(best_choice(std::vector<double>{-2, nan, 0, nan}), 1);
  EXPECT_EQ(best_choice(std::vector<double>{-2, -3}, std::vector<double>{1, 4}), 1);
  EXPECT_EQ(best_choice(std::vector<double>{-2, -3}, std::vector<double>{0, 1}), 1);  // −∞
}

TEST(StripString, ReferenceCases) {
  const auto rows = marked("strip_string");
  if (rows.empty()) GTEST_SKIP() << "needs ../shared/accept/data/answer_marking.jsonl";
  for (const json& row : rows) {
    const auto got = strip_string(row["response"].get<std::string>());
    if (row["extracted"].is_object()) {
      ASSERT_FALSE(got) << row.dump() << " gave " << *got;
      EXPECT_EQ(json(got.error().message), row["extracted"]["exception"]) << row.dump();
    } else {
      ASSERT_TRUE(got) << row.dump() << " raised " << got.error().message;
      EXPECT_EQ(json(*got), row["extracted"]) << row.dump();
    }
  }
}

TEST(StripString, Quirks) {
  EXPECT_EQ(strip_string("\\frac{1}2").value(), "\\frac{1}2");
  EXPECT_EQ(strip_string("\\sqrt[3]{2}").value(), "\\sqrt{[}3]{2}");
  EXPECT_EQ(strip_string("\\leftarrow").value(), "arrow");
  EXPECT_EQ(strip_string("1/-2").value(), "\\frac{1}{-2}");
  EXPECT_EQ(strip_string("\\sqrté2").value(), "\\sqrt{é}2");
  EXPECT_EQ(strip_string("-0/1").value(), "-0/1");
  EXPECT_EQ(strip_string("1__0/2").error().message, "ValueError");
  EXPECT_EQ(strip_string("_1/2").error().message, "ValueError");
  EXPECT_EQ(strip_string("1/").error().message, "ValueError");
  EXPECT_EQ(strip_string("\u00a01\u00a0/2").value(),
            "\u00a01\u00a0/2");  // an integer to Python, but not its plainest form
}

TEST(MathAnswer, ReferenceCases) {
  const auto rows = marked("aime24");
  if (rows.empty()) GTEST_SKIP() << "needs ../shared/accept/data/answer_marking.jsonl";
  for (const json& row : rows) {
    const std::string response = row["response"], reference = row["reference"];
    const auto boxed = last_boxed(response);
    EXPECT_EQ(boxed ? json(*boxed) : json(nullptr), row["last_boxed"]) << row.dump();
    EXPECT_EQ(json(math_answer(response)), row["extracted"]) << row.dump();
    EXPECT_EQ(math_equal(math_answer(response), reference), row["exact_match"] == 1.0) << row.dump();
  }
}

TEST(SelfConsistency, FilterChainsOfManyResponses) {
  const auto rows = marked("gsm8k_cot_self_consistency");
  if (rows.empty()) GTEST_SKIP() << "needs ../shared/accept/data/answer_marking.jsonl";
  const Filter regex = regex_filter(*PythonRegex::compile(R"(The answer is (\-?[0-9\.\,]*[0-9]+))"));
  const std::vector<FilterChain> chains = {{"score-first", {regex, take_first()}},
                                           {"maj@64", {regex, majority_vote(), take_first()}},
                                           {"maj@8", {take_first_k(8), regex, majority_vote(), take_first()}}};
  for (const json& row : rows) {
    for (const FilterChain& chain : chains) {
      if (row["filter"].get<std::string>() != chain.name) continue;
      EXPECT_EQ(json(chain.apply(row["response"].get<std::vector<std::string>>())), row["extracted"]) << row["case"];
    }
  }
}

}  // namespace
}  // namespace pareto
