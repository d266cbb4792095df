#include "results/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/markup.h"
#include "core/options.h"
#include "results/json_text.h"
#include "results/paired.h"

namespace pareto {
namespace {

using Json = nlohmann::ordered_json;

// Which score tests of a tier are corrected together, and for which rule each is.
struct TierTests {
  std::vector<std::size_t> rules;
  std::vector<double> noninferior, inferior;
};

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 12); ++i) list += " " + names[i];
  return list + (names.size() > 12 ? " …" : "");
}

// The tasks that a rule means.
Result<std::vector<std::string>> tasks_of(const PolicyRule& rule, const Policy& policy, const Run& a, const Run& b) {
  std::vector<std::string> both;
  for (const RunTask& task : a.tasks)
    if (b.task(task.name) != nullptr) both.push_back(task.name);
  if (rule.task == "*") {
    if (both.empty()) return fail(Code::kUsage, "{}:{}: the runs have no task in common", policy.name, rule.line);
    return both;
  }
  if (a.groups.count(rule.task) > 0 && b.groups.count(rule.task) > 0) return std::vector{rule.task};
  if (std::find(both.begin(), both.end(), rule.task) != both.end()) return std::vector{rule.task};
  return fail(Code::kUsage, "{}:{}: task '{}' is not in both runs; they have:{}", policy.name, rule.line, rule.task,
              list_of(both));
}

RuleResult score_rule(const PolicyRule& rule, const std::string& task, const PairedScores& scores, double alpha) {
  RuleResult out;
  const PairedEffect effect = effect_of(scores, 2 * alpha, /*permute=*/false);
  out.name = fmt::format("{} {} margin {}", task, scores.key(), rule.margin);
  out.tier = rule.tier;
  out.estimate = effect.diff;
  out.ci = effect.ci;
  out.n = effect.n;
  out.bound = scores.higher_is_better ? -rule.margin : rule.margin;
  out.p_noninferior = noninferior_p(scores, rule.margin);
  out.p_inferior = inferior_p(scores, rule.margin);
  const double unit = scores.scale == Scale::kPerplexity ? effect.a : 1;  // ω² is that of the logarithm there
  out.detectable = unit * detectable_distance(effect.difference_variance, effect.n, alpha);
  if (rule.margin > 0) out.needed_n = needed_items(effect.difference_variance, rule.margin / unit, alpha);
  if (scores.other_prompts > 0) out.note = fmt::format("{} items were asked with another prompt", scores.other_prompts);
  return out;
}

void decide_scores(double alpha, const TierTests& tests, std::vector<RuleResult>* rules) {
  const std::vector<double> noninferior = holm(tests.noninferior), inferior = holm(tests.inferior);
  for (std::size_t i = 0; i < tests.rules.size(); ++i) {
    RuleResult& rule = (*rules)[tests.rules[i]];
    if (inferior[i] <= alpha) {
      rule.verdict = Verdict::kFail;
    } else if (noninferior[i] <= alpha) {
      rule.verdict = Verdict::kPass;
    }
    rule.p_value = rule.verdict == Verdict::kFail ? inferior[i] : noninferior[i];
  }
}

// `above`: the limit is a most. `bounds`: one-sided at alpha at either end.
Verdict cost_verdict(double value, const std::optional<Interval>& bounds, double limit, bool above) {
  const auto within = [&](double x) { return above ? x <= limit : x >= limit; };
  if (!bounds) return within(value) ? Verdict::kPass : Verdict::kFail;
  if (within(bounds->low) && within(bounds->high)) return Verdict::kPass;
  return within(bounds->low) || within(bounds->high) ? Verdict::kInconclusive : Verdict::kFail;
}

// A 95 % interval of a ratio at 1 − 2·alpha instead: its logarithm's distances scale with the normal quantile.
std::optional<Interval> rescaled(const std::optional<Interval>& ci95, double value, double alpha) {
  if (!ci95 || !(ci95->low > 0) || !(value > 0)) return std::nullopt;
  const double scale = detectable_distance(1, 1, alpha, 0.5) / detectable_distance(1, 1, 0.025, 0.5);
  return Interval{value * std::pow(ci95->low / value, scale), value * std::pow(ci95->high / value, scale)};
}

void cost_rules(const PolicyRule& rule, const CostComparison& cost, double alpha, std::vector<RuleResult>* out) {
  struct Limit {
    const char* name;
    std::optional<double> value;
    bool ratio, above;
  };
  for (const Limit& limit :
       {Limit{"max_ratio", rule.max_ratio, true, true}, Limit{"min_ratio", rule.min_ratio, true, false},
        Limit{"max", rule.max, false, true}, Limit{"min", rule.min, false, false}}) {
    if (!limit.value) continue;
    RuleResult result;
    result.name = fmt::format("{} {} {}", cost.name, limit.name, *limit.value);
    result.tier = rule.tier;
    result.bound = *limit.value;
    if (limit.ratio && !cost.ratio) {
      result.note = "a is 0: no ratio";
    } else {
      result.estimate = limit.ratio ? *cost.ratio : cost.b;
      if (limit.ratio) result.ci = rescaled(cost.ci95, *cost.ratio, alpha);
      result.verdict = cost_verdict(result.estimate, result.ci, *limit.value, limit.above);
      result.note = cost.exact ? "counted" : result.ci ? "measured" : "measured once: no interval";
    }
    out->push_back(std::move(result));
  }
}

Status add_cost_rule(const PolicyRule& rule, const Policy& policy, const std::vector<CostComparison>& costs,
                     std::vector<RuleResult>* out) {
  std::vector<std::string> names;
  for (const CostComparison& cost : costs) {
    if (cost.name == rule.cost) {
      cost_rules(rule, cost, policy.alpha, out);
      return {};
    }
    names.push_back(cost.name);
  }
  const std::string near = nearest_name(rule.cost, names);
  return fail(Code::kUsage, "{}:{}: no cost '{}' in both runs; they have:{}{}", policy.name, rule.line, rule.cost,
              names.empty() ? " none" : list_of(names), near.empty() ? "" : "; did you mean '" + near + "'?");
}

Status add_score_rule(const PolicyRule& rule, const Policy& policy, const Run& a, const Run& b,
                      std::vector<RuleResult>* out, TierTests* tests) {
  PARETO_TRY(const std::vector<std::string> tasks, tasks_of(rule, policy, a, b));
  for (const std::string& task : tasks) {
    const Result<std::vector<PairedScores>> scores = pair_task_or_group(a, b, task);
    if (!scores) return fail(Code::kUnsupported, "{}: cannot be compared: {}", task, scores.error().message);
    const PairedScores* metric = find_metric(*scores, rule.metric);
    if (metric == nullptr) {
      std::vector<std::string> names;
      for (const PairedScores& one : *scores) names.push_back(one.key());
      return fail(Code::kUsage, "{}:{}: task '{}' has no metric '{}' in both runs; it has:{}", policy.name, rule.line,
                  task, rule.metric, list_of(names));
    }
    tests->rules.push_back(out->size());
    out->push_back(score_rule(rule, task, *metric, policy.alpha));
    tests->noninferior.push_back(*out->back().p_noninferior);
    tests->inferior.push_back(*out->back().p_inferior);
  }
  return {};
}

Verdict verdict_of(const std::vector<RuleResult>& rules) {
  Verdict verdict = Verdict::kPass;
  for (const RuleResult& rule : rules) {
    if (rule.tier != Tier::kCritical || rule.verdict == Verdict::kPass) continue;
    if (rule.verdict == Verdict::kFail) return Verdict::kFail;
    verdict = Verdict::kInconclusive;
  }
  return verdict;
}

std::vector<CostComparison> costs_of(const Policy& policy, const Run& a, const Run& b) {
  if (std::none_of(policy.rules.begin(), policy.rules.end(), [](const PolicyRule& rule) { return rule.is_cost(); }))
    return {};
  std::vector<std::string> comparable;
  for (const RunTask& task : a.tasks)
    if (pair_task(a, b, task.name)) comparable.push_back(task.name);
  return compare_costs(a, b, comparable);
}

Result<GateResult> applied(const Policy& policy, const Run& a, const Run& b, const std::vector<CostComparison>& costs) {
  GateResult gate;
  gate.alpha = policy.alpha;
  for (const Tier tier : {Tier::kCritical, Tier::kAdvisory}) {
    TierTests tests;
    for (const PolicyRule& rule : policy.rules) {
      if (rule.tier != tier) continue;
      PARETO_CHECK_OK(rule.is_cost() ? add_cost_rule(rule, policy, costs, &gate.rules)
                                     : add_score_rule(rule, policy, a, b, &gate.rules, &tests));
    }
    decide_scores(policy.alpha, tests, &gate.rules);
  }
  gate.verdict = verdict_of(gate.rules);
  return gate;
}

// --- Sequential ---------------------------------------------------------------------------------------------------

constexpr int kLooks = 4;

// 2 − 2·Φ(z_{1−alpha/2}/√fraction): hardly anything early, alpha at the end.
double spent_alpha(double alpha, double fraction) {
  const boost::math::normal_distribution<double> normal;
  return 2 * boost::math::cdf(boost::math::complement(
                 normal, boost::math::quantile(boost::math::complement(normal, alpha / 2)) / std::sqrt(fraction)));
}

// Keeps what `keep` says of every vector that is parallel to the items.
template <class T>
void keep_only(const std::vector<bool>& keep, std::vector<T>* values) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < values->size(); ++i)
    if (keep[i]) (*values)[kept++] = (*values)[i];
  values->resize(kept);
}

// The scores of the first documents in the order of their hashes; costs are left out.
Run first_items(const Run& run, double fraction) {
  Run out = run;
  for (RunTask& task : out.tasks)
    for (SampleItems& items : task.filters) {
      std::vector<bool> keep;
      keep.reserve(items.documents.size());
      for (const std::uint64_t document : items.documents)
        keep.push_back(fraction >= 1 || static_cast<double>(document * 0x9E3779B97F4A7C15u) < fraction * 0x1p64);
      keep_only(keep, &items.documents), keep_only(keep, &items.prompts), keep_only(keep, &items.doc_ids);
      for (SampleMetric& metric : items.metrics) keep_only(keep, &metric.values), keep_only(keep, &metric.weights);
      items.costs = {};
    }
  return out;
}

std::int64_t items_of(const GateResult& gate) {
  std::int64_t items = 0;
  for (const RuleResult& rule : gate.rules) items += rule.n;
  return items;
}

Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

template <class T>
Json optional_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

double saved_share(const GateStop& stop) {
  return stop.all > 0 ? 1 - static_cast<double>(stop.items) / static_cast<double>(stop.all) : 0;
}

std::string number_text(double value) { return fmt::format("{:.4g}", value); }

std::string interval_text(const RuleResult& rule) {
  return rule.ci ? fmt::format("{:.4g} to {:.4g}", rule.ci->low, rule.ci->high) : "";
}

std::string in_words(const RuleResult& rule) {
  std::string text = fmt::format("{}, bound {}", number_text(rule.estimate), number_text(rule.bound));
  if (rule.ci) text += ", interval " + interval_text(rule);
  if (rule.p_value) text += fmt::format(", p {:.3g}", *rule.p_value);
  if (rule.n > 0) text += fmt::format(", {} items", rule.n);
  if (rule.needed_n) text += fmt::format(", {} needed", *rule.needed_n);
  return text;
}

// XML 1.0 allows neither most control characters nor what is no UTF-8.
std::string xml(const std::string& text) {
  std::string out = escape_markup(valid_utf8(text));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return out;
}

// In a table's cell: no column ends, no line ends, no HTML, no emphasis.
std::string markdown(const std::string& text) {
  std::string out;
  for (const char c : valid_utf8(text)) {
    if (c == '<') {
      out += "&lt;";
    } else if (std::string_view("|\\`*_[]").find(c) != std::string_view::npos) {
      out += '\\';
      out += c;
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

}  // namespace

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "PASS";
    case Verdict::kFail:
      return "FAIL";
    case Verdict::kInconclusive:
      return "INCONCLUSIVE";
  }
  return "?";
}

Result<GateResult> apply_policy(const Policy& policy, const Run& a, const Run& b) {
  return applied(policy, a, b, costs_of(policy, a, b));
}

Result<GateResult> apply_policy_sequentially(const Policy& policy, const Run& a, const Run& b) {
  const std::vector<CostComparison> costs = costs_of(policy, a, b);
  PARETO_TRY(GateResult gate, applied(policy, a, b, costs));
  const std::int64_t all = items_of(gate);
  double spent = 0;
  for (int look = 1; look <= kLooks; ++look) {
    const double fraction = static_cast<double>(look) / kLooks, spending = spent_alpha(policy.alpha, fraction);
    Policy at_look = policy;
    at_look.alpha = spending - spent;
    spent = spending;
    Result<GateResult> looked = applied(at_look, first_items(a, fraction), first_items(b, fraction), costs);
    if (!looked) continue;  // a task without an item yet
    if (looked->verdict == Verdict::kInconclusive && look < kLooks) continue;
    gate = std::move(*looked);
    gate.stop = GateStop{look, kLooks, at_look.alpha, items_of(gate), all};
    break;
  }
  return gate;
}

std::string gate_json(const GateResult& gate) {
  Json rules = Json::array();
  for (const RuleResult& rule : gate.rules) {
    Json ci = nullptr;
    if (rule.ci) ci = Json::array({finite_or_null(rule.ci->low), finite_or_null(rule.ci->high)});
    Json row = {{"name", rule.name},
                {"tier", tier_name(rule.tier)},
                {"verdict", verdict_name(rule.verdict)},
                {"estimate", finite_or_null(rule.estimate)},
                {"ci", ci},
                {"bound", rule.bound},
                {"p_value", optional_json(rule.p_value)},
                {"needed_n", optional_json(rule.needed_n)},
                {"n", rule.n > 0 ? Json(rule.n) : Json(nullptr)},
                {"detectable", optional_json(rule.detectable)},
                {"p_noninferior", optional_json(rule.p_noninferior)},
                {"p_inferior", optional_json(rule.p_inferior)}};
    if (!rule.note.empty()) row["note"] = rule.note;
    rules.push_back(std::move(row));
  }
  Json root = {{"verdict", verdict_name(gate.verdict)},
               {"alpha", gate.alpha},
               {"ci_level", 1 - 2 * gate.alpha},
               {"rules", rules}};
  if (gate.stop)
    root["sequential"] = {{"look", gate.stop->look},
                          {"looks", gate.stop->looks},
                          {"items", gate.stop->items},
                          {"all_items", gate.stop->all},
                          {"saved", saved_share(*gate.stop)}};
  return root.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string gate_markdown(const GateResult& gate) {
  std::string out = fmt::format("## Gate: {}\n\n", verdict_name(gate.verdict));
  out += fmt::format("| verdict | tier | rule | estimate | bound | {:g} % interval | p | items | needed |\n",
                     100 * (1 - 2 * gate.alpha));
  out += "|---|---|---|--:|--:|--:|--:|--:|--:|\n";
  for (const RuleResult& rule : gate.rules)
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", verdict_name(rule.verdict),
                       tier_name(rule.tier), markdown(rule.name), number_text(rule.estimate), number_text(rule.bound),
                       interval_text(rule), rule.p_value ? fmt::format("{:.3g}", *rule.p_value) : "",
                       rule.n > 0 ? std::to_string(rule.n) : "", rule.needed_n ? std::to_string(*rule.needed_n) : "");
  if (gate.stop)
    out += fmt::format("\nDecided at look {} of {}: {} of {} items, {:.0f} % saved.\n", gate.stop->look,
                       gate.stop->looks, gate.stop->items, gate.stop->all, 100 * saved_share(*gate.stop));
  return out;
}

std::string gate_junit(const GateResult& gate) {
  int failures = 0, errors = 0, skipped = 0;
  std::string cases;
  for (const RuleResult& rule : gate.rules) {
    cases += fmt::format("    <testcase classname=\"gate.{}\" name=\"{}\"", tier_name(rule.tier), xml(rule.name));
    const std::string words = xml(in_words(rule));
    if (rule.verdict == Verdict::kPass) {
      cases += "/>\n";
    } else if (rule.tier == Tier::kAdvisory) {  // reported, without failing the job
      ++skipped;
      cases += fmt::format("><skipped message=\"{}: {}\"/></testcase>\n", verdict_name(rule.verdict), words);
    } else {
      const bool failed = rule.verdict == Verdict::kFail;
      ++(failed ? failures : errors);
      const char* element = failed ? "failure" : "error";
      cases +=
          fmt::format("><{0} message=\"{1}: {2}\">{2}</{0}></testcase>\n", element, verdict_name(rule.verdict), words);
    }
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"pareto gate\" tests=\"{}\" "
      "failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n{}  </testsuite>\n</testsuites>\n",
      gate.rules.size(), failures, errors, skipped, cases);
}

}  // namespace pareto
