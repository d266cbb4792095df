#include "backends/openai_protocol.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace pareto {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestMessage = 200;    // bytes of what a server says
constexpr std::size_t kReadMessage = 4096;      // of an error reply, secrets taken out before
constexpr std::int64_t kSeedSpan = 0x7FFFFFFF;  // seeds that every server takes

Json parsed(std::string_view text) { return Json::parse(text, nullptr, /*allow_exceptions=*/false); }

// The member, or null where `value` is no object or has none.
const Json* member(const Json& value, const char* name) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(name);
  return found == value.end() || found->is_null() ? nullptr : &*found;
}

const Json* array_of(const Json& value, const char* name) {
  const Json* found = member(value, name);
  return found != nullptr && found->is_array() ? found : nullptr;
}

std::string string_of(const Json& value, const char* name) {
  const Json* found = member(value, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : "";
}

std::optional<int> count_of(const Json& value, const char* name) {
  const Json* found = member(value, name);
  if (found == nullptr || !found->is_number_integer()) return std::nullopt;
  const auto count = found->get<std::int64_t>();
  if (count < 0 || count > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(count);
}

std::optional<RemoteUsage> usage_of(const Json& reply) {
  const Json* usage = member(reply, "usage");
  if (usage == nullptr || !usage->is_object()) return std::nullopt;
  RemoteUsage out;
  out.prompt_tokens = count_of(*usage, "prompt_tokens").value_or(0);
  out.output_tokens = count_of(*usage, "completion_tokens").value_or(0);
  if (const Json* details = member(*usage, "prompt_tokens_details"))
    out.cached_tokens = std::min(out.prompt_tokens, count_of(*details, "cached_tokens").value_or(0));
  return out;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool space = byte <= ' ' || byte == 0x7f;  // a terminal takes control characters as commands
    if (space && (line.empty() || line.back() == ' ')) continue;
    line += space ? ' ' : c;
    if (line.size() >= kLongestMessage) break;
  }
  while (!line.empty() && (line.back() == ' ' || (static_cast<unsigned char>(line.back()) & 0xC0U) == 0x80U))
    line.pop_back();  // not half a character
  if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0xC0U) line.pop_back();
  return line;
}

std::string message_in(const Json& body) {
  const Json* error = member(body, "error");
  if (error != nullptr && error->is_string()) return error->get<std::string>();
  if (error != nullptr && !string_of(*error, "message").empty()) return string_of(*error, "message");
  for (const char* name : {"message", "detail"})
    if (std::string text = string_of(body, name); !text.empty()) return text;
  return "";
}

tl::unexpected<Error> not_json(std::string_view text) {
  return fail(Code::kInvalid, "the reply is not JSON: '{}'", one_line(text.substr(0, 60)));
}

// What a server reports in place of an answer, in a reply whose status said that all is well.
Status check_no_error(const Json& reply) {
  if (!reply.is_object()) return fail(Code::kInvalid, "the reply is JSON, but not an object");
  if (member(reply, "error") == nullptr) return {};
  return fail(Code::kIo, "the server reports: {}", one_line(message_in(reply)));
}

Result<RemotePiece> piece_of(std::string_view text, std::size_t fewest_choices) {
  const Json reply = parsed(text);
  if (reply.is_discarded()) return not_json(text);
  PARETO_CHECK_OK(check_no_error(reply));
  RemotePiece piece;
  piece.usage = usage_of(reply);
  const Json* choices = array_of(reply, "choices");
  const std::size_t count = choices == nullptr ? 0 : choices->size();
  if (count > 1 || count < fewest_choices)
    return fail(Code::kInvalid, "the reply has {} choices; 1 was asked for", count);
  if (count == 0) return piece;
  piece.choice = true;
  const Json& choice = (*choices)[0];
  const Json* said = member(choice, "delta");
  if (said == nullptr) said = member(choice, "message");
  // A server may fill in both the completion's and the chat's place.
  piece.text = said != nullptr ? string_of(*said, "content") : string_of(choice, "text");
  piece.thought =
      said != nullptr && (!string_of(*said, "reasoning_content").empty() || !string_of(*said, "reasoning").empty());
  if (fewest_choices == 1 && said == nullptr && member(choice, "text") == nullptr)
    return fail(Code::kInvalid, "the reply's choice has neither text nor message");
  if (const std::string finish = string_of(choice, "finish_reason"); !finish.empty())
    piece.finish = finish == "length" ? Finish::kLength : Finish::kStop;
  return piece;
}

// --- what is asked ------------------------------------------------------------------------------------------------

// The turns in a context, or the context as the user's only turn.
Json messages_of(const RemoteModel& model, const Request& request) {
  const Json turn = {{"role", "user"}, {"content", *request.context}};
  if (!model.conversations) return Json::array({turn});
  Json turns = parsed(*request.context);
  const bool conversation =
      turns.is_array() && !turns.empty() && std::all_of(turns.begin(), turns.end(), [](const Json& t) {
        return member(t, "role") != nullptr && member(t, "content") != nullptr;
      });
  return conversation ? turns : Json::array({turn});
}

bool is_conversation(const RemoteModel& model, const Request& request) {
  return model.conversations && !request.context_ids && parsed(*request.context).is_array();
}

// What stands before the text that is scored.
const std::string& scored_context(const RemoteModel& model, const Request& request) {
  const bool alone = request.kind == Request::Kind::kScoreRolling || request.context->empty();
  return alone ? model.prefix : *request.context;
}

const std::string& scored_text(const Request& request) {
  return request.kind == Request::Kind::kScoreRolling ? *request.context : request.continuation;
}

void add_generation(Json* body, const RemoteModel& model, const Request& request) {
  (*body)["max_tokens"] = request.max_tokens;
  const Sampling& sampling = request.sampling;
  (*body)["temperature"] = sampling.temperature;
  if (sampling.temperature > 0) {
    if (sampling.top_p < 1) (*body)["top_p"] = sampling.top_p;
    if (sampling.top_k > 0) (*body)["top_k"] = sampling.top_k;
    // Repeats of one document are other draws.
    const std::uint64_t seed = sampling.seed + static_cast<std::uint64_t>(request.part);
    (*body)["seed"] = static_cast<std::int64_t>(seed % static_cast<std::uint64_t>(kSeedSpan));
  }
  if (!request.until.empty()) (*body)["stop"] = request.until;
  if (request.ignore_eos) (*body)["ignore_eos"] = true;
  if (model.stream) {
    (*body)["stream"] = true;
    (*body)["stream_options"] = {{"include_usage", true}};
  }
}

Status add_generation_prompt(Json* body, const RemoteModel& model, const Request& request) {
  if (!model.chat) {
    if (request.context_ids) {
      (*body)["prompt"] = *request.context_ids;
    } else {
      (*body)["prompt"] = request.context->empty() ? model.prefix : *request.context;
    }
    return {};
  }
  if (request.context_ids)
    return fail(Code::kUnsupported, "chat/completions takes no token ids; ask with api=completions");
  (*body)["messages"] = messages_of(model, request);
  if (string_of((*body)["messages"].back(), "role") == "assistant") {  // the turn to go on with
    (*body)["add_generation_prompt"] = false;
    (*body)["continue_final_message"] = true;
  }
  return {};
}

Status add_scored_prompt(Json* body, const RemoteModel& model, const Request& request) {
  if (is_conversation(model, request))
    return fail(Code::kUnsupported,
                "chat/completions gives no log-likelihoods; ask with api=completions and --tokenizer, whose template "
                "then renders the prompts");
  const bool rolling = request.kind == Request::Kind::kScoreRolling;
  if (request.context_ids.has_value() != request.continuation_ids.has_value() && !rolling)
    return fail(Code::kUnsupported, "context and continuation must both be texts, or both be ids, to a server");
  if (request.context_ids) {
    std::vector<Token> ids = *request.context_ids;
    if (!rolling) ids.insert(ids.end(), request.continuation_ids->begin(), request.continuation_ids->end());
    (*body)["prompt"] = ids;
  } else {
    (*body)["prompt"] = scored_context(model, request) + scored_text(request);
  }
  // One token more than is wanted: not every server takes 0.
  (*body)["max_tokens"] = 1;
  (*body)["temperature"] = 0;
  (*body)["echo"] = true;
  (*body)["logprobs"] = 1;
  return {};
}

// --- which tokens are scored --------------------------------------------------------------------------------------

// Characters as Python counts them: offsets are in these.
std::int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

struct Echo {
  const Json *tokens = nullptr, *logprobs = nullptr, *top = nullptr;
  std::vector<std::int64_t> begin;  // where each token begins, in characters from the first one's start
  std::int64_t end = 0;             // of the last one
  std::size_t prompt = 0;           // how many are the prompt's: the rest was generated
};

// As text_offset says, else by the lengths of the tokens' own texts.
void place_tokens(const Json& logprobs, Echo* echo) {
  const Json* offsets = array_of(logprobs, "text_offset");
  const std::size_t n = echo->tokens->size();
  const bool usable =
      offsets != nullptr && offsets->size() == n && std::all_of(offsets->begin(), offsets->end(), [](const Json& x) {
        return x.is_number_integer() && x.get<std::int64_t>() >= 0 && x.get<std::int64_t>() < (1LL << 40);
      });
  std::int64_t at = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Json& token = (*echo->tokens)[i];
    if (usable) at = (*offsets)[i].get<std::int64_t>();
    echo->begin.push_back(at);
    at += token.is_string() ? characters(token.get_ref<const std::string&>()) : 0;
  }
  echo->end = at;
}

Result<Echo> echo_of(const Json& choice) {
  const Json* logprobs = member(choice, "logprobs");
  if (logprobs == nullptr)
    return fail(Code::kUnsupported, "the reply has no logprobs: this server gives none for a prompt ('echo')");
  Echo echo;
  echo.tokens = array_of(*logprobs, "tokens");
  echo.logprobs = array_of(*logprobs, "token_logprobs");
  echo.top = array_of(*logprobs, "top_logprobs");
  if (echo.tokens == nullptr || echo.logprobs == nullptr || echo.top == nullptr)
    return fail(Code::kInvalid, "the reply's logprobs lack tokens, token_logprobs or top_logprobs");
  const std::size_t n = echo.tokens->size();
  if (echo.logprobs->size() != n || echo.top->size() != n)
    return fail(Code::kInvalid, "the reply has {} tokens, {} token_logprobs and {} top_logprobs", n,
                echo.logprobs->size(), echo.top->size());
  place_tokens(*logprobs, &echo);
  return echo;
}

// max_tokens was 1, so at most one token was generated; the usage says whether, else the offsets do.
std::size_t generated_tokens(const Echo& echo, const std::optional<RemoteUsage>& usage, std::int64_t prompt_length) {
  if (echo.begin.empty()) return 0;
  if (usage && usage->output_tokens == 0) return 0;
  if (usage) return 1;
  return echo.begin.back() - echo.begin.front() >= prompt_length ? 1 : 0;
}

// The first token that is scored. Offsets are aligned at the prompt's end: what a server puts in front (a BOS) or takes
// away there (a first space) shifts them all.
std::size_t first_scored(const Echo& echo, const RemoteModel& model, const Request& request) {
  if (request.context_ids) {
    const std::size_t scored =
        request.continuation_ids ? request.continuation_ids->size() : request.context_ids->size();
    return echo.prompt - std::min(echo.prompt, scored);
  }
  const std::string& context = scored_context(model, request);
  const std::size_t kept = context.find_last_not_of(" \t\n\r\f\v");
  const std::int64_t trailing = characters(context) - characters(context.substr(0, kept + 1));
  const std::int64_t end = echo.prompt < echo.begin.size() ? echo.begin[echo.prompt] : echo.end;
  std::int64_t from = end - characters(scored_text(request));
  if (request.kind == Request::Kind::kScore) from -= trailing;  // white space goes over to the continuation
  std::size_t first = echo.prompt;
  while (first > 0 && echo.begin[first - 1] >= from) --first;
  return first;
}

// Whether a token with this log-probability is the most likely one of those that the server lists.
Result<bool> is_greedy(const Json& top, double logprob) {
  if (!top.is_object() || top.empty()) return fail(Code::kInvalid, "the reply's top_logprobs lack a token's entry");
  double best = -std::numeric_limits<double>::infinity();
  for (const auto& [token, value] : top.items())
    if (value.is_number()) best = std::max(best, value.get<double>());
  return logprob >= best;
}

}  // namespace

std::string_view remote_path(const RemoteModel& model, const Request& request) {
  return model.chat && request.kind == Request::Kind::kGenerate ? "chat/completions" : "completions";
}

Result<std::string> remote_body(const RemoteModel& model, const Request& request) {
  Json body = {{"model", model.name}};
  if (request.kind == Request::Kind::kGenerate) {
    PARETO_CHECK_OK(add_generation_prompt(&body, model, request));
    add_generation(&body, model, request);
  } else {
    PARETO_CHECK_OK(add_scored_prompt(&body, model, request));
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<RemotePiece> parse_stream_event(std::string_view json) { return piece_of(json, 0); }
Result<RemotePiece> parse_generated(std::string_view json) { return piece_of(json, 1); }

Result<RemoteScores> parse_scores(std::string_view json, const RemoteModel& model, const Request& request) {
  const Json reply = parsed(json);
  if (reply.is_discarded()) return not_json(json);
  PARETO_CHECK_OK(check_no_error(reply));
  const Json* choices = array_of(reply, "choices");
  const std::size_t count = choices == nullptr ? 0 : choices->size();
  if (count != 1) return fail(Code::kInvalid, "the reply has {} choices; 1 was asked for", count);
  PARETO_TRY(Echo echo, echo_of((*choices)[0]));
  const std::optional<RemoteUsage> usage = usage_of(reply);
  const std::int64_t length = characters(scored_context(model, request) + scored_text(request));
  echo.prompt = echo.begin.size() - generated_tokens(echo, usage, length);
  const std::size_t first = first_scored(echo, model, request);
  if (first == echo.prompt && !(request.kind == Request::Kind::kScoreRolling && request.context->empty()))
    return fail(Code::kInvalid,
                "none of the reply's {} tokens begins in the text to be scored: the prompt was not "
                "sent back, or its last token reaches over from the context",
                echo.begin.size());
  RemoteScores scores;
  scores.greedy = true;
  scores.prompt_tokens = usage ? usage->prompt_tokens : static_cast<int>(echo.prompt);
  for (std::size_t i = first; i < echo.prompt; ++i) {
    const Json& logprob = (*echo.logprobs)[i];
    if (logprob.is_null())
      return fail(Code::kInvalid,
                  "the server gives no log-probability for the first token; put one in front with "
                  "prefix=TEXT (the text of the model's BOS)");
    if (!logprob.is_number() || logprob.get<double>() > 0.01)
      return fail(Code::kInvalid, "the reply's token_logprobs hold '{}', which is no log-probability",
                  one_line(logprob.dump(-1, ' ', true, Json::error_handler_t::replace)));
    const auto value = logprob.get<double>();
    PARETO_TRY(const bool greedy, is_greedy((*echo.top)[i], value));
    scores.greedy = scores.greedy && greedy;
    scores.loglikelihood += value;
    scores.logprobs.push_back(static_cast<float>(value));
  }
  return scores;
}

bool is_json(std::string_view text) { return Json::accept(text); }

std::string server_message(std::string_view body, std::string_view secret) {
  const std::string safe = without_secret(std::string(body), secret);
  const Json reply = parsed(safe);
  std::string text = reply.is_discarded() ? "" : message_in(reply);
  if (text.empty()) text = safe.substr(0, kReadMessage);
  // Once more: JSON may have spelled it in another way.
  const std::string line = one_line(without_secret(std::move(text), secret));
  return line.starts_with('<') ? "" : line;
}

std::string without_secret(std::string text, std::string_view secret) {
  if (secret.empty()) return text;
  for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3)
    text.replace(at, secret.size(), "***");
  return text;
}

}  // namespace pareto
