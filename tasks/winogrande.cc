// WinoGrande: which of two names fills the gap. The contexts differ, the rest of the sentence is scored after each.
//
//   Sarah was a much better surgeon than Maria so Sarah   always got the easier cases.
//   Sarah was a much better surgeon than Maria so Maria   always got the easier cases.
//   └ sentence up to "_", and the option                  └ " " + what follows "_", stripped: the same for both
//
// allenai/winogrande winogrande_xl: {"sentence", "option1", "option2", "answer": "1" or "2"}. Definition: lm_eval
// 0.4.13, tasks/winogrande (version 1.0): evaluated on validation, shots (the right option filled in) drawn from train,
// n + 1 of them. Its metric is acc on plain sums, which compare because the continuation is the same.
#include "tasks/common.h"
#include "tasks/python.h"

namespace pareto {
namespace {

Result<Question> ask_winogrande(const Row& row) {
  PARETO_TRY(const std::string_view sentence, row.text("sentence"));
  PARETO_TRY(const std::string_view first, row.text("option1"));
  PARETO_TRY(const std::string_view second, row.text("option2"));
  PARETO_TRY(const std::string_view answer, row.text("answer"));
  const std::size_t gap = sentence.find('_');
  if (gap == std::string_view::npos) return fail(Code::kInvalid, "{}: column 'sentence' has no _", row.where());
  if (answer != "1" && answer != "2") {
    return fail(Code::kInvalid, "{}: column 'answer' is {}, not '1' or '2'", row.where(), shown(answer));
  }
  Question out;
  out.contexts_vary = true;
  for (const std::string_view option : {first, second}) {
    out.choices.push_back(fmt::format("{}{}", sentence.substr(0, gap), option));
  }
  out.gold = answer == "1" ? 0 : 1;
  out.target = std::string(python::strip(sentence.substr(gap + 1)));
  return out;
}

TaskEntry winogrande_entry() {
  TaskSpec spec;
  spec.info.name = "winogrande";
  spec.info.version = "1.0";
  spec.info.summary = "WinoGrande: who is meant, two names in the gap of a sentence";
  spec.info.dataset = "allenai/winogrande winogrande_xl";
  spec.info.metrics = {{"acc"}};
  spec.documents = {"allenai/winogrande", "winogrande_xl", "validation", ""};
  spec.fewshot_split = {"allenai/winogrande", "winogrande_xl", "train", ""};
  spec.shots_avoid_document = true;
  spec.ask = ask_winogrande;
  return task_entry(std::move(spec), make_choice_task);
}

const RegisterTask kWinogrande(winogrande_entry());

}  // namespace
}  // namespace pareto
