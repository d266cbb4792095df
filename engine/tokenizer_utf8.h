// UTF-8 as the tokenizers need it: one code point at a time, and bytes that are no UTF-8 pass as single characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pareto {

struct CodePoint {
  std::uint32_t value = 0xFFFD;  // of an invalid byte: U+FFFD
  int bytes = 1;
  bool valid = false;
};

// The code point at `at`. Overlong forms, surrogates and values above U+10FFFF are invalid. REQUIRES: at < text.size().
inline CodePoint decode_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const int bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + bytes > text.size()) return {};
  std::uint32_t value = lead & (0x7F >> bytes);
  for (int i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3F);
  }
  if (bytes == 3 && (value < 0x800 || (value >= 0xD800 && value < 0xE000))) return {};
  if (bytes == 4 && (value < 0x10000 || value > 0x10FFFF)) return {};
  return {value, bytes, true};
}

// REQUIRES: value ≤ 0x10FFFF.
inline void append_utf8(std::uint32_t value, std::string* out) {
  if (value < 0x80) {
    out->push_back(static_cast<char>(value));
    return;
  }
  const int tail = value < 0x800 ? 1 : value < 0x10000 ? 2 : 3;
  static constexpr std::uint8_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out->push_back(static_cast<char>(kLead[tail] | value >> (6 * tail)));
  for (int i = tail - 1; i >= 0; --i) out->push_back(static_cast<char>(0x80 | (value >> (6 * i) & 0x3F)));
}

// Unicode's property White_Space.
inline bool is_white_space(std::uint32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

// U+2581, which stands for a space inside SentencePiece vocabularies.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

}  // namespace pareto
