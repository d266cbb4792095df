// Requests to token ids, with lm-evaluation-harness's rules for pairs, prefixes, truncation and rolling windows.
//
//   pair       trailing whitespace of the context moves to the continuation; whole = enc(ctx + cont), n = |enc(ctx)|:
//              the continuation is whole[n:], so a merge across the boundary makes the split inexact, by design
//   empty ctx  becomes the prefix token (BOS, else EOS); a continuation that begins with it gives it up
//   BOS        as the tokenizer's own rule says, unless the text begins with the prefix token's string
//   scoring    (ctx + cont)[-(max_length + 1):][:-1]
//   generation ctx[-(max_length - max_tokens):]
//   rolling    disjoint windows of max_length predicted tokens; the first sees the prefix token alone, each later full
//              one one token of context, the last as much as fits
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/request.h"
#include "core/result.h"
#include "core/tokenizer.h"
#include "core/types.h"

namespace pareto {

// What the model reads, and from which row on it is asked: row p predicts targets[p - first_row].
struct ScoredInput {
  std::vector<Token> tokens;
  int first_row = 0;
  std::vector<Token> targets;
};

struct EncodedRequest {
  std::vector<ScoredInput> inputs;  // score: one (none: nothing to score); rolling: one per window
  std::vector<Token> prompt;        // generate
  std::vector<Token> stop_ids;      // generate: `until` strings that are one special token
  int prompt_tokens = 0, truncated = 0;
};

struct EncodeOptions {
  const Tokenizer* tokenizer = nullptr;  // null: only ids can be served
  Token prefix = -1;                     // BOS, else EOS; -1: none
  int max_length = 0;
  int vocab = 0;  // ids that a request brings along must be below
};

// Encodes requests one after the other and remembers the last context: the choices of one question share it.
// A request that cannot be served is kInvalid. One encoder per thread.
class Encoder {
 public:
  explicit Encoder(const EncodeOptions& options) : options_(options) {}
  Result<EncodedRequest> encode(const Request& request);

 private:
  using Ids = std::vector<Token>;
  struct Pair {
    Ids context, continuation;
  };
  Ids text(std::string_view text) const;  // with the tokenizer's BOS
  const Ids& context(const Text& text);   // of the text without its trailing whitespace
  Result<Pair> pair(const Request& request);
  Result<EncodedRequest> score(const Request& request);
  Result<EncodedRequest> rolling(const Request& request) const;
  Result<EncodedRequest> generate(const Request& request) const;
  Status check_ids(const Request& request) const;

  const EncodeOptions options_;
  Text last_text_;
  Ids last_ids_;
};

// The bytes of Python's str.rstrip() of `text`: trailing Unicode whitespace is left out.
std::string_view rstrip(std::string_view text);

}  // namespace pareto
