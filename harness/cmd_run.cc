// pareto run: evaluate tasks with a model and one or more inference methods.
#include <fmt/format.h>

#include <cstdio>

#include "harness/commands.h"
#include "harness/heat_map.h"
#include "harness/options.h"
#include "harness/run.h"

namespace pareto {
namespace {

int run(const Arguments& arguments) {
  const Result<RunPlan> plan = plan_run(arguments);
  if (!plan) return report(plan.error());
  const RunReport result = run_plan(*plan);
  const std::string maps = show_heat_maps(result, plan->output);
  fmt::print("{}", plan->json ? report_json(result) + "\n" : report_table(result) + maps);
  if (std::fflush(stdout) != 0) return report({Code::kIo, "standard output: cannot be written"});
  return exit_code_of(result);
}

}  // namespace

Command run_command() {
  Command command;
  command.name = "run";
  command.summary = "evaluate tasks: accuracy, its error bar, and what it cost";
  command.example =
      "pareto run --model ./Llama-3.2-1B --task arc_easy,gsm8k --limit 100 --output out\n"
      "  pareto run --model hf --model_args pretrained=org/name,dtype=float32 --tasks mmlu --batch_size auto";
  command.flags = run_flags();
  command.run = run;
  return command;
}

}  // namespace pareto
