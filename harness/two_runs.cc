#include "harness/two_runs.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "core/options.h"

namespace pareto {
namespace {

void add_names(const Run& run, std::vector<std::string>* names) {
  for (const auto& [group, leaves] : run.groups) names->push_back(group);
  for (const RunTask& task : run.tasks) names->push_back(task.name);
}

}  // namespace

Result<TwoRuns> read_two_runs(const std::string& a, const std::string& b, const RunSelection& selection) {
  std::optional<Result<Run>> second;
  std::jthread other([&] { second.emplace(read_run(b, selection)); });
  Result<Run> first = read_run(a, selection);
  other.join();
  if (!first) return tl::unexpected(first.error());
  if (!*second) return tl::unexpected(second->error());
  return TwoRuns{std::move(*first), std::move(**second)};
}

Status check_task_names(const TwoRuns& runs, const std::vector<std::string>& names) {
  std::vector<std::string> known;
  add_names(runs.a, &known);
  add_names(runs.b, &known);
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string list;
    for (std::size_t i = 0; i < std::min<std::size_t>(known.size(), 8); ++i) list += " " + known[i];
    const std::string near = nearest_name(name, known);
    return fail(Code::kUsage, "no task '{}' in the runs; they have:{}{}{}", name, list, known.size() > 8 ? " …" : "",
                near.empty() ? "" : "; did you mean '" + near + "'?");
  }
  return {};
}

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) names.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return names;
}

Flag text_flag(const std::string& name, const std::string& value, const std::string& help) {
  Flag flag;
  flag.spec.name = name;
  flag.spec.type = OptionSpec::Type::kString;
  flag.spec.help = help;
  flag.value = value;
  return flag;
}

Flag json_flag(const std::string& help) {
  Flag flag;
  flag.spec.name = "json";
  flag.spec.type = OptionSpec::Type::kBool;
  flag.spec.default_value = "false";
  flag.spec.help = help;
  flag.arity = Arity::kSwitch;
  return flag;
}

Flag cell_flag() { return text_flag("cell", "NAME", "the cell's folder to take where A or B holds several"); }

}  // namespace pareto
