// pareto gate, as a CI job runs it: exit codes, reports, and what is wrong with a policy.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/harness/fake_runs.h"
#include "tests/harness/program.h"

namespace pareto {
namespace {

using nlohmann::json;

class GateTest : public testing::Test {
 protected:
  std::string run(const std::string& name, const FakeRun& fake) {
    write_run(folder_.path(name), fake);
    return folder_.path(name);
  }
  ProgramResult gate(const std::string& policy, const std::vector<std::string>& more = {}) {
    write_text(folder_.path("policy.toml"), policy);
    std::vector<std::string> arguments = {"gate", "--policy", folder_.path("policy.toml"), folder_.path("a"),
                                          folder_.path("b")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  TemporaryFolder folder_;
};

const std::string kRule = "[[rule]]\ntask = \"colours\"\nmetric = \"acc\"\nmargin = 0.02\n";

TEST_F(GateTest, VerdictsAndExitCodes) {
  struct Case {
    std::size_t n, lost, gained;
    int code;
    const char* verdict;
  };
  for (const Case& c :
       {Case{4000, 20, 22, 0, "PASS"}, Case{2000, 220, 20, 1, "FAIL"}, Case{60, 3, 3, 3, "INCONCLUSIVE"}}) {
    run("a", {.scores = scores_of(c.n)}), run("b", {.scores = scores_of(c.n, c.lost, c.gained)});
    const ProgramResult result = gate(kRule, {"--json"});
    EXPECT_EQ(result.code, c.code) << result.err;
    const json out = json::parse(result.out);
    EXPECT_EQ(out["verdict"], c.verdict);
    const json& rule = out["rules"][0];
    EXPECT_NEAR(rule["estimate"].get<double>(), (double(c.gained) - double(c.lost)) / double(c.n), 1e-12);
    EXPECT_EQ(rule["bound"], -0.02);
    EXPECT_LT(rule["ci"][0], rule["estimate"]);
    EXPECT_GT(rule["needed_n"], 1);
  }
}

TEST_F(GateTest, CostsAndTiers) {
  run("a", {.scores = scores_of(4000), .share_bytes = 100}),
      run("b", {.scores = scores_of(4000, 1, 1), .share_bytes = 110});
  const auto with_cost = [&](const std::string& limit, const std::string& tier) {
    return gate(kRule + "[[rule]]\ncost = \"bytes_per_output_token\"\n" + limit + "\ntier = \"" + tier + "\"\n",
                {"--json"});
  };
  EXPECT_EQ(with_cost("max_ratio = 1.05", "critical").code, 1);
  EXPECT_EQ(with_cost("max_ratio = 1.05", "advisory").code, 0);
  EXPECT_EQ(with_cost("max_ratio = 1.15", "critical").code, 0);
  EXPECT_EQ(with_cost("max = 50", "critical").code, 1);
  EXPECT_EQ(with_cost("min = 50", "critical").code, 0);
  EXPECT_EQ(json::parse(with_cost("max_ratio = 1.05", "critical").out)["rules"][1]["estimate"], 1.1);
}

TEST_F(GateTest, SequentialSaysWhatWasSaved) {
  run("a", {.scores = scores_of(4000)}), run("b", {.scores = scores_of(4000, 900)});
  const ProgramResult result = gate(kRule, {"--sequential", "--json"});
  EXPECT_EQ(result.code, 1) << result.err;
  const json stop = json::parse(result.out)["sequential"];
  EXPECT_EQ(stop["look"], 1);
  EXPECT_EQ(stop["all_items"], 4000);
  EXPECT_NEAR(stop["saved"].get<double>(), 0.75, 0.05);
}

TEST_F(GateTest, ReportsAreEscaped) {
  const FakeRun odd{.task = "a<b>&c|d", .scores = scores_of(40)};
  run("a", odd), run("b", {.task = odd.task, .scores = scores_of(40, 20)});
  const std::string junit = folder_.path("gate.xml"), markdown = folder_.path("gate.md");
  EXPECT_EQ(
      gate("# für alle\n[[rule]]\ntask = \"*\"\nmargin = 0.01\n", {"--junit", junit, "--markdown", markdown}).code, 1);
  const std::string xml = read_text(junit), text = read_text(markdown);
  EXPECT_NE(xml.find("tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\""), std::string::npos) << xml;
  EXPECT_NE(xml.find("name=\"a&lt;b&gt;&amp;c|d acc,none margin 0.01\""), std::string::npos) << xml;
  EXPECT_NE(text.find("## Gate: FAIL"), std::string::npos);
  EXPECT_NE(text.find("a&lt;b>&c\\|d"), std::string::npos) << text;
}

TEST_F(GateTest, BadPolicyIsOneLineAndNeverAVerdict) {
  run("a", {.scores = scores_of(30)}), run("b", {.scores = scores_of(30)});
  const auto error = [&](const std::string& policy) {
    const ProgramResult result = gate(policy);
    EXPECT_EQ(result.code, 2) << policy << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    const std::size_t at = result.err.find("policy.toml:");
    return at == std::string::npos ? result.err : result.err.substr(at + 12);
  };
  EXPECT_EQ(error("[[rule]]\ntask = \"colours\"\nmargn = 0.1\n"),
            "3: unknown key 'margn' in a rule; it has: task metric margin tier cost max_ratio min_ratio max min; did "
            "you mean "
            "'margin'?\n");
  EXPECT_EQ(error("alfa = 1\n").substr(0, 32), "1: unknown key 'alfa' in the pol");
  EXPECT_EQ(error("alpha = \"x\"\n" + kRule), "1: 'alpha' must be a number\n");
  EXPECT_EQ(error("alpha = 0.9\n" + kRule), "1: alpha must be above 0, at most 0.5\n");
  EXPECT_EQ(error("[[rule]]\ntask = \"colours\"\nmargin = -0.1\n"), "3: margin -0.1 is below 0\n");
  EXPECT_NE(error("[[rule]]\ntask = \"colours\"\n").find("needs a margin"), std::string::npos);
  EXPECT_NE(error("[[rule]]\ncost = \"x\"\n").find("needs max_ratio"), std::string::npos);
  EXPECT_NE(error("[[rule]]\ncost = \"bytes\"\nmax = 1\n").find("no cost 'bytes' in both runs"), std::string::npos);
  EXPECT_NE(
      error("[[rule]]\ntask = \"shapes\"\nmargin = 0\n").find("task 'shapes' is not in both runs; they have: colours"),
      std::string::npos);
  EXPECT_NE(error("[[rule]]\ntask = \"colours\"\nmetric = \"f1\"\nmargin = 0\n").find("no metric 'f1'"),
            std::string::npos);
  EXPECT_NE(error("[[rule]\n").find("1: no TOML: "), std::string::npos);
  EXPECT_NE(error("[=]\n").find("1: no TOML: "), std::string::npos);
  EXPECT_NE(error("").find("no rule"), std::string::npos);
  EXPECT_NE(error(kRule + "tier = \"vital\"\n").find("tier 'vital' is neither critical nor advisory"),
            std::string::npos);
}

// The commands of docs/gate.yml that call pareto gate, run as they stand there.
TEST_F(GateTest, JobFileOfTheDocs) {
  run("base", {.scores = scores_of(4000)}), run("new", {.scores = scores_of(4000, 2, 3)});
  write_text(folder_.path("policy.toml"), kRule);
  std::ifstream file(std::string(PARETO_GOLDEN) + "/../../docs/gate.yml");
  std::string command;
  for (std::string line; std::getline(file, line);)
    if (const std::size_t at = line.find("pareto gate "); at != std::string::npos) command = line.substr(at + 7);
  ASSERT_NE(command, "");
  const ProgramResult result =
      run_program({"-c", "cd \"$0\" && \"$1\" " + command, folder_.path(), PARETO_PROGRAM}, "", "", "/bin/sh");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(read_text(folder_.path("gate.md")).find("## Gate: PASS"), std::string::npos);
  EXPECT_NE(read_text(folder_.path("gate.xml")).find("<testsuites>"), std::string::npos);
}

}  // namespace
}  // namespace pareto
