// Marking of competition mathematics as Minerva's evaluation does it (Lewkowycz et al. 2022, appendix D), in the form
// of lm_eval 0.4.13, tasks/minerva_math (version 3.1).
//
//   "… Final Answer: The final answer is $\frac12 cm$. I hope it is correct."
//   → final_answer "$\frac12 cm$" → normalised "\frac{1}{2}" → equal to "0.5" (proved)
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pareto {

// What stands in the closing sentence that the shots teach; nothing where there is none.
std::optional<std::string> minerva_final_answer(std::string_view response);

// Appendix D's normal form: the right side of the last "=", without units, wrappers and shorthand.
std::string minerva_normalised(std::string_view answer);

// Two normalised answers: the same text, or proved equal (tasks/exact_algebra.h). Upstream asks sympy to simplify their
// difference to 0 instead, which proves more (trigonometry, quotients of polynomials) and nothing else.
bool minerva_equal(std::string_view a, std::string_view b);

}  // namespace pareto
