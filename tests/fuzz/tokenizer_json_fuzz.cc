// Any bytes as a tokenizer.json: read or refused, never a crash; what was read encodes and decodes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto parts = pareto::read_tokenizer_json(text, "fuzz.json");
  if (!parts) return 0;
  const auto tokenizer = pareto::assemble(std::move(*parts), {}, "fuzz.json");
  if (!tokenizer) return 0;
  std::vector<pareto::Token> ids;
  (*tokenizer)->encode("a ab  <s>b\xC3\xA9\xFF\n 12", true, &ids);
  (*tokenizer)->encode(text.substr(0, 64), false, &ids);
  (*tokenizer)->decode(ids);
  for (const pareto::Token id : ids)
    if (id < 0 || id >= (*tokenizer)->info().vocab) __builtin_trap();
  return 0;
}
