#include "harness/include_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

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
  std::vector<std::string> replaced;
  for (TaskEntry& entry : declared.tasks) {
    const std::string name = entry.name;
    if (replace_task(std::move(entry))) replaced.push_back(name);
  }
  constexpr std::ptrdiff_t kMost = 4;
  if (!replaced.empty())
    fmt::print(stderr, "pareto: {} of {} take the place of built-in tasks: {}{}\n", replaced.size(), folder,
               fmt::join(replaced.begin(), replaced.begin() + std::min(kMost, std::ssize(replaced)), " "),
               std::ssize(replaced) > kMost ? " …" : "");
  for (GroupInfo& group : declared.groups) replace_group(std::move(group));
  return {};
}

}  // namespace pareto
