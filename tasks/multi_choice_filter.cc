// lm-eval's multi_choice_regex (filters/extraction.py of 0.4.13, which sorts choices longest first).
#include <algorithm>
#include <map>

#include "tasks/filters.h"
#include "tasks/python.h"

namespace pareto {
namespace {

// What re.escape() puts a backslash in front of; the length with them is what upstream sorts choices by.
constexpr std::string_view kEscaped = "()[]{}?*+-|^$\\.&~# \t\n\r\v\f";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (kEscaped.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

PythonRegex compiled(const std::string& pattern) { return PythonRegex::compile(pattern).value(); }

// The match at `group_select`, of several groups the first that is not empty, stripped; "" where there is none.
std::string find(const PythonRegex& regex, int group_select, std::string_view text) {
  const auto matches = regex.find_all(text);
  const std::ptrdiff_t count = std::ssize(matches);
  const std::ptrdiff_t index = group_select < 0 ? count + group_select : group_select;
  if (index < 0 || index >= count) return "";
  for (const std::string_view group : matches[static_cast<std::size_t>(index)])
    if (!group.empty()) return std::string(python::strip(group));
  return "";
}

// What both sides of a comparison with a choice lose.
std::string without_ignored(const MultiChoiceRegex& options, std::string_view text) {
  std::string left(text);
  for (const PythonRegex& regex : options.ignore) left = regex.remove(left);
  if (options.ignore_case) left = python::lower(left);
  if (!options.ignore_punctuation) return left;
  std::string kept;
  for (std::size_t at = 0; at < left.size();) {
    const auto [c, bytes] = python::decode(left, at);
    if (!python::is_punctuation(c)) kept.append(left, at, static_cast<std::size_t>(bytes));
    at += static_cast<std::size_t>(bytes);
  }
  return kept;
}

std::string alternatives(const std::vector<std::string>& patterns) {
  std::string all;
  for (const std::string& pattern : patterns) all += (&pattern == &patterns.front() ? "" : "|") + pattern;
  return all;
}

// The two fallbacks of one document.
class Choices {
 public:
  Choices(const MultiChoiceRegex& options, std::span<const std::string> choices) : options_(options) {
    std::vector<std::string> texts, letters;
    for (const std::string& choice : choices) {
      const std::string letter(1, static_cast<char>('A' + letters.size()));
      const std::string text = without_ignored(options, python::strip(choice));
      names_[text] = letters_[letter] = "(" + letter + ")";  // of equal choices the last letter stays
      texts.push_back(escaped(text));
      letters.push_back(escaped(letter));
    }
    std::stable_sort(texts.begin(), texts.end(),
                     [](const std::string& a, const std::string& b) { return python::length(a) > python::length(b); });
    by_text_ = compiled(alternatives(texts));
    by_letter_ = compiled(R"(:[\s]*()" + alternatives(letters) + ")");
  }

  std::string answer(std::string_view response) const {
    std::string match = find(options_.regex, options_.group_select, response);
    if (!match.empty()) return match;
    match = renamed(find(by_text_, options_.group_select, without_ignored(options_, response)), names_);
    if (match.empty()) match = renamed(find(by_letter_, options_.group_select, response), letters_);
    return match.empty() ? options_.fallback : match;
  }

 private:
  using Names = std::map<std::string, std::string, std::less<>>;
  static std::string renamed(const std::string& match, const Names& names) {
    const auto found = names.find(match);
    return match.empty() || found == names.end() ? match : found->second;
  }

  const MultiChoiceRegex& options_;
  Names names_, letters_;
  PythonRegex by_text_ = compiled(""), by_letter_ = compiled("");
};

}  // namespace

Filter multi_choice_regex(MultiChoiceRegex options) {
  return [options = std::move(options)](std::vector<std::string> responses, std::span<const std::string> choices) {
    const Choices document(options, choices);
    for (std::string& response : responses) response = document.answer(response);
    return responses;
  };
}

}  // namespace pareto
