#include "tasks/extract.h"

#include <re2/re2.h>

#include "tasks/python.h"

namespace pareto {
namespace {

// str.isspace() and its complement as the inside of a character class.
constexpr std::string_view kSpace =
    R"(\t-\r\x1c- \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kNotSpace =
    R"(\x00-\x08\x0e-\x1b!-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e})"
    R"(\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
constexpr std::string_view kWord = R"(\p{L}\p{N}_)";

// What stands for the escape \c, or nothing: it means the same in both.
std::string translate_escape(char c, bool in_class) {
  const auto set = [&](std::string_view inside) {
    return in_class ? std::string(inside) : fmt::format("[{}]", inside);
  };
  switch (c) {
    case 's':
      return set(kSpace);
    case 'S':
      return set(kNotSpace);
    case 'd':
      return R"(\p{Nd})";
    case 'D':
      return R"(\P{Nd})";
    case 'w':
      return set(kWord);
    case 'W':
      return in_class ? "" : fmt::format("[^{}]", kWord);
    case 'Z':
      return R"(\z)";
    default:
      return "";
  }
}

struct Translation {
  std::string pattern;
  bool looks_ahead = false;  // the last group is text that is looked at and not taken
};

// Where the pattern's final (?=…) begins, or nothing: it is the last thing in the pattern and holds no group.
std::size_t final_lookahead(std::string_view python) {
  const std::size_t begin = python.rfind("(?=");
  if (begin == std::string_view::npos || !python.ends_with(')')) return std::string_view::npos;
  const std::string_view inside = python.substr(begin + 3, python.size() - begin - 4);
  return inside.find_first_of("()") == std::string_view::npos ? begin : std::string_view::npos;
}

Result<Translation> translate(std::string_view python) {
  Translation out;
  bool in_class = false;
  std::size_t class_begin = 0;
  const std::size_t lookahead = final_lookahead(python);
  for (std::size_t i = 0; i < python.size(); ++i) {
    const char c = python[i];
    if (c == '\\' && i + 1 < python.size()) {
      const char escaped = python[++i];
      if (escaped == 'b' || escaped == 'B' || (escaped == 'W' && in_class)) {
        return fail(Code::kUnsupported, "regular expression '{}': \\{} is not supported{}", python, escaped,
                    in_class ? " in a class" : "");
      }
      const std::string translated = translate_escape(escaped, in_class);
      if (translated.empty()) {
        out.pattern += c;
        out.pattern += escaped;
      } else {
        out.pattern += translated;
      }
      continue;
    }
    if (i == lookahead && !in_class) {
      out.looks_ahead = true;
      out.pattern += '(';
      i += 2;  // "?="
      continue;
    }
    if (c == '$' && !in_class) {
      if (i > lookahead && lookahead != std::string_view::npos) {  // all of it is only looked at
        out.pattern += R"((?:\n?\z))";
        continue;
      }
      if (i + 1 != python.size()) {
        return fail(Code::kUnsupported, "regular expression '{}': $ is supported at the end only", python);
      }
      out.looks_ahead = true;
      out.pattern += R"((\n?)\z)";
      continue;
    }
    if (c == '[' && !in_class) {
      in_class = true;
      class_begin = i;
      // A ']' that comes first, or first after '^', is a member.
      if (python.substr(i + 1, 1) == "^") ++i;
      if (python.substr(i + 1, 1) == "]") ++i;
      out.pattern += python.substr(class_begin, i + 1 - class_begin);
      continue;
    }
    if (c == ']' && in_class) in_class = false;
    out.pattern += c;
  }
  return out;
}

}  // namespace

Result<PythonRegex> PythonRegex::compile(std::string_view pattern) {
  PARETO_TRY(const Translation translation, translate(pattern));
  re2::RE2::Options options;
  options.set_log_errors(false);
  PythonRegex regex;
  regex.regex_ = std::make_shared<const re2::RE2>(translation.pattern, options);
  if (!regex.regex_->ok()) {
    return fail(Code::kInvalid, "regular expression '{}': {}", pattern, regex.regex_->error());
  }
  regex.looks_ahead_ = translation.looks_ahead;
  regex.groups_ = regex.regex_->NumberOfCapturingGroups() - (translation.looks_ahead ? 1 : 0);
  return regex;
}

bool PythonRegex::match(std::string_view text, std::size_t from, std::vector<std::string_view>* groups,
                        Span* span) const {
  const int wanted = groups_ + 1 + (looks_ahead_ ? 1 : 0);
  std::vector<re2::StringPiece> found(static_cast<std::size_t>(wanted));
  const re2::StringPiece whole(text.data(), text.size());
  if (!regex_->Match(whole, from, text.size(), re2::RE2::UNANCHORED, found.data(), wanted)) return false;
  span->begin = static_cast<std::size_t>(found[0].data() - text.data());
  span->end = span->begin + found[0].size();
  if (looks_ahead_) span->end -= found.back().size();  // looked at, not taken
  groups->clear();
  if (groups_ == 0) groups->push_back(text.substr(span->begin, span->end - span->begin));
  for (int i = 1; i <= groups_; ++i) {
    const re2::StringPiece& group = found[static_cast<std::size_t>(i)];
    groups->push_back(group.data() == nullptr ? std::string_view() : std::string_view(group.data(), group.size()));
  }
  return true;
}

std::vector<std::vector<std::string_view>> PythonRegex::find_all(std::string_view text) const {
  std::vector<std::vector<std::string_view>> all;
  std::vector<std::string_view> groups;
  Span span{};
  for (std::size_t at = 0; at <= text.size() && match(text, at, &groups, &span);) {
    all.push_back(groups);
    at = span.end;
    // After an empty match, the next one begins at the next character.
    if (span.begin == span.end) at += at < text.size() ? static_cast<std::size_t>(python::decode(text, at).bytes) : 1;
  }
  return all;
}

std::string PythonRegex::replace(std::string_view text, std::string_view to) const {
  std::string kept;
  std::vector<std::string_view> groups;
  Span span{};
  std::size_t copied = 0;
  for (std::size_t at = 0; at <= text.size() && match(text, at, &groups, &span);) {
    kept += text.substr(copied, span.begin - copied);
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::size_t group = i + 1 < to.size() && to[i] == '\\' ? static_cast<std::size_t>(to[i + 1] - '1') : 9;
      if (group < groups.size()) {
        kept += groups[group];
        ++i;
      } else {
        kept += to[i];
      }
    }
    copied = at = span.end;
    if (span.begin == span.end) at += at < text.size() ? static_cast<std::size_t>(python::decode(text, at).bytes) : 1;
  }
  kept += text.substr(copied);
  return kept;
}

}  // namespace pareto
