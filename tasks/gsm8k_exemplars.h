// The eight chain-of-thought exemplars of GSM8K (Wei et al. 2022, "Chain-of-Thought Prompting Elicits Reasoning in
// Large Language Models"), byte for byte as lm-evaluation-harness prints them.
#pragma once

#include <span>
#include <string_view>

namespace pareto {

struct Exemplar {
  std::string_view question, target;
};
std::span<const Exemplar> gsm8k_exemplars();

}  // namespace pareto
