#include "engine/pretokenizer_regex.h"

#include <re2/re2.h>

#include "engine/tokenizer_utf8.h"

namespace pareto {
namespace {

// Class members, without brackets.
constexpr std::string_view kSpaces =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
// Oniguruma's \w, Hugging Face's regex engine: alphabetic, marks, digits, connectors, and the Latin-1 numbers.
constexpr std::string_view kWordCharacters =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149})"
    R"(\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";

class Translator {
 public:
  explicit Translator(std::string_view regex) : regex_(regex) {}

  Result<std::string> run() {
    while (at_ < regex_.size()) {
      const char c = regex_[at_];
      if (c == '\\') {
        PARETO_CHECK_OK(escape());
      } else if (in_class_) {
        PARETO_CHECK_OK(class_character(c));
      } else {
        character(c);
      }
    }
    if (in_class_) return fail(Code::kUnsupported, "regex '{}': '[' is not closed", regex_);
    return std::move(out_);
  }

 private:
  Status escape() {
    if (at_ + 1 >= regex_.size()) return fail(Code::kUnsupported, "regex '{}' ends in a backslash", regex_);
    const char c = regex_[at_ + 1];
    at_ += 2;
    class_empty_ = false;
    switch (c) {
      case 's':
        return members(kSpaces);
      case 'd':
        return members(R"(\p{Nd})");
      case 'w':
        return members(kWordCharacters);
      case 'S':
        return others(kSpaces, c);
      case 'D':
        return others(R"(\p{Nd})", c);
      case 'W':
        return others(kWordCharacters, c);
      case 'u': {
        const std::string_view digits = regex_.substr(at_, 4);
        if (digits.size() < 4) return fail(Code::kUnsupported, "regex '{}': \\u needs four digits", regex_);
        out_ += "\\x{";
        out_ += digits;
        out_ += '}';
        at_ += 4;
        return {};
      }
      default:
        out_ += '\\';
        out_ += c;
        return {};
    }
  }

  Status members(std::string_view set) {
    if (!in_class_) out_ += '[';
    out_ += set;
    if (!in_class_) out_ += ']';
    return {};
  }

  Status others(std::string_view set, char name) {
    if (in_class_) return fail(Code::kUnsupported, "regex '{}': \\{} inside brackets is not supported", regex_, name);
    out_ += "[^";
    out_ += set;
    out_ += ']';
    return {};
  }

  Status class_character(char c) {
    if (c == ']' && !class_empty_) in_class_ = false;
    const std::string_view rest = regex_.substr(at_);
    if (c == '[' && rest.starts_with("[:")) {  // [:punct:] and the like pass whole
      const std::size_t end = rest.find(":]");
      if (end != std::string_view::npos) {
        out_ += rest.substr(0, end + 2);
        at_ += end + 2;
        class_empty_ = false;
        return {};
      }
    }
    if (c == '[' || rest.starts_with("&&"))
      return fail(Code::kUnsupported, "regex '{}': classes inside classes are not supported", regex_);
    class_empty_ = false;
    out_ += c;
    ++at_;
    return {};
  }

  void character(char c) {
    ++at_;
    if (c == '^' || c == '$') {
      out_ += "(?m:";
      out_ += c;
      out_ += ')';
      return;
    }
    out_ += c;
    if (c != '[') return;
    in_class_ = class_empty_ = true;
    if (at_ < regex_.size() && regex_[at_] == '^') out_ += regex_[at_++];
  }

  std::string_view regex_;
  std::size_t at_ = 0;
  bool in_class_ = false, class_empty_ = false;
  std::string out_;
};

// The length of the class, escape or plain character at the start of `regex`; 0: it begins with something else.
std::size_t atom_size(std::string_view regex) {
  if (regex.empty() || std::string_view("()^$.*+?{}|").find(regex[0]) != std::string_view::npos) return 0;
  if (regex[0] == '\\') {
    if (regex.size() < 2) return 0;
    if (regex[1] == 'p' || regex[1] == 'P' || regex[1] == 'x') {
      const std::size_t end = regex.find('}');
      return regex.size() > 2 && regex[2] == '{' && end != std::string_view::npos ? end + 1 : 0;
    }
    return std::string_view("sSdDwWnrt").find(regex[1]) != std::string_view::npos ? 2 : 0;
  }
  if (regex[0] != '[') return decode_utf8(regex, 0).bytes;
  std::size_t at = regex.size() > 1 && regex[1] == '^' ? 2 : 1;
  for (std::size_t first = at; at < regex.size(); ++at) {
    if (regex[at] == ']' && at > first) return at + 1;
    if (regex[at] == '\\') ++at;
  }
  return 0;
}

std::bitset<128> ascii_of_atom(std::string_view atom) {
  std::bitset<128> starts;
  const auto regex = compile_regex(atom);
  if (!regex) return starts.set();
  for (int c = 0; c < 128; ++c) {
    const char text = static_cast<char>(c);
    starts[c] = re2::RE2::FullMatch(re2::StringPiece(&text, 1), **regex);
  }
  return starts;
}

}  // namespace

std::bitset<128> ascii_starts(std::string_view regex) {
  std::bitset<128> starts;
  for (std::string_view rest : top_level_alternatives(regex)) {
    for (bool optional = true; optional;) {
      const std::size_t size = atom_size(rest);
      if (size == 0) return starts.set();
      starts |= ascii_of_atom(rest.substr(0, size));
      rest.remove_prefix(size);
      optional = rest.starts_with('?') || rest.starts_with('*') || rest.starts_with("{0");
      if (optional && rest.starts_with('{')) return starts.set();
      if (optional) rest.remove_prefix(1);
    }
  }
  return starts;
}

Result<std::string> to_re2_syntax(std::string_view regex) { return Translator(regex).run(); }

Result<std::unique_ptr<re2::RE2>> compile_regex(std::string_view regex) {
  PARETO_TRY(const std::string translated, to_re2_syntax(regex));
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_unique<re2::RE2>(translated, options);
  if (!compiled->ok())
    return fail(Code::kUnsupported, "regex '{}' cannot be matched by RE2: {}", regex, compiled->error());
  return compiled;
}

std::vector<std::string_view> top_level_alternatives(std::string_view regex) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  bool in_class = false;
  for (std::size_t i = 0; i < regex.size(); ++i) {
    const char c = regex[i];
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      if (i + 1 < regex.size() && regex[i + 1] == '^') ++i;
      if (i + 1 < regex.size() && regex[i + 1] == ']') ++i;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '|' && depth == 0) {
      parts.push_back(regex.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  parts.push_back(regex.substr(begin));
  return parts;
}

}  // namespace pareto
