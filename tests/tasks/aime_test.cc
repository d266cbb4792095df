// AIME: golds, the fixed number of shots, and the marking from response to mark.
#include <gtest/gtest.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

using nlohmann::json;

TEST(Aime, GoldsArePlainIntegers) {
  PARETO_NEEDS_HUB();
  for (const char* name : {"aime24", "aime25"}) {
    const auto task = test::load_task(name);
    ASSERT_NE(task, nullptr);
    ASSERT_EQ(task->documents().size(), 30u);
    for (const Document& document : task->documents()) {
      int value = -1;
      std::from_chars(document.target.data(), document.target.data() + document.target.size(), value);
      EXPECT_EQ(std::to_string(value), document.target) << name << " " << document.doc_id;  // no leading zeros
      EXPECT_TRUE(value >= 0 && value <= 999) << name << " " << document.doc_id;
      EXPECT_EQ(test::score_text(*task, document.doc_id, "So $\\boxed{" + document.target + "}$.")[0].metrics.at(
                    "exact_match"),
                1.0);
    }
  }
}

TEST(Aime, ZeroShotWhateverIsAsked) {
  PARETO_NEEDS_HUB();
  TaskOptions options;
  options.num_fewshot = 4;
  options.limit = 1;
  const auto task = test::load_task("aime24", options);
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->info().num_fewshot, 0);
  ASSERT_EQ(task->info().warnings.size(), 1u);
  EXPECT_NE(task->info().warnings[0].find("--num_fewshot 4 is ignored"), std::string::npos);
  const auto requests = task->requests();
  EXPECT_TRUE(requests[0].context->starts_with("Question: Every morning Aya goes for a $9$-kilometer-long walk"));
  EXPECT_TRUE(requests[0].context->ends_with("\nAnswer:"));
  EXPECT_EQ(requests[0].max_tokens, 32768);
  EXPECT_EQ(requests[0].until.size(), 4u);
}

TEST(Aime, GenKwargsLowerTheLength) {
  PARETO_NEEDS_HUB();
  TaskOptions options;
  options.limit = 1;
  options.gen_kwargs = {{"max_gen_toks", "16"}};
  EXPECT_EQ(test::load_task("aime25", options)->requests()[0].max_tokens, 16);
}

TEST(Aime, MarkingEqualsLmEval) {
  std::ifstream file(std::string(PARETO_SHARED) + "/accept/data/answer_marking.jsonl");
  if (!file) GTEST_SKIP() << "needs ../shared/accept/data/answer_marking.jsonl";
  std::vector<json> rows;
  std::string text;
  for (std::string line; std::getline(file, line);) {
    json row = json::parse(line);
    if (row["task"] != "aime24") continue;
    text += json{{"Problem", "?"}, {"Answer", row["reference"]}}.dump() + "\n";
    rows.push_back(std::move(row));
  }
  ASSERT_GT(rows.size(), 10u);
  const test::DataDir dir;
  dir.write("Maxwell-Jia__AIME_2024/default/train.jsonl", text);
  TaskOptions options;
  options.data_dir = dir.path();
  const auto task = test::load_task("aime24", options);
  ASSERT_NE(task, nullptr);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto marks = test::score_text(*task, static_cast<int>(i), rows[i]["response"].get<std::string>());
    ASSERT_EQ(marks.size(), 1u);
    EXPECT_EQ(marks[0].filter, "none");
    EXPECT_EQ(json(marks[0].filtered), rows[i]["response"]);
    EXPECT_EQ(json(marks[0].metrics.at("exact_match")), rows[i]["exact_match"]) << rows[i].dump();
  }
}

TEST(Aime, IntegerAnswersInTheRows) {
  const test::DataDir dir;
  dir.write("math-ai__aime25/default/test.jsonl", R"({"problem": "?", "answer": 70})");
  TaskOptions options;
  options.data_dir = dir.path();
  EXPECT_EQ(test::load_task("aime25", options)->documents()[0].target, "70");
}

}  // namespace
}  // namespace pareto
