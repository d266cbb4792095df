// How a generating task's answers are generated: its own generation_kwargs, --gen_kwargs merged over them, normalised.
//
//   {"until": ["Question:", "</s>"], "do_sample": false, "temperature": 0.0}  +  {max_gen_toks: "32"}
//   → until {"Question:", "</s>"}, 32 tokens, greedy
//
// Definition: lm_eval 0.4.13, models/utils.py (normalize_gen_kwargs), _cli/utils.py (handle_cli_value_string).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/request.h"
#include "core/result.h"

namespace pareto {

struct Generation {
  std::vector<std::string> until;
  int max_tokens = 256;  // lm-eval's default
  Sampling sampling;
  std::string kwargs;  // the merged object as JSON, not normalised: what a samples file shows
  std::vector<std::string> warnings;
};

// `own` is a JSON object in the order of the task's YAML. Values of `overrides` are read as lm-eval's command line
// does: true, false, a number, a Python list or string literal, else the text itself.
//
// do_sample false, which most tasks set, forces temperature 0 with a warning; without do_sample, a temperature above 0
// samples. Lengths: max_gen_toks, else max_new_tokens, max_tokens, max_completion_tokens, else 256. Errors: kUsage for
// an unknown key or a value out of range.
Result<Generation> make_generation(std::string_view own, const std::map<std::string, std::string>& overrides);

}  // namespace pareto
