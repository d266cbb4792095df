// Server-sent events: the stream in which a server sends an answer piece by piece (WHATWG HTML §9.2).
//
//   data: {"choices": [{"text": "The"}]}\n
//   \n
//   : a comment, to keep the connection open\n
//   data: [DONE]\n
//   \n
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace pareto {

class SseParser {
 public:
  // Most bytes of one event: a server that never ends one must not fill the memory.
  static constexpr std::size_t kLargestEvent = std::size_t{16} << 20;

  // Takes the next bytes of the stream, cut anywhere, and calls `event` with the data of each event that they complete.
  // Lines end in \n, \r\n or \r; several data lines are joined by \n; other fields and comments are dropped. An event
  // that the stream's end cuts is never called. Errors: kInvalid when an event is larger than kLargestEvent, or
  // what `event` returns; nothing may be fed after an error.
  Status feed(std::string_view bytes, const std::function<Status(std::string_view)>& event);

 private:
  Status end_line(const std::function<Status(std::string_view)>& event);
  std::string line_, data_;
  bool has_data_ = false, after_return_ = false;
};

}  // namespace pareto
