// Any bytes as a server's reply: scores that are taken are finite, errors are one line, the secret is in none of them.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "backends/openai_protocol.h"

namespace {

void check_line(const std::string& message) {
  for (const char c : message)
    if (static_cast<unsigned char>(c) < ' ') std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& piece : {pareto::parse_stream_event(text), pareto::parse_generated(text)})
    if (!piece) check_line(piece.error().message);
  pareto::Request request;
  for (const auto kind : {pareto::Request::Kind::kScore, pareto::Request::Kind::kScoreRolling}) {
    request.kind = kind;
    request.context = pareto::make_text("Q: é ");
    request.continuation = " big cat";
    const auto scores = pareto::parse_scores(text, {}, request);
    if (!scores) check_line(scores.error().message);
    if (scores && !std::isfinite(scores->loglikelihood)) std::abort();
  }
  const std::string said = pareto::server_message(text, "KEY");
  check_line(said);
  if (said.find("KEY") != std::string::npos) std::abort();
  return 0;
}
