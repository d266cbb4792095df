// What all tasks over dataset rows share: which documents, which shots, prompts, requests, hashes, marks.
//
//   rows ── ask() ──> Question ──┐
//   shots ───────────────────────┴─> prompt ──> requests ──> responses ──> filters ──> mark ──> Marked
//
// A task is a TaskSpec (lm-evaluation-harness's YAML) and the function that turns a row into a question. Everything
// follows lm_eval 0.4.13, api/task.py and evaluator.py, on a single rank.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/task.h"
#include "tasks/fewshot.h"
#include "tasks/filters.h"
#include "tasks/prompt.h"
#include "tasks/rows.h"

namespace pareto {

// What a row asks.
struct Question {
  std::string text;                     // doc_to_text
  std::string target;                   // str(doc_to_target)
  std::vector<std::string> choices;     // doc_to_choice; of a multiple-choice task
  int gold = -1;                        // index of the right choice, of several the first
  std::vector<int> golds;               // all right choices, where there are several
  bool contexts_vary = false;           // multiple_input: the choices are contexts, and `target` follows each
  std::vector<std::string> references;  // generated answers: any of these is right; empty: `target` is
  std::string counted;                  // rolling: the text whose words and bytes count; empty: `target`
};

struct TaskSpec {
  // name, version, summary, tags, dataset, metrics, alias; the rest is filled in.
  TaskInfo info;
  HubSplit documents;
  std::function<Result<Row>(const Row&)> process;  // process_docs: the row as tasks and hashes see it; empty: as it is
  std::function<Result<Question>(const Row&)> ask;
  std::function<Result<Question>(const Row&)> ask_shot;  // of rows that are shots; empty: ask

  PromptStyle prompt;
  std::optional<int> num_fewshot;  // the YAML's; 0 there cannot be overridden
  Sampler sampler = Sampler::kDefault;
  std::optional<HubSplit> fewshot_split;  // where shots come from, unless there are
  std::vector<Example> fewshot_examples;  // fewshot_config.samples
  // n + 1 shots are drawn and those equal to the document dropped: upstream does so where the few-shot split is the
  // test split, or the task names neither.
  bool shots_avoid_document = false;

  // Of a generating task:
  std::string generation_kwargs;  // JSON object, keys in the YAML's order
  int repeats = 1;                // answers per document
  std::vector<FilterChain> filters = {FilterChain{}};
  std::function<std::map<std::string, double>(const std::string& filtered, const Document&)> mark;
  // What of a filtered response is compared: two with the same count as one answer in maj@k. Empty: all of it.
  std::function<std::string(const std::string& filtered)> answer;
};

// output_type multiple_choice: every choice is scored as a continuation, or as a context of the same continuation.
// Metrics: acc, acc_norm (by code points), acc_bytes.
std::unique_ptr<Task> make_choice_task(TaskSpec spec);
// output_type generate_until: `repeats` answers per document, marked once per filter. --repeats k of a task that has
// one answer adds, for its first metric m (0/1) and the k answers of a document, of which c are right:
//   avg@k   c / k             pass@j   1 − C(k−c, j) / C(k, j), j = 2, 4, … and k (Chen et al. 2021: unbiased)
//   maj@k   m of the answer given most often, the first of equals
std::unique_ptr<Task> make_generate_task(TaskSpec spec);
// output_type loglikelihood: the target is scored after the prompt. Metrics: perplexity, acc (it is what greedy
// decoding gives).
std::unique_ptr<Task> make_loglikelihood_task(TaskSpec spec);
// output_type loglikelihood_rolling: all of the target is scored. Metrics: word_perplexity, byte_perplexity,
// bits_per_byte; words are what white space parts.
std::unique_ptr<Task> make_rolling_task(TaskSpec spec);

// What a row shows as a shot: its question, solved.
Example solved(Question question);

// Where `key` stands among the labels in column `labels` (of as many choices). Errors: kInvalid, naming the row.
Result<int> label_index(const Row& row, std::string_view labels, std::string_view key, std::size_t choices);

// What registers a task of that spec: one of the makers above, and what `pareto ls` shows of it.
TaskEntry task_entry(TaskSpec spec, std::unique_ptr<Task> (*make)(TaskSpec));

// A value as a message shows it: Python's repr, so on one line, cut to 60 characters.
std::string shown(const Value& value);

// The documents of a run: indices into a split of `n`, ascending. `samples` picks these (lm-eval takes them in document
// order, each once); else `limit` the first so many, ⌈limit·n⌉ if below 1. Errors: kUsage for both at once, kInvalid
// for a limit that leaves none, an index beyond the split, or an empty split. `owner` names the task in messages.
Result<std::vector<int>> choose_documents(const std::string& owner, int n, const TaskOptions& options);

}  // namespace pareto
