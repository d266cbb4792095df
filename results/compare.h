// Two finished runs, item by item on equal document hashes: differences with error bars, what flipped, what it cost.
//
//   A  doc 9f… right   doc 41… wrong  …          per metric: a, b, b − a, 95 %, p, gained, lost
//   B  doc 9f… right   doc 41… right  …    →     per cost:   a, b, b/a
//                                                what cannot be compared, and why
//
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "results/pairing.h"

namespace pareto {

struct MetricComparison {
  std::string key;  // "acc,none"
  bool higher_is_better = true;
  PairedEffect effect;
  std::vector<std::int64_t> gained, lost;  // doc ids
};

struct TaskComparison {
  std::string name;
  bool group = false;                     // items of its leaf tasks together
  std::vector<MetricComparison> metrics;  // the first is the one that is shown
  std::int64_t only_a = 0, only_b = 0;
  std::vector<std::string> warnings;
  std::vector<std::pair<RunDefinition, RunDefinition>> definitions;  // a, b
};

struct CostComparison {
  std::string name;
  double a = 0, b = 0;
  std::optional<double> ratio;   // b/a; nothing where a is 0
  bool exact = false;            // counted over the same items on both sides
  std::optional<Interval> ci95;  // of the ratio
};

struct NotCompared {
  std::string task, why;
};

struct Comparison {
  std::vector<TaskComparison> tasks;
  std::vector<CostComparison> costs;
  std::vector<NotCompared> not_compared;
};

struct CompareOptions {
  std::string metric;              // "acc" or "acc,none"; "": each task's first
  std::vector<std::string> tasks;  // empty: all; a group's name is its leaf tasks together
};

// Costs over the items of `tasks` (leaf tasks) that both answered, then those measured of the whole run.
std::vector<CostComparison> compare_costs(const Run& a, const Run& b, const std::vector<std::string>& tasks);

Comparison compare_runs(const Run& a, const Run& b, const CompareOptions& options = {});

// The contract's JSON (docs/comparing.md), pretty-printed.
std::string comparison_json(const Comparison& comparison);

}  // namespace pareto
