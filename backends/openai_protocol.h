// The words of OpenAI's API, as vLLM, SGLang, llama.cpp and others speak it: what is asked and what a reply says.
//
//   POST BASE/completions       {"model", "prompt", "max_tokens", "stop", …}          → {"choices": [{"text"}],
//   "usage"} POST BASE/chat/completions  {"model", "messages", "max_tokens", "stop", …}        → {"choices":
//   [{"message"}], "usage"} with "stream": true         events {"choices": [{"text"} or {"delta"}]}, then [DONE]
//   log-likelihoods             completions with "echo" and "logprobs": the prompt's own tokens come back with theirs
//
// Pure functions over text. Replies are anything a network may bring: every error is one line, without control
// characters, that says what is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/request.h"
#include "core/result.h"

namespace pareto {

struct RemoteModel {
  std::string name;            // "model" of every request
  bool chat = false;           // generation by chat/completions
  bool stream = true;          // generated text comes piece by piece
  bool conversations = false;  // contexts may be JSON arrays of turns
  std::string prefix;          // stands in front of contexts that are empty and of rolling texts
};

// Below the base URL: "completions" or "chat/completions".
std::string_view remote_path(const RemoteModel& model, const Request& request);
// The JSON to post. Errors: kUnsupported for what the server cannot be asked: ids to chat, scores of a conversation.
Result<std::string> remote_body(const RemoteModel& model, const Request& request);

struct RemoteUsage {
  int prompt_tokens = 0, output_tokens = 0, cached_tokens = 0;
};

// A reply to a generate request, or one event of its stream.
struct RemotePiece {
  bool choice = false;           // an event without one carries the usage alone
  std::string text;              // what the answer goes on with
  bool thought = false;          // text that is not of the answer (reasoning_content) came
  std::optional<Finish> finish;  // set: the answer ends here
  std::optional<RemoteUsage> usage;
};
// One event. Errors: kInvalid where it is no such JSON or has more than one choice; kIo what a server reports instead.
Result<RemotePiece> parse_stream_event(std::string_view json);
// A whole reply: exactly one choice. Errors as above.
Result<RemotePiece> parse_generated(std::string_view json);

struct RemoteScores {
  std::vector<float> logprobs;  // one per token of what was to be scored
  double loglikelihood = 0;
  bool greedy = false;  // each was the most likely one
  int prompt_tokens = 0;
};
// The scores of a reply to a score request: of its continuation's tokens, of all of a rolling text's. Tokens belong to
// the continuation when they begin where the context without its trailing white space ends, or after (lm-eval's rule).
// Errors: kInvalid (which is not worth asking again for, but for text that is no JSON).
Result<RemoteScores> parse_scores(std::string_view json, const RemoteModel& model, const Request& request);

// True where a reply is JSON, however wrong: asking again would not change it.
bool is_json(std::string_view text);

// What a reply that is an error says: {"error": {"message"}}, {"error": "…"}, {"message"}, {"detail"}, or the start of
// the text; one line of at most 200 bytes; "" for HTML and nothing.
std::string server_message(std::string_view body, std::string_view secret);
// `text` with every occurrence of `secret` replaced; an empty secret changes nothing.
std::string without_secret(std::string text, std::string_view secret);

}  // namespace pareto
