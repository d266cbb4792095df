// A task: documents, prompts and marking. It never sees a backend.
//
// Definitions follow lm-evaluation-harness 0.4.13 exactly (prompts, few-shot draws, filters, metrics, hashes).
#pragma once

#include <any>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/request.h"
#include "core/result.h"
#include "core/tokenizer.h"

namespace pareto {

// One turn of a conversation, and what renders a conversation to text.
struct ChatMessage {
  std::string role, content;
};
struct ChatRender {
  bool add_generation_prompt = true;
  bool continue_final_message = false;  // leave the last assistant turn open (lm-eval's gen_prefix)
};
using ChatTemplate = std::function<Result<std::string>(const std::vector<ChatMessage>&, const ChatRender&)>;

struct TaskOptions {
  std::string data_dir;               // of hub rows: DIR/<org>__<name>/<config>/<split>.jsonl
  std::optional<int> num_fewshot;     // unset: the task's own
  std::optional<double> limit;        // < 1: that share of the documents, rounded up; else the first so many
  std::vector<int> samples;           // exactly these documents (excludes limit)
  std::uint64_t fewshot_seed = 1234;  // of the draws of examples
  std::map<std::string, std::string> gen_kwargs;  // merged over the task's own, as lm-eval does
  ChatTemplate chat_template;                     // empty: none
  std::string system_instruction;                 // in front of every prompt; empty: none
  std::optional<bool> fewshot_as_multiturn;       // unset: yes, under a chat template
  std::string file;                               // of `requests:FILE`; for other tasks empty
  std::optional<int> repeats;                     // generations per document; unset: the task's own

  // Of tasks that count tokens (TaskEntry::cuts_prompts, sized, needs_tokenizer):
  const Tokenizer* tokenizer = nullptr;  // of the run's model, or --tokenizer; null: none is known, so nothing is cut
  int max_length = 0;                    // the model's window in tokens; 0: not known
  int prompt_length = 0;                 // the most tokens that a prompt may have; 0: what the window leaves
  int length = 0;                        // tokens of prompt and answer together, where sized; 0: not given
  std::string ruler_profile = "pareto";  // pareto, nvidia, lm-eval
  std::optional<std::uint64_t> seed, numpy_seed;  // unset: the profile's own
  // What the tasks of one cell hand on to each other in the order that they are loaded (lm-eval's RULER tasks draw from
  // one stream). It belongs to whoever loads them; null: the task stands alone.
  std::any* handed_on = nullptr;
};

// How the values of the documents become the task's (lm-eval's `aggregation`); w is Marked::weights.
enum class Aggregation : std::uint8_t {
  kMean,                // Σx / n
  kPerplexity,          // exp(−Σx / n)
  kWeightedPerplexity,  // exp(−Σx / Σw)
  kBitsPerByte,         // −Σx / Σw / ln 2
};
const char* aggregation_name(Aggregation aggregation);  // lm-eval's: "mean", "perplexity", …
std::optional<Aggregation> find_aggregation(std::string_view name);

struct MetricInfo {
  std::string name;  // "acc", "exact_match", …
  bool higher_is_better = true;
  bool binary = true;  // 0/1 per document: gets a Wilson interval
  Aggregation aggregation = Aggregation::kMean;
};

struct TaskInfo {
  std::string name, version, summary;
  std::vector<std::string> tags;  // "ai2_arc", …
  std::string output_type;        // lm-eval's: multiple_choice, generate_until, loglikelihood, loglikelihood_rolling
  std::string dataset;            // "openai/gsm8k main"
  int num_fewshot = 0;            // its own default; after load(): what is used (lm-eval's n-shot)
  std::vector<MetricInfo> metrics;
  std::vector<std::string> filters = {"none"};  // in record order
  std::string alias;                            // lm-eval's task_alias ("astronomy"); empty: the name
  int repeats = 1;                              // generations per document
  // Set by load():
  int documents_in_split = 0;         // before limit and samples: lm-eval's n-samples.original
  std::string generation_kwargs;      // JSON object, gen_kwargs merged in, not normalised: arg_1 of a generate_until
                                      // sample's arguments (arg_0 is the context). Empty where there is no upstream
  std::vector<std::string> warnings;  // one line each, without the task's name; to be shown and recorded
};

// One entry of lm-eval's aggregate_metric_list: the mean of a metric over a group's tasks.
struct GroupMetric {
  std::string metric = "acc";  // empty: each member's first
  bool weight_by_size = true;
  std::vector<std::string> filters = {};  // empty: every filter that a task has the metric under
};

struct GroupInfo {
  std::string name, alias, version;
  std::vector<std::string> members;                    // tasks or groups
  std::vector<GroupMetric> metrics = {GroupMetric{}};  // empty: the group has no score of its own
};

// What a document became: one per (document, filter).
struct Marked {
  std::string filter = "none";
  std::string filtered;                   // what the filter left of the response: Python's str() of it
  std::map<std::string, double> metrics;  // by metric name
  std::map<std::string, double> weights;  // of those that are weighted: words, bytes, tokens
  std::optional<std::string> extracted;   // what was compared with the reference, where that is not `filtered`
};

// One document as the record shows it.
struct Document {
  int doc_id = 0;
  std::string doc;                   // JSON of the row, keys in the row's order, as Python's json.dumps(doc, indent=2,
                                     // ensure_ascii=False) writes it: doc_hash is its sha256
  std::string target;                // Python's str() of upstream's target
  std::vector<std::string> choices;  // multiple choice: the texts, without delimiter
  int gold = -1;                     // multiple choice: index of the right one, of several the first
  std::vector<int> golds;            // all right ones, where there are several
  std::vector<std::string> references;             // generated answers: any of these is right; empty: the target is
  std::string doc_hash, prompt_hash, target_hash;  // sha256: of doc, of the first request's context, of target
};

// Fills the three hashes. `prompt`: the first request's context.
void fill_hashes(Document* document, std::string_view prompt);

// lm-eval's task_hashes entry: sha256 over doc_hash + prompt_hash + target_hash of every document, once per filter.
std::string task_hash(std::span<const Document> documents, std::size_t filters);

// What responses that were made elsewhere are marked against.
struct Reference {
  std::string text;                // the target as the data have it: Python's str() of it
  std::vector<std::string> items;  // of a list its texts, else `text` alone
  std::string columns;             // an object's JSON: the columns of its row that marking needs; else empty
  // For tasks that need no columns. kInvalid where there are some.
  Status check_plain() const;
};

// One loaded task: documents chosen, prompts built. Everything is computed by load(); score() is pure.
class Task {
 public:
  virtual ~Task() = default;
  virtual const TaskInfo& info() const = 0;
  // Reads the data and builds the requests. Called once, first. Missing data: kNotFound, and what to run or set.
  virtual Status load(const TaskOptions& options) = 0;
  // The chosen documents, in order; requests() refer to them by Document::doc_id.
  virtual std::span<const Document> documents() const = 0;
  // All requests of all documents, grouped by document, part 0, 1, … within it. Request::task is left 0.
  virtual std::vector<Request> requests() const = 0;
  // Marks the document at `index` of documents(); `responses` are its requests' in order of `part`.
  virtual std::vector<Marked> score(int index, std::span<const Response* const> responses) const = 0;
  // Makes mark() ready, in place of load(). Errors: kUsage where the task marks log-likelihoods; what reading something
  // from the data folder (empty: the default one) gives.
  virtual Status prepare_mark(const std::string& data_dir);
  // Marks responses (one per repeat or turn) that were made elsewhere. Errors: kInvalid where the reference, or how
  // many responses there are, does not fit the task. REQUIRES: prepare_mark() succeeded.
  virtual Result<std::vector<Marked>> mark(const Reference& reference, std::span<const std::string> responses) const;
};

struct TaskEntry {
  std::string name, summary;
  std::vector<std::string> tags;
  std::function<std::unique_ptr<Task>()> make;
  bool cuts_prompts = false;     // to the model's window, counted by its tokenizer where one is known
  bool needs_tokenizer = false;  // asks in tokens, not texts
  bool sized = false;            // made to --length, counted by a tokenizer
};

// What is built in, sorted by name; groups beside them ("mmlu" and its four).
const std::vector<TaskEntry>& tasks();
const std::vector<GroupInfo>& task_groups();
const TaskEntry* find_task(std::string_view name);
struct RegisterTask {
  explicit RegisterTask(TaskEntry entry);
};
struct RegisterGroup {
  explicit RegisterGroup(GroupInfo group);
};
// For tasks that files declare: take the place of one of that name. True if there was one. Not while tasks() is read.
bool replace_task(TaskEntry entry);
bool replace_group(GroupInfo group);

}  // namespace pareto
