// How RULER marks an answer: by the references that stand in it, whatever the case.
//
//   "1. Lemon\t2. pear"   references {lemon, pear, fig}   all: 2/3   any: 1
//
// NVIDIA/RULER c3f5e3b, scripts/eval (string_match_all, string_match_part = any), in [0, 1] where it prints percent;
// lm_eval 0.4.13, tasks/ruler/common_utils.py: its string_match_part is the same share as string_match_all.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pareto::ruler {

// The answer without white space at its ends, control characters as line feeds.
std::string clean_prediction(std::string_view text);

// The share of `references` that `cleaned` holds; 1 or 0 for whether it holds any. REQUIRES: references is not empty.
double string_match_all(std::string_view cleaned, std::span<const std::string> references);
double string_match_any(std::string_view cleaned, std::span<const std::string> references);

}  // namespace pareto::ruler
