#include "tasks/declared.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/files.h"
#include "core/options.h"
#include "tasks/declared_fields.h"
#include "tasks/python.h"

namespace pareto::declared {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = 4 << 20;
constexpr std::size_t kMostIncludes = 1000;  // of one task file, those of its includes among them
constexpr std::size_t kDeepestInclude = 50;

// --- Files and includes -------------------------------------------------------------------------------------------

Result<std::string> read_task_file(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return fail(Code::kNotFound, "{}: cannot be read", path);  // nor a device
  return read_file(path, kLargestFile);
}

void put(Yaml* map, const YamlEntry& entry) {
  for (YamlEntry& known : map->entries) {
    if (known.key != entry.key) continue;
    known = entry;
    return;
  }
  map->entries.push_back(entry);
}

// The file behind a path, however it is written; the path itself where it cannot be followed.
std::string canonical_path(const std::string& path) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

// What reading one task file with its includes has come through.
struct Includes {
  std::vector<std::string> open;  // from the task file to the one that is read
  std::size_t read = 0;
};

// `included`: every file that was reached through an include.
Result<Yaml> read_with_includes(const std::string& path, Includes* includes, std::set<std::string>* included) {
  std::vector<std::string>* const open = &includes->open;
  const std::string canonical = canonical_path(path);
  if (std::find(open->begin(), open->end(), canonical) != open->end())
    return fail(Code::kInvalid, "{}: includes itself", path);
  if (open->size() > kDeepestInclude)
    return fail(Code::kInvalid, "{}: includes inside one another more than {} deep", path, kDeepestInclude);
  if (includes->read++ > kMostIncludes)
    return fail(Code::kInvalid, "{}: its includes read more than {} files", open->front(), kMostIncludes);
  PARETO_TRY(const std::string text, read_task_file(path));
  PARETO_TRY(const Yaml own, parse_yaml(text, path));
  if (own.type != Yaml::Type::kMap)
    return fail(Code::kInvalid, "{}: a task file holds fields, 'task: name' and more", path);
  const Yaml* include = own.get("include");
  if (include == nullptr || include->is_null()) return own;
  PARETO_TRY(const std::vector<std::string> names, yaml_texts(*include, "include"));
  open->push_back(canonical);
  Yaml merged = own;
  merged.entries.clear();
  for (const std::string& name : names) {
    const std::string base = (fs::path(path).parent_path() / name).string();
    if (std::error_code ignored; !fs::exists(base, ignored))
      return fail(Code::kNotFound, "{}: include: no file {}", include->where(), base);
    included->insert(canonical_path(base));
    PARETO_TRY(const Yaml below, read_with_includes(base, includes, included));
    for (const YamlEntry& entry : below.entries) put(&merged, entry);
  }
  open->pop_back();
  for (const YamlEntry& entry : own.entries)
    if (entry.key != "include") put(&merged, entry);
  return merged;
}

Result<std::vector<std::string>> files_under(const std::string& folder) {
  std::error_code error;
  if (fs::is_regular_file(folder, error)) return std::vector<std::string>{folder};
  if (!fs::is_directory(folder, error)) return fail(Code::kNotFound, "--include_path {}: no such folder", folder);
  std::vector<std::string> files;
  for (auto at = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code ignored;  // a link that leads nowhere is no file
    if (name == "__pycache__" || name == ".ipynb_checkpoints") at.disable_recursion_pending();
    if (at->is_regular_file(ignored) && at->path().extension() == ".yaml") files.push_back(at->path().string());
  }
  if (error) return fail(Code::kIo, "--include_path {}: {}", folder, error.message());
  std::sort(files.begin(), files.end());
  return files;
}

// --- Tasks --------------------------------------------------------------------------------------------------------

// A task whose fields are wrong: known by name, loads into what is wrong with it.
class BrokenTask final : public Task {
 public:
  BrokenTask(std::string name, Error error) : error_(std::move(error)) { info_.name = std::move(name); }
  const TaskInfo& info() const override { return info_; }
  Status load(const TaskOptions&) override { return tl::unexpected(error_); }
  std::span<const Document> documents() const override { return {}; }
  std::vector<Request> requests() const override { return {}; }
  std::vector<Marked> score(int, std::span<const Response* const>) const override { return {}; }
  Status prepare_mark(const std::string&) override { return tl::unexpected(error_); }

 private:
  TaskInfo info_;
  Error error_;
};

TaskEntry entry_of(const std::string& name, const std::vector<std::string>& tags, const Yaml& fields) {
  const Result<TaskSpec> spec = declared_spec(fields);
  if (!spec) {
    return {.name = name,
            .summary = "cannot be used: " + spec.error().message,
            .tags = tags,
            .make = [name, error = spec.error()] { return std::make_unique<BrokenTask>(name, error); }};
  }
  return {.name = name, .summary = spec->info.summary, .tags = spec->info.tags, .make = [spec = *spec] {
            return make_declared_task(spec);
          }};
}

// --- Groups -------------------------------------------------------------------------------------------------------

struct GroupDraft {
  GroupInfo info;
  std::vector<Yaml> members;  // where they stand, parallel to info.members
};

Result<GroupMetric> group_metric(const Yaml& fields) {
  if (fields.type != Yaml::Type::kMap)
    return wrong_yaml(fields, "aggregate_metric_list", "a list of maps with 'metric'");
  PARETO_CHECK_OK(check_yaml_keys(fields, "field of aggregate_metric_list",
                                  {"metric", "aggregation", "weight_by_size", "filter_list"}));
  GroupMetric metric;
  const Yaml* name = fields.get("metric");
  if (name == nullptr || !name->value.is_string())
    return fail(Code::kInvalid, "{}: an entry of aggregate_metric_list needs 'metric: name'", fields.where());
  metric.metric = name->text;
  if (const Yaml* way = fields.get("aggregation"); way != nullptr && way->text != "mean")
    return fail(Code::kUnsupported, "{}: aggregation '{}' of a group is not supported; there is: mean", way->where(),
                way->text);
  if (const Yaml* by_size = fields.get("weight_by_size")) {
    if (!by_size->value.is(Value::Type::kBool)) return wrong_yaml(*by_size, "weight_by_size", "true or false");
    metric.weight_by_size = by_size->value.boolean();
  }
  if (const Yaml* filters = fields.get("filter_list")) {
    PARETO_TRY(metric.filters, yaml_texts(*filters, "filter_list"));
  }
  return metric;
}

std::string version_of(const Yaml& fields) {
  const Yaml* metadata = fields.get("metadata");
  const Yaml* version = metadata == nullptr ? nullptr : metadata->get("version");
  return version == nullptr ? "N/A" : version->text;
}

// `name` and every group that is written out inside it.
Status add_group(const std::string& name, const Yaml& fields, std::vector<GroupDraft>* all) {
  PARETO_CHECK_OK(check_yaml_keys(fields, "field of a group",
                                  {"group", "group_alias", "task", "aggregate_metric_list", "metadata", "tag"}));
  GroupDraft draft;
  draft.info = {.name = name, .alias = name, .version = version_of(fields), .members = {}, .metrics = {}};
  if (const Yaml* alias = fields.get("group_alias"); alias != nullptr && !alias->is_null())
    draft.info.alias = alias->text;
  const Yaml* members = fields.get("task");
  if (members == nullptr || members->type != Yaml::Type::kList)
    return wrong_yaml(members == nullptr ? fields : *members, "task", "a list of the group's tasks");
  for (const Yaml& member : members->items) {
    std::string member_name = member.text;
    if (member.type == Yaml::Type::kMap) {
      const Yaml* inner = member.get("group");
      if (inner == nullptr)
        return fail(Code::kUnsupported,
                    "{}: fields of a task cannot be changed inside a group; declare a task of its own with 'include'",
                    member.where());
      member_name = fmt::format("{}::{}", name, inner->text);
      PARETO_CHECK_OK(add_group(member_name, member, all));
    } else if (!member.value.is_string()) {
      return wrong_yaml(member, "task", "names of tasks, groups or tags");
    }
    draft.info.members.push_back(member_name);
    draft.members.push_back(member);
  }
  if (const Yaml* metrics = fields.get("aggregate_metric_list"); metrics != nullptr && !metrics->is_null()) {
    const std::vector<Yaml> one = {*metrics};
    for (const Yaml& entry : metrics->type == Yaml::Type::kList ? metrics->items : one) {
      PARETO_TRY(GroupMetric metric, group_metric(entry));
      draft.info.metrics.push_back(std::move(metric));
    }
  }
  all->push_back(std::move(draft));
  return {};
}

// --- The whole folder ---------------------------------------------------------------------------------------------

class Folder {
 public:
  Status add(const std::string& path, const Yaml& fields) {
    const Yaml* group = fields.get("group");
    const Yaml* task = fields.get("task");
    const bool is_group = group != nullptr && (task == nullptr || task->type == Yaml::Type::kList);
    const Yaml* name = is_group ? group : task;
    if (name == nullptr) return nameless(path, fields);
    if (!name->value.is_string() || name->text.empty()) return wrong_yaml(*name, is_group ? "group" : "task", "a name");
    if (const auto [known, fresh] = places_.emplace(name->text, name->where()); !fresh)
      return fail(Code::kInvalid, "{}: '{}' is the name of the one in {} too", name->where(), name->text,
                  known->second);
    if (is_group) return add_group(name->text, fields, &groups_);
    std::vector<std::string> tags;
    for (const char* key : {"tag", "group"}) {
      const Yaml* value = fields.get(key);
      if (value == nullptr) continue;
      PARETO_TRY(const std::vector<std::string> some, yaml_texts(*value, key));
      tags.insert(tags.end(), some.begin(), some.end());
    }
    out_.tasks.push_back(entry_of(name->text, tags, fields));
    return {};
  }

  // Members that are tags become the tasks that carry them.
  Result<DeclaredTasks> finish() && {
    for (GroupDraft& draft : groups_) {
      std::vector<std::string> members;
      for (std::size_t i = 0; i < draft.info.members.size(); ++i) {
        PARETO_TRY(const std::vector<std::string> names, resolved(draft.info.members[i], draft.members[i]));
        members.insert(members.end(), names.begin(), names.end());
      }
      draft.info.members = std::move(members);
      out_.groups.push_back(draft.info);
    }
    return std::move(out_);
  }

 private:
  static Status nameless(const std::string& path, const Yaml& fields) {
    for (const YamlEntry& entry : fields.entries) {
      const std::string near = nearest_name(entry.key, {"task", "group"});
      if (!near.empty())
        return fail(Code::kInvalid, "{}:{}: no field '{}'; did you mean '{}'?", path, entry.line, entry.key, near);
    }
    return fail(Code::kInvalid,
                "{}: names neither a task nor a group; add 'task: name', or give a file that others "
                "include another ending than .yaml",
                path);
  }

  bool is_task_or_group(const std::string& name) const {
    const auto named = [&](const auto& list) {
      return std::any_of(list.begin(), list.end(), [&](const auto& entry) { return entry.name == name; });
    };
    const bool declared =
        std::any_of(groups_.begin(), groups_.end(), [&](const GroupDraft& draft) { return draft.info.name == name; });
    return declared || named(out_.tasks) || named(tasks()) || named(task_groups());
  }

  Result<std::vector<std::string>> resolved(const std::string& name, const Yaml& place) const {
    if (is_task_or_group(name)) return std::vector<std::string>{name};
    std::set<std::string> tagged, known;
    for (const std::vector<TaskEntry>* list : {&out_.tasks, &tasks()}) {
      for (const TaskEntry& task : *list) {
        if (std::count(task.tags.begin(), task.tags.end(), name) > 0) tagged.insert(task.name);
        known.insert(task.name);
        known.insert(task.tags.begin(), task.tags.end());
      }
    }
    if (!tagged.empty()) return std::vector<std::string>{tagged.begin(), tagged.end()};
    const std::string near = nearest_name(name, {known.begin(), known.end()});
    return fail(Code::kInvalid, "{}: no task, group or tag '{}'{}", place.where(), name,
                near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }

  DeclaredTasks out_;
  std::vector<GroupDraft> groups_;
  std::map<std::string, std::string> places_;  // of names
};

Result<DeclaredTasks> read_folder(const std::string& folder) {
  PARETO_TRY(const std::vector<std::string> files, files_under(folder));
  std::vector<Yaml> read;
  std::set<std::string> included;
  for (const std::string& path : files) {
    Includes includes;
    PARETO_TRY(Yaml fields, read_with_includes(path, &includes, &included));
    read.push_back(std::move(fields));
  }
  Folder all;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool named = read[i].get("task") != nullptr || read[i].get("group") != nullptr;
    if (!named && included.count(canonical_path(files[i])) > 0) continue;  // there for the others
    PARETO_CHECK_OK(all.add(files[i], read[i]));
  }
  PARETO_TRY(DeclaredTasks declared, std::move(all).finish());
  if (declared.tasks.empty() && declared.groups.empty())
    return fail(Code::kNotFound, "--include_path {}: no *.yaml in it declares a task or a group", folder);
  return declared;
}

}  // namespace
}  // namespace pareto::declared

namespace pareto {

Result<Yaml> read_task_file(const std::string& path) {
  declared::Includes includes;
  std::set<std::string> included;
  auto fields = declared::read_with_includes(path, &includes, &included);
  if (!fields) return tl::unexpected(on_one_line(fields.error()));
  return fields;
}

Result<DeclaredTasks> declare_tasks(const std::string& folder) {
  auto declared = declared::read_folder(folder);
  if (!declared) return tl::unexpected(on_one_line(declared.error()));
  return declared;
}

}  // namespace pareto
