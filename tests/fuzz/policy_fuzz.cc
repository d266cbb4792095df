// The policy reader takes any text: one clear line or a policy whose numbers are in range.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "results/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto policy = pareto::parse_policy({reinterpret_cast<const char*>(data), size}, "policy");
  if (!policy) {
    if (policy.error().message.empty() || policy.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  if (!(policy->alpha > 0 && policy->alpha <= 0.5) || policy->rules.empty()) std::abort();
  for (const pareto::PolicyRule& rule : policy->rules)
    if (rule.task.empty() == rule.cost.empty() || rule.margin < 0) std::abort();
  return 0;
}
