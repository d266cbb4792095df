#include "results/outcome.h"

#include <algorithm>
#include <functional>

namespace pareto {
namespace {

std::int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// Every document's value of one metric under one filter.
std::vector<double> values_of(const TaskOutcome& task, const std::string& metric, const std::string& filter) {
  std::vector<double> values;
  values.reserve(task.marked.size());
  for (const std::vector<Marked>& marks : task.marked)
    for (const Marked& mark : marks) {
      if (mark.filter != filter) continue;
      if (const auto found = mark.metrics.find(metric); found != mark.metrics.end()) values.push_back(found->second);
    }
  return values;
}

MetricScore score_of(const MetricInfo& metric, const std::string& filter, std::span<const double> values) {
  MetricScore score;
  score.metric = metric.name;
  score.filter = filter;
  score.higher_is_better = metric.higher_is_better;
  score.binary = metric.binary;
  score.n = static_cast<std::int64_t>(values.size());
  score.value = mean(values);
  score.stderror = mean_stderr(values);
  score.mde = planned_mde(values);
  if (metric.binary) {
    score.correct = std::count(values.begin(), values.end(), 1.0);
    score.ci95 = wilson(score.correct, score.n);
  } else {
    score.ci_method = "normal";
    if (values.size() >= 2) score.ci95 = normal_interval(values);
  }
  return score;
}

// The responses of a multiple-choice document as choices; empty when they are not one per choice.
std::vector<Choice> choices_of(const TaskOutcome& task, std::size_t document) {
  const Document& doc = task.documents[document];
  const std::size_t begin = task.first_request[document], end = task.first_request[document + 1];
  std::vector<Choice> choices;
  if (doc.choices.empty() || doc.choices.size() != end - begin) return choices;
  for (std::size_t i = begin; i < end; ++i) {
    const std::string& text = doc.choices[i - begin];
    const Response& response = *task.responses[i];
    choices.push_back({response.loglikelihood, code_points(text), static_cast<std::int64_t>(text.size()),
                       static_cast<std::int64_t>(response.logprobs.size())});
  }
  return choices;
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
      summary.share_flops += task.responses[i]->share_flops;
      summary.share_bytes += task.responses[i]->share_bytes;
    }
    summary.truncated += truncated;
    if (!task.answered(d)) {
      ++summary.failed;
    } else if (task.documents[d].gold >= 0) {
      if (const auto choices = choices_of(task, d); !choices.empty()) definitions.add(choices, task.documents[d].gold);
    }
  }
  if (definitions.n() > 0) summary.definitions = definitions;
  if (summary.failed > 0) return summary;  // the mean of what happened to work would be a biased score
  for (const std::string& filter : task.info.filters)
    for (const MetricInfo& metric : task.info.metrics)
      if (const auto values = values_of(task, metric.name, filter); !values.empty())
        summary.scores.push_back(score_of(metric, filter, values));
  return summary;
}

GroupSummary summarise_group(const GroupInfo& group, std::span<const GroupInfo> groups,
                             std::span<const TaskSummary> tasks) {
  GroupSummary summary;
  summary.info = group;
  std::vector<const TaskSummary*> leaves;
  const std::function<bool(const std::string&)> collect = [&](const std::string& member) {
    for (const TaskSummary& task : tasks)
      if (task.name == member) {
        leaves.push_back(&task);
        return true;
      }
    bool any = false;
    for (const GroupInfo& inner : groups)
      if (inner.name == member)
        for (const std::string& below : inner.members) any |= collect(below);
    return any;
  };
  for (const std::string& member : group.members)
    if (collect(member)) summary.members.push_back(member);

  std::vector<Member> values;
  MetricScore score;
  for (const TaskSummary* leaf : leaves) {
    summary.leaf_tasks.push_back(leaf->name);
    summary.documents += leaf->documents;
    const auto found = std::find_if(leaf->scores.begin(), leaf->scores.end(), [&](const MetricScore& s) {
      return group.metric.empty() || s.metric == group.metric;
    });
    if (found == leaf->scores.end()) return summary;
    score = *found;
    values.push_back({found->value, found->stderror, found->n});
  }
  if (values.empty()) return summary;
  const GroupScore pooled = group_score(values, group.weight_by_size ? GroupWeight::kBySize : GroupWeight::kEqual);
  MetricScore row;
  row.metric = score.metric;
  row.filter = score.filter;
  row.higher_is_better = score.higher_is_better;
  row.binary = false;
  row.n = summary.documents;
  row.value = pooled.value;
  row.stderror = pooled.stderror;
  summary.scores.push_back(row);
  return summary;
}

}  // namespace pareto
