#include "harness/select_tasks.h"

#include <algorithm>

#include "core/options.h"

namespace pareto {
namespace {

constexpr std::string_view kRequests = "requests:";

const GroupInfo* find_group(std::string_view name) {
  for (const GroupInfo& group : task_groups())
    if (group.name == name) return &group;
  return nullptr;
}

void add_task(TaskSelection* selection, const std::string& name) {
  if (std::find(selection->tasks.begin(), selection->tasks.end(), name) == selection->tasks.end())
    selection->tasks.push_back(name);
}

void add_group(TaskSelection* selection, const GroupInfo& group, int depth) {
  for (const GroupInfo& known : selection->groups)
    if (known.name == group.name) return;
  selection->groups.push_back(group);
  selection->depths.push_back(depth);
  for (const std::string& member : group.members) {
    if (const GroupInfo* inner = find_group(member)) {
      add_group(selection, *inner, depth + 1);
    } else {
      add_task(selection, member);
    }
  }
}

bool add_tagged(TaskSelection* selection, std::string_view tag) {
  bool any = false;
  for (const TaskEntry& task : tasks()) {
    if (std::find(task.tags.begin(), task.tags.end(), tag) == task.tags.end()) continue;
    add_task(selection, task.name);
    any = true;
  }
  return any;
}

// Groups before tasks, so that "mmlu*" gives mmlu's tree and not only its leaves.
bool add_matching(TaskSelection* selection, std::string_view pattern) {
  bool any = false;
  for (const GroupInfo& group : task_groups())
    if (matches_wildcard(pattern, group.name)) add_group(selection, group, 0), any = true;
  for (const TaskEntry& task : tasks())
    if (matches_wildcard(pattern, task.name)) add_task(selection, task.name), any = true;
  return any;
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const TaskEntry& task : tasks()) {
    names.push_back(task.name);
    names.insert(names.end(), task.tags.begin(), task.tags.end());
  }
  for (const GroupInfo& group : task_groups()) names.push_back(group.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Status add_named(TaskSelection* selection, const std::string& name) {
  if (name == "requests" || name.starts_with(kRequests)) {
    if (name.size() <= kRequests.size()) return fail(Code::kUsage, "task 'requests' needs a file: requests:FILE.jsonl");
    add_task(selection, name);
    return {};
  }
  if (name.find_first_of("*?") != std::string::npos) {
    if (add_matching(selection, name)) return {};
    return fail(Code::kUsage, "no task matches '{}'; 'pareto ls tasks' lists them", name);
  }
  if (const GroupInfo* group = find_group(name)) {
    add_group(selection, *group, 0);
    return {};
  }
  if (find_task(name) != nullptr) {
    add_task(selection, name);
    return {};
  }
  if (add_tagged(selection, name)) return {};
  return tl::unexpected(unknown_name("task", name, all_names()));
}

}  // namespace

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++, resume = t;
    } else if (star != std::string_view::npos) {
      p = star + 1, t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<TaskSelection> select_tasks(const std::string& text) {
  TaskSelection selection;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    begin = end + 1;
    if (!name.empty()) PARETO_CHECK_OK(add_named(&selection, name));
  }
  if (selection.tasks.empty()) return fail(Code::kUsage, "no task; name one with --task, 'pareto ls tasks' lists them");
  return selection;
}

}  // namespace pareto
