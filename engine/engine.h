// The engine: one model on one device, its KV cache, and steps of any shape over them.
//
// It knows tokens only. The scheduler (engine/scheduler.h) turns requests into steps; `pareto bench` makes its own:
//
//   auto engine = Engine::open(options).value();
//   Sequence sequence = engine->sequence();
//   Step step;
//   engine->append(step, sequence, prompt, {.phase = Phase::kPrefill, .logits = Logits::kLast});     // pp
//   engine->run(step, [&](const LogitRow& row) { next = row.argmax; });
//   for (…) { Step s; engine->append(s, sequence, {&next, 1}, {.phase = Phase::kDecode, .logits = Logits::kLast}); … }
//   // tg
//
// A step holds any number of sequences with any number of tokens each (continuous batching, chunked prefill), at most
// max_step_tokens() in all. append() only gives out cache slots; run() computes. Sequences share pages: a fork may
// share tokens that are appended in the very same step, because every layer writes all keys and values before it
// attends.
//
// To measure decode at depth d: fill a sequence with d tokens (Logits::kNone), then fork() it for every repetition, or
// truncate() it back. Not thread-safe: one thread calls, the engine's own pool works.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/result.h"
#include "core/thread_pool.h"
#include "core/tokenizer.h"
#include "core/work.h"
#include "engine/account.h"
#include "engine/memory_plan.h"
#include "engine/model_config.h"
#include "engine/model_file.h"
#include "engine/pages.h"
#include "kernels/ops.h"

namespace pareto {

// Which of the appended tokens need logits; each row predicts the token after it.
enum class Logits : std::uint8_t { kNone, kLast, kAll };

struct AppendOptions {
  Phase phase = Phase::kPrefill;  // where the work is charged
  Logits logits = Logits::kNone;
  std::span<const std::int32_t> logit_rows = {};  // not empty: exactly these indices into the tokens, ascending
};

// One row of logits, valid during the call that receives it.
struct LogitRow {
  int part = 0;                   // which append() of the step, counted from 0
  int row = 0;                    // which of its tokens
  std::span<const float> logits;  // [vocab]
  float lse = 0;                  // log Σ exp(logits): the log-probability of token t is logits[t] - lse
  Token argmax = 0;               // lowest id of the largest logit
};
using LogitsFn = std::function<void(const LogitRow&)>;

// What one append() contributed to a step.
struct StepPart {
  const Sequence* sequence = nullptr;
  std::int64_t begin = 0;  // first row in the step
  int tokens = 0;
  std::int64_t kv_len = 0;  // cached positions after the step
  Phase phase = Phase::kPrefill;
  int head_begin = 0, head_end = 0;  // its rows in Step::head_rows
};

// Rows collected by Engine::append() for one Engine::run(). The sequences must stay where they are until then.
struct Step {
  std::vector<Token> tokens;            // [rows]
  std::vector<std::int32_t> positions;  // [rows]
  std::vector<std::int32_t> slots;      // [rows]: where K and V go
  std::vector<std::int32_t> head_rows;  // rows that need logits, ascending
  std::vector<StepPart> parts;
  std::int64_t rows() const { return static_cast<std::int64_t>(tokens.size()); }
  void clear();
};

class Forward;
class KvMemory;
class Model;

class Engine {
 public:
  // Maps the model, plans memory and refuses with numbers what cannot fit (kOutOfMemory), starts the threads, makes the
  // op table, loads the tokenizer (none is fine: then only requests made of ids can be served; a named one that fails
  // is an error). options.spec and options.device other than "cpu" are the caller's business.
  static Result<std::unique_ptr<Engine>> open(const BackendOptions& options);
  // The same over a given op table, for tests that count or record calls. `ops` is called with the pool it was made
  // for.
  static Result<std::unique_ptr<Engine>> open(const BackendOptions& options,
                                              const std::function<Result<std::unique_ptr<Ops>>(ThreadPool&)>& make_ops);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const ModelConfig& config() const;
  const ModelFile& file() const { return *file_; }
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }  // null: none
  const MemoryPlan& plan() const { return plan_; }
  ModelFacts facts() const;  // hashes the files on the first call
  std::string isa() const;
  int threads() const { return pool_->size(); }
  ThreadPool& pool() { return *pool_; }
  const Model& model() const { return *model_; }
  const KvMemory& kv() const;
  DType kv_dtype() const { return plan_.kv_dtype; }
  int max_length() const { return plan_.max_length; }        // tokens of one sequence
  int max_step_tokens() const { return plan_.step_tokens; }  // rows of one step
  int max_sequences() const { return plan_.batch; }          // sequences of one decode step that the plan foresees
  // Ids that end a text: config.json's, generation_config.json's and the tokenizer's.
  const std::vector<Token>& eos_ids() const { return eos_; }
  // BOS, else EOS, else -1: what an empty context becomes.
  Token prefix_token() const;

  PagePool& pages() { return *pages_; }
  Sequence sequence() { return Sequence(*pages_); }

  // Gives `tokens` their slots at the end of `sequence`, adds them to `step` and returns the part's number.
  // Each sequence at most once per step. kOutOfMemory when pages run out (nothing is changed then); kInvalid for a
  // token outside the vocabulary, a sequence longer than max_length() or a step longer than max_step_tokens().
  Result<int> append(Step& step, Sequence& sequence, std::span<const Token> tokens, const AppendOptions& options);

  // Computes the step and calls `each` for its logit rows, in their order in the step, on the calling thread.
  void run(const Step& step, const LogitsFn& each);

  // The account of everything that run() did.
  const Work& work() const { return account_.work(); }
  Account& account() { return account_; }
  void reset_work() { account_.reset(); }
  // Bytes that one decode step of `sequences` sequences with `kv_len` cached positions each must read: weights and KV.
  std::int64_t decode_read_bytes(int sequences, std::int64_t kv_len) const;
  // Runs a few tokens so that pages are mapped, threads awake and code loaded; charges nothing.
  void warm_up();

 private:
  Engine();

  std::unique_ptr<ModelFile> file_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Ops> ops_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<PagePool> pages_;
  std::unique_ptr<Forward> forward_;
  MemoryPlan plan_;
  Account account_;
  std::vector<Token> eos_;
  BackendOptions options_;
};

}  // namespace pareto
