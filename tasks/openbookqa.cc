// OpenBookQA: elementary science that needs one fact more than the question holds; the choice's text is scored.
//
//   A person wants to start saving money so that … they decide the best way to save money is to quit eating lunch out
//   └ the stem as it is, nothing around it                                                     └ one request per choice
//
// allenai/openbookqa main: {"id", "question_stem", "choices": {"text": [4], "label": ["A", …]}, "answerKey"}.
// Definition: lm_eval 0.4.13, tasks/openbookqa (version 1.0): evaluated on test, shots drawn from train.
#include <algorithm>

#include "tasks/common.h"
#include "tasks/python.h"

namespace pareto {
namespace {

Result<Question> ask_openbook(const Row& row) {
  Question out;
  PARETO_TRY(const std::string_view stem, row.text("question_stem"));
  PARETO_TRY(const std::string_view key, row.text("answerKey"));
  PARETO_TRY(out.choices, row.strings("choices.text"));
  PARETO_TRY(out.gold, label_index(row, "choices.label", python::lstrip(key), out.choices.size()));
  out.text = std::string(stem);
  out.target = std::to_string(out.gold);
  return out;
}

TaskEntry openbook_entry() {
  TaskSpec spec;
  spec.info.name = "openbookqa";
  spec.info.version = "1.0";
  spec.info.summary = "OpenBookQA: elementary science, four choices by their text";
  spec.info.dataset = "allenai/openbookqa main";
  spec.info.metrics = {{"acc"}, {"acc_norm"}};
  spec.documents = {"allenai/openbookqa", "main", "test", ""};
  spec.fewshot_split = {"allenai/openbookqa", "main", "train", ""};
  spec.ask = ask_openbook;
  return task_entry(std::move(spec), make_choice_task);
}

const RegisterTask kOpenbook(openbook_entry());

}  // namespace
}  // namespace pareto
