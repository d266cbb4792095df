// --include_path: tasks that files declare.
#pragma once

#include <string>

#include "core/result.h"
#include "harness/flags.h"

namespace pareto {

Flag include_path_flag();

// Adds the tasks and groups that the YAML files under `folder` declare ("": none) to the known ones; those that take
// the place of known ones are named on standard error. Errors: as declare_tasks().
Status include_tasks(const std::string& folder);

}  // namespace pareto
