#include "tasks/minerva.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tasks/exact_algebra.h"
#include "tasks/extract.h"
#include "tasks/python.h"

namespace pareto {
namespace {

using Replacement = std::pair<std::string_view, std::string_view>;

constexpr std::array<Replacement, 10> kSubstitutions = {{{"an ", ""},
                                                         {"a ", ""},
                                                         {".$", "$"},
                                                         {"\\$", ""},
                                                         {"\\ ", ""},
                                                         {" ", ""},
                                                         {"mbox", "text"},
                                                         {",\\text{and}", ","},
                                                         {"\\text{and}", ","},
                                                         {"\\text{m}", "\\text{}"}}};

constexpr std::array<std::string_view, 40> kRemoved = {
    "square",          "ways",       "integers",   "dollars",   "mph",
    "inches",          "ft",         "hours",      "km",        "units",
    "\\ldots",         "sue",        "points",     "feet",      "minutes",
    "digits",          "cents",      "degrees",    "cm",        "gm",
    "pounds",          "meters",     "meals",      "edges",     "students",
    "childrentickets", "multiples",  "\\text{s}",  "\\text{.}", "\\text{\ns}",
    "\\text{}^2",      "\\text{}^3", "\\text{\n}", "\\text{}",  "\\mathrm{th}",
    "^\\circ",         "^{\\circ}",  "\\;",        ",\\!",      "{,}"};
constexpr std::array<std::string_view, 2> kRemovedLast = {"\"", "\\dots"};

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_unit(std::string_view word) { return std::all_of(word.begin(), word.end(), is_ascii_letter); }

bool is_word_character(char32_t c) { return c == U'_' || python::is_alpha(c) || python::is_digit(c); }

bool word_ends_at(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  std::size_t begin = at - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return is_word_character(python::decode(text, begin).value);
}
bool word_begins_at(std::string_view text, std::size_t at) {
  return at < text.size() && is_word_character(python::decode(text, at).value);
}

// re.sub(r"(?<!\\)\bword\b", "", text)
std::string without_word(std::string_view text, std::string_view word) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t found = text.find(word); found != std::string_view::npos; found = text.find(word, found)) {
    const std::size_t end = found + word.size();
    const bool alone = !word_ends_at(text, found) && !word_begins_at(text, end);
    if (!alone || (found > 0 && text[found - 1] == '\\')) {
      ++found;
      continue;
    }
    out += text.substr(at, found - at);
    at = found = end;
  }
  out += text.substr(at);
  return out;
}

// Takes `word` out of everything but the names of commands: \left keeps its ft.
std::string without_glued(std::string_view text, std::string_view word) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    const bool command = text[at] == '\\' && at + 1 < text.size() && is_ascii_letter(text[at + 1]);
    if (command) {
      for (end = at + 1; end < text.size() && is_ascii_letter(text[end]);) ++end;
      out += text.substr(at, end - at);
    } else {
      do ++end;
      while (end < text.size() && !(text[end] == '\\' && end + 1 < text.size() && is_ascii_letter(text[end + 1])));
      out += python::replace(text.substr(at, end - at), word, "");
    }
    at = end;
  }
  return out;
}

struct Rewrite {
  PythonRegex regex;
  std::string_view to;
};

// Unwrapping and shorthand, in this order.
const std::vector<Rewrite>& rewrites() {
  static const std::vector<Rewrite> kRewrites = [] {
    const std::array<Replacement, 8> rules = {{{R"((.*?)(\$)(.*?)(\$)(.*))", R"($\3$)"},
                                               {R"((\\text\{)(.*?)(\}))", R"(\2)"},
                                               {R"((\\textbf\{)(.*?)(\}))", R"(\2)"},
                                               {R"((\\overline\{)(.*?)(\}))", R"(\2)"},
                                               {R"((\\boxed\{)(.*)(\}))", R"(\2)"},
                                               {R"((frac)([^{])(.))", R"(frac{\2}{\3})"},
                                               {R"((sqrt)(\[[^\]]*\])(\w))", R"(\1\2{\3})"},
                                               {R"((sqrt)([^{\[]))", R"(sqrt{\2})"}}};
    std::vector<Rewrite> all;
    for (const auto& [pattern, to] : rules) all.push_back({PythonRegex::compile(pattern).value(), to});
    return all;
  }();
  return kRewrites;
}

// 100,000 is 100000; "0,1" is two numbers.
bool has_thousands_commas(std::string_view text) {
  static const PythonRegex kThousands = PythonRegex::compile(R"(^-?\d{1,3}(?:,\d{3})+\Z)").value();
  return !kThousands.find_all(text).empty();
}

}  // namespace

std::optional<std::string> minerva_final_answer(std::string_view response) {
  static const PythonRegex kSentence =
      PythonRegex::compile("Final Answer: The final answer is(.*?). I hope it is correct.").value();
  const std::string closed = std::string(response) + "I hope it is correct.";
  const auto matches = kSentence.find_all(closed);
  if (matches.empty()) return std::nullopt;
  return std::string(python::strip(matches.front().front()));
}

std::string minerva_normalised(std::string_view answer) {
  std::string text(python::split(answer, "=").back());
  for (const std::string_view word : kRemoved)
    if (is_unit(word)) text = without_word(text, word);
  for (const auto& [from, to] : kSubstitutions) text = python::replace(text, from, to);
  for (const std::string_view word : kRemoved)
    text = is_unit(word) ? without_glued(text, word) : python::replace(text, word, "");
  for (const std::string_view word : kRemovedLast) text = python::replace(text, word, "");
  for (const Rewrite& rewrite : rewrites()) text = rewrite.regex.replace(text, rewrite.to);
  text = python::replace(text, "$", "");
  return has_thousands_commas(text) ? python::replace(text, ",", "") : text;
}

bool minerva_equal(std::string_view a, std::string_view b) { return (!a.empty() && a == b) || proved_equal(a, b); }

}  // namespace pareto
