// Scores that are no means, and groups of tasks.
#include "results/outcome.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pareto {
namespace {

// Documents with one request each, and what they were marked.
struct Marked1 {
  std::map<std::string, double> metrics, weights;
};

class Outcome {
 public:
  Outcome(std::vector<MetricInfo> metrics, std::vector<Marked1> marks, int repeats = 1)
      : documents_(marks.size()), requests_(marks.size()), responses_(marks.size()) {
    outcome_.info.name = "task";
    outcome_.info.metrics = std::move(metrics);
    outcome_.info.repeats = repeats;
    for (std::size_t i = 0; i < marks.size(); ++i) {
      documents_[i].doc_id = requests_[i].doc = static_cast<int>(i);
      outcome_.responses.push_back(&responses_[i]);
      outcome_.marked.push_back({{.metrics = marks[i].metrics, .weights = marks[i].weights}});
    }
    outcome_.documents = documents_;
    outcome_.requests = requests_;
    index_requests(&outcome_);
  }
  TaskSummary summary() const { return summarise(outcome_); }

 private:
  std::vector<Document> documents_;
  std::vector<Request> requests_;
  std::vector<Response> responses_;
  TaskOutcome outcome_;
};

MetricInfo lower(const char* name, Aggregation aggregation) {
  return {.name = name, .higher_is_better = false, .binary = false, .aggregation = aggregation};
}

TEST(Summarise, PerplexityIsOfTheMean) {
  const Outcome outcome({lower("perplexity", Aggregation::kPerplexity)},
                        {{{{"perplexity", -1}}, {}}, {{{"perplexity", -3}}, {}}});
  const MetricScore score = outcome.summary().scores.at(0);
  EXPECT_DOUBLE_EQ(score.value, std::exp(2));
  EXPECT_GT(score.stderror.value(), 0);
  EXPECT_LT(score.ci95->low, score.value);
  EXPECT_GT(score.ci95->high, score.value);
  EXPECT_FALSE(score.mde.has_value());
  EXPECT_FALSE(score.higher_is_better);
}

TEST(Summarise, WeightedScoresHaveNoError) {
  const std::vector<Marked1> marks = {{{{"w", -2}, {"b", -2}}, {{"w", 3}, {"b", 10}}},
                                      {{{"w", -4}, {"b", -4}}, {{"w", 1}, {"b", 2}}}};
  const Outcome outcome({lower("w", Aggregation::kWeightedPerplexity), lower("b", Aggregation::kBitsPerByte)}, marks);
  const TaskSummary summary = outcome.summary();
  EXPECT_DOUBLE_EQ(summary.scores.at(0).value, std::exp(6.0 / 4));
  EXPECT_DOUBLE_EQ(summary.scores.at(1).value, 6.0 / 12 / std::log(2.0));
  for (const MetricScore& score : summary.scores) {
    EXPECT_FALSE(score.stderror.has_value());
    EXPECT_FALSE(score.ci95.has_value());
  }
}

TEST(Summarise, RepeatedAnswersGetAStudentInterval) {
  const Outcome outcome({{.name = "avg@2", .binary = false}},
                        {{{{"avg@2", 0.5}}, {}}, {{{"avg@2", 1}}, {}}, {{{"avg@2", 0}}, {}}}, 2);
  const MetricScore score = outcome.summary().scores.at(0);
  EXPECT_STREQ(score.ci_method, "student_t");
  EXPECT_DOUBLE_EQ(*score.stderror, 0.5 / std::sqrt(3.0));
}

TaskSummary leaf(const char* name, std::vector<MetricScore> scores, std::int64_t n) {
  TaskSummary summary;
  summary.name = name;
  summary.documents = n;
  summary.scores = std::move(scores);
  for (MetricScore& score : summary.scores) score.n = n;
  return summary;
}

TEST(SummariseGroup, EveryMetricAndFilterAskedFor) {
  const std::vector<TaskSummary> leaves = {
      leaf("a", {{.metric = "m", .filter = "x", .value = 1}, {.metric = "m", .filter = "y", .value = 0.5}}, 1),
      leaf("b", {{.metric = "m", .filter = "x", .value = 0}, {.metric = "m", .filter = "y", .value = 0}}, 3)};
  GroupInfo group{.name = "g", .members = {"a", "b"}, .metrics = {{.metric = "m"}}};
  GroupSummary all = summarise_group(group, {}, leaves);
  ASSERT_EQ(all.scores.size(), 2u);
  EXPECT_DOUBLE_EQ(all.scores[0].value, 0.25);
  EXPECT_EQ(all.scores[1].filter, "y");
  group.metrics = {{.metric = "m", .weight_by_size = false, .filters = {"x"}}};
  all = summarise_group(group, {}, leaves);
  ASSERT_EQ(all.scores.size(), 1u);
  EXPECT_DOUBLE_EQ(all.scores[0].value, 0.5);
  group.metrics = {{.metric = "", .filters = {}}};
  EXPECT_EQ(summarise_group(group, {}, leaves).scores.at(0).metric, "m");
  group.metrics = {};
  EXPECT_TRUE(summarise_group(group, {}, leaves).scores.empty());
  EXPECT_EQ(all.documents, 4);
}

// Reached by two ways a task counts once; groups that hold one another end.
TEST(Group, NestedOnesCountEachTaskOnce) {
  std::vector<TaskSummary> leaves(2);
  leaves[0].name = "a", leaves[1].name = "b";
  leaves[0].documents = 3, leaves[1].documents = 4;
  const std::vector<GroupInfo> groups = {{.name = "g", .members = {"h", "a"}, .metrics = {}},
                                         {.name = "h", .members = {"g", "a", "b"}, .metrics = {}}};
  const GroupSummary summary = summarise_group(groups[0], groups, leaves);
  EXPECT_EQ(summary.leaf_tasks, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(summary.documents, 7);
}

}  // namespace
}  // namespace pareto
