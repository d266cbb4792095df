// CommonsenseQA: five choices, the letter is scored.
//
//   Question: A revolving door is convenient for two direction travel, but … at a what?
//   A. bank ⏎ B. library ⏎ C. department store ⏎ D. mall ⏎ E. new york
//   Answer: A      one request per letter: " A" … " E"
//
// tau/commonsense_qa: {"id", "question", "question_concept", "choices": {"label": [5], "text": [5]}, "answerKey"}.
// Definition: lm_eval 0.4.13, tasks/commonsense_qa (no version there): evaluated on validation, for the test set has no
// answers; shots drawn from train, n + 1 of them, as the task names no test split.
#include "tasks/common.h"
#include "tasks/python.h"

namespace pareto {
namespace {

Result<Question> ask_commonsense(const Row& row) {
  constexpr std::size_t kLetters = 5;
  PARETO_TRY(const std::string_view question, row.text("question"));
  PARETO_TRY(const std::string_view key, row.text("answerKey"));
  PARETO_TRY(const std::vector<std::string> texts, row.strings("choices.text"));
  if (texts.size() != kLetters) {
    return fail(Code::kInvalid, "{}: column 'choices.text' has {} texts, not 5", row.where(), texts.size());
  }
  Question out;
  out.text = fmt::format("Question: {}\nA. {}\nB. {}\nC. {}\nD. {}\nE. {}\nAnswer:", python::strip(question), texts[0],
                         texts[1], texts[2], texts[3], texts[4]);
  out.choices = {"A", "B", "C", "D", "E"};
  if (key.size() != 1 || key[0] < 'A' || key[0] > 'E') {
    return fail(Code::kInvalid, "{}: column 'answerKey' is {}, not one of A to E", row.where(), shown(key));
  }
  out.gold = key[0] - 'A';
  out.target = std::string(key);
  return out;
}

TaskEntry commonsense_entry() {
  TaskSpec spec;
  spec.info.name = "commonsense_qa";
  spec.info.version = "Yaml";  // what lm-eval writes where a definition has none
  spec.info.summary = "CommonsenseQA: everyday knowledge, five choices by their letter";
  spec.info.dataset = "tau/commonsense_qa";
  spec.info.metrics = {{"acc"}};
  spec.documents = {"tau/commonsense_qa", "default", "validation", ""};
  spec.fewshot_split = {"tau/commonsense_qa", "default", "train", ""};
  spec.shots_avoid_document = true;
  spec.ask = ask_commonsense;
  return task_entry(std::move(spec), make_choice_task);
}

const RegisterTask kCommonsense(commonsense_entry());

}  // namespace
}  // namespace pareto
