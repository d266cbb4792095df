// Any bytes as an event stream: where it is cut changes nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "backends/sse.h"

namespace {

std::vector<std::string> events_of(std::string_view text, std::size_t piece) {
  pareto::SseParser parser;
  std::vector<std::string> events;
  for (std::size_t at = 0; at < text.size(); at += piece)
    if (!parser.feed(text.substr(at, piece), [&](std::string_view event) -> pareto::Status {
          events.emplace_back(event);
          return {};
        }))
      std::abort();
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (events_of(text, text.size() + 1) != events_of(text, 1 + data[0] % 7U)) std::abort();
  return 0;
}
