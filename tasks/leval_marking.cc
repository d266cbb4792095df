#include "tasks/leval_marking.h"

#include <algorithm>
#include <cstdlib>

#include "tasks/python.h"

namespace pareto::leval {
namespace {

bool is_option(char c) { return c >= 'A' && c <= 'D'; }

std::string only_options(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (is_option(c)) out += c;
  return out;
}

std::string sorted_set(std::string letters) {
  std::sort(letters.begin(), letters.end());
  letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
  return letters;
}

// Python's [A-Z](?=[\s.)]): capitals that white space, a full stop or a bracket follows.
std::string marked_capitals(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const char32_t next = python::decode(text, i + 1).value;
    if (text[i] >= 'A' && text[i] <= 'Z' && (next == U'.' || next == U')' || python::is_space(next))) out += text[i];
  }
  return out;
}

std::string first_run_of_options(std::string_view text) {
  const auto begin = std::find_if(text.begin(), text.end(), is_option);
  return {begin, std::find_if_not(begin, text.end(), is_option)};
}

bool has_digit(std::string_view word) {
  for (std::size_t at = 0; at < word.size();) {
    const auto [c, bytes] = python::decode(word, at);
    if (python::is_digit(c)) return true;
    at += static_cast<std::size_t>(bytes);
  }
  return false;
}

// What \S+ takes after "The answer is ", at the first place where it takes anything.
std::string_view stated_answer(std::string_view text) {
  constexpr std::string_view kStated = "The answer is ";
  for (std::size_t at = text.find(kStated); at != std::string_view::npos; at = text.find(kStated, at + 1)) {
    const std::string_view rest = text.substr(at + kStated.size());
    const auto words = python::split_space(rest, 1);
    if (!words.empty() && words[0].data() == rest.data()) return words[0];
  }
  return {};
}

std::string_view last_word_with_digit(std::string_view text) {
  const auto words = python::split(text.substr(0, text.find("\n\n")), " ");
  const auto found = std::find_if(words.rbegin(), words.rend(), has_digit);
  return found == words.rend() ? std::string_view() : *found;
}

}  // namespace

std::string letters(std::string_view reply, bool several) {
  if (python::strip(reply).empty()) return "None";
  if (std::string_view("ABCD").find(reply) != std::string_view::npos) return std::string(reply);
  if (!several) {
    const auto first = std::find_if(reply.begin(), reply.end(), is_option);
    if (first != reply.end()) return {*first};
  }
  const std::string leading(reply.begin(), std::find_if_not(reply.begin(), reply.end(), is_option));
  if (leading.size() > 1) return sorted_set(leading);
  std::string_view rest = reply.substr(leading.size());
  rest = rest.substr(0, rest.find("Question"));
  std::string found = sorted_set(leading + only_options(marked_capitals(rest)));
  if (found.empty()) found = first_run_of_options(rest);
  return found.empty() ? "A" : found;
}

std::string reference_letters(std::string_view reference) {
  const auto words = python::split_space(reference, 1);
  const std::string found = words.empty() ? "" : only_options(words[0]);
  return found.empty() ? "A" : found;
}

double mark_letters(std::string_view reply, std::string_view reference) {
  if (reply == reference) return 1;
  return reply.find_first_not_of(reference) == std::string_view::npos ? 0.25 : 0;
}

std::string number(std::string_view solution) {
  const std::string_view stated = stated_answer(solution);
  const std::string_view word = stated.empty() ? last_word_with_digit(solution) : stated;
  std::string digits;
  for (std::size_t at = 0; at < word.size() && word[at] != '.';) {
    const auto [c, bytes] = python::decode(word, at);
    if (python::is_digit(c)) digits += word.substr(at, static_cast<std::size_t>(bytes));
    at += static_cast<std::size_t>(bytes);
  }
  return digits;
}

double mark_number(std::string_view reply, std::string_view reference) {
  const auto plain = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (plain(reply) && plain(reference))
    return std::strtod(std::string(reply).c_str(), nullptr) == std::strtod(std::string(reference).c_str(), nullptr);
  return reply.find(reference) != std::string_view::npos;
}

std::string judgement(std::string_view reply) {
  const std::string lower = python::lower(reply);
  for (const std::string_view word : python::split_space(std::string_view(lower).substr(0, lower.find("[fact:")))) {
    if (word.find("true") != std::string_view::npos) return "true";
    if (word.find("false") != std::string_view::npos) return "false";
  }
  return "<error>";
}

Judgements reference_judgements(std::string_view reference) {
  const std::string lower = python::lower(reference);
  const auto parts = python::split(lower, "[fact:");
  Judgements judgements;
  judgements.loyalty = python::strip(parts[0]);
  if (parts.size() > 1)
    judgements.fact = python::strip(parts[1].substr(0, parts[1].size() - (parts[1].empty() ? 0 : 1)));
  return judgements;
}

}  // namespace pareto::leval
