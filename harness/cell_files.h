// The files of one cell: OUT/<model>/<cell id>/{journal.jsonl, results_<time>.json, samples_<task>_<time>.jsonl}.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "results/outcome.h"
#include "results/record.h"

namespace pareto {

class CellFiles {
 public:
  CellFiles(const std::string& output, const std::string& model_name, const std::string& cell_id);

  const std::string& folder() const { return folder_; }
  std::string journal() const { return folder_ + "/journal.jsonl"; }
  Status make_folder() const;
  // The journals of this model's other cells that were stopped before their end, sorted.
  std::vector<std::string> unfinished_journals() const;

  // The newest results file of an earlier run, "" where there is none.
  std::string results() const;
  // An earlier run finished exactly these requests without error.
  bool finished(const std::string& requests_hash) const;

  // Writes every task's samples (their hashes go into the record), then the results; only then older ones are removed.
  // Returns the path of the results file.
  Result<std::string> write(CellRecord* record, std::span<const TaskOutcome> tasks) const;
  // A failed cell's record; never in the place of a finished one. Returns "" then.
  Result<std::string> write_failure(const CellRecord& record) const;

 private:
  std::string folder_;
};

}  // namespace pareto
