// `pareto run`'s options, and the cells that they make: the product of everything that was given more than once.
#pragma once

#include <string>
#include <vector>

#include "core/backend.h"
#include "core/options.h"
#include "core/task.h"
#include "harness/flags.h"
#include "harness/scenario.h"
#include "harness/select_tasks.h"
#include "results/record.h"

namespace pareto {

// One point of the product.
struct CellOptions {
  std::string id;       // short, stable, readable: the backend spec, the tasks, and what differs from the defaults
  std::string model;    // as given; empty: the backend needs none
  BackendSpec spec;     // as given
  OptionMap filled;     // the spec's options with their defaults
  OptionMap values;     // by flag name, defaults filled in
  std::string answers;  // everything that changes what a model answers, for the journal's keys

  BackendOptions backend() const;                        // model still as given
  bool conversations() const;                            // contexts are conversations, rendered by the backend
  TaskOptions task(const std::string& task_name) const;  // without a chat template
  Scenario scenario() const;
  GoodputTargets goodput() const;
  std::uint64_t sampling_seed() const;  // of generation, and of a server's arrivals
  std::vector<RecordedOption> recorded() const;
  HarnessConfig config() const;
};

struct RunPlan {
  std::vector<CellOptions> cells;
  TaskSelection tasks;
  std::string output;
  bool restart = false, predict_only = false, json = false;
};

// One table: every flag of `run`.
const std::vector<Flag>& run_flags();

// Everything that can be found wrong without opening a file is found here: kUsage. The one thing that is read are the
// task files of --include_path; their errors are declare_tasks()'s.
Result<RunPlan> plan_run(const Arguments& arguments);

// lm-eval's --model hf --model_args pretrained=…,dtype=…: rewritten into our flags. Errors are kUsage.
Status translate_model_args(OptionMap* values);

// "a=1,b=x,y" → {a: 1, b: "x,y"}; a JSON object also works. Errors are kUsage, `owner` in front.
Result<OptionMap> parse_key_values(const std::string& text, const std::string& owner);

// Whether the value of --apply_chat_template asks for one.
bool asks_for_template(const std::string& value);

}  // namespace pareto
