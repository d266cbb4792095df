// One question to a backend, and what became of it. Text in, text out: a remote server has its own tokenizer.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "core/work.h"

namespace pareto {

struct Sampling {
  double temperature = 0;  // 0: greedy
  double top_p = 1;
  int top_k = 0;           // 0: all
  std::uint64_t seed = 0;  // of the counter-based stream; with the request's key and the position it fixes the draw
};

struct Request {
  enum class Kind : std::uint8_t {
    kGenerate,      // continue `context`
    kScore,         // log-likelihood of `continuation` after `context`
    kScoreRolling,  // log-likelihood of all of `context`, in windows of max_length (lm-eval's loglikelihood_rolling)
  };
  Kind kind = Kind::kGenerate;
  int task = 0;    // which task of the run
  int doc = 0;     // its document (doc_id: the index in the whole split)
  int part = 0;    // choice, or repeat, of that document
  std::string id;  // a requests file's own id, else empty

  Text context = make_text("");
  std::string continuation;
  int cut_tokens = 0;  // of the prompt, that its task took out to make it fit
  // Ids bypass the tokenizer (no BOS is added). Set: `context` and `continuation` are ignored.
  std::optional<std::vector<Token>> context_ids, continuation_ids;

  std::vector<std::string> until;  // generation ends before the first of these
  int max_tokens = 256;
  bool ignore_eos = false;  // only max_tokens and until end it
  Sampling sampling;
};

enum class Finish : std::uint8_t { kStop, kLength, kError };

// What one request costs served alone (batch 1, nothing shared): independent of its neighbours (records.md §3).
struct ItemWork {
  std::int64_t flops = 0, bytes = 0;
  std::int64_t selected_tokens = 0, read_tokens = 0, cached_tokens = 0;
};

struct Response {
  std::string text;                 // generated text, cut at the stop string
  std::vector<Token> tokens;        // generated ids, the end-of-sequence id included
  int unnamed_tokens = 0;           // generated tokens whose ids are not known: a server that gives text only
  std::vector<float> logprobs;      // natural log; per generated token, per continuation token, per rolling token
  double loglikelihood = 0;         // Σ logprobs in double, for the two score kinds
  bool greedy = false;              // kScore: every continuation token was the argmax
  int prompt_tokens = 0;            // after truncation
  int truncated_prompt_tokens = 0;  // to fit max_length: cut off the left, or by the task (Request::cut_tokens)
  int cached_prompt_tokens = 0;     // found in the cache: another request had computed them
  Finish finish = Finish::kStop;
  Nanos due = 0;  // the scenario's, of when the request was handed out or should have been: set by the harness
  Nanos start = 0, first_token = 0, end = 0;
  std::vector<Nanos> token_times;           // of each generated token; of a server: of each piece of text that it sent
  ItemWork work;                            // alone
  double share_flops = 0, share_bytes = 0;  // its part of what was really done; they sum to the run's Work
  std::optional<Error> error;

  std::int64_t output_tokens() const { return std::ssize(tokens) + unnamed_tokens; }
};

}  // namespace pareto
