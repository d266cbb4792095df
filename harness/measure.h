// What this machine can do, measured in the run that quotes it.
#pragma once

#include <string>

#include "core/backend.h"
#include "results/record.h"

namespace pareto {

// Read bandwidth and FLOP rate on as many threads as the cell used. A probe that fails leaves zeros: it never fails a
// run. Measured once per process and thread count, in about half a second.
MeasuredCeilings measure_run_ceilings(const BackendOptions& options);

// The kind of products, "f32", "bf16" or "int8", that weights of a dtype (dtype_name(); "": none) run on under --dtype.
std::string products_of(const std::string& dtype_option, const std::string& weights);

}  // namespace pareto
