// The registries of backends and tasks: filled by static objects before main, so what is not linked is not listed.
#include <algorithm>

#include "core/backend.h"
#include "core/task.h"

namespace pareto {
namespace {

std::vector<BackendEntry>& backend_list() {
  static std::vector<BackendEntry> list;
  return list;
}
std::vector<TaskEntry>& task_list() {
  static std::vector<TaskEntry> list;
  return list;
}
std::vector<GroupInfo>& group_list() {
  static std::vector<GroupInfo> list;
  return list;
}

// Keeps the list sorted by name, whatever the order in which the linker runs the constructors.
template <class T>
void insert_sorted(std::vector<T>& list, T entry) {
  const auto at = std::lower_bound(list.begin(), list.end(), entry.name,
                                   [](const T& a, const std::string& name) { return a.name < name; });
  list.insert(at, std::move(entry));
}

template <class T>
bool replace_sorted(std::vector<T>& list, T entry) {
  for (T& known : list) {
    if (known.name != entry.name) continue;
    known = std::move(entry);
    return true;
  }
  insert_sorted(list, std::move(entry));
  return false;
}

template <class T>
const T* find(const std::vector<T>& list, std::string_view name) {
  for (const T& entry : list)
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace

const std::vector<BackendEntry>& backends() { return backend_list(); }
const BackendEntry* find_backend(std::string_view name) { return find(backend_list(), name); }
RegisterBackend::RegisterBackend(BackendEntry entry) { insert_sorted(backend_list(), std::move(entry)); }

const std::vector<TaskEntry>& tasks() { return task_list(); }
const std::vector<GroupInfo>& task_groups() { return group_list(); }
const TaskEntry* find_task(std::string_view name) { return find(task_list(), name); }
RegisterTask::RegisterTask(TaskEntry entry) { insert_sorted(task_list(), std::move(entry)); }
RegisterGroup::RegisterGroup(GroupInfo group) { insert_sorted(group_list(), std::move(group)); }
bool replace_task(TaskEntry entry) { return replace_sorted(task_list(), std::move(entry)); }
bool replace_group(GroupInfo group) { return replace_sorted(group_list(), std::move(group)); }

}  // namespace pareto
