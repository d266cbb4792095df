// Regular expressions as Python's `re` runs them on str, on RE2: what answer extraction and normalisation need.
//
//   PythonRegex::compile(R"(#### (\-?[0-9\.\,]+))")->find_all("so 5\n#### 18")   {{"18"}}
//
// Translated, since RE2 means something else: \d \s \w (Unicode in Python), $ at the end of the pattern (also matches
// before a final newline) and of an alternative in it, \Z, a (?=…) without groups at the end. Not expressible, so
// refused: other look-around, back references, \b, $ elsewhere.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace re2 {
class RE2;
}

namespace pareto {

class PythonRegex {
 public:
  // Errors: kUnsupported and kInvalid, both naming the pattern.
  static Result<PythonRegex> compile(std::string_view pattern);

  // re.findall(): per match its groups ("" for one that took no part), or the whole match if the pattern has none.
  // The views are into `text`.
  std::vector<std::vector<std::string_view>> find_all(std::string_view text) const;
  // re.sub(pattern, to, text); in `to`, \1 … \9 are the pattern's groups and all else is text.
  std::string replace(std::string_view text, std::string_view to) const;
  std::string remove(std::string_view text) const { return replace(text, ""); }

  int groups() const { return groups_; }

 private:
  struct Span {
    std::size_t begin, end;
  };
  // The first match at or after `from`: its groups, its extent. False: none.
  bool match(std::string_view text, std::size_t from, std::vector<std::string_view>* groups, Span* span) const;

  std::shared_ptr<const re2::RE2> regex_;
  int groups_ = 0;            // of the pattern as written
  bool looks_ahead_ = false;  // one more group: what the pattern's end looks at and does not take
};

}  // namespace pareto
