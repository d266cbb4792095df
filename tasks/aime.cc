// AIME 2024 and 2025: thirty competition problems each, integer answers, generated.
//
//   Question: Every morning Aya goes for a $9$-kilometer-long walk …
//   Answer:
//
// Maxwell-Jia/AIME_2024 (split train; columns Problem, Answer) and math-ai/aime25 (split test; problem, answer).
// Definition: lm_eval 0.4.13, tasks/aime: zero-shot always, greedy, up to 32768 tokens, so that models with a shorter
// context need --gen_kwargs max_gen_toks=…; marked by tasks/common_math.h. Thirty items: a standard error near 9
// points, so ask several times: --repeats 8 --gen_kwargs do_sample=true,temperature=0.6 adds avg@8, pass@2 … pass@8 and
// maj@8.
#include "tasks/common.h"
#include "tasks/common_math.h"
#include "tasks/python.h"

namespace pareto {
namespace {

Result<Question> ask_columns(const Row& row, std::string_view problem_column, std::string_view answer_column) {
  PARETO_TRY(const std::string_view problem, row.text(problem_column));
  PARETO_TRY(const Value answer, row.at(answer_column));  // an integer, or a text
  Question out;
  out.text = fmt::format("Question: {}\nAnswer:", problem);
  out.target = python::str(answer);
  return out;
}
Result<Question> ask_2024(const Row& row) { return ask_columns(row, "Problem", "Answer"); }
Result<Question> ask_2025(const Row& row) { return ask_columns(row, "problem", "answer"); }

std::map<std::string, double> mark(const std::string& response, const Document& document) {
  return {{"exact_match", math_equal(math_answer(response), document.target) ? 1.0 : 0.0}};
}

TaskEntry entry(const std::string& name, HubSplit documents, Result<Question> (*ask)(const Row&)) {
  TaskSpec spec;
  spec.info.name = name;
  spec.info.version = "0.0";
  spec.info.summary = fmt::format("AIME 20{}: 30 competition problems, integer answers", name.substr(4));
  spec.info.tags = {"math_word_problems"};
  spec.info.dataset = documents.dataset;
  spec.info.metrics = {{"exact_match"}};
  spec.num_fewshot = 0;
  spec.generation_kwargs =
      R"({"until": ["Question:", "</s>", "<|im_end|>", "<|eot_id|>"], "do_sample": false, "temperature": 0.0, )"
      R"("max_gen_toks": 32768})";
  spec.documents = documents;
  spec.fewshot_split = std::move(documents);
  spec.ask = ask;
  spec.mark = mark;
  spec.answer = math_answer;
  spec.shots_avoid_document = true;
  return task_entry(std::move(spec), make_generate_task);
}

const RegisterTask k2024(entry("aime24", {"Maxwell-Jia/AIME_2024", "default", "train", "aime24"}, ask_2024));
const RegisterTask k2025(entry("aime25", {"math-ai/aime25", "default", "test", "aime25"}, ask_2025));

}  // namespace
}  // namespace pareto
