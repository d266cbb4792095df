// Standard input as a whole.
#pragma once

#include <string>

#include "core/result.h"

namespace pareto {

// kIo: "standard input: …".
Result<std::string> read_standard_input();

}  // namespace pareto
