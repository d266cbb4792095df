// From --task to the tasks to run: names, groups, tags, wildcards and requests files.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/task.h"

namespace pareto {

struct TaskSelection {
  std::vector<std::string> tasks;  // each once, in the order asked for; "requests:FILE" stays as it is
  // Groups that were asked for and those inside them, parents first, with the depth below the one asked for.
  std::vector<GroupInfo> groups;
  std::vector<int> depths;  // parallel
};

// `text`: "arc_easy,mmlu_*,ai2_arc,requests:FILE.jsonl". kUsage with a hint for what nobody knows.
Result<TaskSelection> select_tasks(const std::string& text);

// "mmlu_*" against "mmlu_stem": '*' any run of characters, '?' any one.
bool matches_wildcard(std::string_view pattern, std::string_view text);

}  // namespace pareto
