// A policy applied to two finished runs: PASS, FAIL or INCONCLUSIVE of each rule and of all.
//
//   score   FAIL where b is shown to be worse than a by more than the margin, PASS where it is shown not to be
//   (one-sided, each
//           over all score rules of the tier by Holm), else INCONCLUSIVE
//   cost    counted: the number decides. Measured with an interval: FAIL or PASS where the one-sided bound at alpha is
//   on one
//           side of the limit. Measured once (rates, memory): the number decides, and has no interval
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/compare.h"
#include "results/policy.h"

namespace pareto {

enum class Verdict { kPass, kFail, kInconclusive };
const char* verdict_name(Verdict verdict);  // "PASS", "FAIL", "INCONCLUSIVE"

struct RuleResult {
  std::string name;  // "arc_easy acc,none margin 0.01", "bytes_per_output_token max_ratio 1.05"
  Tier tier = Tier::kCritical;
  Verdict verdict = Verdict::kInconclusive;
  double estimate = 0;            // b − a, b/a or b
  std::optional<Interval> ci;     // 1 − 2·alpha: its ends are the one-sided bounds
  double bound = 0;               // −margin (metrics where less is better: +margin), or the limit
  std::optional<double> p_value;  // of what the verdict shows, Holm-adjusted; INCONCLUSIVE: of what would be PASS
  std::optional<double> p_noninferior, p_inferior;  // unadjusted
  std::optional<std::int64_t> needed_n;             // items to PASS with power .8 if nothing really changed
  std::optional<double> detectable;                 // a change past the bound that these items find with power .8
  std::int64_t n = 0;
  std::string note;
};

// Where a sequential gate stopped.
struct GateStop {
  int look = 0, looks = 0;          // from 1
  double alpha = 0;                 // of that look
  std::int64_t items = 0, all = 0;  // scored up to it; of the whole runs
};

struct GateResult {
  Verdict verdict = Verdict::kInconclusive;  // FAIL before INCONCLUSIVE before PASS, of the critical rules
  double alpha = 0.05;
  std::vector<RuleResult> rules;
  std::optional<GateStop> stop;
};

// kUsage, naming the policy's line: a task, metric or cost that the runs do not have. kUnsupported: not comparable, and
// why.
Result<GateResult> apply_policy(const Policy& policy, const Run& a, const Run& b);

// The same as if the items had come one after another, in an order fixed by their hashes, and the gate had looked at a
// quarter, half, three quarters and all of them, until the verdict is PASS or FAIL. Look k tests at alpha_k, the part
// of alpha that O'Brien and Fleming's spending function (Lan and DeMets 1983) spends between its looks: they add up to
// alpha, so that it is kept whatever the looks have in common. Costs are those of the whole runs.
Result<GateResult> apply_policy_sequentially(const Policy& policy, const Run& a, const Run& b);

std::string gate_json(const GateResult& gate);
// GitHub's Markdown: the verdict, then a table of rules.
std::string gate_markdown(const GateResult& gate);
// JUnit: one test case a rule; a critical FAIL is a failure, a critical INCONCLUSIVE an error, what is advisory is
// skipped.
std::string gate_junit(const GateResult& gate);

}  // namespace pareto
