#include "results/policy.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>

// toml++ 3.3 asserts, and with NDEBUG lets the compiler assume, what its parser then finds out and reports: "[=]" is
// enough. Neither is wanted of a file that a user wrote.
#undef NDEBUG
#define TOML_ASSERT(condition) static_cast<void>(0)
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "core/options.h"
#include "results/json_text.h"

namespace pareto {
namespace {

const std::vector<std::string> kTopKeys = {"alpha", "rule"};
const std::vector<std::string> kRuleKeys = {"task",      "metric",    "margin", "tier", "cost",
                                            "max_ratio", "min_ratio", "max",    "min"};

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

// Every character beyond ASCII as an escape, which is the same in a "string" and harmless in a comment: what toml++ 3.3
// takes for white space beyond ASCII runs into its own "unreachable" (U+FEFE does).
std::string ascii_policy(std::string_view bytes) {
  const std::string text = valid_utf8(bytes);
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 1) {
      out += text[i++];
      continue;
    }
    std::uint32_t point = lead & (0x7Fu >> length);
    for (std::size_t k = 1; k < length; ++k) point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    out += fmt::format("\\U{:08X}", point);
    i += length;
  }
  return out;
}

class PolicyReader {
 public:
  explicit PolicyReader(const std::string& name) : name_(name) {}

  Result<Policy> read(const toml::table& root) {
    Policy policy;
    policy.name = name_;
    PARETO_CHECK_OK(check_keys(root, kTopKeys, "the policy"));
    PARETO_TRY(const std::optional<double> alpha, number(root, "alpha"));
    if (alpha) policy.alpha = *alpha;
    if (!(policy.alpha > 0 && policy.alpha <= 0.5)) return at(*root.get("alpha"), "alpha must be above 0, at most 0.5");
    const toml::node* rules = root.get("rule");
    if (rules == nullptr) return fail(Code::kUsage, "{}: no rule; write [[rule]] with task and margin, or cost", name_);
    const toml::array* array = rules->as_array();
    if (array == nullptr || array->empty()) return at(*rules, "'rule' must be a list of tables: write [[rule]]");
    for (const toml::node& node : *array) {
      const toml::table* table = node.as_table();
      if (table == nullptr) return at(node, "'rule' must be a list of tables: write [[rule]]");
      PARETO_TRY(PolicyRule rule, read_rule(*table));
      policy.rules.push_back(std::move(rule));
    }
    return policy;
  }

 private:
  tl::unexpected<Error> at(const toml::node& node, const std::string& what) const {
    return fail(Code::kUsage, "{}:{}: {}", name_, line_of(node), what);
  }

  Status check_keys(const toml::table& table, const std::vector<std::string>& known, const char* where) const {
    for (const auto& [key, value] : table) {
      const std::string text(key.str());
      if (std::find(known.begin(), known.end(), text) != known.end()) continue;
      std::string list;
      for (const std::string& name : known) list += " " + name;
      const std::string near = nearest_name(text, known);
      return fail(Code::kUsage, "{}:{}: unknown key '{}' in {}; it has:{}{}", name_, key.source().begin.line, text,
                  where, list, near.empty() ? "" : "; did you mean '" + near + "'?");
    }
    return {};
  }

  Result<std::optional<double>> number(const toml::table& table, const char* key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return std::nullopt;
    const std::optional<double> value = node->is_number() ? node->value<double>() : std::nullopt;
    if (!value || !std::isfinite(*value)) return at(*node, std::string("'") + key + "' must be a number");
    return value;
  }

  Result<std::string> text(const toml::table& table, const char* key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return std::string();
    const std::optional<std::string> value = node->is_string() ? node->value<std::string>() : std::nullopt;
    if (!value || value->empty()) return at(*node, std::string("'") + key + "' must be a text that is not empty");
    return *value;
  }

  Result<PolicyRule> read_rule(const toml::table& table) const {
    PolicyRule rule;
    rule.line = line_of(table);
    PARETO_CHECK_OK(check_keys(table, kRuleKeys, "a rule"));
    PARETO_TRY(const std::string tier, text(table, "tier"));
    if (!tier.empty() && tier != "critical" && tier != "advisory")
      return at(*table.get("tier"), "tier '" + tier + "' is neither critical nor advisory");
    rule.tier = tier == "advisory" ? Tier::kAdvisory : Tier::kCritical;
    PARETO_TRY(rule.task, text(table, "task"));
    PARETO_TRY(rule.metric, text(table, "metric"));
    PARETO_TRY(rule.cost, text(table, "cost"));
    if (rule.task.empty() == rule.cost.empty())
      return at(table, "a rule has either task (with margin) or cost (with max_ratio, min_ratio, max or min)");
    PARETO_TRY(const std::optional<double> margin, number(table, "margin"));
    PARETO_TRY(rule.max_ratio, number(table, "max_ratio"));
    PARETO_TRY(rule.min_ratio, number(table, "min_ratio"));
    PARETO_TRY(rule.max, number(table, "max"));
    PARETO_TRY(rule.min, number(table, "min"));
    const bool bounded = rule.max_ratio || rule.min_ratio || rule.max || rule.min;
    if (rule.is_cost()) {
      if (margin || !rule.metric.empty())
        return at(table, "a cost has no margin and no metric; it has max_ratio, min_ratio, max or min");
      if (!bounded) return at(table, "cost '" + rule.cost + "' needs max_ratio, min_ratio, max or min");
      for (const char* key : {"max_ratio", "min_ratio"})
        if (const toml::node* node = table.get(key); node != nullptr && !(*node->value<double>() > 0))
          return at(*node, std::string("'") + key + "' must be above 0");
      return rule;
    }
    if (bounded) return at(table, "a task has no max_ratio, min_ratio, max or min; it has margin");
    if (!margin)
      return at(table, "task '" + rule.task + "' needs a margin: how much worse is still allowed, such as 0.01");
    if (*margin < 0) return at(*table.get("margin"), fmt::format("margin {} is below 0", *margin));
    rule.margin = *margin;
    return rule;
  }

  const std::string& name_;
};

}  // namespace

const char* tier_name(Tier tier) { return tier == Tier::kCritical ? "critical" : "advisory"; }

Result<Policy> parse_policy(std::string_view text, const std::string& name) {
  toml::parse_result parsed = toml::parse(ascii_policy(text));
  if (!parsed) {
    std::string what(parsed.error().description());
    for (char& c : what)
      if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    return fail(Code::kUsage, "{}:{}: no TOML: {}", name, parsed.error().source().begin.line, what);
  }
  return PolicyReader(name).read(parsed.table());
}

Result<Policy> read_policy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return fail(Code::kUsage, "{}: the policy cannot be read", path);
  return parse_policy(text, path);
}

}  // namespace pareto
