#include "tasks/jinja_lexer.h"

#include <algorithm>

#include "tasks/python.h"

namespace pareto::jinja {
namespace {

using Type = Token::Type;

// \r\n and \r become \n; without keep_trailing_newline one newline at the end goes.
std::string normalise(std::string_view text, bool keep_trailing_newline) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out.push_back('\n');
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else {
      out.push_back(text[i]);
    }
  }
  if (!keep_trailing_newline && !out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_name_character(char32_t c) { return c == '_' || python::is_alpha(c) || python::is_digit(c); }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Python's "unicode-escape", after characters beyond ASCII became \x, \u and \U escapes themselves.
class Unescape {
 public:
  explicit Unescape(std::string_view text) : text_(text) {}

  Result<std::string> run() {
    while (at_ < text_.size()) {
      if (text_[at_] != '\\' || at_ + 1 == text_.size()) {
        out_.push_back(text_[at_++]);
        continue;
      }
      ++at_;
      PARETO_CHECK_OK(escape());
    }
    return std::move(out_);
  }

 private:
  Status escape() {
    const char c = text_[at_];
    static constexpr std::string_view kNames = "\\'\"abfnrtv", kMeanings = "\\'\"\a\b\f\n\r\t\v";
    if (const auto i = kNames.find(c); i != std::string_view::npos) {
      out_.push_back(kMeanings[i]);
      ++at_;
    } else if (c == '\n') {
      ++at_;
    } else if (c == 'x') {
      return hex(2);
    } else if (c == 'u') {
      return hex(4);
    } else if (c == 'U') {
      return hex(8);
    } else if (c >= '0' && c <= '7') {
      char32_t value = 0;
      for (int n = 0; n < 3 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; ++n) {
        value = value * 8 + static_cast<char32_t>(text_[at_++] - '0');
      }
      python::encode(value, &out_);
    } else if (c == 'N') {
      return fail(Code::kUnsupported, "\\N{{…}} in a string");
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      const auto character = python::decode(text_, at_);
      const auto v = static_cast<unsigned>(character.value & ~python::kStray);
      out_ += v < 0x100     ? fmt::format("\\x{:02x}", v)
              : v < 0x10000 ? fmt::format("\\u{:04x}", v)
                            : fmt::format("\\U{:08x}", v);
      at_ += static_cast<std::size_t>(character.bytes);
    } else {
      out_.push_back('\\');  // an unknown escape stays as it is
      out_.push_back(c);
      ++at_;
    }
    return {};
  }

  Status hex(int digits) {
    const char letter = text_[at_++];
    char32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int digit = at_ < text_.size() ? hex_value(text_[at_]) : -1;
      if (digit < 0) return fail(Code::kInvalid, "truncated \\{} escape in a string", letter);
      value = value * 16 + static_cast<char32_t>(digit);
    }
    if (value > 0x10FFFF) return fail(Code::kInvalid, "illegal Unicode character in a string");
    if (value >= 0xD800 && value < 0xE000) return fail(Code::kUnsupported, "half of a surrogate pair in a string");
    python::encode(value, &out_);
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

class Lexer {
 public:
  Lexer(std::string text, const Options& options) : text_(std::move(text)), options_(options) {}

  Result<std::vector<Token>> run() {
    while (at_ < text_.size()) PARETO_CHECK_OK(root());
    add(Type::kEnd, "");
    return std::move(tokens_);
  }

 private:
  bool starts(std::string_view what, std::size_t at) const {
    return std::string_view(text_).substr(at).starts_with(what);
  }
  bool starts(std::string_view what) const { return starts(what, at_); }

  std::size_t skip_space(std::size_t at) const {
    while (at < text_.size()) {
      const auto c = python::decode(text_, at);
      if (!python::is_space(c.value)) break;
      at += static_cast<std::size_t>(c.bytes);
    }
    return at;
  }

  void advance(std::size_t to) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    at_ = to;
  }

  void add(Type type, std::string text) { tokens_.push_back({type, line_, std::move(text)}); }

  template <class... Args>
  tl::unexpected<Error> error(fmt::format_string<Args...> format, Args&&... args) const {
    return fail(Code::kInvalid, "line {}: {}", line_, fmt::format(format, std::forward<Args>(args)...));
  }

  // How far the end of a tag reaches if one stands at `at`: "%}" with its sign and the white space that it takes.
  // 0: none there.
  std::size_t end_of_tag(std::size_t at, std::string_view closing, bool plus_allowed) const {
    if (text_[at] == '-' && starts(closing, at + 1)) return skip_space(at + 1 + closing.size());
    if (plus_allowed && text_[at] == '+' && starts(closing, at + 1)) return at + 1 + closing.size();
    if (!starts(closing, at)) return 0;
    const std::size_t end = at + closing.size();
    const bool trims = options_.trim_blocks && closing != "}}";
    return end + (trims && end < text_.size() && text_[end] == '\n' ? 1 : 0);
  }

  // After a tag that ends before `end`: what follows begins a line if the tag took a newline last.
  void leave_tag(std::size_t end) {
    advance(end);
    line_starting_ = end > 0 && text_[end - 1] == '\n';
  }

  // Text up to byte `end`, where a tag with `sign` begins; the text loses what the sign or lstrip_blocks takes.
  void data(std::size_t end, char sign, bool is_variable) {
    std::string_view raw = std::string_view(text_).substr(at_, end - at_);
    std::string_view kept = raw;
    if (sign == '-') {
      kept = python::rstrip(raw);
    } else if (sign != '+' && options_.lstrip_blocks && !is_variable) {
      const auto newline = raw.rfind('\n');
      const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      if ((line > 0 || line_starting_) && python::strip(raw.substr(line)).empty()) kept = raw.substr(0, line);
    }
    if (!kept.empty()) add(Type::kData, std::string(kept));
    advance(end);
  }

  // The end of "{% raw %}" if its tag stands at `at`; 0: another tag.
  std::size_t end_of_raw_tag(std::size_t at) const {
    at += 2;
    if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
    at = skip_space(at);
    if (!starts("raw", at)) return 0;
    at = skip_space(at + 3);
    if (starts("-%}", at)) return skip_space(at + 3);
    return starts("%}", at) ? at + 2 : 0;
  }

  Status root() {
    std::size_t tag = at_;
    while (true) {
      tag = text_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= text_.size()) {
        add(Type::kData, text_.substr(at_));
        advance(text_.size());
        return {};
      }
      const char kind = text_[tag + 1];
      if (kind == '{' || kind == '%' || kind == '#') break;
      ++tag;
    }
    const char kind = text_[tag + 1];
    const char next = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
    const char sign = next == '-' || next == '+' ? next : '\0';
    data(tag, sign, kind == '{');
    if (kind == '%') {
      if (const std::size_t end = end_of_raw_tag(tag)) return raw(end);
    }
    if (kind == '#') return comment(tag + (sign ? 3 : 2));
    add(kind == '{' ? Type::kVariableBegin : Type::kBlockBegin, "");
    advance(tag + (sign ? 3 : 2));
    return inside(kind == '{' ? "}}" : "%}");
  }

  Status comment(std::size_t from) {
    for (std::size_t at = from; at < text_.size(); ++at) {
      if (const std::size_t end = end_of_tag(at, "#}", true)) {
        leave_tag(end);
        return {};
      }
    }
    if (from < text_.size()) return error("Missing end of comment tag");
    advance(from);  // nothing follows: Jinja2 lets that pass
    return {};
  }

  Status raw(std::size_t from) {
    leave_tag(from);
    for (std::size_t tag = text_.find("{%", at_); tag != std::string::npos; tag = text_.find("{%", tag + 1)) {
      const char next = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
      const char sign = next == '-' || next == '+' ? next : '\0';
      std::size_t at = skip_space(tag + (sign ? 3 : 2));
      if (!starts("endraw", at)) continue;
      at = skip_space(at + 6);
      const std::size_t end = at < text_.size() ? end_of_tag(at, "%}", true) : 0;
      if (end == 0) continue;
      data(tag, sign, false);
      leave_tag(end);
      return {};
    }
    if (at_ < text_.size()) return error("Missing end of raw directive");
    return {};
  }

  // Tokens of an expression or statement until `closing` outside of brackets.
  Status inside(std::string_view closing) {
    std::string open;  // the brackets that wait to be closed
    while (true) {
      if (at_ >= text_.size()) return {};  // the parser says what it misses
      if (open.empty()) {
        if (const std::size_t end = end_of_tag(at_, closing, closing == "%}")) {
          add(closing == "%}" ? Type::kBlockEnd : Type::kVariableEnd, "");
          leave_tag(end);
          return {};
        }
      }
      if (const std::size_t end = skip_space(at_); end != at_) {
        advance(end);
        continue;
      }
      PARETO_CHECK_OK(token(&open));
    }
  }

  Status token(std::string* open) {
    const auto c = python::decode(text_, at_);
    if (c.value >= '0' && c.value <= '9') return number();
    if (is_name_character(c.value)) return name();
    if (c.value == '\'' || c.value == '"') return string();
    return operation(open);
  }

  // digits (with "_" between them) from `at` on; returns where they end, `at` if there are none.
  std::size_t digits(std::size_t at, std::string_view allowed) const {
    const auto is_digit = [&](std::size_t i) {
      return i < text_.size() && allowed.find(text_[i]) != std::string_view::npos;
    };
    if (!is_digit(at)) return at;
    while (is_digit(at) || (text_[at] == '_' && is_digit(at + 1))) {
      ++at;
      if (at >= text_.size()) break;
    }
    return at;
  }

  Status number() {
    static constexpr std::string_view kDecimal = "0123456789";
    const std::size_t whole = digits(at_, kDecimal);
    std::size_t end = whole;
    bool is_float = false;
    if (at_ == 0 || text_[at_ - 1] != '.') {  // "x.1.5" is two subscripts
      if (end < text_.size() && text_[end] == '.' && digits(end + 1, kDecimal) > end + 1) {
        end = digits(end + 1, kDecimal);
        is_float = true;
      }
      if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
        const std::size_t sign = end + 1 < text_.size() && (text_[end + 1] == '+' || text_[end + 1] == '-') ? 1 : 0;
        if (const std::size_t power = digits(end + 1 + sign, kDecimal); power > end + 1 + sign) {
          end = power;
          is_float = true;
        }
      }
    }
    if (!is_float) end = integer_end(whole);
    std::string text = text_.substr(at_, end - at_);
    std::erase(text, '_');
    add(is_float ? Type::kFloat : Type::kInteger, std::move(text));
    advance(end);
    return {};
  }

  std::size_t integer_end(std::size_t decimal_end) const {
    if (text_[at_] != '0') return decimal_end;
    const char base = at_ + 1 < text_.size() ? static_cast<char>(text_[at_ + 1] | 0x20) : '\0';
    const std::string_view allowed = base == 'x'   ? "0123456789abcdefABCDEF"
                                     : base == 'o' ? "01234567"
                                     : base == 'b' ? "01"
                                                   : "";
    if (!allowed.empty()) {
      const std::size_t first = at_ + 2 + (at_ + 2 < text_.size() && text_[at_ + 2] == '_' ? 1 : 0);
      if (const std::size_t end = digits(first, allowed); end > first) return end;
    }
    return digits(at_, "0");  // 0123 is two numbers, as there
  }

  Status name() {
    std::size_t end = at_;
    while (end < text_.size()) {
      const auto c = python::decode(text_, end);
      if (!is_name_character(c.value)) break;
      end += static_cast<std::size_t>(c.bytes);
    }
    if (python::is_digit(python::decode(text_, at_).value)) return error("Invalid character in identifier");
    add(Type::kName, text_.substr(at_, end - at_));
    advance(end);
    return {};
  }

  Status string() {
    const char quote = text_[at_];
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return error("unexpected char '{}': a string that does not end", quote);
    auto unescaped = Unescape(std::string_view(text_).substr(at_ + 1, end - at_ - 1)).run();
    if (!unescaped) return fail(unescaped.error().code, "line {}: {}", line_, unescaped.error().message);
    add(Type::kString, std::move(*unescaped));
    advance(end + 1);
    return {};
  }

  Status operation(std::string* open) {
    static constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kOne = "+-/*%~[](){}><=.:|,;";
    for (const auto two : kTwo) {
      if (starts(two)) {
        add(Type::kOperator, std::string(two));
        advance(at_ + 2);
        return {};
      }
    }
    const char c = text_[at_];
    if (kOne.find(c) == std::string_view::npos) {
      const auto whole = python::decode(text_, at_);
      return error("unexpected char {}", python::text_repr(text_.substr(at_, static_cast<std::size_t>(whole.bytes))));
    }
    if (c == '(' || c == '[' || c == '{') open->push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (open->empty()) return error("unexpected '{}'", c);
      if (open->back() != c) return error("unexpected '{}', expected '{}'", c, open->back());
      open->pop_back();
    }
    add(Type::kOperator, std::string(1, c));
    advance(at_ + 1);
    return {};
  }

  std::string text_;
  const Options& options_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::string describe(const Token& token) {
  switch (token.type) {
    case Type::kData:
      return "template data / text";
    case Type::kVariableBegin:
      return "begin of print statement";
    case Type::kVariableEnd:
      return "end of print statement";
    case Type::kBlockBegin:
      return "begin of statement block";
    case Type::kBlockEnd:
      return "end of statement block";
    case Type::kString:
      return "string";
    case Type::kInteger:
      return "integer";
    case Type::kFloat:
      return "float";
    case Type::kEnd:
      return "end of template";
    default:
      return token.text;
  }
}

Result<std::vector<Token>> tokenize(std::string_view text, const Options& options) {
  return Lexer(normalise(text, options.keep_trailing_newline), options).run();
}

}  // namespace pareto::jinja
