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
  std::string text;                  // doc_to_text
  std::string target;                // str(doc_to_target)
  std::vector<std::string> choices;  // doc_to_choice; of a multiple-choice task
  int gold = -1;                     // index of the right choice
};

struct TaskSpec {
  // name, version, summary, tags, dataset, metrics, alias; the rest is filled in.
  TaskInfo info;
  HubSplit documents;
  Result<Question> (*ask)(const Row&) = nullptr;

  PromptStyle prompt;
  std::optional<int> num_fewshot;  // the YAML's; 0 there cannot be overridden
  Sampler sampler = Sampler::kDefault;
  std::optional<HubSplit> fewshot_split;  // where shots come from, unless there are
  std::vector<Example> fewshot_examples;  // fewshot_config.samples

  // Of a generating task:
  std::string generation_kwargs;  // JSON object, keys in the YAML's order
  std::vector<FilterChain> filters = {FilterChain{}};
  std::function<std::map<std::string, double>(const std::string& filtered, const Document&)> mark;
};

// output_type multiple_choice: every choice is scored as a continuation; metrics acc and, if listed, acc_norm.
std::unique_ptr<Task> make_choice_task(TaskSpec spec);
// output_type generate_until: one answer per document, marked once per filter.
std::unique_ptr<Task> make_generate_task(TaskSpec spec);

// A value as a message shows it: Python's repr, so on one line, cut to 60 characters.
std::string shown(const Value& value);

// The documents of a run: indices into a split of `n`, ascending. `samples` picks these (lm-eval takes them in document
// order, each once); else `limit` the first so many, ⌈limit·n⌉ if below 1. Errors: kUsage for both at once, kInvalid
// for a limit that leaves none, an index beyond the split, or an empty split. `owner` names the task in messages.
Result<std::vector<int>> choose_documents(const std::string& owner, int n, const TaskOptions& options);

}  // namespace pareto
