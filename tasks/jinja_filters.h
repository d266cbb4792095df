// The table of filters, in parts by what they work on.
#pragma once

#include <span>
#include <string_view>

#include "tasks/jinja_runtime.h"

namespace pareto::jinja {

struct Filter {
  std::string_view name;
  Result<Value> (*apply)(Interpreter& in, const Value& value, const Args& args);
};

std::span<const Filter> text_filters();
std::span<const Filter> number_filters();
std::span<const Filter> sequence_filters();

// Python's int(text, base) and float(text); none where they raise ValueError.
// Errors: kInvalid for an integer beyond 64 bits.
Result<Value> parse_integer(std::string_view text, std::int64_t base);
Result<Value> parse_float(std::string_view text);

// lm-evaluation-harness's regex_replace(text, pattern, repl, count): re.sub.
Result<Value> regex_replace(Interpreter& in, const Value& value, const Args& args);

}  // namespace pareto::jinja
