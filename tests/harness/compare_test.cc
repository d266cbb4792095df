// pareto compare, as a user runs it.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/harness/fake_runs.h"
#include "tests/harness/program.h"

namespace pareto {
namespace {

using nlohmann::json;

class CompareTest : public testing::Test {
 protected:
  std::string run(const std::string& name, const FakeRun& fake) {
    write_run(folder_.path(name), fake);
    return folder_.path(name);
  }
  json compare(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "compare");
    arguments.push_back("--json");
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }
  TemporaryFolder folder_;
};

TEST_F(CompareTest, ZeroOneScores) {
  const std::string a = run("a", {.scores = scores_of(300)}), b = run("b", {.scores = scores_of(300, 12, 3)});
  const json task = compare({a, b})["tasks"]["colours"];
  EXPECT_EQ(task["metric"], "acc,none");
  EXPECT_EQ(task["n"], 300);
  EXPECT_NEAR(task["diff"].get<double>(), -0.03, 1e-12);
  EXPECT_EQ(task["test"], "mcnemar_exact");
  EXPECT_NEAR(task["p_value"].get<double>(), 0.035156, 1e-6);
  EXPECT_EQ(task["gained"], 3);
  EXPECT_EQ(task["lost"], 12);
  EXPECT_EQ(task["flips"]["gained"], (json{0, 3, 6}));
  EXPECT_EQ(task["flips"]["lost"].size(), 12u);
  EXPECT_LT(task["ci95"][0].get<double>(), -0.03);
  EXPECT_LT(task["ci95"][1].get<double>(), 0);
  EXPECT_GT(task["mde"].get<double>(), 0.02);
}

TEST_F(CompareTest, RealScoresAndCosts) {
  std::vector<double> low(60, 0.5), high(60, 0.5);
  for (std::size_t i = 0; i < 30; ++i) high[i] += 0.01 * static_cast<double>(i);
  const std::string a = run("a", {.metric = "f1", .scores = low, .share_bytes = 100});
  const std::string b = run("b", {.metric = "f1", .scores = high, .share_bytes = 80});
  const json result = compare({a, b});
  const json& task = result["tasks"]["colours"];
  EXPECT_EQ(task["test"], "paired_t");
  EXPECT_NEAR(task["diff"].get<double>(), 4.35 / 60, 1e-12);
  EXPECT_LT(task["p_permutation"].get<double>(), 0.001);
  EXPECT_FALSE(task.contains("gained"));
  EXPECT_EQ(result["cost"]["bytes_per_output_token"],
            (json{{"a", 50.0}, {"b", 40.0}, {"ratio", 0.8}, {"exact", true}}));
  EXPECT_EQ(result["cost"]["flops_per_item"]["ratio"], 1.0);
}

TEST_F(CompareTest, OnlyItemsThatBothAnswered) {
  const std::string a = run("a", {.scores = scores_of(90)});
  const std::string b = run("b", {.scores = scores_of(90), .first_document = 30});
  const json task = compare({a, b})["tasks"]["colours"];
  EXPECT_EQ(task["n"], 60);
  EXPECT_EQ(task["only_a"], 30);
  EXPECT_EQ(task["only_b"], 30);
  EXPECT_EQ(task["diff"], 0.0);
}

TEST_F(CompareTest, PerplexityIsComparedByItsLogarithm) {
  const auto write = [&](const std::string& name, double shift) {
    write_run(folder_.path(name), {.metric = "word_perplexity", .scores = {0, 0, 0}});
    std::string lines;
    for (int i = 0; i < 40; ++i)
      lines += fmt::format(R"({{"doc_id": {0}, "filter": "none", "doc_hash": "d{0}", "word_perplexity": [{1}, {2}]}})",
                           i, -(10 + i) * (1 + shift + 0.001 * (i % 3)), 10 + i) +
               "\n";
    write_text(folder_.path(name) + "/model/samples_colours_2026-01-01T00-00-00.000000.jsonl", lines);
    return folder_.path(name);
  };
  const json task = compare({write("a", 0), write("b", 0.1)})["tasks"]["colours"];
  EXPECT_EQ(task["ci_method"], "student_t_of_log");
  EXPECT_NEAR(task["b"].get<double>() / task["a"].get<double>(), std::exp(0.1), 1e-12);
  EXPECT_EQ(task["n"], 40);
}

TEST_F(CompareTest, RefusesAndSaysWhy) {
  const std::string a = run("a", {.scores = scores_of(9)}), b = run("b", {.version = "2.0", .scores = scores_of(9)});
  const ProgramResult versions = run_program({"compare", a, b, "--json"});
  EXPECT_EQ(versions.code, 1);
  EXPECT_EQ(json::parse(versions.out)["not_compared"][0]["why"], "different versions of the task: 1.0 in A, 2.0 in B");
  EXPECT_EQ(std::count(versions.err.begin(), versions.err.end(), '\n'), 1) << versions.err;

  const auto why = [&](const FakeRun& other) {
    const ProgramResult result = run_program({"compare", a, run("c", other), "--json"});
    EXPECT_EQ(result.code, 1);
    std::filesystem::remove_all(folder_.path("c"));
    return json::parse(result.out)["not_compared"][0]["why"].get<std::string>();
  };
  EXPECT_EQ(why({.scores = scores_of(9), .first_document = 9}),
            "no document in common that both answered (by doc_hash)");
  EXPECT_EQ(why({.metric = "f1", .scores = scores_of(9)}), "no metric in common: acc,none in A, f1,none in B");
  EXPECT_EQ(why({.task = "shapes", .scores = scores_of(9)}), "only in A");
}

TEST_F(CompareTest, BadInputIsOneLine) {
  const std::string a = run("a", {.scores = scores_of(9)}), b = run("b", {.scores = scores_of(9)});
  run("several/x", {.scores = scores_of(9)}), run("several/y", {.scores = scores_of(9)});
  const auto error = [&](const std::vector<std::string>& arguments, int code) {
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    return result.err;
  };
  error({"compare", a}, 2);
  error({"compare", a, b, "--flips", "x"}, 2);
  EXPECT_NE(error({"compare", a, b, "--task", "colors"}, 2).find("did you mean 'colours'?"), std::string::npos);
  EXPECT_NE(error({"compare", a, folder_.path("nowhere")}, 1).find("no such file or folder"), std::string::npos);
  EXPECT_NE(error({"compare", a, folder_.path("several")}, 1).find("2 cells; give one of their folders"),
            std::string::npos);
  write_text(b + "/model/samples_colours_2026-01-01T00-00-00.000000.jsonl", "{\"doc_id\": 0}\n{\"doc_id\": 1, \"acc\n");
  EXPECT_NE(error({"compare", a, b}, 1).find(".jsonl:2: no JSON object"), std::string::npos);
  write_text(b + "/model/results_2026-01-01T00-00-00.000000.json", "[]");
  EXPECT_NE(error({"compare", a, b}, 1).find("no object 'results'"), std::string::npos);
}

TEST_F(CompareTest, TextNamesFlipsAndDetectableDifference) {
  const std::string a = run("a", {.scores = scores_of(300)}), b = run("b", {.scores = scores_of(300, 12, 3)});
  const ProgramResult result = run_program({"compare", a, b, "--flips", "2"});
  EXPECT_EQ(result.code, 0);
  EXPECT_NE(result.out.find("MDE |"), std::string::npos);
  EXPECT_NE(result.out.find("colours gained: doc 0 3 … (1 more; --flips N)"), std::string::npos) << result.out;
}

}  // namespace
}  // namespace pareto
