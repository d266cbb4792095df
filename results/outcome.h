// What became of one task of a cell, and the numbers that are reported of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/request.h"
#include "core/task.h"
#include "results/statistics.h"

namespace pareto {

// One task's documents with their requests, responses and marks. Spans point into what the run holds.
struct TaskOutcome {
  TaskInfo info;  // as load() left it
  std::span<const Document> documents;
  std::span<const Request> requests;        // grouped by document, in the order of `documents`
  std::vector<const Response*> responses;   // parallel to requests; null: never answered
  std::vector<std::vector<Marked>> marked;  // per document; empty where it was not marked

  // The requests of document i are [first_request[i], first_request[i + 1]).
  std::vector<std::size_t> first_request;

  bool answered(std::size_t document) const;  // all its responses are there and none is an error
};

// Fills first_request from the requests' doc ids. A document may have no request. REQUIRES: requests grouped by
// document, in the order of `documents`.
void index_requests(TaskOutcome* task);

// One "<metric>,<filter>" of a task.
struct MetricScore {
  std::string metric, filter;
  bool higher_is_better = true, binary = true;
  std::int64_t n = 0;
  double value = 0;
  std::optional<double> stderror;  // nothing: "N/A"
  std::int64_t correct = 0;        // binary metrics
  std::optional<Interval> ci95;
  const char* ci_method = "wilson";  // "normal", "normal of the log" (perplexities), "student_t" (repeated answers)
  std::optional<double> mde;         // smallest difference that a paired comparison would find
  std::string key() const { return metric + "," + filter; }
};

struct TaskSummary {
  std::string name;
  std::int64_t documents = 0, truncated = 0, failed = 0;
  std::int64_t output_tokens = 0;                // generated, of all documents
  std::vector<MetricScore> scores;               // in the order of TaskInfo's metrics and filters
  std::optional<ChoiceDefinitions> definitions;  // multiple choice
  double share_flops = 0, share_bytes = 0;       // sums over the documents
};

TaskSummary summarise(const TaskOutcome& task);

// A group's row over its leaf tasks; nothing where a leaf has no such metric.
struct GroupSummary {
  GroupInfo info;
  int depth = 0;                        // 0: named on the command line
  std::vector<std::string> members;     // of this run, in order
  std::vector<std::string> leaf_tasks;  // members of members, down to tasks
  std::vector<MetricScore> scores;      // ci95 and mde empty
  std::int64_t documents = 0;
};

// `group` with the members that are in the run; its scores from the summaries of its leaves.
GroupSummary summarise_group(const GroupInfo& group, std::span<const GroupInfo> groups,
                             std::span<const TaskSummary> tasks);

}  // namespace pareto
