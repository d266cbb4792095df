// MATH-500: Minerva's extraction and normal form against lm-eval's, equality by exact arithmetic, the prompt.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "tasks/exact_algebra.h"
#include "tasks/minerva.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

using nlohmann::json;

TEST(ExactAlgebra, Proved) {
  const std::vector<std::pair<const char*, const char*>> equal = {
      {"18.9", "18.90"},
      {"\\frac{1}{2}", "1/2"},
      {"\\frac{1}{2}", "0.5"},
      {"2\\sqrt{3}", "\\sqrt{12}"},
      {"\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt{2}}{2}"},
      {"\\sqrt{\\frac{3}{4}}", "\\frac{\\sqrt{3}}{2}"},
      {"\\sqrt[3]{8}", "2"},
      {"2^{-3}", "\\frac{1}{8}"},
      {"9^{1/2}", "3"},
      {"(x+1)^2", "x^2+2x+1"},
      {"-x+y", "y-x"},
      {"\\frac{2x}{4}", "\\frac{x}{2}"},
      {"2\\pi", "\\pi\\cdot2"},
      {"\\frac{2}{2x+2}", "\\frac{1}{1+x}"},
      {"\\left(3\\right)", "3"},
      {"1\\frac{1}{2}", "\\frac{1}{2}"},  // a product, as sympy reads it
  };
  for (const auto& [a, b] : equal) EXPECT_TRUE(proved_equal(a, b)) << a << " " << b;
}

TEST(ExactAlgebra, NotProved) {
  const std::vector<std::pair<const char*, const char*>> others = {
      {"\\pi", "3.14"},
      {"\\frac{1}{3}", "0.333"},
      {"\\sqrt{2}", "1.414"},
      {"x", "y"},
      {"1\\frac{1}{2}", "\\frac{3}{2}"},
      {"-.5", "-\\frac{1}{2}"},  // no digit before the point: upstream's parser refuses it too
      {"(2,3)", "(2,3.0)"},
      {"12,34", "1234"},
      {"\\sin{30}", "\\sin{30}"},  // equal texts are another rule's
      {"f(x)", "f(x)"},
      {"1/0", "1/0"},
      {"", ""},
      {"9999999999999999999", "9999999999999999999"},
      {"((((((((((", "x"},
  };
  for (const auto& [a, b] : others) EXPECT_FALSE(proved_equal(a, b)) << a << " " << b;
  const std::string deep = std::string(5000, '(') + "1" + std::string(5000, ')');
  EXPECT_FALSE(proved_equal(deep, deep));
}

// Answers that grow by themselves are given up: degrees beyond an int, opaque names inside one another.
TEST(ExactAlgebra, GivesUpWhatGrows) {
  std::string powers = "x", nested = "x";
  for (int i = 0; i < 10; ++i) {
    powers = "(" + powers + ")^{12}";
    nested = R"(\frac{1}{(1+)" + nested + ")^{9}}";
  }
  EXPECT_FALSE(proved_equal(powers, powers));
  EXPECT_FALSE(proved_equal(nested, nested));
  const std::string once = R"(\frac{1}{(1+x)^{9}})";
  EXPECT_TRUE(proved_equal(once, once));
}

TEST(Minerva, MarkingEqualsLmEval) {
  std::ifstream file(std::string(PARETO_SHARED) + "/accept/data/answer_marking.jsonl");
  if (!file) GTEST_SKIP() << "needs ../shared/accept/data/answer_marking.jsonl";
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    const json row = json::parse(line);
    if (row["task"] != "minerva_math_algebra") continue;
    const auto answer = minerva_final_answer(row["response"].get<std::string>());
    EXPECT_EQ(json(answer.value_or("[invalidanswer]")), row["extracted"]);
    const std::string left = minerva_normalised(answer.value_or("[invalidanswer]"));
    const std::string right = minerva_normalised(row["reference"].get<std::string>());
    EXPECT_EQ(json(left), row["normalized"]);
    EXPECT_EQ(json(right), row["normalized_reference"]);
    EXPECT_EQ(json(minerva_equal(left, right) ? 1.0 : 0.0), row["exact_match"]) << line;
    ++rows;
  }
  EXPECT_EQ(rows, 32);
}

TEST(Math500, PromptAndFilters) {
  const test::DataDir dir;
  dir.write("HuggingFaceH4__MATH-500/default/test.jsonl",
            R"({"problem": "Half of one?", "solution": "", "answer": "\\frac{1}{2}"})");
  TaskOptions options;
  options.data_dir = dir.path();
  const auto task = test::load_task("math500", options);
  ASSERT_NE(task, nullptr);
  const std::string& prompt = *task->requests()[0].context;
  EXPECT_TRUE(
      prompt.starts_with("Problem:\nFind the domain of the expression  $\\frac{\\sqrt{x-2}}{\\sqrt{5-x}}$.\n\n"
                         "Solution: The expressions inside"));
  EXPECT_TRUE(prompt.ends_with("$-\\frac{2}{3}$. I hope it is correct.\n\nProblem:\nHalf of one?\n\nSolution:"));
  const auto boxed = test::score_text(*task, 0, "It is $\\boxed{0.5}$.");
  ASSERT_EQ(boxed.size(), 2u);
  EXPECT_EQ(boxed[0].filter, "strict-match");
  EXPECT_EQ(boxed[0].filtered, "[invalidanswer]");
  EXPECT_EQ(boxed[0].metrics.at("exact_match"), 0);
  EXPECT_EQ(boxed[1].filtered, "0.5");
  EXPECT_EQ(boxed[1].metrics.at("exact_match"), 1);
}

// Every reference equals itself, and what cannot be compared beyond its text is counted: docs/tasks.md says it.
TEST(Math500, ReferencesOfTheSet) {
  PARETO_NEEDS_HUB();
  const auto task = test::load_task("math500");
  ASSERT_NE(task, nullptr);
  ASSERT_EQ(task->documents().size(), 500u);
  std::string prompts;
  for (const Document& document : task->documents()) prompts += document.prompt_hash;
  // Of the 500 prompts that lm-eval's minerva_math500 builds from the same rows, four-shot.
  EXPECT_EQ(task->documents()[0].prompt_hash, "ac82040a5a5363bfb08d65a0cf04e0a82ad1c89fc5bd0c197d3fded175468f35");
  EXPECT_EQ(sha256_hex(prompts), "b84291885482518b37abd2d423fafbe1e42b98c9c6e5aab389686b3e38db7a16");
  int readable = 0;
  for (const Document& document : task->documents()) {
    const std::string answer = minerva_normalised(document.target);
    EXPECT_TRUE(minerva_equal(answer, answer)) << document.target;
    readable += proved_equal(answer, answer);
  }
  std::printf("math500: %d of 500 references are read as exact expressions\n", readable);
  EXPECT_GT(readable, 350);
}

}  // namespace
}  // namespace pareto
