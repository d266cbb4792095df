// samples_<task>_<time>.jsonl: one line per document and filter, filter by filter, with lm-evaluation-harness's keys
// and ours under "pareto" (docs/records.md).
#pragma once

#include <string>

#include "core/result.h"
#include "results/outcome.h"
#include "results/output_file.h"

namespace pareto {

// Writes every line and returns lm-eval's task hash: sha256 of the lines' doc_hash + prompt_hash + target_hash.
Result<std::string> write_samples(const TaskOutcome& task, WholeFile* file);

}  // namespace pareto
