// What this program was built from; build_info.cc is written by cmake/build_info.cmake at every build.
#pragma once

#include "results/environment.h"

namespace pareto {

const BuildInfo& build_info();

}  // namespace pareto
