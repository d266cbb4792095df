// GSM8K: grade-school word problems, generated, four ways of asking.
//
//   gsm8k               Question: … ⏎ Answer: …<<48/2=24>>… ⏎ #### 72     5 shots drawn from train
//   gsm8k_cot           Q: … ⏎ A: … The answer is 6.                      the 8 exemplars of Wei et al. 2022, first_n
//   gsm8k_cot_zeroshot  Q: … ⏎ A: Let's think step by step.               never shots
//   gsm8k_cot_self_consistency    as gsm8k_cot, 64 answers at temperature 0.2: the first, and the vote of 8 and of 64
//
// openai/gsm8k main: {"question", "answer": "… #### 72"}. Each answer is marked twice: strict-match wants the task's
// own ending, flexible-extract takes the last number. Definition: lm_eval 0.4.13, tasks/gsm8k (version 3.0,
// self-consistency 2.0); the reference is the whole answer text where upstream's is, cut down by exact_match's third
// expression.
#include "tasks/common.h"
#include "tasks/gsm8k_exemplars.h"
#include "tasks/metrics.h"
#include "tasks/python.h"

namespace pareto {
namespace {

constexpr const char* kStrictHashes = R"(#### (\-?[0-9\.\,]+))";
constexpr const char* kStrictSentence = R"(The answer is (\-?[0-9\.\,]+).)";
constexpr const char* kFlexible = "(-?[$0-9.,]{2,})|(-?[0-9]+)";

Result<Question> ask_with(const Row& row, std::string_view before, std::string_view after) {
  PARETO_TRY(const std::string_view question, row.text("question"));
  PARETO_TRY(const std::string_view answer, row.text("answer"));
  Question out;
  out.text = fmt::format("{}{}{}", before, question, after);
  out.target = std::string(answer);
  return out;
}
Result<Question> ask_plain(const Row& row) { return ask_with(row, "Question: ", "\nAnswer:"); }
Result<Question> ask_zeroshot(const Row& row) { return ask_with(row, "Q: ", "\nA: Let's think step by step."); }
Result<Question> ask_cot(const Row& row) {
  PARETO_TRY(Question question, ask_with(row, "Q: ", "\nA:"));
  question.target = std::string(python::strip(python::split(question.target, "####").back()));
  return question;
}

// The expressions above are ours and compile; a typing error in them is a bug.
PythonRegex compiled(const char* pattern) { return PythonRegex::compile(pattern).value(); }

std::map<std::string, double> mark(const std::string& filtered, const Document& document) {
  static const ExactMatch kOptions = {
      .regexes_to_ignore = {compiled(","), compiled(R"(\$)"), compiled("(?s).*#### "), compiled(R"(\.$)")},
      .ignore_case = true};
  return {{"exact_match", exact_match(filtered, document.target, kOptions) ? 1.0 : 0.0}};
}

TaskSpec common(const std::string& name, const std::string& summary, const char* strict) {
  TaskSpec spec;
  spec.info.name = name;
  spec.info.version = "3.0";
  spec.info.summary = summary;
  spec.info.dataset = "openai/gsm8k main";
  spec.info.metrics = {{"exact_match"}};
  spec.documents = {"openai/gsm8k", "main", "test", ""};
  spec.filters = {{"strict-match", {regex_filter(compiled(strict)), take_first()}},
                  {"flexible-extract", {regex_filter(compiled(kFlexible), -1), take_first()}}};
  spec.mark = mark;
  return spec;
}

TaskSpec plain() {
  TaskSpec spec = common("gsm8k", "grade-school word problems, worked answers as shots", kStrictHashes);
  spec.info.tags = {"math_word_problems"};
  spec.num_fewshot = 5;
  spec.fewshot_split = {"openai/gsm8k", "main", "train", ""};
  spec.generation_kwargs = R"({"until": ["Question:", "</s>", "<|im_end|>"], "do_sample": false, "temperature": 0.0})";
  spec.ask = ask_plain;
  return spec;
}

TaskSpec cot() {
  TaskSpec spec =
      common("gsm8k_cot", "grade-school word problems, eight fixed chains of thought as shots", kStrictSentence);
  spec.info.tags = {"chain_of_thought"};
  spec.num_fewshot = 8;
  spec.sampler = Sampler::kFirstN;
  for (const Exemplar& exemplar : gsm8k_exemplars()) {
    spec.fewshot_examples.push_back({fmt::format("Q: {}\nA:", exemplar.question), std::string(exemplar.target)});
  }
  spec.generation_kwargs = R"({"do_sample": false, "until": ["Q:", "</s>", "<|im_end|>"]})";
  spec.ask = ask_cot;
  return spec;
}

TaskSpec cot_self_consistency() {
  TaskSpec spec = cot();
  spec.info.name = "gsm8k_cot_self_consistency";
  spec.info.version = "2.0";
  spec.info.summary = "grade-school word problems, the vote of 64 chains of thought";
  spec.info.tags = {"chain_of_thought", "self_consistency"};
  spec.repeats = 64;
  spec.generation_kwargs = R"({"until": ["Q:", "\n\n"], "do_sample": true, "temperature": 0.2})";
  const Filter number = regex_filter(compiled(R"(The answer is (\-?[0-9\.\,]*[0-9]+))"));
  spec.filters = {{"score-first", {number, take_first()}},
                  {"maj@64", {number, majority_vote(), take_first()}},
                  {"maj@8", {take_first_k(8), number, majority_vote(), take_first()}}};
  return spec;
}

TaskSpec cot_zeroshot() {
  TaskSpec spec =
      common("gsm8k_cot_zeroshot", "grade-school word problems, \"Let's think step by step\"", kStrictSentence);
  spec.info.tags = {"math_word_problems"};
  spec.num_fewshot = 0;
  spec.fewshot_split = {"openai/gsm8k", "main", "train", ""};
  spec.generation_kwargs = R"({"until": ["Q:", "</s>", "<|im_end|>"], "do_sample": false})";
  spec.ask = ask_zeroshot;
  return spec;
}

const RegisterTask kPlain(task_entry(plain(), make_generate_task));
const RegisterTask kCot(task_entry(cot(), make_generate_task));
const RegisterTask kCotSelfConsistency(task_entry(cot_self_consistency(), make_generate_task));
const RegisterTask kCotZeroshot(task_entry(cot_zeroshot(), make_generate_task));

}  // namespace
}  // namespace pareto
