// WikiText-2 as lm-evaluation-harness scores it: whole pages, detokenised, in windows of the model's context.
//
//   " = Robert Boulter = \n Robert Boulter is an English film , television and theatre actor . …"     column page
//   → " = Robert Boulter =\nRobert Boulter is an English film, television and theatre actor. …"       scored
//
// EleutherAI/wikitext_document_level wikitext-2-raw-v1: {"page"}. Definition: lm_eval 0.4.13, tasks/wikitext (version
// 2.0): evaluated on test; words and bytes are those of the page before detokenising; no stderr. Its second rule looks
// for slashes that never occur and changes nothing: kept out. llama.cpp's figure is another one: wikitext_llamacpp.
#include <array>

#include "tasks/common.h"
#include "tasks/python.h"

namespace pareto {
namespace {

using Rule = std::pair<std::string_view, std::string_view>;

constexpr std::array<Rule, 10> kBeforeBrackets = {{{"s '", "s'"},
                                                   {" @-@ ", "-"},
                                                   {" @,@ ", ","},
                                                   {" @.@ ", "."},
                                                   {" : ", ": "},
                                                   {" ; ", "; "},
                                                   {" . ", ". "},
                                                   {" ! ", "! "},
                                                   {" ? ", "? "},
                                                   {" , ", ", "}}};
// White space inside a pair goes: ( a ) becomes (a).
constexpr std::array<Rule, 5> kBrackets = {{{R"(\(\s*([^\)]*?)\s*\))", R"((\1))"},
                                            {R"(\[\s*([^\]]*?)\s*\])", R"([\1])"},
                                            {R"(\{\s*([^}]*?)\s*\})", R"({\1})"},
                                            {R"("\s*([^"]*?)\s*")", R"("\1")"},
                                            {R"('\s*([^']*?)\s*')", R"('\1')"}}};
constexpr std::array<Rule, 8> kAfterBrackets = {{{"= = = =", "===="},
                                                 {"= = =", "==="},
                                                 {"= =", "=="},
                                                 {" ° ", "°"},
                                                 {" \n", "\n"},
                                                 {"\n ", "\n"},
                                                 {" N ", " 1 "},
                                                 {" 's", "'s"}}};

std::string detokenised(std::string_view page) {
  static const std::vector<PythonRegex> kRegexes = [] {
    std::vector<PythonRegex> regexes;
    for (const auto& [pattern, to] : kBrackets) regexes.push_back(PythonRegex::compile(pattern).value());
    return regexes;
  }();
  std::string text(page);
  for (const auto& [from, to] : kBeforeBrackets) text = python::replace(text, from, to);
  for (std::size_t i = 0; i < kBrackets.size(); ++i) text = kRegexes[i].replace(text, kBrackets[i].second);
  for (const auto& [from, to] : kAfterBrackets) text = python::replace(text, from, to);
  return text;
}

Result<Question> ask_wikitext(const Row& row) {
  PARETO_TRY(const std::string_view page, row.text("page"));
  Question out;
  out.target = detokenised(page);
  out.counted = std::string(page);
  return out;
}

MetricInfo wikitext_metric(const char* name, Aggregation aggregation) {
  return {.name = name, .higher_is_better = false, .binary = false, .aggregation = aggregation};
}

TaskEntry wikitext_entry() {
  TaskSpec spec;
  spec.info.name = "wikitext";
  spec.info.version = "2.0";
  spec.info.summary = "WikiText-2, whole pages: perplexity per word and byte, as lm-eval has it";
  spec.info.dataset = "EleutherAI/wikitext_document_level wikitext-2-raw-v1";
  spec.info.metrics = {wikitext_metric("word_perplexity", Aggregation::kWeightedPerplexity),
                       wikitext_metric("byte_perplexity", Aggregation::kWeightedPerplexity),
                       wikitext_metric("bits_per_byte", Aggregation::kBitsPerByte)};
  spec.documents = {"EleutherAI/wikitext_document_level", "wikitext-2-raw-v1", "test", "wikitext"};
  spec.ask = ask_wikitext;
  return task_entry(std::move(spec), make_rolling_task);
}

const RegisterTask kWikitext(wikitext_entry());

}  // namespace
}  // namespace pareto
