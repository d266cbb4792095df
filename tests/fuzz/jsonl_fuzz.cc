// Any bytes as a JSONL file: rows that parse must print, and what they print must read back as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tasks/python.h"
#include "tasks/rows.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto rows = pareto::parse_jsonl(text, "rows.jsonl");
  if (!rows) {
    if (rows.error().message.find('\n') != std::string::npos) __builtin_trap();
    return 0;
  }
  for (const pareto::Row& row : *rows) {
    const std::string json = row.json();
    const auto again = pareto::value_from_json(json);
    if (!again || pareto::python::repr(*again) != pareto::python::repr(row.value())) __builtin_trap();
    (void)row.text("question");
    (void)row.strings("choices.text");
    (void)row.integer("answer");
    (void)pareto::python::json_dumps(row.value());
  }
  return 0;
}
