#include "tasks/common_math.h"

#include <vector>

#include "tasks/python.h"
#include "tasks/python_text.h"

namespace pareto {
namespace {

constexpr std::string_view kBoxedSpace = "\\boxed ";
constexpr std::string_view kBoxed = "\\boxed{";

tl::unexpected<Error> raise(const char* exception) { return fail(Code::kInvalid, "{}", exception); }

// The first character of a text, as bytes.
std::string_view first_character(std::string_view text) {
  return text.substr(0, static_cast<std::size_t>(python::decode(text, 0).bytes));
}

// Inside of \boxed; nothing where upstream's assertions fail.
std::optional<std::string> unbox(std::string_view boxed) {
  if (boxed.find(kBoxedSpace) != std::string_view::npos) {
    if (!boxed.starts_with(kBoxedSpace)) return std::nullopt;
    return std::string(boxed.substr(kBoxedSpace.size()));
  }
  if (!boxed.starts_with(kBoxed) || !boxed.ends_with('}')) return std::nullopt;
  return std::string(boxed.substr(kBoxed.size(), boxed.size() - kBoxed.size() - 1));
}

// \sqrt3 → \sqrt{3}
Result<std::string> brace_roots(std::string_view text) {
  const auto parts = python::split(text, "\\sqrt");
  std::string out(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].empty()) return raise("IndexError");
    out += "\\sqrt";
    if (parts[i].front() == '{') {
      out += parts[i];
      continue;
    }
    const std::string_view radicand = first_character(parts[i]);
    out += fmt::format("{{{}}}", radicand);
    out += parts[i].substr(radicand.size());
  }
  return out;
}

// \frac12 → \frac{1}{2}, \frac1{72} → \frac{1}{72}. A \frac with one character after it leaves all as it is.
Result<std::string> brace_fractions(std::string_view text) {
  const auto parts = python::split(text, "\\frac");
  std::string out(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].empty()) return raise("IndexError");
    out += "\\frac";
    if (parts[i].front() == '{') {
      out += parts[i];
      continue;
    }
    const std::string_view above = first_character(parts[i]);
    const std::string_view rest = parts[i].substr(above.size());
    if (rest.empty()) return std::string(text);
    out += fmt::format("{{{}}}", above);
    if (rest.front() == '{') {
      out += rest;
      continue;
    }
    const std::string_view below = first_character(rest);
    out += fmt::format("{{{}}}", below);
    out += rest.substr(below.size());
  }
  return out;
}

// Does Python's int() take this text? Digits of any script, single underscores between them, a sign, white space
// around.
bool is_python_integer(std::string_view text) {
  constexpr int kMaxDigits = 4300;  // sys.get_int_max_str_digits()
  text = python::strip(text);
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  int digits = 0;
  bool after_digit = false;
  for (std::size_t at = 0; at < text.size();) {
    const python::CodePoint c = python::decode(text, at);
    at += static_cast<std::size_t>(c.bytes);
    if (c.value == '_') {
      if (!after_digit) return false;
      after_digit = false;
      continue;
    }
    if (!python::is_decimal(c.value)) return false;
    after_digit = true;
    ++digits;
  }
  return after_digit && digits <= kMaxDigits;
}

// Does str(int(text)) == text? REQUIRES: is_python_integer(text).
bool is_canonical_integer(std::string_view text) {
  if (text == "0") return true;
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text.front() < '1' || text.front() > '9') return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// 1/2 → \frac{1}{2} where both are integers in their plainest form.
Result<std::string> slash_to_fraction(std::string text) {
  const auto parts = python::split(text, "/");
  if (parts.size() != 2) return text;
  if (!is_python_integer(parts[0]) || !is_python_integer(parts[1])) return raise("ValueError");
  if (!is_canonical_integer(parts[0]) || !is_canonical_integer(parts[1])) return text;
  return fmt::format("\\frac{{{}}}{{{}}}", parts[0], parts[1]);
}

}  // namespace

std::optional<std::string> last_boxed(std::string_view text) {
  if (text.find(kBoxedSpace) != std::string_view::npos) {
    const std::string_view after = python::split(text, kBoxedSpace).back();
    return std::string(kBoxedSpace) + std::string(after.substr(0, after.find('$')));
  }
  std::size_t begin = text.rfind("\\boxed");
  if (begin == std::string_view::npos) begin = text.rfind("\\fbox");
  if (begin == std::string_view::npos) return std::nullopt;
  int open = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '{') ++open;
    if (text[i] == '}' && --open == 0) return std::string(text.substr(begin, i + 1 - begin));
  }
  return std::nullopt;
}

std::string math_answer(std::string_view response) {
  if (const auto boxed = last_boxed(response)) {
    if (auto inside = unbox(*boxed)) return *std::move(inside);
  }
  const std::size_t first = response.find('$');
  const std::size_t last = response.rfind('$');
  if (first == last) return std::string(response);  // none, or one
  return std::string(response.substr(first + 1, last - first - 1));
}

Result<std::string> strip_string(std::string_view answer) {
  std::string text(answer);
  const auto replace = [&](std::string_view from, std::string_view to) { text = python::replace(text, from, to); };
  replace("\n", "");
  replace("\\!", "");
  replace("\\\\", "\\");
  replace("tfrac", "frac");
  replace("dfrac", "frac");
  replace("\\left", "");
  replace("\\right", "");
  replace("^{\\circ}", "");
  replace("^\\circ", "");
  replace("\\$", "");
  if (const auto parts = python::split(text, "\\text{ "); parts.size() > 1) {
    if (parts.size() != 2) return raise("AssertionError");
    text = std::string(parts.front());
  }
  replace("\\%", "");
  replace(" .", " 0.");
  replace("{.", "{0.");
  if (text.empty()) return text;
  if (text.front() == '.') text = "0" + text;
  if (const auto sides = python::split(text, "="); sides.size() == 2 && python::length(sides[0]) <= 2) {
    text = std::string(sides[1]);
  }
  PARETO_TRY(text, brace_roots(text));
  replace(" ", "");
  PARETO_TRY(text, brace_fractions(text));
  if (text == "0.5") text = "\\frac{1}{2}";
  return slash_to_fraction(std::move(text));
}

bool math_equal(std::string_view a, std::string_view b) {
  const auto left = strip_string(a);
  const auto right = strip_string(b);
  return left && right ? *left == *right : a == b;
}

}  // namespace pareto
