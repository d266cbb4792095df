// A finished run as its files hold it: what compare and gate read. Ours or lm-evaluation-harness's.
//
//   FOLDER/…/results_<time>.json            → tasks, versions, which way is better, groups, measured costs
//   FOLDER/…/samples_<task>_<time>.jsonl    → one value per item and metric
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "results/samples_file.h"
#include "results/statistics.h"

namespace pareto {

// "acc under byte" of a multiple-choice task.
struct RunDefinition {
  std::string norm;
  double accuracy = 0;
  std::int64_t ties = 0;
};

struct RunTask {
  std::string name, version;                     // version as text: "1.0"; "" where the file has none
  std::vector<std::string> keys;                 // "acc,none", in the order of the results
  std::map<std::string, bool> higher_is_better;  // by metric
  std::vector<RunDefinition> definitions;
  std::string samples_path;  // "" where there is none
  std::vector<SampleItems> filters;
};

// A cost that was measured, of the whole run.
struct MeasuredCost {
  std::string name;  // "ttft_ns.p99", "output_tokens_per_s", "peak_memory_bytes"
  double value = 0;
  std::optional<Interval> ci95;
};

struct Run {
  std::string path;                                        // as given
  std::string folder;                                      // the cell's
  std::string label;                                       // model and cell, for people
  std::vector<RunTask> tasks;                              // as the results order them
  std::map<std::string, std::vector<std::string>> groups;  // leaf tasks of each group, those that are in the run
  std::vector<MeasuredCost> measured;
  const RunTask* task(std::string_view name) const;
};

struct RunSelection {
  std::string cell;                // the folder to take where PATH holds several; "": there must be one
  std::vector<std::string> tasks;  // tasks or groups whose samples to read; empty: all
};

// PATH: a results file, a cell's folder, or a folder above it. A folder with several results files (lm-eval adds one
// per run) is one cell: of each task the newest counts. kNotFound, kInvalid, kIo; kUnsupported where there are several
// cells.
Result<Run> read_run(const std::string& path, const RunSelection& selection = {});

// Adds what one results file holds; a task that is already there is replaced. For fuzzing without files.
Status parse_results(std::string_view text, const std::string& name, Run* run);

}  // namespace pareto
