// Any bytes as a template, in both dialects, over variables that reach every kind of value.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tasks/jinja.h"
#include "tasks/value.h"

namespace {

pareto::Value variables() {
  return pareto::value_from_json(R"({
    "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": " hé <b>\n"}, {"role": "assistant",
      "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.5}}}]}],
    "tools": [{"type": "function", "function": {"name": "f"}}], "bos_token": "<s>", "eos_token": "</s>",
    "add_generation_prompt": true, "n": 7, "x": 2.5, "s": "Hello, World", "l": [3, 1, 2], "d": {"b": 2, "a": [1]},
    "no": false, "nothing": null})")
      .value();
}

pareto::jinja::Options small(pareto::jinja::Options options) {
  options.limits = {.steps = 5000, .text_bytes = 1 << 16, .all_bytes = 1 << 20};
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const pareto::Value kVariables = variables();
  if (size == 0) return 0;
  const bool is_task = (data[0] & 1) != 0;
  const auto options = small(is_task ? pareto::jinja::task_options() : pareto::jinja::chat_options());
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto parsed = pareto::jinja::Template::parse(text, options);
  if (!parsed) return 0;
  // Templates of tasks may change what they are given.
  const pareto::Value given = is_task ? variables() : kVariables;
  if (const auto rendered = parsed->render(given); rendered && rendered->size() > (1u << 16)) __builtin_trap();
  return 0;
}
