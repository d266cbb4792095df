// results_<time>.json: what one cell of a run leaves behind, with lm-evaluation-harness's keys at the top level and
// ours under "pareto" (docs/records.md).
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/backend.h"
#include "core/options.h"
#include "core/result.h"
#include "core/work.h"
#include "results/environment.h"
#include "results/latency.h"
#include "results/outcome.h"

namespace pareto {

// Raised when the meaning of a name changes.
inline constexpr int kRecordSchema = 1;

// One option of the run as the record shows it.
struct RecordedOption {
  std::string name;  // its flag, without dashes
  OptionSpec::Type type = OptionSpec::Type::kString;
  std::string value;  // "" where it is not set: null
};

// Rates measured on this machine in this run; zero where they were not.
struct MeasuredCeilings {
  double read_bytes_per_s = 0;
  std::vector<std::pair<std::string, double>> flops_per_s;  // by kind of products: f32, bf16, int8
  std::string products;                                     // which of them the weights of this cell run on
};

// What lm-eval calls config: names that its scripts look up.
struct HarnessConfig {
  std::string model_args, device, limit, gen_kwargs, batch_size;
  std::string system_instruction, chat_template;  // empty: none
  std::string fewshot_as_multiturn;
  std::string seeds[4];  // random, numpy, torch, few-shot
};

struct CellRecord {
  std::string id;          // the cell's folder
  std::string model_name;  // as the user named it
  std::vector<RecordedOption> options;
  HarnessConfig config;
  BuildInfo build;
  Machine machine;
  MachineState start, end;
  Description backend;        // after serving
  std::string requests_hash;  // of all request keys in order: same cell, same questions, same weights
  std::vector<TaskSummary> tasks;
  std::vector<TaskInfo> infos;           // parallel to tasks
  std::vector<std::string> task_hashes;  // parallel; "" for a task that wrote no samples
  std::vector<GroupSummary> groups;      // parents before children
  Latency latency;
  std::optional<Goodput> goodput;
  Throughput throughput;
  MeasuredCeilings ceilings;
  std::int64_t peak_memory_bytes = 0;  // of this process, before the ceilings were measured
  double total_seconds = 0;
  std::optional<Error> error;
};

// The whole file, pretty-printed.
std::string results_json(const CellRecord& record);
// The error, if any, and the requests hash of a results file; nothing when it is no record of ours.
struct FinishedRecord {
  bool has_error = false;
  std::string requests_hash;
};
std::optional<FinishedRecord> read_finished(const std::string& path);

}  // namespace pareto
