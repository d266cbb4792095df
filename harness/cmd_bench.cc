#include "harness/commands.h"
namespace pareto {
Command bench_command() {
  Command c;
  c.name = "bench";
  c.summary = "prefill and decode speed";
  c.run = [](const Arguments&) { return 1; };
  return c;
}
}  // namespace pareto
