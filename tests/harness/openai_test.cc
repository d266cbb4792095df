// Servers through the program: accuracy as known, log-likelihoods as the server's, killed and resumed without asking
// anything twice, and no key in anything that is written.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/harness/program.h"
#include "tests/support/openai_server.h"

namespace pareto {
namespace {

using nlohmann::json;
using test::OpenAiRequest;
using test::OpenAiServer;
using test::say;

constexpr const char* kKey = "sk-secret-0123456789";

std::vector<std::string> command(const OpenAiServer& server, const std::string& task, const std::string& output) {
  return {"run",
          "--backend",
          "openai:base_url=" + server.url() + ",model=m,retry_wait=0.01,concurrency=2",
          "--task",
          task,
          "--num_fewshot",
          "0",
          "--output",
          output,
          "--data_dir",
          std::string(PARETO_GOLDEN) + "/data"};
}

std::vector<json> samples_of(const std::string& output, const std::string& task) {
  std::vector<json> samples;
  std::istringstream in(read_text(files_below(output, "samples_" + task).at(0)));
  for (std::string line; std::getline(in, line);) samples.push_back(json::parse(line));
  return samples;
}

// Every word is a token of log-probability −length, a space belongs to the word after it.
test::Script score_words(const OpenAiRequest& request) {
  const std::string prompt = json::parse(request.body).at("prompt").get<std::string>();
  json tokens = json::array(), offsets = json::array(), logprobs = json::array(), top = json::array();
  const auto add = [&](const std::string& token, std::size_t at) {
    const double logprob = -static_cast<double>(token.size());
    tokens.push_back(token), offsets.push_back(at);
    logprobs.push_back(at == 0 ? json() : json(logprob));
    top.push_back(at == 0 ? json() : json{{token, logprob}});
  };
  for (std::size_t at = 0; at < prompt.size();) {
    const std::size_t end = std::min(prompt.find(' ', at + 1), prompt.size());
    add(prompt.substr(at, end - at), at);
    at = end;
  }
  add("!", prompt.size());
  const json reply = {
      {"choices",
       {{{"text", prompt + "!"},
         {"logprobs",
          {{"tokens", tokens}, {"text_offset", offsets}, {"token_logprobs", logprobs}, {"top_logprobs", top}}}}}},
      {"usage", {{"prompt_tokens", tokens.size() - 1}, {"completion_tokens", 1}}}};
  return say("200 OK", reply.dump());
}

TEST(OpenAiProgram, ScoresAreTheServers) {
  const TemporaryFolder folder;
  const OpenAiServer server(score_words);
  const ProgramResult run = run_program(command(server, "arc_easy", folder.path("out")));
  ASSERT_EQ(run.code, 0) << run.err;
  const std::vector<json> samples = samples_of(folder.path("out/m"), "arc_easy");
  ASSERT_FALSE(samples.empty());
  for (const json& sample : samples) {
    const json& lls = sample["pareto"]["loglikelihoods"];
    for (std::size_t c = 0; c < lls.size(); ++c) {
      const std::string choice = sample["arguments"]["gen_args_" + std::to_string(c)]["arg_1"];
      EXPECT_DOUBLE_EQ(lls[c].get<double>(), -static_cast<double>(choice.size())) << choice;
      EXPECT_TRUE(sample["pareto"]["greedy"][c].get<bool>());
    }
  }
  const json record = json::parse(read_text(files_below(folder.path("out"), "results_").at(0)));
  EXPECT_EQ(record["pareto"]["cell"]["device"], "remote");
}

test::Script answer_18(const OpenAiRequest& request) {
  if (request.number % 4 == 1) return say("500 Oops", "");
  if (request.number % 4 == 3) return {};
  return test::stream({R"({"choices": [{"text": "#### "}]})", R"({"choices": [{"text": "18"}]})",
                       R"({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})", "[DONE]"});
}

TEST(OpenAiProgram, MarksWhatABadServerSaysAndShowsNoKey) {
  const TemporaryFolder folder;
  const OpenAiServer server([](const OpenAiRequest& request) {
    return request.number == 0 ? say("401 No", std::string("your key is ") + kKey) : answer_18(request);
  });
  const std::string secret = std::string("OPENAI_API_KEY=") + kKey;
  const ProgramResult first = run_program(command(server, "gsm8k", folder.path("out")), "", secret);
  EXPECT_EQ(first.code, 1) << first.err;  // the 401 is one request's error
  const ProgramResult second = run_program(command(server, "gsm8k", folder.path("out")), "", secret);
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_NE(server.requests()[0].head.find(std::string("Bearer ") + kKey), std::string::npos);
  const std::vector<json> samples = samples_of(folder.path("out"), "gsm8k");
  for (const json& sample : samples) {
    EXPECT_EQ(sample["pareto"]["text"], "#### 18");
    EXPECT_EQ(sample["pareto"]["output_tokens"], 3);
  }
  std::string all = first.out + first.err + second.out + second.err;
  for (const char* kind : {"results_", "samples_", "journal"})
    for (const std::string& file : files_below(folder.path("out"), kind)) all += file + read_text(file);
  EXPECT_EQ(all.find("secret"), std::string::npos);
}

TEST(OpenAiProgram, ChatGetsTheTurns) {
  const TemporaryFolder folder;
  const OpenAiServer server([](const OpenAiRequest&) {
    return say("200 OK", R"({"choices": [{"message": {"role": "assistant", "content": "#### 18"}}]})");
  });
  std::vector<std::string> words = command(server, "gsm8k", folder.path("out"));
  words[2] += ",api=chat,stream=false";
  for (const char* more : {"--apply_chat_template", "--system_instruction", "Be brief.", "--limit", "1"})
    words.emplace_back(more);
  const ProgramResult run = run_program(words);
  ASSERT_EQ(run.code, 0) << run.err;
  const OpenAiRequest request = server.requests().at(0);
  EXPECT_NE(request.head.find("POST /v1/chat/completions "), std::string::npos);
  const json messages = json::parse(request.body).at("messages");
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0]["role"], "system");
  EXPECT_EQ(messages[0]["content"], "Be brief.");
  EXPECT_EQ(messages[1]["role"], "user");
}

TEST(OpenAiProgram, KilledItGoesOnAndAsksNothingTwice) {
  const TemporaryFolder folder;
  std::atomic<bool> slow = true;
  const OpenAiServer server([&](const OpenAiRequest& request) {
    test::Script script = score_words(request);
    if (slow && request.number >= 6) script = {{}, test::Script::Then::kHang};
    return script;
  });
  const std::vector<std::string> words = command(server, "arc_easy", folder.path("out"));
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> arguments = {const_cast<char*>(PARETO_PROGRAM)};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(PARETO_PROGRAM, arguments.data());
    ::_exit(127);
  }
  while (server.requests().size() < 8) ::usleep(1000);  // six answered, two that hang
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  slow = false;
  ASSERT_EQ(run_program(words).code, 0);
  std::multiset<std::string> prompts;
  for (const OpenAiRequest& request : server.requests())
    if (request.number < 6 || request.number >= 8) prompts.insert(request.body);
  const std::set<std::string> distinct(prompts.begin(), prompts.end());
  EXPECT_EQ(prompts.size(), distinct.size());
  std::size_t choices = 0;
  for (const json& sample : samples_of(folder.path("out"), "arc_easy"))
    choices += sample["pareto"]["loglikelihoods"].size();
  EXPECT_EQ(prompts.size(), choices);
}

}  // namespace
}  // namespace pareto
