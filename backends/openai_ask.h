// One request to a server, from its first attempt to its response.
//
//   bytes of a reply ─┬─ event stream: SseParser → pieces, each timed as its bytes came
//                     └─ one JSON reply: kept whole, read at its end
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "backends/http_pool.h"
#include "backends/openai_protocol.h"
#include "backends/sse.h"
#include "core/request.h"
#include "core/tokenizer.h"

namespace pareto {

// What is the same for all requests of a run.
struct AskContext {
  RemoteModel model;
  std::string base_url;                  // without a slash at its end
  std::string key, key_name;             // the secret, and the environment variable that holds it
  const Tokenizer* tokenizer = nullptr;  // counts the tokens of a server that does not; may be null
};

// Why an attempt failed.
struct AskFailure {
  Error error;
  bool passing = false;      // the next attempt may succeed
  bool unreachable = false;  // there was no connection
  double wait_s = 0;         // what the server asked for
};

class Ask final : public Exchange {
 public:
  Ask(const AskContext& context, const Request& request, std::size_t number)
      : context_(context), request_(request), number_(number) {}

  const Request& request() const { return request_; }
  std::size_t number() const { return number_; }  // in the order of being handed out
  const std::string& url() const { return url_; }
  int attempts() const { return attempts_; }

  // Forgets the attempt before and gives the body to post. Errors: remote_body()'s.
  Result<std::string> begin(Nanos now);
  bool take(std::string_view bytes, Nanos now) override;
  // The attempt is over: nothing where response() is complete, else why not.
  std::optional<AskFailure> finish();
  // Nanoseconds since the stream's last byte; 0 before its first and for replies that come in one piece.
  Nanos silent_for(Nanos now) const;
  // Ends it with an error.
  void give_up(Error error, Nanos now);
  Response& response() { return response_; }

  Nanos ready_at = 0;  // when the next attempt is due
  bool running = false;
  bool done = false;  // response() has been handed on

 private:
  enum class Form { kUnknown, kEvents, kWhole };
  Status take_event(std::string_view data);
  AskFailure failed(Code code, std::string why) const;
  AskFailure refused() const;
  std::optional<AskFailure> finish_whole();
  void complete_text();

  const AskContext& context_;
  const Request& request_;
  const std::size_t number_;
  std::string url_;
  int attempts_ = 0;
  // Of the attempt in hand:
  Response response_;
  Form form_ = Form::kUnknown;
  SseParser events_;
  std::string whole_;
  Nanos now_ = 0, last_byte_ = 0;  // of the bytes being taken; of the last ones
  bool ended_ = false;             // the stream said that the answer is complete
  std::optional<RemoteUsage> usage_;
  std::optional<AskFailure> failure_;
};

}  // namespace pareto
