#include "results/run_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "core/files.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Never throws: a null for what is not there.
const Json& member(const Json& object, const char* key) {
  static const Json kNull;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : kNull;
}

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() ? value.dump() : "";
}

std::optional<Interval> interval_of(const Json& value) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_number() || !value[1].is_number()) return std::nullopt;
  return Interval{value[0].get<double>(), value[1].get<double>()};
}

void add_measured(const std::string& name, const Json& value, std::optional<Interval> ci95, Run* run) {
  if (!value.is_number()) return;
  std::erase_if(run->measured, [&](const MeasuredCost& cost) { return cost.name == name; });
  run->measured.push_back({name, value.get<double>(), ci95});
}

// latency.ttft_ns.p99 → "ttft_ns.p99"; throughput and memory by their own names.
void add_measured_costs(const Json& ours, Run* run) {
  for (const auto& [kind, statistics] : member(ours, "latency").items()) {
    if (!statistics.is_object() || !kind.ends_with("_ns")) continue;
    if (const Json& n = member(statistics, "n"); n.is_number() && n.get<double>() == 0) continue;
    for (const auto& [statistic, value] : statistics.items())
      if (statistic != "n")
        add_measured(fmt::format("{}.{}", kind, statistic), value,
                     interval_of(member(member(statistics, "ci95"), statistic.c_str())), run);
  }
  const Json& throughput = member(ours, "throughput");
  for (const auto& [name, value] : throughput.items())
    if (name.ends_with("_per_s")) add_measured(name, value, std::nullopt, run);
  add_measured("serve_s", member(member(throughput, "seconds"), "serve"), std::nullopt, run);
  add_measured("peak_memory_bytes", member(member(ours, "environment"), "peak_memory_bytes"), std::nullopt, run);
}

std::vector<RunDefinition> definitions_of(const Json& row) {
  std::vector<RunDefinition> out;
  for (const auto& [norm, values] : member(row, "definitions").items()) {
    const Json &accuracy = member(values, "acc"), &ties = member(values, "ties");
    if (accuracy.is_number())
      out.push_back({norm, accuracy.get<double>(), ties.is_number() ? ties.get<std::int64_t>() : 0});
  }
  return out;
}

// "acc,none", without the errors, counts and names that stand beside the metrics.
std::vector<std::string> metric_keys(const Json& row) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : row.items()) {
    const std::size_t comma = key.find(',');
    if (comma != std::string::npos && value.is_number() && !key.substr(0, comma).ends_with("_stderr"))
      keys.push_back(key);
  }
  return keys;
}

// The tasks below a group, through groups below it; a name seen before is not followed again.
void add_leaves(const Json& subtasks, const std::string& name, std::set<std::string>* seen,
                std::vector<std::string>* leaves) {
  if (!seen->insert(name).second) return;
  const Json& members = member(subtasks, name.c_str());
  if (!members.is_array() || members.empty()) {
    leaves->push_back(name);
    return;
  }
  for (const Json& one : members)
    if (one.is_string()) add_leaves(subtasks, one.get<std::string>(), seen, leaves);
}

void add_groups(const Json& root, Run* run) {
  const Json& subtasks = member(root, "group_subtasks");
  for (const auto& [name, members] : subtasks.items()) {
    if (!members.is_array() || members.empty()) continue;
    std::set<std::string> seen;
    std::vector<std::string> leaves;
    add_leaves(subtasks, name, &seen, &leaves);
    std::erase_if(leaves, [&](const std::string& leaf) { return run->task(leaf) == nullptr; });
    if (!leaves.empty()) run->groups[name] = std::move(leaves);
  }
}

Status refuse_failed(const Json& ours, const std::string& name) {
  const Json& error = member(ours, "error");
  if (!error.is_object()) return {};
  return fail(Code::kInvalid, "{}: this run failed: {}; run it again", name, text_of(member(error, "message")));
}

// --- Files --------------------------------------------------------------------------------------------------------

struct CellFolder {
  std::string folder;
  std::vector<std::string> results;  // oldest first: names hold the time
};

// "samples_arc_easy_2026-….jsonl" → "arc_easy", its time.
struct StampedName {
  std::string task, time;
};
std::optional<StampedName> samples_name(const std::string& file) {
  constexpr std::string_view kPrefix = "samples_", kSuffix = ".jsonl";
  if (!file.starts_with(kPrefix) || !file.ends_with(kSuffix)) return std::nullopt;
  const std::string middle = file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size());
  const std::size_t underscore = middle.rfind('_');
  if (underscore == std::string::npos || underscore == 0) return std::nullopt;
  return StampedName{middle.substr(0, underscore), middle.substr(underscore + 1)};
}

bool is_results_name(const std::string& file) { return file.starts_with("results_") && file.ends_with(".json"); }

Result<std::vector<CellFolder>> cells_in(const std::string& path) {
  std::error_code error;
  std::map<std::string, CellFolder> cells;
  fs::recursive_directory_iterator files(path, fs::directory_options::skip_permission_denied, error);
  if (error) return fail(Code::kIo, "{}: {}", path, error.message());
  for (; files != fs::recursive_directory_iterator(); files.increment(error)) {
    if (error) return fail(Code::kIo, "{}: {}", path, error.message());
    if (!is_results_name(files->path().filename().string())) continue;
    const std::string folder = files->path().parent_path().string();
    cells[folder].folder = folder;
    cells[folder].results.push_back(files->path().string());
  }
  std::vector<CellFolder> out;
  for (auto& [folder, cell] : cells) {
    std::sort(cell.results.begin(), cell.results.end());
    out.push_back(std::move(cell));
  }
  return out;
}

std::string name_of_folder(const std::string& folder) {
  return fs::path(folder).lexically_normal().filename().string();
}

Result<CellFolder> one_cell(const std::string& path, const std::string& wanted) {
  std::error_code error;
  if (!fs::exists(path, error)) return fail(Code::kNotFound, "{}: no such file or folder", path);
  if (!fs::is_directory(path, error)) {
    const fs::path parent = fs::path(path).parent_path();
    return CellFolder{parent.empty() ? "." : parent.string(), {path}};
  }
  PARETO_TRY(std::vector<CellFolder> cells, cells_in(path));
  if (cells.empty())
    return fail(Code::kNotFound, "{}: no results_*.json in it; give the --output folder of a run", path);
  if (cells.size() > 1 && !wanted.empty())
    std::erase_if(cells, [&](const CellFolder& cell) { return name_of_folder(cell.folder) != wanted; });
  if (cells.empty()) return fail(Code::kNotFound, "{}: no cell '{}' in it", path, wanted);
  if (cells.size() == 1) return std::move(cells.front());
  std::string names;
  for (std::size_t i = 0; i < std::min<std::size_t>(cells.size(), 4); ++i)
    names += (i > 0 ? ", " : "") + cells[i].folder;
  if (cells.size() > 4) names += ", …";
  return fail(Code::kUnsupported, "{}: {} cells; give one of their folders, or --cell NAME: {}", path, cells.size(),
              names);
}

std::string time_of_results(const std::string& path) {
  constexpr std::size_t kPrefix = 8, kSuffix = 5;  // results_, .json
  const std::string file = fs::path(path).filename().string();
  return is_results_name(file) ? file.substr(kPrefix, file.size() - kPrefix - kSuffix) : "";
}

// A task's samples of the same time as the results, else its newest.
void find_samples(const std::string& folder, const std::string& time, Run* run) {
  std::map<std::string, std::string> times;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = samples_name(entry.path().filename().string());
    if (!name) continue;
    std::string& best = times[name->task];
    if (best.empty() || name->time == time || (best != time && name->time > best)) best = name->time;
  }
  for (RunTask& task : run->tasks)
    if (const auto found = times.find(task.name); found != times.end() && task.samples_path.empty())
      task.samples_path = fmt::format("{}/samples_{}_{}.jsonl", folder, task.name, found->second);
}

bool is_wanted(const Run& run, const std::string& task, const std::vector<std::string>& wanted) {
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
           if (name == task) return true;
           const auto group = run.groups.find(name);
           return group != run.groups.end() &&
                  std::find(group->second.begin(), group->second.end(), task) != group->second.end();
         });
}

}  // namespace

const RunTask* Run::task(std::string_view name) const {
  for (const RunTask& one : tasks)
    if (one.name == name) return &one;
  return nullptr;
}

Status parse_results(std::string_view text, const std::string& name, Run* run) {
  const Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !member(root, "results").is_object())
    return fail(Code::kInvalid, "{}: no results file: it has no object 'results'", name);
  const Json& ours = member(root, "pareto");
  PARETO_CHECK_OK(refuse_failed(ours, name));
  const Json& subtasks = member(root, "group_subtasks");
  for (const auto& [task, row] : root["results"].items()) {
    const Json& members = member(subtasks, task.c_str());
    if (!row.is_object() || (members.is_array() && !members.empty())) continue;
    RunTask out;
    out.name = task;
    out.version = text_of(member(member(root, "versions"), task.c_str()));
    out.keys = metric_keys(row);
    for (const auto& [metric, better] : member(member(root, "higher_is_better"), task.c_str()).items())
      if (better.is_boolean()) out.higher_is_better[metric] = better.get<bool>();
    out.definitions = definitions_of(member(member(ours, "tasks"), task.c_str()));
    std::erase_if(run->tasks, [&name = out.name](const RunTask& old) { return old.name == name; });
    run->tasks.push_back(std::move(out));
  }
  add_groups(root, run);
  add_measured_costs(ours, run);
  const std::string model = text_of(member(root, "model_name"));
  const std::string cell = text_of(member(ours, "cell_id"));
  if (!model.empty() || !cell.empty()) run->label = model + (model.empty() || cell.empty() ? "" : " ") + cell;
  return {};
}

Result<Run> read_run(const std::string& path, const RunSelection& selection) {
  PARETO_TRY(const CellFolder cell, one_cell(path, selection.cell));
  Run run;
  run.path = path;
  run.folder = cell.folder;
  run.label = name_of_folder(cell.folder);
  for (const std::string& results : cell.results) {
    PARETO_TRY(const std::string text, read_file(results));
    PARETO_CHECK_OK(parse_results(text, results, &run));
    find_samples(cell.folder, time_of_results(results), &run);
  }
  for (RunTask& task : run.tasks)
    if (!task.samples_path.empty() && is_wanted(run, task.name, selection.tasks)) {
      PARETO_TRY(task.filters, read_samples(task.samples_path));
    }
  return run;
}

}  // namespace pareto
