#include "tasks/python_text.h"

#include <algorithm>

#include "tasks/python.h"

namespace pareto::python {
namespace {

constexpr char32_t kSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;

// Where the code point before byte `end` starts. REQUIRES: end > 0.
std::size_t previous(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  for (int back = 1; back <= 3 && end >= static_cast<std::size_t>(back) + 1; ++back) {
    const std::size_t candidate = end - 1 - static_cast<std::size_t>(back);
    if (decode(text, candidate).bytes == back + 1) return candidate;
  }
  return at;
}

// Unicode's Final_Sigma: a cased letter before, none after, looking through what is case-ignorable.
bool is_final_sigma(std::string_view text, std::size_t at, std::size_t after) {
  bool before = false;
  for (std::size_t i = at; i > 0;) {
    i = previous(text, i);
    const char32_t c = decode(text, i).value;
    if (is_case_ignorable(c)) continue;
    before = is_cased(c);
    break;
  }
  if (!before) return false;
  for (std::size_t i = after; i < text.size();) {
    const CodePoint c = decode(text, i);
    if (!is_case_ignorable(c.value)) return !is_cased(c.value);
    i += static_cast<std::size_t>(c.bytes);
  }
  return true;
}

void lower_at(std::string_view text, std::size_t at, CodePoint c, std::string* out) {
  if (c.value == kSigma) {
    encode(is_final_sigma(text, at, at + static_cast<std::size_t>(c.bytes)) ? kFinalSigma : kSmallSigma, out);
  } else {
    append_lower(c.value, out);
  }
}

// Calls f(code point, byte offset) for each character.
template <class F>
void each(std::string_view text, F f) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = decode(text, at);
    f(c, at);
    at += static_cast<std::size_t>(c.bytes);
  }
}

bool contains(std::string_view chars, char32_t wanted) {
  for (std::size_t at = 0; at < chars.size();) {
    const CodePoint c = decode(chars, at);
    if (c.value == wanted) return true;
    at += static_cast<std::size_t>(c.bytes);
  }
  return false;
}

template <class Drop>
std::string_view strip_left(std::string_view text, Drop drop) {
  while (!text.empty()) {
    const CodePoint c = decode(text, 0);
    if (!drop(c.value)) break;
    text.remove_prefix(static_cast<std::size_t>(c.bytes));
  }
  return text;
}

template <class Drop>
std::string_view strip_right(std::string_view text, Drop drop) {
  while (!text.empty()) {
    const std::size_t at = previous(text, text.size());
    if (!drop(decode(text, at).value)) break;
    text = text.substr(0, at);
  }
  return text;
}

}  // namespace

CodePoint decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char b = byte(at);
  if (b < 0x80) return {b, 1};
  const CodePoint stray{b | kStray, 1};
  const int n = b >= 0xC2 && b <= 0xDF ? 2 : (b & 0xF0) == 0xE0 ? 3 : b >= 0xF0 && b <= 0xF4 ? 4 : 0;
  if (n == 0 || at + static_cast<std::size_t>(n) > text.size()) return stray;
  char32_t c = b & (0xFF >> (n + 1));
  for (int i = 1; i < n; ++i) {
    const unsigned char next = byte(at + static_cast<std::size_t>(i));
    if ((next & 0xC0) != 0x80) return stray;
    c = c << 6 | (next & 0x3F);
  }
  if (c < (n == 3 ? 0x800u : n == 4 ? 0x10000u : 0u) || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) return stray;
  return {c, n};
}

void encode(char32_t c, std::string* out) {
  const auto put = [&](char32_t b) { out->push_back(static_cast<char>(static_cast<unsigned char>(b))); };
  if (c & kStray || c < 0x80) {
    put(c & 0xFF);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::int64_t length(std::string_view text) {
  std::int64_t n = 0;
  each(text, [&](CodePoint, std::size_t) { ++n; });
  return n;
}

std::string_view lstrip(std::string_view text) { return strip_left(text, is_space); }
std::string_view rstrip(std::string_view text) { return strip_right(text, is_space); }
std::string_view strip(std::string_view text) { return rstrip(lstrip(text)); }
std::string_view lstrip(std::string_view text, std::string_view chars) {
  return strip_left(text, [&](char32_t c) { return contains(chars, c); });
}
std::string_view rstrip(std::string_view text, std::string_view chars) {
  return strip_right(text, [&](char32_t c) { return contains(chars, c); });
}
std::string_view strip(std::string_view text, std::string_view chars) { return rstrip(lstrip(text, chars), chars); }

std::string lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  each(text, [&](CodePoint c, std::size_t at) { lower_at(text, at, c, &out); });
  return out;
}

std::string upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  each(text, [&](CodePoint c, std::size_t) { append_upper(c.value, &out); });
  return out;
}

std::string title(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool within_word = false;
  each(text, [&](CodePoint c, std::size_t at) {
    if (within_word) {
      lower_at(text, at, c, &out);
    } else {
      append_title(c.value, &out);
    }
    within_word = is_cased(c.value);
  });
  return out;
}

std::string capitalize(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  each(text, [&](CodePoint c, std::size_t at) {
    if (at == 0) {
      append_title(c.value, &out);
    } else {
      lower_at(text, at, c, &out);
    }
  });
  return out;
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t max_count) {
  std::string out;
  if (max_count < 0) max_count = INT64_MAX;
  if (from.empty()) {  // between all characters, and at both ends
    std::int64_t n = 0;
    each(text, [&](CodePoint c, std::size_t at) {
      if (n++ < max_count) out += to;
      out += text.substr(at, static_cast<std::size_t>(c.bytes));
    });
    if (n < max_count) out += to;
    return out;
  }
  std::size_t at = 0;
  for (std::int64_t n = 0; n < max_count; ++n) {
    const std::size_t hit = text.find(from, at);
    if (hit == std::string_view::npos) break;
    out += text.substr(at, hit - at);
    out += to;
    at = hit + from.size();
  }
  return out += text.substr(at);
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator, std::int64_t max_splits) {
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  while (max_splits < 0 || static_cast<std::int64_t>(parts.size()) < max_splits) {
    const std::size_t hit = text.find(separator, at);
    if (hit == std::string_view::npos) break;
    parts.push_back(text.substr(at, hit - at));
    at = hit + separator.size();
  }
  parts.push_back(text.substr(at));
  return parts;
}

std::vector<std::string_view> rsplit(std::string_view text, std::string_view separator, std::int64_t max_splits) {
  std::vector<std::string_view> parts;
  while (max_splits < 0 || static_cast<std::int64_t>(parts.size()) < max_splits) {
    const std::size_t hit = text.rfind(separator);
    if (hit == std::string_view::npos) break;
    parts.push_back(text.substr(hit + separator.size()));
    text = text.substr(0, hit);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_space(std::string_view text, std::int64_t max_splits) {
  std::vector<std::string_view> parts;
  text = lstrip(text);
  while (!text.empty()) {
    if (max_splits >= 0 && static_cast<std::int64_t>(parts.size()) == max_splits) {
      parts.push_back(text);  // the rest keeps its trailing white space
      break;
    }
    std::size_t end = 0;
    while (end < text.size()) {
      const CodePoint c = decode(text, end);
      if (is_space(c.value)) break;
      end += static_cast<std::size_t>(c.bytes);
    }
    parts.push_back(text.substr(0, end));
    text = lstrip(text.substr(end));
  }
  return parts;
}

std::vector<std::string_view> rsplit_space(std::string_view text, std::int64_t max_splits) {
  std::vector<std::string_view> parts;
  text = rstrip(text);
  while (!text.empty()) {
    if (max_splits >= 0 && static_cast<std::int64_t>(parts.size()) == max_splits) {
      parts.push_back(text);
      break;
    }
    std::size_t begin = text.size();
    while (begin > 0) {
      const std::size_t at = previous(text, begin);
      if (is_space(decode(text, at).value)) break;
      begin = at;
    }
    parts.push_back(text.substr(begin));
    text = rstrip(text.substr(0, begin));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = decode(text, at);
    std::size_t after = at + static_cast<std::size_t>(c.bytes);
    const char32_t v = c.value;
    if ((v >= 0x0A && v <= 0x0D) || (v >= 0x1C && v <= 0x1E) || v == 0x85 || v == 0x2028 || v == 0x2029) {
      if (v == '\r' && after < text.size() && text[after] == '\n') ++after;
      lines.push_back(text.substr(start, at - start));
      start = after;
    }
    at = after;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

std::string join(std::string_view separator, std::span<const std::string> parts) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string without_punctuation(std::string_view text) {
  static constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  std::string out;
  for (const char c : text) {
    if (kPunctuation.find(c) == std::string_view::npos) out.push_back(c);
  }
  return out;
}

}  // namespace pareto::python
