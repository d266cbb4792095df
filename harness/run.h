// One run: every cell of the plan, one after the other. Reads downward: run_cell() is the whole path of one cell.
#pragma once

#include <string>
#include <vector>

#include "harness/options.h"
#include "results/record.h"

namespace pareto {

// What the final table shows of one cell.
struct CellReport {
  std::string id, model;
  std::string record_path;        // "" where nothing was written
  bool already_finished = false;  // an earlier run had done it all
  std::optional<CellRecord> record;
  std::optional<Error> error;
};

struct RunReport {
  std::vector<CellReport> cells;
  bool interrupted = false;
};

// Messages go to standard error. Cells fail one by one; the run goes on.
RunReport run_plan(const RunPlan& plan);

// 0; 1 when a cell failed, 2 when only because of what its command line said; 130 when interrupted.
int exit_code_of(const RunReport& report);

// The final table, or with --json an array of its rows.
std::string report_table(const RunReport& report);
std::string report_json(const RunReport& report);

}  // namespace pareto
