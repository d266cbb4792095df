// pareto mark: marks responses that were produced elsewhere, as a run of the task would have marked them.
//
//   {"response": "… #### 72", "reference": "… #### 72"}
//   → the same line with "marks": {"strict-match": {"extracted": "72", "exact_match": 1.0}, "flexible-extract": {…}}
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/task.h"
#include "harness/commands.h"
#include "harness/include_path.h"
#include "harness/read_input.h"
#include "tasks/python.h"
#include "tasks/rows.h"

namespace pareto {
namespace {

using Json = nlohmann::ordered_json;

Result<std::unique_ptr<Task>> task_named(const std::string& name) {
  if (const TaskEntry* entry = find_task(name)) return entry->make();
  for (const GroupInfo& group : task_groups())
    if (group.name == name)
      return fail(Code::kUsage, "mark takes one task, and '{}' is a group of: {}", name, fmt::join(group.members, " "));
  std::vector<std::string> names;
  for (const TaskEntry& task : tasks()) names.push_back(task.name);
  return tl::unexpected(unknown_name("task", name, names));
}

// One text, or one per repeat.
Result<std::vector<std::string>> responses_of(const Row& row) {
  PARETO_TRY(const Value response, row.at("response"));
  if (response.is(Value::Type::kList)) {
    PARETO_TRY(std::vector<std::string> texts, row.strings("response"));
    if (texts.empty()) return fail(Code::kInvalid, "{}: column 'response' is an empty list", row.where());
    return texts;
  }
  PARETO_TRY(const std::string_view text, row.text("response"));
  return std::vector<std::string>{std::string(text)};
}

// A list of texts, one text or number, or an object: columns of the row.
Result<Reference> reference_of(const Row& row) {
  PARETO_TRY(const Value value, row.at("reference"));
  Reference reference{python::str(value), {}, {}};
  if (value.is_dict()) {
    PARETO_TRY(reference.columns, python::json_dumps(value, {.text = python::JsonStyle::Text::kRaw}));
  } else if (value.is(Value::Type::kList)) {
    PARETO_TRY(reference.items, row.strings("reference"));
    if (reference.items.empty()) return fail(Code::kInvalid, "{}: column 'reference' is an empty list", row.where());
  } else {
    reference.items = {reference.text};
  }
  return reference;
}

Json marks_json(const std::vector<Marked>& marks) {
  Json all = Json::object();
  for (const Marked& mark : marks) {
    Json one = {{"extracted", mark.extracted.value_or(mark.filtered)}};
    for (const auto& [metric, value] : mark.metrics) one[metric] = value;
    all[mark.filter] = one;
  }
  return all;
}

Result<std::string> marked_lines(const Task& task, std::string_view input) {
  PARETO_TRY(const std::vector<Row> rows, parse_jsonl(input, "standard input"));
  std::string out;
  for (const Row& row : rows) {
    PARETO_TRY(const std::vector<std::string> responses, responses_of(row));
    PARETO_TRY(const Reference reference, reference_of(row));
    const Result<std::vector<Marked>> marks = task.mark(reference, responses);
    if (!marks) return fail(marks.error().code, "{}: {}", row.where(), marks.error().message);
    Json line = Json::parse(row.json(), nullptr, /*allow_exceptions=*/false);
    line["marks"] = marks_json(*marks);
    out += line.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
  }
  return out;
}

Result<std::string> marked(const Arguments& arguments) {
  if (!arguments.has("task")) return fail(Code::kUsage, "mark needs --task NAME; 'pareto ls tasks' lists them");
  PARETO_CHECK_OK(include_tasks(arguments.text("include_path")));
  PARETO_TRY(const std::unique_ptr<Task> task, task_named(arguments.text("task")));
  PARETO_CHECK_OK(task->prepare_mark(arguments.text("data_dir")));
  PARETO_TRY(const std::string input, read_standard_input());
  return marked_lines(*task, input);
}

int run(const Arguments& arguments) {
  const Result<std::string> out = marked(arguments);
  if (!out) return report(out.error());
  fmt::print("{}", *out);
  if (std::fflush(stdout) != 0) return report({Code::kIo, "standard output: cannot be written"});
  return 0;
}

}  // namespace

Command mark_command() {
  Flag task;
  task.spec.name = "task";
  task.spec.type = OptionSpec::Type::kString;
  task.spec.help = "whose marking to use";
  task.value = "NAME";
  task.aliases = {"-t", "--tasks"};
  Flag data_dir;
  data_dir.spec.name = "data_dir";
  data_dir.spec.type = OptionSpec::Type::kString;
  data_dir.spec.help = "where the word lists of Chinese marks are; default: $PARETO_DATA, else the user's cache";
  data_dir.value = "DIR";
  Flag json;
  json.spec.name = "json";
  json.spec.type = OptionSpec::Type::kBool;
  json.spec.default_value = "false";
  json.spec.help = "one JSON object a line: what is printed in any case";
  json.arity = Arity::kSwitch;
  Command command;
  command.name = "mark";
  command.summary = "mark responses made elsewhere: JSON lines with response and reference on standard input";
  command.example = "pareto mark --task gsm8k < answers.jsonl";
  command.flags = {task, include_path_flag(), data_dir, json};
  command.run = run;
  return command;
}

}  // namespace pareto
