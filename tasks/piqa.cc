// PIQA: which of two ways reaches an everyday goal; the way's text is scored.
//
//   Question: How do I ready a guinea pig cage for it's new occupants?
//   Answer: Provide the guinea pig with …        one request per way: " " + its text
//
// baber/piqa: {"goal", "sol1", "sol2", "label": 0 or 1}. Definition: lm_eval 0.4.13, tasks/piqa (version 1.0):
// evaluated on validation, shots drawn from train; as the task names no test split, n + 1 of them.
#include "tasks/common.h"

namespace pareto {
namespace {

Result<Question> ask_piqa(const Row& row) {
  PARETO_TRY(const std::string_view goal, row.text("goal"));
  PARETO_TRY(const std::string_view first, row.text("sol1"));
  PARETO_TRY(const std::string_view second, row.text("sol2"));
  PARETO_TRY(const std::int64_t label, row.integer("label"));
  if (label != 0 && label != 1) return fail(Code::kInvalid, "{}: column 'label' is {}, not 0 or 1", row.where(), label);
  Question out;
  out.text = fmt::format("Question: {}\nAnswer:", goal);
  out.choices = {std::string(first), std::string(second)};
  out.gold = static_cast<int>(label);
  out.target = std::to_string(label);
  return out;
}

TaskEntry piqa_entry() {
  TaskSpec spec;
  spec.info.name = "piqa";
  spec.info.version = "1.0";
  spec.info.summary = "PIQA: everyday physics, two ways by their text";
  spec.info.dataset = "baber/piqa";
  spec.info.metrics = {{"acc"}, {"acc_norm"}};
  spec.documents = {"baber/piqa", "default", "validation", ""};
  spec.fewshot_split = {"baber/piqa", "default", "train", ""};
  spec.shots_avoid_document = true;
  spec.ask = ask_piqa;
  return task_entry(std::move(spec), make_choice_task);
}

const RegisterTask kPiqa(piqa_entry());

}  // namespace
}  // namespace pareto
