#include "results/pairing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>

#include "results/paired.h"
#include "results/proportions.h"

namespace pareto {
namespace {

constexpr double kMdeAlpha = 0.05;

double sum_of(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// The statistic before exp: Σx/n, or −Σx/Σw.
double linear_value(Scale scale, const std::vector<double>& values, const std::vector<double>& weights) {
  if (scale == Scale::kMean) return sum_of(values) / static_cast<double>(values.size());
  const double value = -sum_of(values) / sum_of(weights);
  return scale == Scale::kBitsPerByte ? value / std::log(2.0) : value;
}

// How far one item's difference can reach: 1 for scores in [0, 1], else as far as one was seen to.
double range_of(const PairedScores& scores, const std::vector<double>& differences) {
  const auto unit = [](double x) { return x >= 0 && x <= 1; };
  if (scores.scale == Scale::kMean && std::all_of(scores.a.begin(), scores.a.end(), unit) &&
      std::all_of(scores.b.begin(), scores.b.end(), unit))
    return 1;
  double range = 0;
  for (const double d : differences) range = std::max(range, std::abs(d));
  return range;
}

// ω² with one item more at either end of the range, so that "nothing changed yet" is not taken for "nothing can
// change".
double planned_variance(std::vector<double> differences, double range) {
  differences.insert(differences.end(), {-range, range});
  const double centre = mean(differences);
  double squares = 0;
  for (const double d : differences) squares += (d - centre) * (d - centre);
  return squares / static_cast<double>(differences.size());
}

// One value per document: the mean of its repeats, in the order of their first.
std::vector<double> per_document(const std::vector<double>& values, const std::vector<std::uint64_t>& documents) {
  std::unordered_map<std::uint64_t, std::size_t> places;
  std::vector<double> sums, counts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto [place, added] = places.try_emplace(documents[i], sums.size());
    if (added) sums.push_back(0), counts.push_back(0);
    sums[place->second] += values[i];
    ++counts[place->second];
  }
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= counts[i];
  return sums;
}

void count_flips(const PairedScores& scores, PairedEffect* effect) {
  for (std::size_t i = 0; i < scores.a.size(); ++i) {
    effect->gained += scores.b[i] > scores.a[i];
    effect->lost += scores.b[i] < scores.a[i];
  }
}

// The interval and p of a mean that is not one of 0/1 scores.
void mean_effect(const PairedScores& scores, const std::vector<double>& differences, double range, double alpha,
                 PairedEffect* effect) {
  const bool clustered = scores.clustered(), log = scores.scale == Scale::kPerplexity;
  effect->test = clustered ? "clustered_t" : "paired_t";
  effect->ci_method =
      clustered ? (log ? "clustered_t_of_log" : "clustered_t") : (log ? "student_t_of_log" : "student_t");
  const std::set<std::uint64_t> documents(scores.documents.begin(), scores.documents.end());
  if (differences.size() < 2 || documents.size() < 2) {  // one item has no error that could be known
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    effect->ci = {-kInfinity, kInfinity};
    return;
  }
  PairedT t = clustered ? clustered_t(differences, scores.documents, alpha) : paired_t(differences, alpha);
  effect->p_value = t.p;
  if (t.standard_error == 0) {  // all items differ alike: what two more at the ends of the range would leave open
    std::vector<double> more = differences;
    more.insert(more.end(), {-range, range});
    t = paired_t(more, alpha);
  }
  effect->ci = t.interval;
}

// From the scale on which items add up to the metric's own.
double own_scale(const PairedScores& scores, double a, double difference) {
  return scores.scale == Scale::kPerplexity ? a * std::expm1(difference) : difference;
}

// How much worse, on the scale on which items add up, "worse by `margin`" is.
double linear_margin(const PairedScores& scores, double margin) {
  if (scores.scale != Scale::kPerplexity) return margin;
  const double a = scores.value_a();
  return scores.higher_is_better ? -std::log(std::max(1e-12, 1 - margin / a)) : std::log1p(margin / a);
}

// p against "the mean of sign·(b − a) is at most `bound`".
double better_p(const PairedScores& scores, double sign, double bound) {
  if (scores.binary() && !scores.clustered()) {
    PairedEffect counts;
    count_flips(scores, &counts);
    return sign > 0 ? paired_share_p(counts.gained, counts.lost, scores.n(), bound)
                    : paired_share_p(counts.lost, counts.gained, scores.n(), bound);
  }
  std::vector<double> differences = scores.differences();
  for (double& d : differences) d *= sign;
  const double range = range_of(scores, differences);
  return paired_mean_p(scores.clustered() ? per_document(differences, scores.documents) : differences, bound, range);
}

// --- From runs ----------------------------------------------------------------------------------------------------

using Pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

std::vector<std::uint32_t> sorted_by_document(const SampleItems& items) {
  std::vector<std::uint32_t> order(items.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t i, std::uint32_t j) { return items.documents[i] < items.documents[j]; });
  return order;
}

// Places of equal documents, in the order of A's file; the k-th of a document in A with the k-th in B.
Pairs pairs_of(const SampleItems& a, const SampleItems& b) {
  const std::vector<std::uint32_t> in_a = sorted_by_document(a), in_b = sorted_by_document(b);
  Pairs pairs;
  for (std::size_t i = 0, j = 0; i < in_a.size() && j < in_b.size();) {
    const std::uint64_t left = a.documents[in_a[i]], right = b.documents[in_b[j]];
    if (left == right && left != 0) pairs.emplace_back(in_a[i], in_b[j]);
    i += left <= right;
    j += right <= left;
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

const SampleItems* filter_of(const RunTask& task, std::string_view name) {
  for (const SampleItems& items : task.filters)
    if (items.filter == name) return &items;
  return nullptr;
}

bool default_better(std::string_view metric) { return scale_of(metric) == Scale::kMean; }

PairedScores paired_scores(const RunTask& task_a, const SampleItems& a, const SampleItems& b, const Pairs& pairs,
                           const SampleMetric& in_a, const SampleMetric& in_b) {
  PairedScores out;
  out.metric = in_a.name, out.filter = a.filter;
  out.scale = scale_of(in_a.name);
  const auto better = task_a.higher_is_better.find(in_a.name);
  out.higher_is_better = better == task_a.higher_is_better.end() ? default_better(in_a.name) : better->second;
  const auto weight = [](const SampleMetric& metric, std::size_t i) {
    return metric.weights.empty() ? 1.0 : metric.weights[i];
  };
  for (const auto& [i, j] : pairs) {
    const double x = in_a.values[i], y = in_b.values[j];
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    out.a.push_back(x), out.b.push_back(y);
    if (out.scale != Scale::kMean) {
      out.weight_a.push_back(weight(in_a, i));
      out.weight_b.push_back(weight(in_b, j));
    }
    out.documents.push_back(a.documents[i]);
    out.doc_ids.push_back(a.doc_ids[i]);
    out.other_prompts += a.prompts[i] != 0 && b.prompts[j] != 0 && a.prompts[i] != b.prompts[j];
  }
  out.only_a = static_cast<std::int64_t>(a.size()) - out.n();
  out.only_b = static_cast<std::int64_t>(b.size()) - out.n();
  return out;
}

bool has_documents(const RunTask& task) {
  return std::any_of(task.filters.begin(), task.filters.end(), [](const SampleItems& items) {
    return std::any_of(items.documents.begin(), items.documents.end(), [](std::uint64_t h) { return h != 0; });
  });
}

// Why the samples of one side cannot be paired, if so.
Status check_side(const Run& run, const RunTask& task, const char* side) {
  if (task.samples_path.empty())
    return fail(Code::kInvalid, "{} has no samples file in {} (lm-eval writes it with --log_samples)", side,
                run.folder);
  if (!has_documents(task)) return fail(Code::kInvalid, "{}: no doc_hash in {}", side, task.samples_path);
  return {};
}

// The metrics of a task in the order of its results: "acc,none", "acc_norm,none".
std::vector<std::pair<std::string, std::string>> metric_order(const RunTask& task) {
  std::vector<std::pair<std::string, std::string>> order;
  for (const std::string& key : task.keys) {
    const std::size_t comma = key.find(',');
    order.emplace_back(key.substr(0, comma), key.substr(comma + 1));
  }
  if (order.empty())
    for (const SampleItems& items : task.filters)
      for (const SampleMetric& metric : items.metrics) order.emplace_back(metric.name, items.filter);
  return order;
}

std::string metric_names(const RunTask& task) {
  std::string names;
  for (const auto& [metric, filter] : metric_order(task))
    names.append(names.empty() ? "" : " ").append(metric).append(",").append(filter);
  return names.empty() ? "none" : names;
}

void append_scores(const PairedScores& more, std::uint64_t salt, PairedScores* all) {
  const auto append = [](std::vector<double>* to, const std::vector<double>& from) {
    to->insert(to->end(), from.begin(), from.end());
  };
  append(&all->a, more.a), append(&all->b, more.b);
  append(&all->weight_a, more.weight_a), append(&all->weight_b, more.weight_b);
  for (const std::uint64_t document : more.documents) all->documents.push_back(document ^ salt);
  all->doc_ids.insert(all->doc_ids.end(), more.doc_ids.begin(), more.doc_ids.end());
  all->only_a += more.only_a, all->only_b += more.only_b, all->other_prompts += more.other_prompts;
}

}  // namespace

Scale scale_of(std::string_view metric) {
  if (metric.ends_with("perplexity")) return Scale::kPerplexity;
  return metric == "bits_per_byte" ? Scale::kBitsPerByte : Scale::kMean;
}

bool PairedScores::binary() const {
  const auto zero_or_one = [](double x) { return x == 0 || x == 1; };
  return scale == Scale::kMean && std::all_of(a.begin(), a.end(), zero_or_one) &&
         std::all_of(b.begin(), b.end(), zero_or_one);
}

bool PairedScores::clustered() const {
  std::vector<std::uint64_t> distinct = documents;
  std::sort(distinct.begin(), distinct.end());
  const auto repeats = distinct.end() - std::unique(distinct.begin(), distinct.end());
  return 100 * repeats > std::ssize(documents);
}

double PairedScores::value_a() const {
  const double value = linear_value(scale, a, weight_a);
  return scale == Scale::kPerplexity ? std::exp(value) : value;
}

double PairedScores::value_b() const {
  const double value = linear_value(scale, b, weight_b);
  return scale == Scale::kPerplexity ? std::exp(value) : value;
}

std::vector<double> PairedScores::differences() const {
  std::vector<double> out(a.size());
  if (scale == Scale::kMean) {
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = b[i] - a[i];
    return out;
  }
  // A ratio of sums, linearised: each side's value plus its item's residual over the mean weight.
  const double unit = scale == Scale::kBitsPerByte ? std::log(2.0) : 1, count = static_cast<double>(a.size());
  const double la = linear_value(scale, a, weight_a) * unit, lb = linear_value(scale, b, weight_b) * unit;
  const double mean_a = sum_of(weight_a) / count, mean_b = sum_of(weight_b) / count;
  for (std::size_t i = 0; i < a.size(); ++i)
    out[i] = (lb - la + (-b[i] - lb * weight_b[i]) / mean_b - (-a[i] - la * weight_a[i]) / mean_a) / unit;
  return out;
}

PairedEffect effect_of(const PairedScores& scores, double alpha, bool permute) {
  PairedEffect effect;
  effect.n = scores.n();
  effect.binary = scores.binary();
  effect.a = scores.value_a(), effect.b = scores.value_b();
  const std::vector<double> differences = scores.differences();
  const double range = range_of(scores, differences);
  if (effect.binary) count_flips(scores, &effect);
  effect.diff = effect.binary ? static_cast<double>(effect.gained - effect.lost) / static_cast<double>(effect.n)
                              : effect.b - effect.a;
  if (effect.binary && !scores.clustered()) {
    effect.test = "mcnemar_exact", effect.ci_method = "tango";
    effect.p_value = mcnemar_exact(effect.gained, effect.lost);
    effect.ci = tango_interval(effect.gained, effect.lost, effect.n, alpha);
  } else {
    mean_effect(scores, differences, range, alpha, &effect);
    effect.ci = {own_scale(scores, effect.a, effect.ci.low), own_scale(scores, effect.a, effect.ci.high)};
  }
  if (permute && !effect.binary) {
    const std::vector<double> values = scores.clustered() ? per_document(differences, scores.documents) : differences;
    const auto changed = std::count_if(values.begin(), values.end(), [](double d) { return d != 0; });
    const int draws =
        static_cast<int>(std::clamp<std::int64_t>(20'000'000 / std::max<std::int64_t>(1, changed), 999, 9999));
    effect.p_permutation = paired_permutation(values, draws).p;
  }
  effect.difference_variance = planned_variance(differences, range);
  effect.mde = own_scale(scores, effect.a, paired_mde(effect.difference_variance, effect.n, kMdeAlpha));
  return effect;
}

double noninferior_p(const PairedScores& scores, double margin) {
  return better_p(scores, scores.higher_is_better ? 1 : -1, -linear_margin(scores, margin));
}

double inferior_p(const PairedScores& scores, double margin) {
  return better_p(scores, scores.higher_is_better ? -1 : 1, linear_margin(scores, margin));
}

Result<std::vector<PairedScores>> pair_task(const Run& a, const Run& b, const std::string& name) {
  const RunTask *in_a = a.task(name), *in_b = b.task(name);
  if (in_a == nullptr || in_b == nullptr) return fail(Code::kNotFound, "only in {}", in_a == nullptr ? "B" : "A");
  if (in_a->version != in_b->version && !in_a->version.empty() && !in_b->version.empty())
    return fail(Code::kUnsupported, "different versions of the task: {} in A, {} in B", in_a->version, in_b->version);
  PARETO_CHECK_OK(check_side(a, *in_a, "A"));
  PARETO_CHECK_OK(check_side(b, *in_b, "B"));
  std::vector<PairedScores> out;
  std::map<std::string, Pairs> pairs;  // by filter
  for (const auto& [metric, filter] : metric_order(*in_a)) {
    const SampleItems *items_a = filter_of(*in_a, filter), *items_b = filter_of(*in_b, filter);
    const SampleMetric* metric_a = items_a == nullptr ? nullptr : items_a->metric(metric);
    const SampleMetric* metric_b = items_b == nullptr ? nullptr : items_b->metric(metric);
    if (metric_a == nullptr || metric_b == nullptr) continue;
    const auto [of_filter, is_new] = pairs.try_emplace(filter);
    if (is_new) of_filter->second = pairs_of(*items_a, *items_b);
    PairedScores scores = paired_scores(*in_a, *items_a, *items_b, of_filter->second, *metric_a, *metric_b);
    if (scores.n() > 0) out.push_back(std::move(scores));
  }
  if (pairs.empty())
    return fail(Code::kUnsupported, "no metric in common: {} in A, {} in B", metric_names(*in_a), metric_names(*in_b));
  if (out.empty()) return fail(Code::kUnsupported, "no document in common that both answered (by doc_hash)");
  return out;
}

Result<std::vector<PairedScores>> pair_task_or_group(const Run& a, const Run& b, const std::string& name) {
  const auto in_a = a.groups.find(name), in_b = b.groups.find(name);
  if (in_a == a.groups.end() || in_b == b.groups.end()) return pair_task(a, b, name);
  if (in_a->second != in_b->second) return fail(Code::kUnsupported, "different tasks in the group");
  std::vector<PairedScores> out;
  std::uint64_t salt = 0;
  for (const std::string& leaf : in_a->second) {
    Result<std::vector<PairedScores>> scores = pair_task(a, b, leaf);
    if (!scores) return fail(scores.error().code, "{}: {}", leaf, scores.error().message);
    if (salt == 0) out.resize(scores->size());
    salt += 0x9E3779B97F4A7C15u;  // the same document in two tasks is two items
    for (std::size_t m = 0; m < out.size();) {
      const PairedScores* more = salt == 0x9E3779B97F4A7C15u ? &(*scores)[m] : find_metric(*scores, out[m].key());
      if (more == nullptr) {
        out.erase(out.begin() + static_cast<std::ptrdiff_t>(m));
        continue;
      }
      if (out[m].a.empty()) {
        out[m].metric = more->metric, out[m].filter = more->filter;
        out[m].scale = more->scale, out[m].higher_is_better = more->higher_is_better;
      }
      append_scores(*more, salt, &out[m]);
      ++m;
    }
  }
  if (out.empty()) return fail(Code::kUnsupported, "no metric that all tasks of the group have");
  return out;
}

const PairedScores* find_metric(const std::vector<PairedScores>& scores, std::string_view metric) {
  for (const PairedScores& one : scores)
    if (metric.empty() || one.metric == metric || one.key() == metric) return &one;
  return nullptr;
}

PairedCosts pair_costs(const Run& a, const Run& b, const std::string& name) {
  PairedCosts out;
  const RunTask *in_a = a.task(name), *in_b = b.task(name);
  if (in_a == nullptr || in_b == nullptr || in_a->filters.empty()) return out;
  const SampleItems& items_a = in_a->filters.front();
  const SampleItems* items_b = filter_of(*in_b, items_a.filter);
  if (items_b == nullptr) return out;
  const Pairs pairs = pairs_of(items_a, *items_b);
  out.n = pairs.size();
  constexpr std::array kColumns = {&SampleCosts::prompt_tokens, &SampleCosts::output_tokens, &SampleCosts::work_flops,
                                   &SampleCosts::work_bytes,    &SampleCosts::share_flops,   &SampleCosts::share_bytes};
  for (const auto column : kColumns) {
    std::vector<double> left, right;
    for (const auto& [i, j] : pairs) {
      left.push_back((items_a.costs.*column)[i]);
      right.push_back((items_b->costs.*column)[j]);
    }
    const auto known = [](double x) { return std::isfinite(x); };
    if (!std::all_of(left.begin(), left.end(), known) || !std::all_of(right.begin(), right.end(), known)) continue;
    out.a.*column = std::move(left);
    out.b.*column = std::move(right);
  }
  return out;
}

}  // namespace pareto
