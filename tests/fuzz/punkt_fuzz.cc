// Any bytes as tables of the sentence splitter and as the text to split: sentences are pieces of it, in order.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tasks/punkt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  // Tables, each ended by a zero byte, then the text.
  pareto::PunktTables tables;
  std::size_t at = 0;
  for (const char* name : {"abbrev_types.txt", "sent_starters.txt", "collocations.tab", "ortho_context.tab"}) {
    const std::size_t end = all.find('\0', at);
    if (end == std::string_view::npos) break;
    const auto added = tables.add(name, all.substr(at, end - at));
    if (!added && added.error().message.find('\n') != std::string::npos) __builtin_trap();
    at = end + 1;
  }
  const std::string_view text = all.substr(at);
  const char* last = text.data();
  for (const std::string_view sentence : pareto::split_sentences(tables, text)) {
    if (sentence.empty() || sentence.data() < last || sentence.data() + sentence.size() > text.data() + text.size())
      __builtin_trap();
    last = sentence.data() + sentence.size();
  }
  return 0;
}
