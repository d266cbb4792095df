#include "harness/include_path.h"

#include <fmt/format.h>

#include <cstdio>

#include "tasks/declared.h"

namespace pareto {

Flag include_path_flag() {
  Flag flag;
  flag.spec.name = "include_path";
  flag.spec.type = OptionSpec::Type::kString;
  flag.spec.help = "folder of task files (lm-eval's YAML) to be known too";
  flag.value = "DIR";
  flag.effect = Effect::kPlace;
  return flag;
}

Status include_tasks(const std::string& folder) {
  if (folder.empty()) return {};
  PARETO_TRY(DeclaredTasks declared, declare_tasks(folder));
  for (TaskEntry& entry : declared.tasks) {
    const std::string name = entry.name;
    if (replace_task(std::move(entry)))
      fmt::print(stderr, "pareto: task '{}' of {} takes the place of the built-in one\n", name, folder);
  }
  for (GroupInfo& group : declared.groups) replace_group(std::move(group));
  return {};
}

}  // namespace pareto
