#include "tasks/python_literal.h"

#include <charconv>

#include "tasks/python.h"

namespace pareto::python {
namespace {

constexpr int kDeepest = 100;

class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  Result<Value> whole() {
    PARETO_TRY(Value value, one(0));
    skip_space();
    if (at_ != text_.size()) return wrong("the end");
    return value;
  }

 private:
  tl::unexpected<Error> wrong(std::string_view wanted) const {
    return fail(Code::kInvalid, "no Python literal: {} expected at character {} of {}", wanted, at_ + 1,
                text_repr(text_.substr(0, 60)));
  }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r\f").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Result<Value> one(int depth) {
    if (depth > kDeepest) return wrong("less nesting");
    switch (const char c = peek()) {
      case '\'':
      case '"':
        return string(c);
      case '[':
        return items(']', depth);
      case '(':
        return items(')', depth);
      case '{':
        return dict(depth);
      default:
        if (take("True")) return Value(true);
        if (take("False")) return Value(false);
        if (take("None")) return Value();
        return number();
    }
  }

  Result<Value> items(char close, int depth) {
    ++at_;
    std::vector<Value> list;
    bool comma = false;
    while (peek() != close) {
      if (!list.empty() && !comma) return wrong("a comma");
      PARETO_TRY(Value item, one(depth + 1));
      list.push_back(std::move(item));
      comma = peek() == ',';
      at_ += comma;
    }
    ++at_;
    if (close == ']') return Value::list(std::move(list));
    return list.size() == 1 && !comma ? list.front() : Value::tuple(std::move(list));
  }

  Result<Value> dict(int depth) {
    ++at_;
    Value dict = Value::dict({});
    bool first = true, comma = false;
    while (peek() != '}') {
      if (!first && !comma) return wrong("a comma");
      first = false;
      PARETO_TRY(const Value key, one(depth + 1));
      if (key.is_sequence() || key.is_dict()) return wrong("a simple key");
      if (peek() != ':') return wrong("a colon");
      ++at_;
      PARETO_TRY(Value value, one(depth + 1));
      dict.set(key, std::move(value));
      comma = peek() == ',';
      at_ += comma;
    }
    ++at_;
    return dict;
  }

  Result<Value> number() {
    const std::size_t end = std::min(text_.find_first_not_of("+-0123456789.eE_", at_), text_.size());
    std::string digits(text_.substr(at_, end - at_));
    std::erase(digits, '_');
    if (digits.starts_with('+')) digits.erase(0, 1);
    const char* const last = digits.data() + digits.size();
    std::int64_t whole = 0;
    double real = 0;
    if (const auto [stop, error] = std::from_chars(digits.data(), last, whole);
        !digits.empty() && error == std::errc() && stop == last) {
      at_ = end;
      return Value(whole);
    }
    if (const auto [stop, error] = std::from_chars(digits.data(), last, real);
        !digits.empty() && error == std::errc() && stop == last) {
      at_ = end;
      return Value(real);
    }
    return wrong("a value");
  }

  // \x41, \u00e9, \U0001f600: `digits` hexadecimal digits.
  bool escape(std::size_t digits, std::string* out) {
    std::uint32_t code = 0;
    const std::string_view hex = text_.substr(at_, digits);
    const auto [stop, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (hex.size() != digits || error != std::errc() || stop != hex.data() + digits || code > 0x10FFFF) return false;
    at_ += digits;
    encode(code, out);
    return true;
  }

  Result<Value> string(char quote) {
    ++at_;
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) {
      const char c = text_[at_++];
      if (c == '\n') return wrong("the end of the text");
      if (c != '\\' || at_ == text_.size()) {
        out += c;
        continue;
      }
      static constexpr std::string_view kNames = "\\'\"abfnrtv\n", kMeanings = "\\'\"\a\b\f\n\r\t\v";
      const char name = text_[at_++];
      const std::size_t known = kNames.find(name);
      if (name == 'x' || name == 'u' || name == 'U') {
        if (!escape(name == 'x' ? 2 : name == 'u' ? 4 : 8, &out)) return wrong("hexadecimal digits");
      } else if (known != std::string_view::npos) {
        if (known < kMeanings.size()) out += kMeanings[known];  // a backslash at the end of a line: nothing
      } else if (name >= '0' && name <= '7') {
        unsigned code = static_cast<unsigned>(name - '0');
        for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; ++i)
          code = code * 8 + static_cast<unsigned>(text_[at_++] - '0');
        encode(code, &out);
      } else {
        out += '\\';
        out += name;
      }
    }
    if (at_ == text_.size()) return wrong("a closing quote");
    ++at_;
    return Value(std::move(out));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Value> literal_eval(std::string_view text) { return LiteralReader(strip(text)).whole(); }

}  // namespace pareto::python
