// The policy file of pareto gate: which differences between two runs are allowed (docs/comparing.md).
//
//   alpha = 0.05
//   [[rule]]                          [[rule]]
//   task = "arc_easy"  # or "*"       cost = "bytes_per_output_token"
//   metric = "acc"                    max_ratio = 1.05   # or min_ratio, max, min
//   margin = 0.01                     tier = "advisory"
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pareto {

enum class Tier { kCritical, kAdvisory };  // critical decides the exit code; advisory is reported
const char* tier_name(Tier tier);

struct PolicyRule {
  int line = 0;  // of its [[rule]]
  Tier tier = Tier::kCritical;
  std::string task, metric;  // a score: a task, a group or "*"; "acc", "acc,none", "": the task's first
  double margin = 0;         // in the metric's unit, >= 0
  std::string cost;          // a cost: its name in compare
  std::optional<double> max_ratio, min_ratio, max, min;  // at least one where there is a cost
  bool is_cost() const { return !cost.empty(); }
};

struct Policy {
  std::string name;  // the file, for messages
  double alpha = 0.05;
  std::vector<PolicyRule> rules;
};

// Errors are kUsage: "policy.toml:4: unknown key 'margn' in a rule; did you mean 'margin'?".
Result<Policy> parse_policy(std::string_view text, const std::string& name);
Result<Policy> read_policy(const std::string& path);

}  // namespace pareto
