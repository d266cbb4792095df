#include "backends/openai_ask.h"

#include <algorithm>
#include <vector>

namespace pareto {
namespace {

constexpr std::size_t kLargestReply = std::size_t{256} << 20;
constexpr std::size_t kShortestSecret = 8;  // of a key that is taken out of answers: "EMPTY" is a word of theirs

bool worth_asking_again(long status) {
  return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

}  // namespace

Result<std::string> Ask::begin(Nanos now) {
  const Nanos start = attempts_ == 0 ? now : response_.start;
  ++attempts_;
  response_ = Response();
  response_.start = start;
  form_ = Form::kUnknown;
  events_ = SseParser();
  whole_.clear();
  last_byte_ = 0;
  ended_ = false;
  usage_.reset();
  failure_.reset();
  url_ = context_.base_url + "/" + std::string(remote_path(context_.model, request_));
  return remote_body(context_.model, request_);
}

bool Ask::take(std::string_view bytes, Nanos now) {
  now_ = last_byte_ = now;
  if (form_ == Form::kUnknown) {
    const std::size_t first = bytes.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return true;
    const bool streams = request_.kind == Request::Kind::kGenerate && context_.model.stream;
    const bool document = std::string_view("{[<").find(bytes[first]) != std::string_view::npos;  // no line of a stream
    form_ = streams && !document ? Form::kEvents : Form::kWhole;
  }
  if (form_ == Form::kWhole) {
    whole_ += bytes;
    if (whole_.size() <= kLargestReply) return true;
    failure_ = failed(Code::kInvalid, "the reply is larger than 256 MiB");
    return false;
  }
  const Status taken = events_.feed(bytes, [this](std::string_view data) { return take_event(data); });
  if (!taken && !failure_) failure_ = failed(Code::kInvalid, taken.error().message);
  return taken.has_value();
}

Status Ask::take_event(std::string_view data) {
  if (data == "[DONE]") {
    ended_ = true;
    return {};
  }
  const Result<RemotePiece> piece = parse_stream_event(data);
  if (!piece) {
    failure_ = failed(piece.error().code, piece.error().message);
    failure_->passing = piece.error().code == Code::kIo || !is_json(data);
    return tl::unexpected(piece.error());
  }
  if (piece->usage) usage_ = piece->usage;
  if (!piece->choice) return {};
  if (!piece->text.empty() || piece->thought) {
    if (response_.token_times.empty()) response_.first_token = now_;
    response_.token_times.push_back(now_);
  }
  response_.text += piece->text;
  response_.end = now_;
  if (piece->finish) {
    response_.finish = *piece->finish;
    ended_ = true;
  }
  return {};
}

AskFailure Ask::failed(Code code, std::string why) const {
  return {{code, without_secret(fmt::format("{}: {}", url_, why), context_.key)}};
}

// A reply whose status is not 200.
AskFailure Ask::refused() const {
  const std::string said = server_message(end.error_body, context_.key);
  std::string why = fmt::format("HTTP {}{}{}", end.status, said.empty() ? "" : ": ", said);
  Code code = Code::kInvalid;
  if (end.status == 401 || end.status == 403)
    why += context_.key.empty() ? fmt::format("; put the key into ${}", context_.key_name)
                                : fmt::format("; the key is what ${} holds", context_.key_name);
  if (end.status == 404) code = Code::kNotFound;
  if (end.status >= 300 && end.status < 400) why += "; redirects are not followed, give the address that it leads to";
  AskFailure failure = failed(code, std::move(why));
  failure.passing = worth_asking_again(end.status);
  if (failure.passing) failure.error.code = Code::kIo;
  failure.wait_s = end.retry_after_s;
  return failure;
}

std::optional<AskFailure> Ask::finish() {
  if (failure_) return failure_;
  if (end.status != 0 && end.status != 200) return refused();
  if (form_ == Form::kEvents && ended_) {
    complete_text();
    return std::nullopt;
  }
  if (!end.transport.empty()) {
    AskFailure failure = failed(Code::kIo, end.transport);
    failure.passing = end.passing;
    failure.unreachable = end.unreachable;
    return failure;
  }
  if (form_ == Form::kWhole) return finish_whole();
  AskFailure failure = failed(Code::kIo, form_ == Form::kEvents ? "the stream broke off" : "the reply is empty");
  failure.passing = true;
  return failure;
}

std::optional<AskFailure> Ask::finish_whole() {
  const auto broken = [this](const Error& error) {
    AskFailure failure = failed(error.code, error.message);
    failure.passing = error.code == Code::kIo || !is_json(whole_);
    return failure;
  };
  response_.first_token = response_.end = last_byte_;
  if (request_.kind != Request::Kind::kGenerate) {
    Result<RemoteScores> scores = parse_scores(whole_, context_.model, request_);
    if (!scores) return broken(scores.error());
    response_.logprobs = std::move(scores->logprobs);
    response_.loglikelihood = scores->loglikelihood;
    response_.greedy = request_.kind == Request::Kind::kScore && scores->greedy;
    response_.prompt_tokens = scores->prompt_tokens;
    return std::nullopt;
  }
  const Result<RemotePiece> piece = parse_generated(whole_);
  if (!piece) return broken(piece.error());
  response_.text = piece->text;
  response_.finish = piece->finish.value_or(Finish::kStop);
  usage_ = piece->usage;
  complete_text();
  return std::nullopt;
}

// What the pieces are together: counted, and cut at the first stop string where the server did not.
void Ask::complete_text() {
  std::string& text = response_.text;
  if (response_.token_times.empty() && response_.first_token == 0)
    response_.first_token = response_.end = last_byte_;  // an answer without text
  if (usage_) {
    response_.prompt_tokens = usage_->prompt_tokens;
    response_.cached_prompt_tokens = usage_->cached_tokens;
    response_.unnamed_tokens = usage_->output_tokens;
  } else if (context_.tokenizer != nullptr) {
    std::vector<Token> ids;
    context_.tokenizer->encode(text, /*parse_special=*/false, &ids);
    response_.unnamed_tokens = static_cast<int>(ids.size());
  } else {
    response_.unnamed_tokens = static_cast<int>(response_.token_times.size());
  }
  std::size_t cut = text.size();
  for (const std::string& stop : request_.until)
    if (!stop.empty()) cut = std::min(cut, text.find(stop));
  if (cut < text.size()) {
    text.resize(cut);
    response_.finish = Finish::kStop;
  }
  if (context_.key.size() >= kShortestSecret) text = without_secret(std::move(text), context_.key);
}

Nanos Ask::silent_for(Nanos now) const { return form_ == Form::kEvents ? now - last_byte_ : 0; }

void Ask::give_up(Error error, Nanos now) {
  const Nanos start = attempts_ == 0 ? now : response_.start;
  response_ = Response();
  response_.start = start;
  response_.first_token = response_.end = now;
  response_.finish = Finish::kError;
  response_.error = std::move(error);
}

}  // namespace pareto
