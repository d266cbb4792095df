// From a model's responses to the text that is marked: lm-evaluation-harness's filter_list.
//
//   filter "strict-match":  {"so 5\n#### 18"} → regex → {"18"} → take_first → "18"
//
// Definitions: lm_eval 0.4.13, filters/extraction.py, selection.py, transformation.py.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/extract.h"

namespace pareto {

// All responses of one document (one per repeat) in, fewer or as many out. `choices` are the document's, if it has any.
using Filter =
    std::function<std::vector<std::string>(std::vector<std::string> responses, std::span<const std::string> choices)>;

// re.findall on each response, the match at `group_select` (−1: the last), of several groups the first that is not
// empty, stripped; `fallback` where nothing matched. An index beyond the matches is `fallback` too (upstream raises).
Filter regex_filter(PythonRegex regex, int group_select = 0, std::string fallback = "[invalid]");
Filter take_first();
Filter take_first_k(std::size_t k);  // fewer than k responses: all of them (upstream raises)
Filter majority_vote();              // the most frequent one; the first seen wins a tie
Filter remove_whitespace();          // str.strip
Filter lowercase();                  // str.lower
Filter uppercase();                  // str.upper

// multi_choice_regex: the letter, "(B)", that a response names, by the first of these that finds something:
//   1. `regex` as regex_filter() has it, and its text as it is
//   2. the text of a choice, the longest first; both sides go through `ignore` (re.sub by nothing), then `ignore_case`
//      and `ignore_punctuation` (Unicode's). A match that stripping changes stays a text, as upstream's does
//   3. ":" and one of the letters A, B, …, as many as there are choices
// else `fallback`. An index `group_select` beyond the matches counts as nothing found (upstream raises).
struct MultiChoiceRegex {
  PythonRegex regex;
  int group_select = 0;
  bool ignore_case = false, ignore_punctuation = false;
  std::vector<PythonRegex> ignore = {};
  std::string fallback = "[invalid]";
};
Filter multi_choice_regex(MultiChoiceRegex options);

// A named chain. It ends in one response, as all of ours do.
struct FilterChain {
  std::string name = "none";
  std::vector<Filter> steps = {take_first()};
  // What is left of the responses; "" of none.
  std::string apply(std::vector<std::string> responses, std::span<const std::string> choices = {}) const;
};

}  // namespace pareto
