// Marking of competition mathematics as lm-evaluation-harness's AIME and hendrycks_math tasks do it.
//
//   "… so $x = \boxed{204}$."  →  last_boxed "\boxed{204}"  →  "204"  →  strip_string  →  compare as text
//
// Definitions: lm_eval 0.4.13, tasks/aime/utils.py. Its quirks are kept: \fbox never wins, "204." is wrong, "033" is
// not "33", and where the normalisation raises an exception the raw texts are compared.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace pareto {

// The last \boxed{…} or \fbox{…} with its braces matched, or "\boxed " and what follows it up to a $.
std::optional<std::string> last_boxed(std::string_view text);

// What of the response is compared: the inside of the last \boxed if it can be taken out, else what stands between the
// first and the last $, else all.
std::string math_answer(std::string_view response);

// The normal form of a LaTeX answer. Error: kInvalid with the name of the Python exception that upstream raises here.
Result<std::string> strip_string(std::string_view answer);

// strip_string of both is equal, or, where it raises, the texts are.
bool math_equal(std::string_view a, std::string_view b);

}  // namespace pareto
