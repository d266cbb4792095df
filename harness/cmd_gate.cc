// pareto gate: a policy file applied to two finished runs (results/gate.h). Exit code 0 PASS, 1 FAIL, 3 INCONCLUSIVE.
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "harness/commands.h"
#include "harness/two_runs.h"
#include "results/gate.h"
#include "results/output_file.h"

namespace pareto {
namespace {

constexpr int kInconclusiveExit = 3;

Status write_report(const std::string& path, const std::string& text) {
  if (path.empty()) return {};
  PARETO_TRY(WholeFile file, WholeFile::create(path));
  PARETO_CHECK_OK(file.write(text));
  return file.commit();
}

Result<GateResult> gate_runs(const Arguments& arguments) {
  if (!arguments.has("policy")) return fail(Code::kUsage, "gate needs --policy FILE; docs/comparing.md shows one");
  const auto& words = arguments.positionals;
  if (words.size() != 2)
    return fail(Code::kUsage, "gate takes two runs, the base and the new one; {} given", words.size());
  PARETO_TRY(const Policy policy, read_policy(arguments.text("policy")));
  PARETO_TRY(const TwoRuns runs, read_two_runs(words[0], words[1], {arguments.text("cell"), {}}));
  PARETO_TRY(GateResult gate, arguments.on("sequential") ? apply_policy_sequentially(policy, runs.a, runs.b)
                                                         : apply_policy(policy, runs.a, runs.b));
  PARETO_CHECK_OK(write_report(arguments.text("junit"), gate_junit(gate)));
  PARETO_CHECK_OK(write_report(arguments.text("markdown"), gate_markdown(gate)));
  return gate;
}

int run_gate(const Arguments& arguments) {
  const Result<GateResult> gate = gate_runs(arguments);
  if (!gate) return report(gate.error());
  fmt::print("{}\n", arguments.on("json") ? gate_json(*gate) : gate_markdown(*gate));
  if (std::fflush(stdout) != 0) return report({Code::kIo, "standard output: cannot be written"});
  switch (gate->verdict) {
    case Verdict::kPass:
      return 0;
    case Verdict::kFail:
      return 1;
    case Verdict::kInconclusive:
      return kInconclusiveExit;
  }
  return 1;
}

}  // namespace

Command gate_command() {
  Flag sequential = json_flag("look at a quarter, half, … of the items and stop when decided, at the same alpha");
  sequential.spec.name = "sequential";
  Command command;
  command.name = "gate";
  command.summary = "a policy file applied to two finished runs: PASS, FAIL (exit 1), INCONCLUSIVE (exit 3)";
  command.example = "pareto gate --policy policy.toml out/base out/new --junit gate.xml --markdown gate.md";
  command.flags = {text_flag("policy", "FILE", "TOML: alpha and [[rule]]s (docs/comparing.md)"),
                   cell_flag(),
                   json_flag("one JSON object: verdict, rules"),
                   sequential,
                   text_flag("junit", "FILE", "write a JUnit XML report"),
                   text_flag("markdown", "FILE", "write a Markdown report")};
  command.positional =
      "BASE NEW: --output folders, cells' folders or results files, of pareto or of lm-evaluation-harness";
  command.run = run_gate;
  return command;
}

}  // namespace pareto
