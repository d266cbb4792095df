// Tasks over long documents whose upstreams cut them to the model's window themselves, before any chat template.
//
//   row ── items() ──> before + document + after ── cut ──> prompt ── chat template ──> request ──> response ──> mark()
//
//   kMiddle        LongBench: of a prompt of more than M tokens the first and the last M/2 stay
//   kDocumentEnd   L-Eval: of a document of more than M tokens words go from its end, 250 at a time
//
// M is --prompt_length, else the window less what the spec keeps free. Without a tokenizer or a window nothing is cut
// here. What was cut is counted in the response's truncated_prompt_tokens.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/task.h"
#include "core/tokenizer.h"
#include "tasks/rows.h"

namespace pareto {

// One question of a row.
struct LongItem {
  std::string description;              // in front, or the system turn
  std::string before, document, after;  // the prompt
  std::string target;
  Value doc;  // a dict: as the record shows the document
};

struct LongSpec {
  TaskInfo info;  // name, version, summary, tags, dataset, metrics
  HubSplit documents;
  std::function<Result<std::vector<LongItem>>(const Row&)> items;
  enum class Cut { kMiddle, kDocumentEnd } cut = Cut::kMiddle;
  int kept_free = 0;              // of the window, for the answer and a chat template
  bool chat = true;               // false: plain text even under --apply_chat_template
  std::string generation_kwargs;  // JSON object
  // Reads what marking needs besides the rows; empty: nothing.
  std::function<Status(const std::string& data_dir)> prepare;
  // What mark() needs of a response that was made elsewhere: `target` and `doc`. Errors: kInvalid.
  std::function<Result<LongItem>(const Reference&)> reference;
  std::function<std::map<std::string, double>(const std::string& response, const LongItem&)> mark;
};

std::unique_ptr<Task> make_long_task(LongSpec spec);

// The columns of a reference that is an object, as a row; `what` begins messages.
Result<Row> reference_row(const Reference& reference, std::string what);

// Of more than `most` tokens (a BOS, where the tokenizer adds one, among them) the first and the last most / 2 stay,
// each half decoded by itself. Returns how many went. Bytes that are no UTF-8 at the seam become U+FFFD.
int cut_middle(const Tokenizer& tokenizer, int most, std::string* prompt);
// While it has more than `most` tokens: the first `most` words, then 250 words fewer each time. Returns how many went.
int cut_document_end(const Tokenizer& tokenizer, int most, std::string* document);

}  // namespace pareto
