#include "results/json_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace pareto {
namespace {

// Length of the UTF-8 sequence at text[at], 0 where it is malformed (overlong, surrogate, out of range or cut off).
int utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) >= 0xA0) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

template <class Float>
void append_number(std::string* out, Float value) {
  if (!std::isfinite(value)) {
    *out += "null";
    return;
  }
  const std::size_t begin = out->size();
  fmt::format_to(std::back_inserter(*out), "{}", value);
  if (out->find_first_of(".e", begin) == std::string::npos) *out += ".0";
}

}  // namespace

void append_json(std::string* out, std::string_view text) {
  *out += '"';
  std::size_t copied = 0;  // everything before is in *out
  const auto flush = [&](std::size_t end) { out->append(text.substr(copied, end - copied)); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    if (c >= 0x80) {
      if (const int length = utf8_length(text, i); length > 0) {
        i += length;
        continue;
      }
    }
    flush(i);
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      case '\b':
        *out += "\\b";
        break;
      case '\f':
        *out += "\\f";
        break;
      default:
        if (c < 0x20) {
          fmt::format_to(std::back_inserter(*out), "\\u{:04x}", c);
        } else {
          *out += kReplacement;
        }
    }
    copied = ++i;
  }
  flush(text.size());
  *out += '"';
}

void append_json(std::string* out, double value) { append_number(out, value); }
void append_json(std::string* out, float value) { append_number(out, value); }
void append_json_integer(std::string* out, std::int64_t value) {
  fmt::format_to(std::back_inserter(*out), "{}", value);
}

std::string json_on_one_line(std::string_view pretty) {
  std::string line;
  line.reserve(pretty.size());
  for (std::size_t i = 0; i < pretty.size(); ++i) {
    if (pretty[i] != '\n') {
      line += pretty[i];
      continue;
    }
    // A newline is never inside a string: there it is written \n.
    while (i + 1 < pretty.size() && pretty[i + 1] == ' ') ++i;
    if (!line.empty() && line.back() == ',') line += ' ';
  }
  return line;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const int length = utf8_length(text, i);
    if (length == 0) {
      out += kReplacement;
      ++i;
    } else {
      out.append(text.substr(i, length));
      i += length;
    }
  }
  return out;
}

std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace pareto
