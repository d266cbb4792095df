// What this machine can do, measured in the run that quotes it.
#pragma once

#include "core/backend.h"
#include "results/record.h"

namespace pareto {

// Read bandwidth and FLOP rate on as many threads as the cell used. A probe that fails leaves zeros: it never fails a
// run. Measured once per process and thread count, in about half a second.
MeasuredCeilings measure_run_ceilings(const BackendOptions& options);

}  // namespace pareto
