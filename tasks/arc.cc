// ARC: grade-school science questions, three to five choices, the choice's text is scored.
//
//   Question: Which statement best explains why …?
//   Answer: Sunlight is the source of energy for nearly all ecosystems.
//           └ one request per choice: " " + its text
//
// allenai/ai2_arc: {"id", "question", "choices": {"text": [...], "label": ["A", …] or ["1", …]}, "answerKey"}.
// Definition: lm_eval 0.4.13, tasks/arc/arc_easy.yaml: evaluated on test, shots drawn from train, no default number of
// shots.
#include "tasks/common.h"

namespace pareto {
namespace {

Result<Question> ask(const Row& row) {
  PARETO_TRY(const std::string_view question, row.text("question"));
  PARETO_TRY(const std::string_view key, row.text("answerKey"));
  Question out;
  PARETO_TRY(out.choices, row.strings("choices.text"));
  PARETO_TRY(out.gold, label_index(row, "choices.label", key, out.choices.size()));
  out.text = fmt::format("Question: {}\nAnswer:", question);
  out.target = std::to_string(out.gold);
  return out;
}

TaskEntry entry(const std::string& name, const std::string& config, const std::string& summary) {
  TaskSpec spec;
  spec.info.name = name;
  spec.info.version = "1.0";
  spec.info.summary = summary;
  spec.info.tags = {"ai2_arc"};
  spec.info.dataset = "allenai/ai2_arc " + config;
  spec.info.metrics = {{"acc"}, {"acc_norm"}};
  spec.documents = {"allenai/ai2_arc", config, "test", ""};
  spec.fewshot_split = {"allenai/ai2_arc", config, "train", ""};
  spec.ask = ask;
  return task_entry(std::move(spec), make_choice_task);
}

const RegisterTask kEasy(entry("arc_easy", "ARC-Easy",
                               "grade-school science, the easier questions; choices by their text"));
const RegisterTask kChallenge(entry("arc_challenge", "ARC-Challenge",
                                    "grade-school science, the harder questions; choices by their text"));

}  // namespace
}  // namespace pareto
