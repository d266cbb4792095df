// ARC: upstream's hashes, prompts of a published run, choices and their marks, bad rows.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

using nlohmann::json;

// eval-tasks reference, golden hashes. The row ids of the local copy are genuine, so the task hashes hold too.
TEST(Arc, HashesOfTheWholeTestSet) {
  PARETO_NEEDS_HUB();
  TaskOptions options;
  const auto zero = test::load_task("arc_easy", options);
  options.num_fewshot = 25;
  const auto shots = test::load_task("arc_easy", options);
  ASSERT_TRUE(zero && shots);
  EXPECT_EQ(zero->documents().size(), 2376u);
  EXPECT_EQ(zero->info().num_fewshot, 0);
  EXPECT_EQ(shots->info().num_fewshot, 25);
  EXPECT_EQ(zero->documents()[0].prompt_hash, "f804da9f5e214341d08d56228bb255177a0e5740f82e61b45887fcb5dc5c08ce");
  EXPECT_EQ(shots->documents()[0].prompt_hash, "4fd43647002c63fe4c1473385f4a1f21a192f1fcc900f2b4d7c619d28b10afea");
  EXPECT_EQ(task_hash(zero->documents(), 1), "dce0d9b0f0cecd55bf2ac264042c5e45487df708d13123af3ae9e67bbbefdeb1");
  EXPECT_EQ(task_hash(shots->documents(), 1), "f355115be7235c8c59b8dfe8f5fc01ac0cd19fcbad0e7b65ece8983d1082f23c");
}

TEST(Arc, PromptsOfAnLmEvalRun) {
  PARETO_NEEDS_HUB();
  std::ifstream file(std::string(PARETO_SHARED) + "/accept/data/lm_eval_arc_easy_0shot_L256.jsonl");
  if (!file) GTEST_SKIP() << "needs ../shared/accept/data/lm_eval_arc_easy_0shot_L256.jsonl";
  const auto task = test::load_task("arc_easy");
  ASSERT_NE(task, nullptr);
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const json row = json::parse(line);
    const int id = row["doc_id"];
    EXPECT_EQ(json(task->documents()[id].prompt_hash), row["prompt_sha256"]) << id;
    std::vector<Response> responses(row["ll"].size());
    std::vector<const Response*> pointers;
    for (std::size_t i = 0; i < responses.size(); ++i) {
      responses[i].loglikelihood = row["ll"][i];
      pointers.push_back(&responses[i]);
    }
    const auto marks = task->score(id, pointers);
    EXPECT_EQ(json(marks[0].metrics.at("acc")), row["metrics"]["acc"]) << id;
    EXPECT_EQ(json(marks[0].metrics.at("acc_norm")), row["metrics"]["acc_norm"]) << id;
  }
  EXPECT_GT(rows, 0);
}

TEST(Arc, ChoicesShareTheirContext) {
  PARETO_NEEDS_HUB();
  TaskOptions options;
  options.limit = 1;
  const auto task = test::load_task("arc_easy", options);
  ASSERT_NE(task, nullptr);
  const auto requests = task->requests();
  ASSERT_EQ(requests.size(), 4u);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(requests[i].part, i);
    EXPECT_EQ(requests[i].context, requests[0].context);  // the same string, not a copy
    EXPECT_EQ(requests[i].continuation, " " + task->documents()[0].choices[i]);
  }
  EXPECT_EQ(*requests[0].context,
            "Question: Which statement best explains why photosynthesis is the foundation of most food webs?\nAnswer:");
  EXPECT_EQ(task->documents()[0].gold, 0);
  EXPECT_EQ(task->documents()[0].target, "0");
}

std::string row(const std::string& choices, const std::string& key) {
  return R"({"id": "x", "question": "Which?", "choices": )" + choices + R"(, "answerKey": ")" + key + "\"}\n";
}

TEST(Arc, MarksAndNumberedLabels) {
  const test::DataDir dir;
  dir.write("allenai__ai2_arc/ARC-Easy/test.jsonl",
            row(R"({"text": ["é", "bb", "cc cc"], "label": ["1", "2", "3"]})", "3"));
  TaskOptions options;
  options.data_dir = dir.path();
  const auto task = test::load_task("arc_easy", options);
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->documents()[0].gold, 2);
  std::vector<Response> responses(3);
  responses[0].loglikelihood = -3;  // per character −3, −3.5, −1
  responses[1].loglikelihood = -7;
  responses[2].loglikelihood = -5;
  responses[2].greedy = true;
  const Response* const pointers[] = {&responses[0], &responses[1], &responses[2]};
  const auto marks = task->score(0, pointers);
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].filter, "none");
  EXPECT_EQ(marks[0].filtered, "[(-3.0, False), (-7.0, False), (-5.0, True)]");
  EXPECT_EQ(marks[0].metrics, (std::map<std::string, double>{{"acc", 0.0}, {"acc_norm", 1.0}}));
}

TEST(Arc, BadRowsAndMissingData) {
  const test::DataDir dir;
  TaskOptions options;
  options.data_dir = dir.path();
  const std::string missing = test::load_error("arc_challenge", options);
  EXPECT_NE(missing.find("allenai__ai2_arc/ARC-Challenge/test.jsonl is missing"), std::string::npos) << missing;
  EXPECT_NE(missing.find("--data_dir"), std::string::npos) << missing;
  const std::string file =
      dir.write("allenai__ai2_arc/ARC-Challenge/test.jsonl", row(R"({"text": ["a", "b"], "label": ["A", "B"]})", "C"));
  EXPECT_EQ(test::load_error("arc_challenge", options), file + ":1: answerKey 'C' is none of the labels ['A', 'B']");
  dir.write("allenai__ai2_arc/ARC-Challenge/test.jsonl", row(R"({"text": ["a", "b"], "label": ["A"]})", "A"));
  EXPECT_EQ(test::load_error("arc_challenge", options), file + ":1: 1 labels for 2 choices");
}

TEST(Arc, Registered) {
  const TaskEntry* entry = find_task("arc_challenge");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->tags, std::vector<std::string>{"ai2_arc"});
  const auto task = entry->make();
  EXPECT_EQ(task->info().version, "1.0");
  EXPECT_EQ(task->info().output_type, "multiple_choice");
  EXPECT_EQ(task->info().dataset, "allenai/ai2_arc ARC-Challenge");
}

}  // namespace
}  // namespace pareto
