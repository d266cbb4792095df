// A task whose documents are made to a length: load() asks a Source for examples, each becomes one generated answer.
//
//   Example{input, delimiter, prefix} ──> prompt (or, under a chat template, a turn that the model goes on with)
//
// The documents: {"index", "outputs", "length", "max_length", "answer_prefix", "depths"}; the text itself stands in the
// sample's arguments. Under profile lm-eval they are upstream's, so that doc_hash is.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/task.h"
#include "tasks/ruler.h"

namespace pareto::ruler {

// Of upstream's streams those that its source may draw from: they live as long as the task loads.
using MakeSource = std::function<std::unique_ptr<Source>(const Setting&, Streams*)>;

struct SizedSpec {
  TaskInfo info;     // name, summary, tags
  std::string task;  // without "ruler_"
  int reserve = 0;   // tokens for the answer
  int examples = kExamples;
  bool any_answer = false;   // one of the answers is enough (lm-eval: the share of them)
  bool one_answer = false;   // marks are 0 or 1
  MakeSource own, upstream;  // of profile pareto and of the others; without the latter --ruler_profile says nothing
  int depths = 0;            // > 0: example i stands at depth i % depths, and each depth gets a metric of its own
};

std::unique_ptr<Task> make_sized_task(SizedSpec spec);

// The metric of one depth, in percent: "string_match_at_50".
std::string depth_metric(int percent);

// The setting of a sized task; without `profiles` it is always our own. Errors: kUsage for a missing length or
// tokenizer or an unknown profile.
Result<Setting> read_setting(const std::string& name, const TaskOptions& options, bool profiles);

// A document's JSON, hashes filled in. `text` is the whole prompt.
struct DocumentText {
  int index = 0;
  Value json;
  std::string target;
};
Result<Document> make_document(const DocumentText& content, std::string_view prompt);

// ["a", "b"]
Value list_of(const std::vector<std::string>& texts);

}  // namespace pareto::ruler
