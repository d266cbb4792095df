// Posts to one server, many at once, on one thread: libcurl's multi interface.
//
//   HttpPool pool(options);
//   pool.start(url, body, &exchange);                    // any number
//   pool.wait(1'000'000, [](Exchange* done) { … });      // bytes to Exchange::take as they come; `done` has ended
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/types.h"

namespace pareto {

struct HttpPoolOptions {
  std::string key;  // sent as a bearer token; empty: none
  double connect_s = 20, timeout_s = 300;
};

// How a transfer ended.
struct HttpEnd {
  long status = 0;           // HTTP; 0: no reply
  std::string transport;     // what went wrong below HTTP, "" where nothing did: "Couldn't connect to server"
  bool unreachable = false;  // there was no connection
  bool passing = false;      // what went wrong may not the next time
  double retry_after_s = 0;  // what the server asked for
  std::string error_body;    // of a reply that is not 200: its first 64 KiB
};

// One post and its reply, as its owner sees it.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // Bytes of the body of a 200, which came at `now`. False ends the transfer: nothing more is wanted.
  virtual bool take(std::string_view bytes, Nanos now) = 0;
  HttpEnd end;  // valid once it has ended
};

class HttpPool {
 public:
  HttpPool();
  ~HttpPool();
  HttpPool(const HttpPool&) = delete;
  HttpPool& operator=(const HttpPool&) = delete;
  // Once, first. `most`: transfers at a time, whose connections are kept. Errors: kOutOfMemory.
  Status open(const HttpPoolOptions& options, int most);
  // `exchange` stays valid until it has ended or was cancelled.
  Status start(const std::string& url, std::string body, Exchange* exchange);
  // Without a word to the server; `ended` is not called for it.
  void cancel(Exchange* exchange);
  // Moves every transfer on, waiting at most `most_ns` for the first byte of any; then calls `ended` for each that has
  // ended. `ended` may start others.
  Status wait(Nanos most_ns, const std::function<void(Exchange*)>& ended);
  std::size_t running() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pareto
