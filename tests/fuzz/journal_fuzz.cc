// The journal reader takes any bytes: a killed run, a full disk or an editor may have left them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "results/journal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const pareto::JournalContent content = pareto::parse_journal(bytes);
  if (content.whole_bytes > size) std::abort();
  // What was read can be written, and is then read again.
  for (const auto& [key, response] : content.responses) {
    std::string line;
    pareto::append_journal_line(&line, key, "task", pareto::Request{}, response);
    const pareto::JournalContent again = pareto::parse_journal(line);
    if (again.responses.size() != 1 || again.bad_lines != 0) std::abort();
  }
  return 0;
}
