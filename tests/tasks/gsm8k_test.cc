// GSM8K: upstream's task hashes over the whole test set, markings case by case, and the speed of building prompts.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "tasks/gsm8k_exemplars.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

using nlohmann::json;

struct Hashes {
  const char* task;
  const char* task_hash;
  const char* first_prompt;
};

// eval-tasks reference, golden hashes; gsm8k's is also pinned by a third party's test of lm_eval 0.4.12.
TEST(Gsm8k, TaskHashesOfTheWholeTestSet) {
  PARETO_NEEDS_HUB();
  const Hashes goldens[] = {{"gsm8k", "2330f4ebfcccaf66a892922df2819cdb1f118e448d076d3f42bdde4177678ac7",
                             "32680f263ba83280e98a8a24ceefed10a722a4cdcd9f4d78e93c45d43143ca66"},
                            {"gsm8k_cot", "fc360963b39ee52c26a82795124f9ad7da4d6a8fecf1b77e2502823b1669b3d0",
                             "901fead9abd2535b6d0610c3c90125f38cad81678c4b2b98ec8fb818e3948bde"},
                            {"gsm8k_cot_zeroshot", "8ffc56473996eb4e5f5bcf6f1cbcf0cf46f28c853306d70fa2cb8fc890c795c4",
                             "3ecf69624b1ce95ae0b41a1fc9ccaf38e0c07a2bb6c7c959ffc1c5a749dc049b"}};
  for (const Hashes& golden : goldens) {
    const auto task = test::load_task(golden.task);
    ASSERT_NE(task, nullptr);
    ASSERT_EQ(task->documents().size(), 1319u);
    EXPECT_EQ(task->info().filters, (std::vector<std::string>{"strict-match", "flexible-extract"}));
    EXPECT_EQ(task_hash(task->documents(), task->info().filters.size()), golden.task_hash) << golden.task;
    EXPECT_EQ(task->documents()[0].prompt_hash, golden.first_prompt) << golden.task;
  }
  const auto task = test::load_task("gsm8k");
  EXPECT_EQ(task_hash(task->documents(), 1), "4702da7a04bd58e8746d2fbd18107b78bcaea71aa4782616b709569195cc61c6");
}

TEST(Gsm8k, Requests) {
  PARETO_NEEDS_HUB();
  TaskOptions options;
  options.limit = 2;
  const auto task = test::load_task("gsm8k", options);
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->info().num_fewshot, 5);
  EXPECT_EQ(task->info().documents_in_split, 1319);
  EXPECT_EQ(task->info().output_type, "generate_until");
  EXPECT_EQ(task->info().generation_kwargs,
            R"({"until": ["Question:", "</s>", "<|im_end|>"], "do_sample": false, "temperature": 0.0})");
  const auto requests = task->requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].kind, Request::Kind::kGenerate);
  EXPECT_EQ(requests[1].doc, 1);
  EXPECT_EQ(requests[1].until, (std::vector<std::string>{"Question:", "</s>", "<|im_end|>"}));
  EXPECT_EQ(requests[1].max_tokens, 256);
  EXPECT_EQ(requests[1].sampling.temperature, 0);
  EXPECT_TRUE(requests[0].context->ends_with("\nAnswer:"));
}

TEST(Gsm8k, ExemplarsAreEight) {
  ASSERT_EQ(gsm8k_exemplars().size(), 8u);
  TaskOptions options;
  options.num_fewshot = 9;
  PARETO_NEEDS_HUB();
  options.data_dir = test::hub();
  EXPECT_NE(test::load_error("gsm8k_cot", options).find("gsm8k_cot: 9 few-shot examples are wanted, 8 are"),
            std::string::npos);
}

// Each case becomes a document whose answer is the reference, so that the whole way of a response is tested.
TEST(Gsm8k, MarkingEqualsLmEval) {
  std::ifstream file(std::string(PARETO_SHARED) + "/accept/data/answer_marking.jsonl");
  if (!file) GTEST_SKIP() << "needs ../shared/accept/data/answer_marking.jsonl";
  std::map<std::string, std::vector<json>> by_task;
  for (std::string line; std::getline(file, line);) {
    json row = json::parse(line);
    by_task[row["task"]].push_back(std::move(row));
  }
  for (const char* name : {"gsm8k", "gsm8k_cot", "gsm8k_cot_zeroshot"}) {
    const auto& rows = by_task[name];
    ASSERT_GT(rows.size(), 10u);
    std::string text;
    for (const json& row : rows) {
      text += json{{"question", "?"}, {"answer", row.value("gold_field", row["reference"].get<std::string>())}}.dump() +
              "\n";
    }
    const test::DataDir dir;
    dir.write("openai__gsm8k/main/test.jsonl", text);
    TaskOptions options;
    options.data_dir = dir.path();
    options.num_fewshot = 0;
    const auto task = test::load_task(name, options);
    ASSERT_NE(task, nullptr);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const json& row = rows[i];
      EXPECT_EQ(json(task->documents()[i].target), row["reference"]);
      int found = 0;
      for (const Marked& marked : test::score_text(*task, static_cast<int>(i), row["response"].get<std::string>())) {
        if (row["filter"].get<std::string>() != marked.filter) continue;
        ++found;
        EXPECT_EQ(json(marked.filtered), row["extracted"]) << row.dump();
        EXPECT_EQ(json(marked.metrics.at("exact_match")), row["exact_match"]) << row.dump();
      }
      EXPECT_EQ(found, 1);
    }
  }
}

TEST(Gsm8k, MalformedRowsAreNamed) {
  const test::DataDir dir;
  const std::string file = dir.write("openai__gsm8k/main/test.jsonl",
                                     "{\"question\": \"1+1?\", \"answer\": \"#### 2\"}\n{\"question\": \"2+2?\"}\n");
  TaskOptions options;
  options.data_dir = dir.path();
  options.num_fewshot = 0;
  EXPECT_NE(test::load_error("gsm8k", options).find(file + ":2: no column 'answer'"), std::string::npos)
      << test::load_error("gsm8k", options);
  dir.write("openai__gsm8k/main/test.jsonl", "{\"question\": \"1+1?\", \"answer\": ");
  EXPECT_NE(test::load_error("gsm8k", options).find(file + ":1: column"), std::string::npos);
  dir.write("openai__gsm8k/main/test.jsonl", "");
  EXPECT_NE(test::load_error("gsm8k", options).find("gsm8k: there are no documents"), std::string::npos);
  options.num_fewshot.reset();
  dir.write("openai__gsm8k/main/test.jsonl", "{\"question\": \"1+1?\", \"answer\": \"#### 2\"}\n");
  EXPECT_NE(test::load_error("gsm8k", options).find("no train rows of openai/gsm8k main"), std::string::npos);
}

// Prints how fast; the bound is far below what was seen, so that it fails for a mistake and not for a busy machine.
TEST(Gsm8k, PromptsAreBuiltFast) {
  PARETO_NEEDS_HUB();
  const auto seconds_for = [](double limit) {
    TaskOptions options;
    options.limit = limit;
    return test::least_cpu_seconds([&] { test::load_task("gsm8k", options); });
  };
  // Reading the rows is the same for one document as for all: the difference is building.
  const double all = seconds_for(1319);
  const double building = all - seconds_for(1);
  std::printf("gsm8k 5-shot: %.0f documents/s built and hashed; %.0f ms with reading 7473 + 1319 rows\n",
              1318 / building, 1e3 * all);
  EXPECT_LT(building, 1318 / 2000.0);
}

}  // namespace
}  // namespace pareto
