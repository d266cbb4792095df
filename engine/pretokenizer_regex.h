// Regexes as tokenizers write them (Oniguruma, PCRE), translated to RE2.
#pragma once

#include <bitset>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace re2 {
class RE2;
}

namespace pareto {

// Translated: \s \S \d \w \W (Unicode), \uXXXX, ^ and $ (at line ends). kUnsupported, with the reason, if RE2 cannot
// express it: look-around, back references, possessive quantifiers, class intersections.
Result<std::string> to_re2_syntax(std::string_view regex);
Result<std::unique_ptr<re2::RE2>> compile_regex(std::string_view regex);

// "a|b(c|d)|[|]" → {"a", "b(c|d)", "[|]"}
std::vector<std::string_view> top_level_alternatives(std::string_view regex);

// The ASCII characters with which a match can begin, or more. Told from leading classes, escapes and plain characters;
// a regex that begins otherwise gets all of them.
std::bitset<128> ascii_starts(std::string_view regex);

}  // namespace pareto
