// Tasks that are made to a length, through the program: cells per length, heat map, seeds, one line for each mistake.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "tests/harness/program.h"

namespace pareto {
namespace {

using nlohmann::json;

const std::string kBytes = std::string(PARETO_GOLDEN) + "/tokenizers/base_bytes.json";

std::vector<std::string> command(const std::string& output, const std::string& task,
                                 const std::vector<std::string>& more) {
  std::vector<std::string> all = {"run",    "--backend", "null",     "--tokenizer", kBytes,
                                  "--task", task,        "--output", output};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<json> samples(const std::string& output, const std::string& task) {
  std::vector<json> rows;
  for (const std::string& path : files_below(output, "samples_" + task + "_")) {
    std::istringstream in(read_text(path));
    for (std::string line; std::getline(in, line);) rows.push_back(json::parse(line));
  }
  return rows;
}

TEST(RulerRun, OneCellPerLengthAndAHeatMap) {
  const TemporaryFolder out;
  const auto result =
      run_program(command(out.path(), "niah_grid,ruler_vt", {"--length", "4000,6000", "--limit", "11"}));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(files_below(out.path(), "results_").size(), 2u);
  EXPECT_NE(result.out.find("depth × length"), std::string::npos);
  EXPECT_NE(result.out.find("| depth | 4000 | 6000 |"), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("string_match_at_"), std::string::npos);
  ASSERT_EQ(files_below(out.path(), "niah_grid-").size(), 1u);
  EXPECT_NE(read_text(files_below(out.path(), "niah_grid-")[0]).find("<svg"), std::string::npos);
  const auto rows = samples(out.path(), "niah_grid");
  ASSERT_EQ(rows.size(), 22u);
  for (const json& row : rows) {
    EXPECT_EQ(row["doc"]["depth"].get<int>(), 10 * row["doc_id"].get<int>());
    const std::string prompt = row["arguments"]["gen_args_0"]["arg_0"];
    EXPECT_EQ(row["prompt_hash"].get<std::string>(), sha256_hex(prompt));
    EXPECT_TRUE(prompt.ends_with("mentioned in the provided text is"));
  }
  const json record = json::parse(read_text(files_below(out.path(), "results_")[0]));
  EXPECT_TRUE(record["results"]["niah_grid"].contains("string_match_at_100,none"));
  EXPECT_TRUE(record["results"]["ruler_vt"].contains("string_match,none"));
}

TEST(RulerRun, SeedsDecide) {
  const TemporaryFolder a, b, c;
  const auto prompts = [](const TemporaryFolder& out, const char* seed) {
    const auto result =
        run_program(command(out.path(), "ruler_vt", {"--length", "5000", "--limit", "2", "--seed", seed}));
    EXPECT_EQ(result.code, 0) << result.err;
    std::string all;
    for (const json& row : samples(out.path(), "ruler_vt")) all += row["prompt_hash"].get<std::string>();
    return all;
  };
  const std::string one = prompts(a, "1");
  EXPECT_EQ(one, prompts(b, "1"));
  EXPECT_NE(one, prompts(c, "2"));
}

// One line that names the thing, and the exit code: 2 before any file, 1 after.
void expect_one_line(const std::vector<std::string>& arguments, int code, const std::string& part) {
  const auto result = run_program(arguments);
  EXPECT_EQ(result.code, code) << result.err;
  EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST(RulerRun, MistakesAreOneLineEach) {
  const TemporaryFolder out, empty;
  const auto with = [&](const std::string& task, std::vector<std::string> more) {
    more.insert(more.end(), {"--data_dir", empty.path()});
    return command(out.path(), task, more);
  };
  expect_one_line(with("ruler_vt", {}), 2, "give --length N");
  expect_one_line(with("gsm8k", {"--length", "4096"}), 2, "none of the tasks is made to a length");
  expect_one_line(with("ruler", {"--length", "0"}), 2, "length=0 is out of range");
  expect_one_line(with("ruler", {"--length", "4k"}), 2, "length=4k");
  expect_one_line(with("ruler_vt", {"--length", "4096", "--ruler_profile", "nvidai"}), 2,
                  "not one of pareto nvidia lm-eval");
  expect_one_line({"run", "--backend", "null", "--task", "passkey", "--length", "4096", "--output", out.path()}, 2,
                  "give --tokenizer PATH");
  expect_one_line(with("ruler_fwe", {"--length", "300"}), 1, "ruler_fwe at --length 300");
  expect_one_line(with("passkey", {"--length", "300"}), 1, "passkey at --length 300");
  expect_one_line(with("ruler_cwe", {"--length", "4096", "--ruler_profile", "nvidia"}), 1,
                  empty.path("ruler/wonderwords-3.0.1"));
  expect_one_line(with("ruler_qa_1", {"--length", "4096"}), 1, empty.path("ruler/dev-v2.0.json"));
}

}  // namespace
}  // namespace pareto
