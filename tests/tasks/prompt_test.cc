// Prompts against lm-evaluation-harness 0.4.13: golden/tasks/prompts.jsonl, made by ci/peers/lm_eval_goldens.py.
#include "tasks/prompt.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "tasks/python.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

using nlohmann::json;

std::string built(const PromptStyle& style, const TaskOptions& options, const std::vector<Example>& shots,
                  std::string_view question) {
  std::vector<const Example*> pointers;
  for (const Example& shot : shots) pointers.push_back(&shot);
  return PromptBuilder::make(style, options).value().build(pointers, question).value();
}

TEST(Prompt, DelimiterOnlyWhereNeitherSideHasSpace) {
  EXPECT_EQ(join_delimited("a", "b", " "), "a b");
  EXPECT_EQ(join_delimited("a\n", "b", " "), "a\nb");
  EXPECT_EQ(join_delimited("a", "\u3000b", " "), "a\u3000b");
  EXPECT_EQ(join_delimited("a\u00a0", "b", " "), "a\u00a0b");
  EXPECT_EQ(join_delimited("", "b", " "), "b");
  EXPECT_EQ(join_delimited("a", "", " "), "a");
}

TEST(Prompt, Text) {
  const std::vector<Example> shots = {{"Q1", "A1"}, {"Q2", "A2"}};
  EXPECT_EQ(built({}, {}, shots, "Q"), "Q1 A1\n\nQ2 A2\n\nQ");
  EXPECT_EQ(built({.description = "About.\n\n"}, {}, {}, "Q"), "About.\n\nQ");
  TaskOptions options;
  options.system_instruction = "Be good.";
  EXPECT_EQ(built({.description = "About."}, options, shots, "Q"), "Be good.\n\nAbout.Q1 A1\n\nQ2 A2\n\nQ");
  EXPECT_EQ(built({.gen_prefix = "So"}, {}, shots, "Q"), "Q1 So A1\n\nQ2 So A2\n\nQ So");
  // Upstream makes no answer turn of an empty answer, and no delimiters.
  EXPECT_EQ(built({}, {}, {{"Q1", ""}}, "Q"), "Q1Q");
}

TEST(Prompt, ChatTurns) {
  TaskOptions options;
  options.chat_template = test::plain_chat;
  const std::vector<Example> shots = {{"Q1", "A1"}};
  EXPECT_EQ(built({.description = "About.\n\n"}, options, shots, "Q"),
            "<|system|>About.\n\n<|end|>\n<|user|>Q1<|end|>\n<|assistant|>A1<|end|>\n<|user|>Q<|end|>\n<|assistant|>");
  EXPECT_EQ(built({.gen_prefix = "So"}, options, shots, "Q"),
            "<|user|>Q1<|end|>\n<|assistant|>So A1<|end|>\n<|user|>Q<|end|>\n<|assistant|>So");
  options.fewshot_as_multiturn = false;
  EXPECT_EQ(built({}, options, shots, "Q"), "<|user|>Q1 A1\n\nQ<|end|>\n<|assistant|>");
  EXPECT_EQ(built({.gen_prefix = "So"}, options, shots, "Q"), "<|user|>Q1 So A1\n\nQ<|end|>\n<|assistant|>So");
}

TEST(Prompt, SystemMessageIsDroppedIfTheTemplateRefusesIt) {
  TaskOptions options;
  options.system_instruction = "Be good.";
  options.chat_template = [](const std::vector<ChatMessage>& messages,
                             const ChatRender& render) -> Result<std::string> {
    if (messages.front().role == "system") return fail(Code::kInvalid, "System role not supported");
    return test::plain_chat(messages, render);
  };
  EXPECT_EQ(built({}, options, {}, "Q"), "<|user|>Q<|end|>\n<|assistant|>");
  options.chat_template = [](const auto&, const auto&) -> Result<std::string> {
    return fail(Code::kInvalid, "broken");
  };
  const auto failed = PromptBuilder::make({}, options).value().build({}, "Q");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "broken");
}

TEST(Prompt, MultiturnNeedsATemplate) {
  TaskOptions options;
  options.fewshot_as_multiturn = true;
  const auto made = PromptBuilder::make({}, options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kUsage);
}

TEST(Prompt, ChoicesFollowWithoutSpaceUnderATemplate) {
  TaskOptions options;
  EXPECT_EQ(PromptBuilder::make({}, options)->choice_delimiter(), " ");
  options.chat_template = test::plain_chat;
  EXPECT_EQ(PromptBuilder::make({}, options)->choice_delimiter(), "");
  EXPECT_EQ(PromptBuilder::make({.gen_prefix = "So"}, options)->choice_delimiter(), " ");
  EXPECT_EQ(PromptBuilder::make({.gen_prefix = "So "}, options)->choice_delimiter(), "");
}

TaskOptions options_of(const json& golden) {
  TaskOptions options;
  if (golden.contains("num_fewshot") && !golden["num_fewshot"].is_null()) options.num_fewshot = golden["num_fewshot"];
  if (golden.contains("limit")) options.limit = golden["limit"].get<double>();
  if (golden.contains("samples")) options.samples = golden["samples"].get<std::vector<int>>();
  options.fewshot_seed = golden.value("seed", 1234);
  if (golden.contains("system") && !golden["system"].is_null()) options.system_instruction = golden["system"];
  if (golden.value("chat", false)) {
    options.chat_template = test::plain_chat;
    options.fewshot_as_multiturn = golden["multiturn"].get<bool>();
  }
  if (golden.contains("gen_kwargs")) {
    for (const auto& [key, value] : golden["gen_kwargs"].items()) options.gen_kwargs[key] = value.dump();
  }
  return options;
}

// json.dumps([[context, continuation or generation_kwargs], …], ensure_ascii=False); a rolling request is its text
// alone, several answers are one request.
std::string requests_json(const Task& task) {
  std::vector<Value> all;
  for (const Request& request : task.requests()) {
    std::vector<Value> arguments = {*request.context};
    if (request.kind == Request::Kind::kScore) arguments.emplace_back(request.continuation);
    if (request.kind == Request::Kind::kGenerate) {
      if (request.part > 0) continue;
      arguments.push_back(value_from_json(task.info().generation_kwargs).value());
    }
    all.push_back(Value::list(std::move(arguments)));
  }
  return python::json_dumps(Value::list(std::move(all)), {.text = python::JsonStyle::Text::kRaw}).value();
}

// What ci/peers/lm_eval_goldens.py wrote into `file`, over the rows in `data`. Returns the number of cases.
int expect_goldens(const std::string& file, const std::string& data) {
  std::ifstream lines(std::string(PARETO_GOLDEN) + "/tasks/" + file);
  int cases = 0;
  for (std::string line; std::getline(lines, line); ++cases) {
    const json golden = json::parse(line);
    SCOPED_TRACE(line);
    TaskOptions options = options_of(golden);
    options.data_dir = data;
    const auto task = test::load_task(golden["task"].get<std::string>(), options);
    if (task == nullptr) continue;
    const auto documents = task->documents();
    EXPECT_EQ(json(documents.size()), golden["docs"]);
    for (std::size_t i = 0; i < golden["doc_ids"].size(); ++i)
      EXPECT_EQ(json(documents[i].doc_id), golden["doc_ids"][i]);
    std::string prompts;
    for (const Document& document : documents) prompts += document.prompt_hash;
    EXPECT_EQ(json(documents.front().prompt_hash), golden["first_prompt"]);
    EXPECT_EQ(json(documents.back().prompt_hash), golden["last_prompt"]);
    EXPECT_EQ(json(sha256_hex(prompts)), golden["prompts_sha256"]);
    EXPECT_EQ(json(task_hash(documents, task->info().filters.size())), golden["task_hash"]);
    EXPECT_EQ(json(sha256_hex(requests_json(*task))), golden["requests_sha256"]);
  }
  return cases;
}

TEST(Prompt, GoldensOfLmEval) {
  PARETO_NEEDS_HUB();
  EXPECT_GE(expect_goldens("prompts.jsonl", test::hub()), 67);
}

TEST(Prompt, GoldensOfLmEvalOverOurOwnRows) {
  EXPECT_GE(expect_goldens("prompts_own.jsonl", std::string(PARETO_GOLDEN) + "/data"), 45);
}

}  // namespace
}  // namespace pareto
