#include "results/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "results/paired.h"

namespace pareto {
namespace {

using Json = nlohmann::ordered_json;

double total(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// --- Tasks --------------------------------------------------------------------------------------------------------

MetricComparison compared_metric(const PairedScores& scores, bool with_flips) {
  MetricComparison out;
  out.key = scores.key();
  out.higher_is_better = scores.higher_is_better;
  out.effect = effect_of(scores);
  if (!out.effect.binary || !with_flips) return out;
  for (std::size_t i = 0; i < scores.a.size(); ++i) {
    if (scores.b[i] > scores.a[i]) out.gained.push_back(scores.doc_ids[i]);
    if (scores.b[i] < scores.a[i]) out.lost.push_back(scores.doc_ids[i]);
  }
  return out;
}

void add_definitions(const Run& a, const Run& b, TaskComparison* task) {
  const RunTask *in_a = a.task(task->name), *in_b = b.task(task->name);
  if (in_a == nullptr || in_b == nullptr) return;
  for (const RunDefinition& one : in_a->definitions)
    for (const RunDefinition& other : in_b->definitions)
      if (one.norm == other.norm) task->definitions.emplace_back(one, other);
}

Result<TaskComparison> compared_task(const Run& a, const Run& b, const std::string& name, const std::string& metric) {
  PARETO_TRY(const std::vector<PairedScores> scores, pair_task_or_group(a, b, name));
  TaskComparison out;
  out.name = name;
  out.group = a.groups.count(name) > 0 && b.groups.count(name) > 0;
  const PairedScores* first = find_metric(scores, metric);
  if (first == nullptr) {
    std::string names;
    for (const PairedScores& one : scores) names += " " + one.key();
    return fail(Code::kUnsupported, "no metric '{}' in both; they have:{}", metric, names);
  }
  out.metrics.push_back(compared_metric(*first, !out.group));
  for (const PairedScores& one : scores)
    if (&one != first) out.metrics.push_back(compared_metric(one, !out.group));
  out.only_a = first->only_a, out.only_b = first->only_b;
  if (out.only_a + out.only_b > 0)
    out.warnings.push_back(fmt::format("{} items only in A, {} only in B: left out", out.only_a, out.only_b));
  if (first->other_prompts > 0)
    out.warnings.push_back(
        fmt::format("{} of {} items were asked with another prompt", first->other_prompts, first->n()));
  if (first->clustered()) out.warnings.push_back("documents repeat: errors are clustered by document");
  add_definitions(a, b, &out);
  return out;
}

// Groups before their tasks, each in the order of A, then what only B has.
std::vector<std::string> names_to_compare(const Run& a, const Run& b, const CompareOptions& options) {
  if (!options.tasks.empty()) return options.tasks;
  std::vector<std::string> names;
  for (const auto& [group, leaves] : a.groups)
    if (b.groups.count(group) > 0) names.push_back(group);
  for (const RunTask& task : a.tasks) names.push_back(task.name);
  for (const RunTask& task : b.tasks)
    if (a.task(task.name) == nullptr) names.push_back(task.name);
  return names;
}

// --- Costs --------------------------------------------------------------------------------------------------------

std::optional<double> ratio_of(double a, double b) { return a == 0 ? std::nullopt : std::optional(b / a); }

void append(const std::vector<double>& more, std::vector<double>* all) {
  all->insert(all->end(), more.begin(), more.end());
}

void append_costs(const SampleCosts& more, SampleCosts* all) {
  append(more.prompt_tokens, &all->prompt_tokens);
  append(more.output_tokens, &all->output_tokens);
  append(more.work_flops, &all->work_flops);
  append(more.work_bytes, &all->work_bytes);
  append(more.share_flops, &all->share_flops);
  append(more.share_bytes, &all->share_bytes);
}

class CountedCosts {
 public:
  CountedCosts(PairedCosts items, std::vector<CostComparison>* out) : items_(std::move(items)), out_(out) {}

  void add_all() {
    per_item("prompt_tokens_per_item", &SampleCosts::prompt_tokens);
    per_item("output_tokens_per_item", &SampleCosts::output_tokens);
    each("flops", &SampleCosts::share_flops);
    each("bytes", &SampleCosts::share_bytes);
    each("alone_flops", &SampleCosts::work_flops);
    each("alone_bytes", &SampleCosts::work_bytes);
  }

  // Cost of a right answer: the items are a sample, so the ratio has an interval although both sums are exact.
  void per_correct(const std::string& name, std::vector<double> SampleCosts::*column, const PairedScores& scores) {
    const std::vector<double>&a = items_.a.*column, &b = items_.b.*column;
    const double right_a = total(scores.a), right_b = total(scores.b);
    if (a.size() != scores.a.size() || a.empty() || right_a == 0 || right_b == 0) return;
    CostComparison cost{name, total(a) / right_a, total(b) / right_b, {}, true, {}};
    cost.ratio = ratio_of(cost.a, cost.b);
    if (const auto ratio = bootstrap_ratio({{b, scores.a}, {scores.b, a}})) cost.ci95 = ratio->interval;
    out_->push_back(std::move(cost));
  }

 private:
  bool complete(std::vector<double> SampleCosts::*column) const {
    return items_.n > 0 && (items_.a.*column).size() == items_.n && (items_.b.*column).size() == items_.n;
  }
  void add(const std::string& name, double a, double b) { out_->push_back({name, a, b, ratio_of(a, b), true, {}}); }
  void per_item(const std::string& name, std::vector<double> SampleCosts::*column) {
    if (!complete(column)) return;
    const double n = static_cast<double>(items_.n);
    add(name, total(items_.a.*column) / n, total(items_.b.*column) / n);
  }
  void each(const std::string& what, std::vector<double> SampleCosts::*column) {
    per_item(what + "_per_item", column);
    if (!complete(column) || !complete(&SampleCosts::output_tokens)) return;
    // Of the items that generate: what scoring costs is no output token's.
    double cost_a = 0, cost_b = 0;
    for (std::size_t i = 0; i < items_.n; ++i) {
      if (items_.a.output_tokens[i] + items_.b.output_tokens[i] == 0) continue;
      cost_a += (items_.a.*column)[i], cost_b += (items_.b.*column)[i];
    }
    const double tokens_a = total(items_.a.output_tokens), tokens_b = total(items_.b.output_tokens);
    if (tokens_a > 0 && tokens_b > 0) add(what + "_per_output_token", cost_a / tokens_a, cost_b / tokens_b);
  }

  PairedCosts items_;
  std::vector<CostComparison>* out_;
};

// Two independent measurements: the distances of both intervals from their values, on the logarithm (Newcombe's way of
// joining intervals).
std::optional<Interval> measured_ratio_interval(const MeasuredCost& a, const MeasuredCost& b) {
  if (!a.ci95 || !b.ci95 || !(a.ci95->low > 0) || !(b.ci95->low > 0) || !(a.value > 0) || !(b.value > 0))
    return std::nullopt;
  const double down = std::hypot(std::log(b.value / b.ci95->low), std::log(a.ci95->high / a.value));
  const double up = std::hypot(std::log(b.ci95->high / b.value), std::log(a.value / a.ci95->low));
  const double ratio = b.value / a.value;
  return Interval{ratio * std::exp(-down), ratio * std::exp(up)};
}

void add_measured(const Run& a, const Run& b, std::vector<CostComparison>* out) {
  for (const MeasuredCost& in_a : a.measured)
    for (const MeasuredCost& in_b : b.measured)
      if (in_a.name == in_b.name)
        out->push_back({in_a.name, in_a.value, in_b.value, ratio_of(in_a.value, in_b.value), false,
                        measured_ratio_interval(in_a, in_b)});
}

// --- JSON ---------------------------------------------------------------------------------------------------------

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
Json pair_json(const Interval& interval) { return Json::array({finite(interval.low), finite(interval.high)}); }

Json metric_json(const MetricComparison& metric) {
  const PairedEffect& effect = metric.effect;
  Json row = {{"metric", metric.key},
              {"n", effect.n},
              {"a", effect.a},
              {"b", effect.b},
              {"diff", effect.diff},
              {"ci95", pair_json(effect.ci)},
              {"ci_method", effect.ci_method},
              {"p_value", effect.p_value},
              {"test", effect.test},
              {"mde", finite(effect.mde)},
              {"higher_is_better", metric.higher_is_better}};
  if (effect.binary) row["gained"] = effect.gained, row["lost"] = effect.lost;
  if (effect.p_permutation) row["p_permutation"] = *effect.p_permutation;
  return row;
}

Json task_json(const TaskComparison& task) {
  Json row = metric_json(task.metrics.front());
  row["only_a"] = task.only_a, row["only_b"] = task.only_b;
  if (task.group) row["group"] = true;
  for (const MetricComparison& metric : task.metrics) row["metrics"][metric.key] = metric_json(metric);
  if (const MetricComparison& first = task.metrics.front(); first.effect.binary && !task.group)
    row["flips"] = {{"gained", first.gained}, {"lost", first.lost}};
  for (const auto& [a, b] : task.definitions)
    row["definitions"][a.norm] = {{"a", a.accuracy}, {"b", b.accuracy}, {"ties_a", a.ties}, {"ties_b", b.ties}};
  if (!task.warnings.empty()) row["warnings"] = task.warnings;
  return row;
}

}  // namespace

std::vector<CostComparison> compare_costs(const Run& a, const Run& b, const std::vector<std::string>& tasks) {
  PairedCosts items;
  PairedScores right;  // of the first metric, where it is 0/1 in every task
  bool all_binary = true;
  for (const std::string& task : tasks) {
    const PairedCosts costs = pair_costs(a, b, task);
    append_costs(costs.a, &items.a);
    append_costs(costs.b, &items.b);
    items.n += costs.n;
    const auto scores = pair_task(a, b, task);
    all_binary = all_binary && scores && scores->front().binary() && scores->front().higher_is_better;
    if (!all_binary) continue;
    append(scores->front().a, &right.a);
    append(scores->front().b, &right.b);
  }
  std::vector<CostComparison> out;
  CountedCosts counted(std::move(items), &out);
  counted.add_all();
  if (all_binary) {
    counted.per_correct("flops_per_correct", &SampleCosts::share_flops, right);
    counted.per_correct("bytes_per_correct", &SampleCosts::share_bytes, right);
  }
  add_measured(a, b, &out);
  return out;
}

Comparison compare_runs(const Run& a, const Run& b, const CompareOptions& options) {
  Comparison out;
  std::vector<std::string> leaves;
  for (const std::string& name : names_to_compare(a, b, options)) {
    Result<TaskComparison> task = compared_task(a, b, name, options.metric);
    if (!task) {
      out.not_compared.push_back({name, task.error().message});
      continue;
    }
    const std::vector<std::string> of_task = task->group ? a.groups.at(name) : std::vector<std::string>{name};
    for (const std::string& leaf : of_task)
      if (std::find(leaves.begin(), leaves.end(), leaf) == leaves.end()) leaves.push_back(leaf);
    out.tasks.push_back(std::move(*task));
  }
  if (!leaves.empty()) out.costs = compare_costs(a, b, leaves);
  return out;
}

std::string comparison_json(const Comparison& comparison) {
  Json tasks = Json::object(), costs = Json::object(), not_compared = Json::array();
  for (const TaskComparison& task : comparison.tasks) tasks[task.name] = task_json(task);
  for (const CostComparison& cost : comparison.costs) {
    Json row = {{"a", finite(cost.a)},
                {"b", finite(cost.b)},
                {"ratio", cost.ratio ? finite(*cost.ratio) : Json(nullptr)},
                {"exact", cost.exact}};
    if (cost.ci95) row["ci95"] = pair_json(*cost.ci95);
    costs[cost.name] = std::move(row);
  }
  for (const NotCompared& one : comparison.not_compared) not_compared.push_back({{"task", one.task}, {"why", one.why}});
  const Json root = {{"tasks", tasks}, {"cost", costs}, {"not_compared", not_compared}};
  return root.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pareto
