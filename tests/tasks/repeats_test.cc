// Several answers per document: avg@k, pass@k, maj@k of a task that is asked more often, and the votes of
// gsm8k_cot_self_consistency against lm-eval's.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tasks/metrics.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

using nlohmann::json;

std::vector<Marked> score_texts(const Task& task, const std::vector<std::string>& texts) {
  std::vector<Response> responses(texts.size());
  std::vector<const Response*> pointers;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    responses[i].text = texts[i];
    pointers.push_back(&responses[i]);
  }
  return task.score(0, pointers);
}

TEST(PassAtK, ReferenceValues) {
  std::ifstream file(std::string(PARETO_SHARED) + "/accept/data/statistics.jsonl");
  if (!file) GTEST_SKIP() << "needs ../shared/accept/data/statistics.jsonl";
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    const json row = json::parse(line);
    if (row["statistic"] != "pass_at_k") continue;
    const json& in = row["input"];
    const double want = row["output"]["value"];
    EXPECT_NEAR(pass_at_k(in["n"], in["c"], in["k"]), want, 1e-9 * std::max(1.0, want)) << line;
    ++cases;
  }
  EXPECT_GT(cases, 20);
}

class Aime4 : public ::testing::Test {
 protected:
  Aime4() {
    dir_.write("Maxwell-Jia__AIME_2024/default/train.jsonl", R"({"Problem": "?", "Answer": 7})");
    options_.data_dir = dir_.path();
    options_.repeats = 4;
    options_.gen_kwargs = {{"do_sample", "true"}, {"temperature", "0.6"}};
  }
  test::DataDir dir_;
  TaskOptions options_;
};

TEST_F(Aime4, MetricsOfFourAnswers) {
  const auto task = test::load_task("aime24", options_);
  ASSERT_NE(task, nullptr);
  EXPECT_TRUE(task->info().warnings.empty());
  EXPECT_EQ(task->info().repeats, 4);
  const auto requests = task->requests();
  ASSERT_EQ(requests.size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(requests[i].part, i);
  std::vector<std::string> names;
  for (const MetricInfo& metric : task->info().metrics) names.push_back(metric.name);
  EXPECT_EQ(names, (std::vector<std::string>{"exact_match", "avg@4", "pass@2", "pass@4", "maj@4"}));

  const auto marks = score_texts(*task, {"\\boxed{8}", "so $7$", "no: \\boxed{7}", "\\boxed{9}"});
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].metrics.at("exact_match"), 0);  // the first answer's, as upstream
  EXPECT_EQ(marks[0].metrics.at("avg@4"), 0.5);
  EXPECT_NEAR(marks[0].metrics.at("pass@2"), 1 - 1.0 / 6, 1e-12);  // of the 6 pairs one is all wrong
  EXPECT_EQ(marks[0].metrics.at("pass@4"), 1);
  EXPECT_EQ(marks[0].metrics.at("maj@4"), 1);  // 7 twice, however it was written
  EXPECT_EQ(marks[0].extracted, "8");
  EXPECT_EQ(score_texts(*task, {"$8$", "$7$", "$7$", "$8$"})[0].metrics.at("maj@4"), 0);  // the first of equals
}

TEST_F(Aime4, GreedyAnswersAreOneAnswer) {
  options_.gen_kwargs.clear();
  const auto task = test::load_task("aime24", options_);
  ASSERT_EQ(task->info().warnings.size(), 1u);
  EXPECT_NE(task->info().warnings[0].find("decoding is greedy"), std::string::npos);
}

TEST(Repeats, OfTasksThatHaveThemOrCannot) {
  const test::DataDir dir;
  dir.write("openai__gsm8k/main/test.jsonl", R"({"question": "?", "answer": "#### 1"})");
  dir.write("baber__piqa/default/validation.jsonl", R"({"goal": "?", "sol1": "a", "sol2": "b", "label": 0})");
  TaskOptions options;
  options.data_dir = dir.path();
  EXPECT_EQ(test::load_task("gsm8k_cot_self_consistency", options)->requests().size(), 64u);
  options.repeats = 8;
  EXPECT_EQ(test::load_error("gsm8k_cot_self_consistency", options),
            "gsm8k_cot_self_consistency: --repeats 8: the task is defined with 64 answers per document; leave it out");
  const auto piqa = test::load_task("piqa", options);
  ASSERT_EQ(piqa->info().warnings.size(), 1u);
  EXPECT_NE(piqa->info().warnings[0].find("--repeats 8 is ignored"), std::string::npos);
}

TEST(SelfConsistency, VotesEqualLmEval) {
  std::ifstream file(std::string(PARETO_SHARED) + "/accept/data/answer_marking.jsonl");
  if (!file) GTEST_SKIP() << "needs ../shared/accept/data/answer_marking.jsonl";
  const auto task = test::make_task("gsm8k_cot_self_consistency");
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    const json row = json::parse(line);
    if (row["task"] != "gsm8k_cot_self_consistency") continue;
    const auto texts = row["response"].get<std::vector<std::string>>();
    const auto marks = task->mark({row["reference"].get<std::string>(), {}}, texts);
    ASSERT_TRUE(marks);
    const auto mark = std::find_if(marks->begin(), marks->end(),
                                   [&](const Marked& m) { return m.filter == row["filter"].get<std::string>(); });
    ASSERT_NE(mark, marks->end());
    EXPECT_EQ(json(mark->filtered), row["extracted"]) << row["case"];
    EXPECT_EQ(json(mark->metrics.at("exact_match")), row["exact_match"]) << row["case"];
    ++rows;
  }
  EXPECT_EQ(rows, 18);
}

}  // namespace
}  // namespace pareto
