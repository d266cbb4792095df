// LAMBADA: the last word of a passage.
//
//   … I don't care about        signs
//   └ all but the last word     └ " " + the last word (words are what single spaces part)
//
// EleutherAI/lambada_openai default: {"text"}. Definition: lm_eval 0.4.13, tasks/lambada (version 1.0): evaluated on
// test; shots, if asked for, come from test too. perplexity is exp of minus the mean log-likelihood of the last word
// (not per token), its error a bootstrap; acc says whether greedy decoding gives the word.
#include "tasks/common.h"
#include "tasks/python.h"

namespace pareto {
namespace {

Result<Question> ask_lambada(const Row& row) {
  PARETO_TRY(const std::string_view text, row.text("text"));
  const std::size_t space = text.rfind(' ');
  Question out;
  out.text = space == std::string_view::npos ? "" : std::string(text.substr(0, space));
  out.target = fmt::format(" {}", space == std::string_view::npos ? text : text.substr(space + 1));
  return out;
}

TaskEntry lambada_entry() {
  TaskSpec spec;
  spec.info.name = "lambada_openai";
  spec.info.version = "1.0";
  spec.info.summary = "LAMBADA (OpenAI's text): the last word of a passage";
  spec.info.tags = {"lambada"};
  spec.info.dataset = "EleutherAI/lambada_openai default";
  spec.info.metrics = {
      {.name = "perplexity", .higher_is_better = false, .binary = false, .aggregation = Aggregation::kPerplexity},
      {"acc"}};
  spec.documents = {"EleutherAI/lambada_openai", "default", "test", ""};
  spec.fewshot_split = spec.documents;
  spec.ask = ask_lambada;
  return task_entry(std::move(spec), make_loglikelihood_task);
}

const RegisterTask kLambada(lambada_entry());

}  // namespace
}  // namespace pareto
