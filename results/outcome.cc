#include "results/outcome.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>

namespace pareto {
namespace {

std::int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// Every document's value of one metric under one filter, and its weight (1 where it has none).
struct MetricValues {
  std::vector<double> values, weights;
};
MetricValues values_of(const TaskOutcome& task, const std::string& metric, const std::string& filter) {
  MetricValues all;
  all.values.reserve(task.marked.size());
  for (const std::vector<Marked>& marks : task.marked)
    for (const Marked& mark : marks) {
      if (mark.filter != filter) continue;
      const auto value = mark.metrics.find(metric);
      if (value == mark.metrics.end()) continue;
      const auto weight = mark.weights.find(metric);
      all.values.push_back(value->second);
      all.weights.push_back(weight == mark.weights.end() ? 1 : weight->second);
    }
  return all;
}

// Upstream has no error of a weighted score: neither have we ("N/A").
void add_weighted(const MetricValues& all, Aggregation aggregation, MetricScore* score) {
  double sum = 0, weight = 0;
  for (const double x : all.values) sum += x;
  for (const double w : all.weights) weight += w;
  const double rate = -sum / weight;
  score->value = aggregation == Aggregation::kBitsPerByte ? rate / std::log(2.0) : std::exp(rate);
}

void add_perplexity(const std::vector<double>& values, MetricScore* score) {
  score->value = perplexity(values);
  score->stderror = perplexity_stderr(values);
  if (values.size() < 2) return;
  const Interval loglikelihood = normal_interval(values);
  score->ci95 = Interval{std::exp(-loglikelihood.high), std::exp(-loglikelihood.low)};
  score->ci_method = "normal of the log";
}

void add_mean(const std::vector<double>& values, bool repeated, MetricScore* score) {
  score->value = mean(values);
  score->stderror = mean_stderr(values);
  score->mde = planned_mde(values);
  if (score->binary) {
    score->correct = std::count(values.begin(), values.end(), 1.0);
    score->ci95 = wilson(score->correct, score->n);
  } else if (values.size() >= 2) {
    score->ci_method = repeated ? "student_t" : "normal";
    score->ci95 = repeated ? student_interval(values) : normal_interval(values);
  }
}

// `repeated`: a document's value is over several answers, so documents are the clusters.
MetricScore score_of(const MetricInfo& metric, const std::string& filter, const MetricValues& all, bool repeated) {
  MetricScore score;
  score.metric = metric.name;
  score.filter = filter;
  score.higher_is_better = metric.higher_is_better;
  score.binary = metric.binary;
  score.n = static_cast<std::int64_t>(all.values.size());
  switch (metric.aggregation) {
    case Aggregation::kMean:
      add_mean(all.values, repeated, &score);
      break;
    case Aggregation::kPerplexity:
      add_perplexity(all.values, &score);
      break;
    case Aggregation::kWeightedPerplexity:
    case Aggregation::kBitsPerByte:
      add_weighted(all, metric.aggregation, &score);
      break;
  }
  return score;
}

// The responses of a multiple-choice document as choices; empty when they are not one per choice.
std::vector<Choice> choices_of(const TaskOutcome& task, std::size_t document) {
  const Document& doc = task.documents[document];
  const std::size_t begin = task.first_request[document], end = task.first_request[document + 1];
  std::vector<Choice> choices;
  if (doc.choices.empty() || doc.choices.size() != end - begin) return choices;
  // Where contexts differ and one continuation follows each, that is the text of every choice.
  const bool contexts_vary = end - begin > 1 && task.requests[begin].context != task.requests[begin + 1].context;
  for (std::size_t i = begin; i < end; ++i) {
    const std::string& text = contexts_vary ? task.requests[i].continuation : doc.choices[i - begin];
    const Response& response = *task.responses[i];
    choices.push_back({response.loglikelihood, code_points(text), static_cast<std::int64_t>(text.size()),
                       static_cast<std::int64_t>(response.logprobs.size())});
  }
  return choices;
}

// The filters under which a group's metric is averaged: those named, else all that a leaf has it under.
std::set<std::string> filters_of(const GroupMetric& metric, const std::vector<const TaskSummary*>& leaves) {
  if (!metric.filters.empty()) return {metric.filters.begin(), metric.filters.end()};
  std::set<std::string> filters;
  for (const TaskSummary* leaf : leaves)
    for (const MetricScore& score : leaf->scores)
      if (metric.metric.empty() ? &score == &leaf->scores.front() : score.metric == metric.metric)
        filters.insert(score.filter);
  return filters;
}

// Nothing where a leaf has no such score.
std::optional<MetricScore> group_row(const GroupMetric& metric, const std::string& filter,
                                     const std::vector<const TaskSummary*>& leaves) {
  std::vector<Member> values;
  MetricScore row;
  row.filter = filter;
  row.binary = false;
  for (const TaskSummary* leaf : leaves) {
    const auto found = std::find_if(leaf->scores.begin(), leaf->scores.end(), [&](const MetricScore& s) {
      return (metric.metric.empty() || s.metric == metric.metric) && s.filter == filter;
    });
    if (found == leaf->scores.end()) return std::nullopt;
    values.push_back({found->value, found->stderror, found->n});
    row.metric = found->metric;
    row.higher_is_better = found->higher_is_better;
    row.n += leaf->documents;
  }
  if (values.empty()) return std::nullopt;
  const GroupScore pooled = group_score(values, metric.weight_by_size ? GroupWeight::kBySize : GroupWeight::kEqual);
  row.value = pooled.value;
  row.stderror = pooled.stderror;
  return row;
}

}  // namespace

bool TaskOutcome::answered(std::size_t document) const {
  for (std::size_t i = first_request[document]; i < first_request[document + 1]; ++i)
    if (responses[i] == nullptr || responses[i]->error) return false;
  return true;
}

void index_requests(TaskOutcome* task) {
  task->first_request.clear();
  std::size_t at = 0;
  for (const Document& document : task->documents) {
    task->first_request.push_back(at);
    while (at < task->requests.size() && task->requests[at].doc == document.doc_id) ++at;
  }
  if (at != task->requests.size()) std::abort();  // a request of no document would never be marked
  task->first_request.push_back(at);
}

TaskSummary summarise(const TaskOutcome& task) {
  TaskSummary summary;
  summary.name = task.info.name;
  summary.documents = static_cast<std::int64_t>(task.documents.size());
  ChoiceDefinitions definitions;
  for (std::size_t d = 0; d < task.documents.size(); ++d) {
    bool truncated = false;
    for (std::size_t i = task.first_request[d]; i < task.first_request[d + 1]; ++i) {
      if (task.responses[i] == nullptr) continue;
      truncated |= task.responses[i]->truncated_prompt_tokens > 0;
      summary.output_tokens += task.responses[i]->output_tokens();
      summary.share_flops += task.responses[i]->share_flops;
      summary.share_bytes += task.responses[i]->share_bytes;
    }
    summary.truncated += truncated;
    if (!task.answered(d)) {
      ++summary.failed;
    } else if (task.documents[d].gold >= 0) {
      const Document& document = task.documents[d];
      const std::vector<int> golds = document.golds.empty() ? std::vector<int>{document.gold} : document.golds;
      if (const auto choices = choices_of(task, d); !choices.empty()) definitions.add(choices, golds);
    }
  }
  if (definitions.n() > 0) summary.definitions = definitions;
  if (summary.failed > 0) return summary;  // the mean of what happened to work would be a biased score
  for (const std::string& filter : task.info.filters)
    for (const MetricInfo& metric : task.info.metrics)
      if (const MetricValues all = values_of(task, metric.name, filter); !all.values.empty())
        summary.scores.push_back(score_of(metric, filter, all, task.info.repeats > 1));
  return summary;
}

GroupSummary summarise_group(const GroupInfo& group, std::span<const GroupInfo> groups,
                             std::span<const TaskSummary> tasks) {
  GroupSummary summary;
  summary.info = group;
  std::vector<const TaskSummary*> leaves;
  std::map<std::string, bool> known;  // by member: a task below it is in the run. Each counts once, rings end
  const std::function<bool(const std::string&)> collect = [&](const std::string& member) {
    const auto [entry, fresh] = known.try_emplace(member, false);
    if (!fresh) return entry->second;
    bool any = false;
    for (const TaskSummary& task : tasks)
      if (task.name == member) {
        leaves.push_back(&task);
        any = true;
      }
    for (const GroupInfo& inner : groups)
      if (inner.name == member && !any)
        for (const std::string& below : inner.members) any |= collect(below);
    return known[member] = any;
  };
  for (const std::string& member : group.members)
    if (collect(member)) summary.members.push_back(member);

  for (const TaskSummary* leaf : leaves) {
    summary.leaf_tasks.push_back(leaf->name);
    summary.documents += leaf->documents;
  }
  for (const GroupMetric& metric : group.metrics)
    for (const std::string& filter : filters_of(metric, leaves))
      if (auto row = group_row(metric, filter, leaves)) summary.scores.push_back(*std::move(row));
  return summary;
}

}  // namespace pareto
