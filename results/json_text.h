// JSON written straight into a buffer: samples and journals have a line per request, and a document tree for each would
// cost more than a fast backend needs to answer.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace pareto {

// `text` as a JSON string with its quotes. UTF-8 stays as it is (Python's ensure_ascii=False); bytes that are no UTF-8
// become U+FFFD, so that the line can always be read again.
void append_json(std::string* out, std::string_view text);
// The shortest digits that read back as the same value; null where it is not finite.
void append_json(std::string* out, double value);
void append_json(std::string* out, float value);
void append_json_integer(std::string* out, std::int64_t value);
template <std::integral Integer>
void append_json(std::string* out, Integer value) {
  if constexpr (std::same_as<Integer, bool>) {
    *out += value ? "true" : "false";
  } else {
    append_json_integer(out, value);
  }
}

// "[v, v, …]" of anything that append_json() takes.
template <class Range>
void append_json_array(std::string* out, const Range& values) {
  const char* separator = "[";
  for (const auto& value : values) {
    *out += separator;
    append_json(out, value);
    separator = ", ";
  }
  *out += *separator == '[' ? "[]" : "]";
}

// Pretty-printed JSON on one line, as Python's json.dumps() without indent separates it: ", " and ": ".
std::string json_on_one_line(std::string_view pretty);
// The text with every byte that is no UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);
// What Python's str() makes of a float: "-41.5", "1.0", "1e-05", "nan".
std::string python_float(double value);

}  // namespace pareto
