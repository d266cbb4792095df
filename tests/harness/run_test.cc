// Whole runs: with the null backend through the program, and with backends of this file through run_plan().
#include "harness/run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "harness/options.h"
#include "tests/harness/program.h"

namespace pareto {
namespace {

using nlohmann::json;

const std::string kData = PARETO_GOLDEN "/data";

// Answers a request by a rule of its own, after doing what `before` says with the number of the request.
class RuleBackend : public Backend {
 public:
  explicit RuleBackend(std::function<std::optional<Error>(int)> before) : before_(std::move(before)) {}
  Status open(const BackendOptions&) override { return {}; }
  Status serve(RequestSource& source, ResponseSink& sink) override {
    for (int i = 0; !sink.stopped(); ++i) {
      const Request* request = source.next(0);
      if (request == nullptr) break;
      Response response;
      response.error = before_(i);
      const bool damaged = response.error && response.error->code == Code::kDevice;  // answers, but with NaN
      if (damaged) response.error.reset();
      response.loglikelihood = -static_cast<double>(request->continuation.size()) / 3.0;
      if (damaged) response.loglikelihood = std::numeric_limits<double>::quiet_NaN();
      response.logprobs = {static_cast<float>(response.loglikelihood)};
      response.text = "so #### 16";
      response.tokens = {5, 6};
      response.start = response.first_token = now_ns();
      response.end = now_ns();
      response.token_times = {response.first_token, response.end};
      response.prompt_tokens = 7;
      response.work = {100, 200, 0, 0, 0};
      response.share_flops = 50;
      response.share_bytes = 60;
      ++served_;
      sink.done(*request, std::move(response));
    }
    return {};
  }
  Description describe() const override {
    Description d;
    d.isa = "rule";
    d.model.name = "rule";
    return d;
  }
  static int served_;

 private:
  std::function<std::optional<Error>(int)> before_;
};
int RuleBackend::served_ = 0;
int stop_at = -1;  // which request of "stopping" comes with a Ctrl-C

BackendEntry rule(const std::string& name, const std::function<std::optional<Error>(int)>& before) {
  BackendEntry entry;
  entry.name = name;
  entry.summary = "for tests";
  entry.needs_model = false;
  entry.make = [before] { return std::make_unique<RuleBackend>(before); };
  return entry;
}

const RegisterBackend kRule(rule("rule", [](int) { return std::nullopt; }));
const RegisterBackend kFailing(rule("failing", [](int i) {
  return i == 3 ? std::optional<Error>(Error{Code::kInvalid, "no answer to this"}) : std::nullopt;
}));
const RegisterBackend kNan(rule("nan", [](int i) {
  return i == 5 ? std::optional<Error>(Error{Code::kDevice, "nan"}) : std::nullopt;
}));
const RegisterBackend kStopping(rule("stopping", [](int i) {
  if (i == stop_at) std::raise(SIGINT);
  return std::optional<Error>();
}));

RunReport run(const OptionMap& values) {
  Arguments arguments;
  arguments.values = values;
  arguments.values.emplace("data_dir", kData);
  const Result<RunPlan> plan = plan_run(arguments);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? run_plan(*plan) : RunReport{};
}

json results_of(const std::string& folder) {
  const auto files = files_below(folder, "results_");
  EXPECT_EQ(files.size(), 1u);
  return files.empty() ? json() : json::parse(read_text(files.back()));
}

std::vector<json> samples_of(const std::string& folder, const std::string& task) {
  std::vector<json> rows;
  for (const std::string& file : files_below(folder, "samples_" + task + "_")) {
    std::istringstream in(read_text(file));
    for (std::string line; std::getline(in, line);) rows.push_back(json::parse(line));
  }
  return rows;
}

// What must not depend on when and how often a run was stopped.
std::vector<json> without_times(std::vector<json> rows) {
  for (json& row : rows) row["pareto"].erase("latency_ns");
  return rows;
}

TEST(Run, RecordHasItsKeys) {
  const TemporaryFolder out;
  const RunReport report =
      run({{"backend", "rule"}, {"task", "arc_easy,gsm8k,mmlu_astronomy"}, {"output", out.path()}});
  EXPECT_EQ(exit_code_of(report), 0);
  const json r = results_of(out.path());
  for (const char* key : {"results",
                          "group_subtasks",
                          "configs",
                          "versions",
                          "n-shot",
                          "higher_is_better",
                          "n-samples",
                          "config",
                          "git_hash",
                          "date",
                          "pretty_env_info",
                          "transformers_version",
                          "lm_eval_version",
                          "upper_git_hash",
                          "tokenizer_pad_token",
                          "tokenizer_eos_token",
                          "tokenizer_bos_token",
                          "eot_token_id",
                          "max_length",
                          "task_hashes",
                          "model_source",
                          "model_name",
                          "model_name_sanitized",
                          "system_instruction",
                          "system_instruction_sha",
                          "fewshot_as_multiturn",
                          "chat_template",
                          "chat_template_sha",
                          "total_evaluation_time_seconds",
                          "pareto"})
    EXPECT_TRUE(r.contains(key)) << key;
  for (const char* key : {"schema", "cell", "build", "environment", "model", "setup", "tasks", "work", "latency",
                          "throughput", "ceilings", "profile"})
    EXPECT_TRUE(r["pareto"].contains(key)) << key;
  EXPECT_FALSE(r["pareto"].contains("error"));
  EXPECT_TRUE(r["results"]["arc_easy"]["acc,none"].is_number());
  EXPECT_TRUE(r["results"]["arc_easy"]["acc_stderr,none"].is_number());
  EXPECT_EQ(r["results"]["gsm8k"]["exact_match,strict-match"], 2.0 / 8);  // two gold answers are 16
  EXPECT_EQ(r["n-samples"]["arc_easy"]["original"], 12);
  EXPECT_EQ(r["n-samples"]["arc_easy"]["effective"], 12);
  EXPECT_EQ(r["task_hashes"]["gsm8k"].get<std::string>().size(), 64u);
  EXPECT_EQ(r["pareto"]["cell"]["backend"], "rule");
  const json& task = r["pareto"]["tasks"]["arc_easy"];
  EXPECT_EQ(task["n"], 12);
  EXPECT_EQ(task["n_truncated"], 0);
  EXPECT_EQ(task["ci95"].size(), 2u);
  EXPECT_EQ(task["ci_method"], "wilson");
  EXPECT_EQ(task["definitions"].size(), 4u);
  EXPECT_EQ(task["work_share"]["flops"], 12 * 4 * 50.0);
  for (const char* name : {"ttft_ns", "tpot_ns", "itl_ns", "e2e_ns"})
    EXPECT_TRUE(r["pareto"]["latency"][name].contains("p99")) << name;
  EXPECT_EQ(r["pareto"]["latency"]["ttft_ns"]["n"], 8);          // generated requests
  EXPECT_EQ(r["pareto"]["latency"]["e2e_ns"]["n"], 8 + 20 * 4);  // all requests
  EXPECT_EQ(r["pareto"]["throughput"]["requests"], 88);
}

TEST(Run, SamplesHaveLmEvalsKeysAndText) {
  const TemporaryFolder out;
  run({{"backend", "rule"}, {"task", "arc_easy,gsm8k"}, {"output", out.path()}});
  const std::vector<json> arc = samples_of(out.path(), "arc_easy");
  ASSERT_EQ(arc.size(), 12u);
  for (const char* key : {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics",
                          "doc_hash", "prompt_hash", "target_hash", "acc", "acc_norm", "pareto"})
    EXPECT_TRUE(arc[0].contains(key)) << key;
  EXPECT_EQ(arc[0]["doc"]["id"], "own_test_0");
  EXPECT_EQ(arc[0]["target"], "0");
  EXPECT_EQ(arc[0]["arguments"].size(), 4u);
  EXPECT_EQ(arc[0]["arguments"]["gen_args_0"]["arg_1"], " the water pushing up on it");
  EXPECT_EQ(arc[0]["resps"][0], json::parse(R"([["-9.0", "False"]])"));
  EXPECT_EQ(arc[0]["filtered_resps"][0], json::parse(R"(["-9.0", "False"])"));
  EXPECT_EQ(arc[0]["pareto"]["loglikelihoods"].size(), 4u);
  EXPECT_EQ(arc[0]["pareto"]["greedy"].size(), 4u);
  EXPECT_EQ(arc[0]["pareto"]["work"]["flops"], 400);
  const std::vector<json> gsm = samples_of(out.path(), "gsm8k");
  ASSERT_EQ(gsm.size(), 16u);  // two filters
  EXPECT_EQ(gsm[0]["filter"], "strict-match");
  EXPECT_EQ(gsm[8]["filter"], "flexible-extract");
  EXPECT_EQ(gsm[0]["resps"], json::parse(R"([["so #### 16"]])"));
  EXPECT_EQ(gsm[0]["filtered_resps"], json::parse(R"(["16"])"));
  EXPECT_TRUE(gsm[0]["arguments"]["gen_args_0"]["arg_1"].contains("until"));
  EXPECT_EQ(gsm[0]["pareto"]["tokens"], json::parse("[5, 6]"));
  EXPECT_EQ(gsm[0]["pareto"]["finish"], "stop");
}

TEST(Run, AFinishedCellIsNotTouchedAgain) {
  const TemporaryFolder out;
  const OptionMap options = {{"backend", "rule"}, {"task", "arc_easy"}, {"output", out.path()}};
  run(options);
  const auto state = [&] {
    std::map<std::string, std::string> all;
    for (const std::string& file : files_below(out.path(), "")) all[file] = read_text(file);
    return all;
  };
  const auto before = state();
  RuleBackend::served_ = 0;
  const RunReport again = run(options);
  EXPECT_EQ(RuleBackend::served_, 0);
  EXPECT_TRUE(again.cells.at(0).already_finished);
  EXPECT_EQ(exit_code_of(again), 0);
  EXPECT_EQ(state(), before);
  OptionMap restart = options;
  restart["restart"] = "true";
  run(restart);
  EXPECT_EQ(RuleBackend::served_, 48);
  EXPECT_EQ(files_below(out.path(), "results_").size(), 1u);  // replaced, not added
  EXPECT_NE(state(), before);
}

TEST(Run, CtrlCKeepsWhatIsDoneAndTheSameCommandGoesOn) {
  const TemporaryFolder whole, cut;
  stop_at = -1;
  run({{"backend", "stopping"}, {"task", "arc_easy"}, {"output", whole.path()}});
  stop_at = 20;
  const RunReport first = run({{"backend", "stopping"}, {"task", "arc_easy"}, {"output", cut.path()}});
  EXPECT_TRUE(first.interrupted);
  EXPECT_EQ(exit_code_of(first), 130);
  EXPECT_NE(first.cells.at(0).error->message.find("21 of 48 requests"), std::string::npos)
      << first.cells[0].error->message;
  EXPECT_TRUE(files_below(cut.path(), "results_").empty());
  stop_at = -1;
  RuleBackend::served_ = 0;
  const RunReport second = run({{"backend", "stopping"}, {"task", "arc_easy"}, {"output", cut.path()}});
  EXPECT_EQ(exit_code_of(second), 0);
  EXPECT_EQ(RuleBackend::served_, 27);  // nothing twice
  EXPECT_EQ(without_times(samples_of(cut.path(), "arc_easy")), without_times(samples_of(whole.path(), "arc_easy")));
  const json r = results_of(cut.path());
  EXPECT_EQ(r["results"], results_of(whole.path())["results"]);
  EXPECT_EQ(r["pareto"]["throughput"]["resumed"], 21);
  EXPECT_EQ(r["pareto"]["work"]["resumed"]["flops"], 21 * 50.0);
}

TEST(Run, FailedRequestsAreRecordedAndAskedAgain) {
  const TemporaryFolder out;
  const OptionMap options = {{"backend", "failing"}, {"task", "arc_easy,gsm8k"}, {"output", out.path()}};
  const RunReport report = run(options);
  EXPECT_EQ(exit_code_of(report), 1);
  const json r = results_of(out.path());
  EXPECT_EQ(r["pareto"]["error"]["code"], "invalid");
  EXPECT_EQ(r["pareto"]["error"]["message"], "1 of 56 requests failed; the first: no answer to this");
  EXPECT_FALSE(r["results"]["arc_easy"].contains("acc,none"));  // a mean over what happened to work would mislead
  EXPECT_TRUE(r["results"]["gsm8k"].contains("exact_match,strict-match"));
  EXPECT_EQ(r["pareto"]["tasks"]["arc_easy"]["n_failed"], 1);
  const std::vector<json> samples = samples_of(out.path(), "arc_easy");
  ASSERT_EQ(samples.size(), 12u);
  EXPECT_EQ(samples[0]["pareto"]["finish"], "error");
  EXPECT_EQ(samples[0]["pareto"]["error"]["message"], "no answer to this");
  RuleBackend::served_ = 0;
  EXPECT_EQ(exit_code_of(run(options)), 0);  // the one that is asked again is now the first
  EXPECT_EQ(RuleBackend::served_, 1);
  EXPECT_FALSE(results_of(out.path())["pareto"].contains("error"));
}

TEST(Run, AnswersThatAreNoNumbersFail) {
  const TemporaryFolder out;
  const RunReport report = run({{"backend", "nan"}, {"task", "arc_easy"}, {"output", out.path()}});
  EXPECT_EQ(exit_code_of(report), 1);
  const json r = results_of(out.path());
  EXPECT_NE(r["pareto"]["error"]["message"].get<std::string>().find("answered NaN"), std::string::npos);
  EXPECT_FALSE(r["results"]["arc_easy"].contains("acc,none"));
}

// The prompts of a chat template of our own: what Jinja2 3.1.6 and lm-eval's turns make of them, written out by hand.
class ChatRun : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string source = PARETO_GOLDEN "/tokenizers/base_bytes.json";
    std::filesystem::copy_file(source, folder_.path("tokenizer.json"));
    write_text(folder_.path("tokenizer_config.json"), "{}");
    write_text(folder_.path("chat_template.jinja"),
               "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</>\n{% endfor %}"
               "{% if add_generation_prompt %}<assistant>{% endif %}");
  }
  std::vector<json> samples(const std::string& task, OptionMap options) {
    const TemporaryFolder out;
    options.insert({{"backend", "rule"},
                    {"task", task},
                    {"limit", "1"},
                    {"output", out.path()},
                    {"tokenizer", folder_.path()},
                    {"apply_chat_template", "true"}});
    const RunReport report = run(options);
    EXPECT_EQ(exit_code_of(report), 0) << (report.cells.at(0).error ? report.cells[0].error->message : "");
    record_ = results_of(out.path());
    return samples_of(out.path(), task);
  }
  static std::string prompt(const json& row) { return row["arguments"]["gen_args_0"]["arg_0"]; }
  TemporaryFolder folder_;
  json record_;
};

TEST_F(ChatRun, QuestionsAreTurnsAndChoicesLoseTheirSpace) {
  const json row = samples("arc_easy", {{"system_instruction", "Be brief."}}).at(0);
  const std::string question = row["doc"]["question"];
  EXPECT_EQ(prompt(row), fmt::format("<system>Be brief.</>\n<user>Question: {}\nAnswer:</>\n<assistant>", question));
  EXPECT_EQ(row["arguments"]["gen_args_0"]["arg_1"], row["doc"]["choices"]["text"][0]);
  EXPECT_EQ(record_["system_instruction"], "Be brief.");
  EXPECT_TRUE(record_["chat_template"].is_string());
  EXPECT_EQ(record_["chat_template_sha"].get<std::string>().size(), 64u);
}

TEST_F(ChatRun, ShotsAreTurnsOrOneQuestion) {
  const std::string turns = prompt(samples("gsm8k", {{"num_fewshot", "2"}}).at(0));
  const std::string one = prompt(samples("gsm8k", {{"num_fewshot", "2"}, {"fewshot_as_multiturn", "false"}}).at(0));
  const auto count = [](const std::string& text, const std::string& part) {
    int n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count(turns, "<user>Question: "), 3);
  EXPECT_EQ(count(turns, "<assistant>"), 3);  // two answers and the one to come
  EXPECT_EQ(count(one, "<user>"), 1);
  EXPECT_EQ(count(one, "<assistant>"), 1);
  EXPECT_EQ(count(one, "Question: "), 3);
  EXPECT_EQ(count(one, "\n\nQuestion: "), 2);  // delimiters stay
}

TEST_F(ChatRun, WithoutATemplateItIsAnError) {
  std::filesystem::remove(folder_.path("chat_template.jinja"));
  const TemporaryFolder out;
  const RunReport report = run({{"backend", "rule"},
                                {"task", "arc_easy"},
                                {"output", out.path()},
                                {"tokenizer", folder_.path()},
                                {"apply_chat_template", "true"}});
  EXPECT_EQ(exit_code_of(report), 1);
  EXPECT_NE(report.cells.at(0).error->message.find("no chat template"), std::string::npos);
}

TEST(Run, OneFailingCellDoesNotStopTheOthers) {
  const TemporaryFolder out;
  const RunReport report =
      run({{"model", "/nowhere/x,/nowhere/y"}, {"backend", "rule"}, {"task", "arc_easy"}, {"output", out.path()}});
  EXPECT_EQ(exit_code_of(report), 1);
  EXPECT_EQ(report.cells.size(), 2u);
  for (const std::string& file : files_below(out.path(), "results_"))
    EXPECT_EQ(json::parse(read_text(file))["pareto"]["error"]["code"], "not_found");
  EXPECT_EQ(files_below(out.path(), "results_").size(), 2u);
}

TEST(Run, PredictOnlyDoesNotMark) {
  const TemporaryFolder out;
  run({{"backend", "rule"}, {"task", "arc_easy"}, {"output", out.path()}, {"predict_only", "true"}});
  const std::vector<json> samples = samples_of(out.path(), "arc_easy");
  ASSERT_EQ(samples.size(), 12u);
  EXPECT_TRUE(samples[0]["metrics"].empty());
  EXPECT_FALSE(results_of(out.path())["results"]["arc_easy"].contains("acc,none"));
}

TEST(Run, GroupsAreInTheRecord) {
  const TemporaryFolder out;
  // Only astronomy has data here; the group must still be told from its task.
  const RunReport report = run({{"backend", "rule"}, {"task", "mmlu_astronomy"}, {"output", out.path()}});
  EXPECT_EQ(exit_code_of(report), 0);
  EXPECT_TRUE(results_of(out.path())["group_subtasks"]["mmlu_astronomy"].empty());
}

// --- through the program ------------------------------------------------------------------------------------------

std::vector<std::string> null_run(const std::string& task, const std::string& output) {
  return {"run", "--backend", "null", "--task", task, "--data_dir", kData, "--output", output};
}

std::string many_requests(const TemporaryFolder& folder, int n) {
  std::string text;
  for (int i = 0; i < n; ++i)
    text +=
        fmt::format("{{\"id\": \"r{}\", \"kind\": \"score\", \"context\": \"c{}\", \"continuation\": \" d\"}}\n", i, i);
  write_text(folder.path("many.jsonl"), text);
  return fmt::format("requests:{}", folder.path("many.jsonl"));
}

TEST(RunProgram, NullBackendEndToEnd) {
  const TemporaryFolder out;
  const ProgramResult result = run_program(null_run("arc_easy,gsm8k,mmlu_astronomy", out.path()));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("| arc_easy"), std::string::npos) << result.out;
  EXPECT_EQ(samples_of(out.path(), "arc_easy").size(), 12u);
  const ProgramResult again = run_program(null_run("arc_easy,gsm8k,mmlu_astronomy", out.path()));
  EXPECT_NE(again.out.find("already finished"), std::string::npos) << again.out;
}

TEST(RunProgram, TableAsJson) {
  const TemporaryFolder out;
  auto arguments = null_run("arc_easy", out.path());
  arguments.push_back("--json");
  const json rows = json::parse(run_program(arguments).out);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["task"], "arc_easy");
  EXPECT_EQ(rows[0]["metric"], "acc,none");
  EXPECT_EQ(rows[0]["n"], 12);
}

// The system kills the program in the middle of a write: what kill -9 leaves, and a torn line.
TEST(RunProgram, KilledRunGoesOn) {
  const TemporaryFolder out, whole;
  const std::string task = many_requests(out, 3000);
  const ProgramResult killed = run_program(null_run(task, out.path("o")), "", "ulimit -c 0; ulimit -f 300;");
  EXPECT_EQ(killed.code, 128 + SIGXFSZ) << killed.err;
  const std::string journal = files_below(out.path("o"), "journal").at(0);
  const std::string torn = read_text(journal);
  ASSERT_FALSE(torn.empty());
  ASSERT_NE(torn.back(), '\n');
  EXPECT_TRUE(files_below(out.path("o"), "results_").empty());

  const ProgramResult resumed = run_program(null_run(task, out.path("o")));
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  run_program(null_run(task, whole.path()));
  EXPECT_EQ(without_times(samples_of(out.path("o"), "requests")), without_times(samples_of(whole.path(), "requests")));
  std::set<std::string> keys;
  std::size_t lines = 0;
  std::istringstream in(read_text(journal));
  for (std::string line; std::getline(in, line); ++lines) keys.insert(json::parse(line)["key"].get<std::string>());
  EXPECT_EQ(lines, 3000u);
  EXPECT_EQ(keys.size(), 3000u);
}

TEST(RunProgram, FullDiskIsOneLineAndNothingLooksComplete) {
  const TemporaryFolder out;
  const std::string task = many_requests(out, 3000);
  const ProgramResult full = run_program(null_run(task, out.path("o")), "", "trap '' XFSZ; ulimit -f 300;");
  EXPECT_EQ(full.code, 1);
  EXPECT_NE(full.err.find("journal.jsonl: File too large"), std::string::npos) << full.err;
  for (const std::string& file : files_below(out.path("o"), "results_"))
    EXPECT_TRUE(json::parse(read_text(file))["pareto"].contains("error")) << file;
  EXPECT_TRUE(files_below(out.path("o"), "samples_").empty());
}

TEST(RunProgram, UnwritableOutputIsOneLine) {
  const ProgramResult result = run_program(null_run("arc_easy", "/proc/nowhere"));
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.err.find("/proc/nowhere"), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST(RunProgram, MissingDataSaysWhatToDo) {
  const TemporaryFolder out;
  const ProgramResult result =
      run_program({"run", "--backend", "null", "--task", "aime24", "--data_dir", kData, "--output", out.path()});
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.err.find(kData), std::string::npos) << result.err;
}

}  // namespace
}  // namespace pareto
