// What compare and gate share: reading both runs, and their flags.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "harness/flags.h"
#include "results/run_files.h"

namespace pareto {

struct TwoRuns {
  Run a, b;
};

// Both at once, on two threads; the first error.
Result<TwoRuns> read_two_runs(const std::string& a, const std::string& b, const RunSelection& selection);

// kUsage for a name that is neither a task nor a group of either run: "no task 'x'; …".
Status check_task_names(const TwoRuns& runs, const std::vector<std::string>& names);

// "a,b" → a, b; "" → none.
std::vector<std::string> split_names(const std::string& text);

Flag text_flag(const std::string& name, const std::string& value, const std::string& help);
Flag json_flag(const std::string& help);
Flag cell_flag();

}  // namespace pareto
