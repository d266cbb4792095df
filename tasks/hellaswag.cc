// HellaSwag: how a scene goes on, four endings by their text.
//
//   Roof shingle removal: A man is sitting on a roof. He is ripping level tiles off.
//   └ activity_label: ctx_a Ctx_b                        └ one request per ending: " " + its text
//
// Rowan/hellaswag: {"ind", "activity_label", "ctx_a", "ctx_b", "ctx", "endings": [4], "label": "3", …}. Definition:
// lm_eval 0.4.13, tasks/hellaswag (version 1.0): every row gets the columns query, choices and gold, which doc_hash
// covers too; WikiHow's marks are taken out of the texts; evaluated on validation, shots drawn from train, n + 1 of
// them. ctx_b is capitalised as Python's str.capitalize() does it: the rest of it becomes lower case.
#include <charconv>

#include "tasks/common.h"
#include "tasks/python.h"

namespace pareto {
namespace {

std::string without_marks(std::string_view text) {
  static const PythonRegex kBrackets = PythonRegex::compile(R"(\[.*?\])").value();
  const std::string titles = python::replace(python::strip(text), " [title]", ". ");
  return python::replace(kBrackets.remove(titles), "  ", " ");
}

Result<Row> process_hellaswag(const Row& row) {
  PARETO_TRY(const std::string_view activity, row.text("activity_label"));
  PARETO_TRY(const std::string_view before, row.text("ctx_a"));
  PARETO_TRY(const std::string_view after, row.text("ctx_b"));
  PARETO_TRY(const std::vector<std::string> endings, row.strings("endings"));
  PARETO_TRY(const std::string_view label, row.text("label"));
  int gold = -1;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), gold);
  if (error != std::errc() || end != label.data() + label.size() || gold < 0 || gold >= std::ssize(endings)) {
    return fail(Code::kInvalid, "{}: column 'label' is {}, not the number of one of {} endings", row.where(),
                shown(label), endings.size());
  }
  std::vector<Value> choices;
  for (const std::string& ending : endings) choices.emplace_back(without_marks(ending));
  Value processed = Value::dict(row.value().entries());
  processed.set("query", without_marks(fmt::format("{}: {} {}", activity, before, python::capitalize(after))));
  processed.set("choices", Value::list(std::move(choices)));
  processed.set("gold", gold);
  return row.with(std::move(processed));
}

Result<Question> ask_hellaswag(const Row& row) {
  PARETO_TRY(const std::string_view query, row.text("query"));
  PARETO_TRY(const std::int64_t gold, row.integer("gold"));
  Question out;
  PARETO_TRY(out.choices, row.strings("choices"));
  out.text = std::string(query);
  out.gold = static_cast<int>(gold);
  out.target = std::to_string(gold);
  return out;
}

TaskEntry hellaswag_entry() {
  TaskSpec spec;
  spec.info.name = "hellaswag";
  spec.info.version = "1.0";
  spec.info.summary = "HellaSwag: how a scene goes on, four endings by their text";
  spec.info.tags = {"multiple_choice"};
  spec.info.dataset = "Rowan/hellaswag";
  spec.info.metrics = {{"acc"}, {"acc_norm"}};
  spec.documents = {"Rowan/hellaswag", "default", "validation", ""};
  spec.fewshot_split = {"Rowan/hellaswag", "default", "train", ""};
  spec.shots_avoid_document = true;
  spec.process = process_hellaswag;
  spec.ask = ask_hellaswag;
  return task_entry(std::move(spec), make_choice_task);
}

const RegisterTask kHellaswag(hellaswag_entry());

}  // namespace
}  // namespace pareto
