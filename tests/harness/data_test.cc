// `pareto data` as a user runs it, against a server of the test's own.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/harness/program.h"
#include "tests/support/http_server.h"

namespace pareto {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const char* const kRow =
    R"({"row_idx": 0, "row": {"question": "2 + 2?", "answer": "4\n#### 4"}, "truncated_cells": []})";

// One row of whatever split is asked for; a model of two files.
std::string answer(const test::HttpRequest& request) {
  if (request.target.starts_with("/rows?"))
    return test::ok(fmt::format(R"({{"rows": [{}], "num_rows_total": 1, "partial": false}})", kRow));
  return test::reply("404 Not Found", R"({"error": "Repository not found"})");
}

struct DataCommand {
  TemporaryFolder folder;
  test::HttpServer server{answer};

  ProgramResult run(std::vector<std::string> words) const {
    words.insert(words.begin(), "data");
    for (const char* word : {"--data_dir", "", "--retries", "1", "--retry_wait", "0.01"})
      words.emplace_back(*word == '\0' ? folder.path("data") : word);
    if (words[1] != "fetch") words.resize(words.size() - 4);
    const std::string from = server.url();
    return run_program(words, "",
                       fmt::format("HF_TOKEN=hf_secret HF_HUB_CACHE={} HF_ENDPOINT={} PARETO_ROWS_ENDPOINT={} "
                                   "PARETO_GITHUB_ENDPOINT={} no_proxy='*'",
                                   folder.path("hub"), from, from, from));
  }
};

// What would end up in a header or in messages is refused before anything is opened, and not shown.
TEST(DataCommandTest, SecretsThatWouldShowAreRefused) {
  const TemporaryFolder folder;
  for (const char* environment :
       {"HF_TOKEN='hf_secret hf_more'", "HF_ENDPOINT=http://me:hf_secret@localhost", "HF_ENDPOINT=ftp://localhost"}) {
    const ProgramResult refused =
        run_program({"data", "fetch", "gsm8k", "--data_dir", folder.path("data")}, "", environment);
    EXPECT_EQ(refused.code, 2) << environment;
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
    EXPECT_EQ(refused.err.find("hf_secret"), std::string::npos) << refused.err;
    EXPECT_FALSE(fs::exists(folder.path("data")));
  }
}

TEST(DataCommandTest, FetchVerifyRun) {
  const DataCommand data;
  const ProgramResult fetched = data.run({"fetch", "rows:openai/gsm8k:main:test"});
  EXPECT_EQ(fetched.code, 0) << fetched.err;
  EXPECT_NE(fetched.out.find("1 files fetched, 0 were there"), std::string::npos) << fetched.out;
  EXPECT_EQ(data.run({"verify"}).code, 0);

  const ProgramResult run = run_program({"run", "--backend", "null", "--task", "gsm8k", "--num_fewshot", "0",
                                         "--data_dir", data.folder.path("data"), "--output", data.folder.path("out")});
  EXPECT_EQ(run.code, 0) << run.err;

  const json sets = json::parse(data.run({"list", "--json"}).out);
  const auto gsm8k = std::find_if(sets.begin(), sets.end(), [](const json& set) { return set["name"] == "gsm8k"; });
  ASSERT_NE(gsm8k, sets.end());
  EXPECT_EQ((*gsm8k)["present"], 1);
  EXPECT_EQ((*gsm8k)["files"], 2);
  EXPECT_EQ((*gsm8k)["licence"], "MIT");

  const std::string file = data.folder.path("data/openai__gsm8k/main/test.jsonl");
  write_text(file, "{}\n");
  const ProgramResult wrong = data.run({"verify"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find(file + ": 3 bytes, not "), std::string::npos) << wrong.err;
}

TEST(DataCommandTest, AnotherNumberOfRowsIsAnotherSet) {
  const DataCommand data;
  const ProgramResult fetched = data.run({"fetch", "gsm8k"});
  EXPECT_EQ(fetched.code, 1);
  EXPECT_NE(fetched.err.find("the split has 1 rows, not 1319"), std::string::npos) << fetched.err;
  EXPECT_FALSE(fs::exists(data.folder.path("data/openai__gsm8k/main/test.jsonl")));
}

TEST(DataCommandTest, TheTokenIsSentAndNeverShown) {
  const DataCommand data;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"fetch", "rows:a/b:c:d"}, {"fetch", "model:org/none"}}) {
    const ProgramResult result = data.run(words);
    EXPECT_EQ((result.out + result.err).find("hf_secret"), std::string::npos);
  }
  ASSERT_FALSE(data.server.requests().empty());
  for (const test::HttpRequest& request : data.server.requests())
    EXPECT_EQ(request.header("authorization"), "Bearer hf_secret");
  for (const auto& entry : fs::recursive_directory_iterator(data.folder.path())) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(read_text(entry.path()).find("hf_secret"), std::string::npos) << entry.path();
  }
}

TEST(DataCommandTest, WrongCommandLines) {
  const DataCommand data;
  for (const auto& [words, code, why] : std::vector<std::tuple<std::vector<std::string>, int, std::string>>{
           {{"lst"}, 2, "did you mean 'list'?"},
           {{"fetch"}, 2, "name what to bring"},
           {{"fetch", "gsm9k"}, 2, "did you mean 'gsm8k'?"},
           {{"fetch", "model:gpt2"}, 2, "write model:ORG/NAME"},
           {{"import", "leval"}, 2, "takes a set's name and the path"},
           {{"import", "leval", "/nowhere"}, 1, "no file or folder /nowhere"},
           {{"verify", "now"}, 2, "data verify takes no 'now'"},
           {{"fetch", "gsm8k", "--offline"}, 1, "--offline fetches nothing"},
           {{"fetch", "model:org/none"}, 1, "HTTP 404: Repository not found"}}) {
    const ProgramResult result = data.run(words);
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_NE(result.err.find(why), std::string::npos) << result.err;
  }
}

TEST(DataCommandTest, ADamagedManifestIsOneLine) {
  const DataCommand data;
  fs::create_directories(data.folder.path("data"));
  write_text(data.folder.path("data/manifest.json"), "{\"schema\": 1, \"files\": []}");
  const ProgramResult result = data.run({"verify"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.err, fmt::format("pareto: {}: 'files' must be an object\n", data.folder.path("data/manifest.json")));
}

TEST(DataCommandTest, LongTasksRunAndCountWhatWasCut) {
  const TemporaryFolder folder;
  const std::string tokenizer = PARETO_SHARED "/models/gpt2-tokenizer";
  if (!fs::exists(tokenizer)) GTEST_SKIP() << "needs " << tokenizer;
  const ProgramResult run =
      run_program({"run", "--backend", "null", "--task", "longbench_multi_news,leval_tpo", "--tokenizer", tokenizer,
                   "--prompt_length", "64", "--data_dir", PARETO_GOLDEN "/data", "--output", folder.path()});
  ASSERT_EQ(run.code, 0) << run.err;
  const json record = json::parse(read_text(files_below(folder.path(), "results_").at(0)));
  const json& tasks = record["pareto"]["tasks"];
  EXPECT_EQ(tasks["longbench_multi_news"]["n_truncated"], 1);
  EXPECT_EQ(tasks["longbench_multi_news"]["truncated_percent"], 100.0);
  EXPECT_EQ(tasks["longbench_multi_news"]["output_tokens"], 0);
  EXPECT_EQ(tasks["leval_tpo"]["n_truncated"], 0);  // the document has fewer tokens
}

}  // namespace
}  // namespace pareto
