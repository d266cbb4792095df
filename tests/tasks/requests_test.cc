// Requests files and generation settings: every key, every refusal.
#include <gtest/gtest.h>

#include "tasks/common_generation.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

struct Loaded {
  std::unique_ptr<Task> task;
  std::string error;
};

Loaded load(const std::string& text, TaskOptions options = {}) {
  const test::DataDir dir;
  options.file = dir.write("my.jsonl", text);
  Loaded loaded{test::make_task("requests"), ""};
  if (const Status status = loaded.task->load(options); !status) {
    loaded.error = status.error().message;
    const std::size_t folder = loaded.error.find(dir.path() + "/");
    if (folder != std::string::npos) loaded.error.erase(folder, dir.path().size() + 1);
  }
  return loaded;
}

TEST(Requests, EveryKey) {
  const Loaded loaded = load(
      R"({"id": "a1", "kind": "generate", "context": "Once", "until": ["\n", "."], "max_tokens": 32, "temperature": 0.5, )"
      R"("top_p": 0.9, "top_k": 40, "seed": 7, "ignore_eos": true})"
      "\n\n"
      R"({"id": 2, "kind": "score", "context": "A", "continuation": " b"})"
      "\n"
      R"({"kind": "score", "context_ids": [1, 5], "continuation_ids": [7]})"
      "\n"
      R"({"kind": "score_rolling", "context": "All of it."})"
      "\n"
      R"({"context": "", "until": "x"})");
  ASSERT_EQ(loaded.error, "");
  const auto requests = loaded.task->requests();
  ASSERT_EQ(requests.size(), 5u);
  const Request& all = requests[0];
  EXPECT_EQ(all.id, "a1");
  EXPECT_EQ(all.kind, Request::Kind::kGenerate);
  EXPECT_EQ(*all.context, "Once");
  EXPECT_EQ(all.until, (std::vector<std::string>{"\n", "."}));
  EXPECT_EQ(all.max_tokens, 32);
  EXPECT_EQ(all.sampling.temperature, 0.5);
  EXPECT_EQ(all.sampling.top_p, 0.9);
  EXPECT_EQ(all.sampling.top_k, 40);
  EXPECT_EQ(all.sampling.seed, 7u);
  EXPECT_TRUE(all.ignore_eos);
  EXPECT_EQ(requests[1].id, "2");
  EXPECT_EQ(requests[1].continuation, " b");
  EXPECT_EQ(*requests[2].context_ids, (std::vector<Token>{1, 5}));
  EXPECT_EQ(*requests[2].continuation_ids, (std::vector<Token>{7}));
  EXPECT_EQ(requests[3].kind, Request::Kind::kScoreRolling);
  EXPECT_EQ(requests[4].kind, Request::Kind::kGenerate);
  EXPECT_EQ(requests[4].until, std::vector<std::string>{"x"});
  EXPECT_EQ(requests[4].max_tokens, 256);
  EXPECT_FALSE(requests[4].ignore_eos);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(requests[i].doc, i);
  EXPECT_EQ(loaded.task->documents()[2].target, "[7]");
  EXPECT_EQ(loaded.task->info().name, "requests");
}

TEST(Requests, LimitSamplesAndGenKwargs) {
  TaskOptions options;
  options.samples = {2, 0};
  options.gen_kwargs = {{"max_gen_toks", "3"}, {"temperature", "0.25"}};
  const Loaded loaded =
      load("{\"context\": \"a\", \"max_tokens\": 9}\n{\"context\": \"b\"}\n{\"context\": \"c\"}", options);
  ASSERT_EQ(loaded.error, "");
  const auto requests = loaded.task->requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].doc, 2);
  EXPECT_EQ(requests[0].max_tokens, 3);
  EXPECT_EQ(requests[0].sampling.temperature, 0.25);
}

TEST(Requests, MessagesGoThroughTheTemplate) {
  TaskOptions options;
  options.chat_template = test::plain_chat;
  options.system_instruction = "S";
  const Loaded loaded =
      load(R"({"messages": [{"role": "user", "content": "Hi"}]})"
           "\n"
           R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well"}]})",
           options);
  ASSERT_EQ(loaded.error, "");
  const auto requests = loaded.task->requests();
  EXPECT_EQ(*requests[0].context, "<|system|>S<|end|>\n<|user|>Hi<|end|>\n<|assistant|>");
  EXPECT_EQ(*requests[1].context, "<|system|>S<|end|>\n<|user|>Hi<|end|>\n<|assistant|>Well");
}

TEST(Requests, RefusalsNameFileLineAndThing) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"context": "a", "max_token": 3})", "unknown key 'max_token'"},
      {R"({"context": "a", "max_token": 3})", "did you mean 'max_tokens'?"},
      {R"({"kind": "guess", "context": "a"})", "kind 'guess' is none of"},
      {R"({"kind": "generate"})", "give one of context, context_ids, messages; this line has 0"},
      {R"({"context": "a", "context_ids": [1]})", "this line has 2"},
      {R"({"context": 3})", "column 'context' must be a string, not int 3"},
      {R"({"context_ids": [1, -2]})", "'context_ids' has -2"},
      {R"({"context_ids": [3000000000]})", "'context_ids' has 3000000000"},
      {R"({"context_ids": ["a"]})", "column 'context_ids' must be a list of integers"},
      {R"({"kind": "score", "context": "a"})", "kind score needs one of continuation, continuation_ids"},
      {R"({"kind": "score", "context": "a", "continuation": ""})", "there is nothing to score"},
      {R"({"kind": "score", "context": "a", "continuation_ids": [1]})", "both as text or both as ids"},
      {R"({"context": "a", "continuation": "b"})", "a continuation is for kind score"},
      {R"({"kind": "score", "context": "a", "continuation": "b", "temperature": 1})",
       "'temperature' is for kind generate"},
      {R"({"context": "a", "max_tokens": 0})", "max_tokens=0: must be"},
      {R"({"context": "a", "temperature": -1})", "temperature=-1: must be"},
      {R"({"context": "a", "top_p": 0})", "top_p=0: must be"},
      {R"({"context": "a", "top_k": 1.5})", "top_k=1.5: must be"},
      {R"({"context": "a", "until": [""]})", "until"},
      {R"({"context": "a", "until": [3]})", "until"},
      {R"({"context": "a", "seed": -1})", "'seed' is -1"},
      {R"({"context": "a", "ignore_eos": 1})", "'ignore_eos' must be true or false"},
      {R"({"context": "a", "id": [1]})", "'id' must be a text or an integer"},
      {R"({"messages": [{"role": "user", "content": "Hi"}]})", "--apply_chat_template"},
      {R"({"context": )", "column"},
      {R"([1])", "a row is a JSON object"},
  };
  for (const auto& [line, what] : cases) {
    const Loaded loaded = load(std::string("{\"context\": \"fine\"}\n") + line);
    EXPECT_NE(loaded.error.find("my.jsonl:2: "), std::string::npos) << line << " → " << loaded.error;
    EXPECT_NE(loaded.error.find(what), std::string::npos) << line << " → " << loaded.error;
    EXPECT_EQ(loaded.error.find('\n'), std::string::npos) << loaded.error;
  }
  EXPECT_NE(load("").error.find("there are no documents"), std::string::npos);
  TaskOptions options;
  EXPECT_EQ(test::make_task("requests")->load(options).error().code, Code::kUsage);
  options.file = "/no/such/file.jsonl";
  EXPECT_NE(test::load_error("requests", options).find("/no/such/file.jsonl"), std::string::npos);
}

TEST(Generation, DefaultsAndMerging) {
  const Generation own = make_generation(R"({"until": ["Q:"], "do_sample": false})", {}).value();
  EXPECT_EQ(own.max_tokens, 256);
  EXPECT_EQ(own.kwargs, R"({"until": ["Q:"], "do_sample": false})");
  const Generation merged =
      make_generation(own.kwargs, {{"until", R"(['a', "b\n"])"}, {"max_gen_toks", "8"}, {"top_k", "-1"}}).value();
  EXPECT_EQ(merged.until, (std::vector<std::string>{"a", "b\n"}));
  EXPECT_EQ(merged.max_tokens, 8);
  EXPECT_EQ(merged.sampling.top_k, 0);
  EXPECT_EQ(merged.kwargs, R"({"until": ["a", "b\n"], "do_sample": false, "max_gen_toks": 8, "top_k": -1.0})");
  EXPECT_EQ(make_generation("{}", {{"until", "stop here"}})->until, std::vector<std::string>{"stop here"});
  EXPECT_EQ(make_generation("{}", {{"until", R"("x")"}})->until, std::vector<std::string>{"x"});
}

TEST(Generation, TemperatureNeedsDoSample) {
  const Generation greedy = make_generation(R"({"do_sample": false})", {{"temperature", "0.7"}}).value();
  EXPECT_EQ(greedy.sampling.temperature, 0);
  EXPECT_EQ(greedy.warnings.size(), 1u);
  EXPECT_EQ(
      make_generation(R"({"do_sample": false})", {{"temperature", "0.7"}, {"do_sample", "True"}})->sampling.temperature,
      0.7);
  EXPECT_EQ(make_generation("{}", {{"temperature", "0.7"}})->sampling.temperature, 0.7);
  EXPECT_EQ(make_generation(R"({"do_sample": true})", {})->warnings.size(), 1u);
}

TEST(Generation, LengthAliasesInTheirOrder) {
  EXPECT_EQ(make_generation("{}", {{"max_tokens", "5"}})->max_tokens, 5);
  const Generation two = make_generation(R"({"max_gen_toks": 32768})", {{"max_tokens", "5"}}).value();
  EXPECT_EQ(two.max_tokens, 32768);
  EXPECT_EQ(two.warnings.size(), 1u);
  EXPECT_EQ(make_generation("{}", {{"max_new_tokens", "6"}, {"max_completion_tokens", "7"}})->max_tokens, 6);
}

TEST(Generation, Refusals) {
  const std::pair<const char*, const char*> cases[] = {{"temprature", "1"},         {"max_gen_toks", "many"},
                                                       {"max_gen_toks", "1e12"},    {"top_p", "nan"},
                                                       {"temperature", "inf"},      {"do_sample", "1"},
                                                       {"max_gen_toks", "[\"a\"]"}, {"top_k", "-2"},
                                                       {"top_k", "1e300"},          {"until", ""}};
  for (const auto& [key, value] : cases) {
    const auto made = make_generation("{}", {{key, value}});
    ASSERT_FALSE(made) << key << "=" << value;
    EXPECT_EQ(made.error().code, Code::kUsage) << made.error().message;
  }
  EXPECT_NE(make_generation("{}", {{"temprature", "1"}}).error().message.find("did you mean 'temperature'"),
            std::string::npos);
}

}  // namespace
}  // namespace pareto
