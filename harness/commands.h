// The commands of the program; each is declared in its own file.
#pragma once

#include "harness/flags.h"

namespace pareto {

Command run_command();
Command ls_command();
Command tokenize_command();
Command bench_command();
Command data_command();
Command mark_command();
Command compare_command();
Command gate_command();

}  // namespace pareto
