// pareto: one program, its commands in cmd_*.cc.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <vector>

#include "harness/build_info.h"
#include "harness/commands.h"
#include "kernels/ops.h"

namespace {

std::string version() {
  const pareto::BuildInfo& build = pareto::build_info();
  return fmt::format("pareto {} (git {}{})\ncompiler {} {}\nisa {}", build.version, build.git_revision.substr(0, 12),
                     build.dirty ? ", dirty" : "", build.compiler, build.flags, fmt::join(pareto::cpu_isas(), " "));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<pareto::Command> commands = {
      pareto::run_command(),  pareto::ls_command(),      pareto::bench_command(), pareto::tokenize_command(),
      pareto::mark_command(), pareto::compare_command(), pareto::gate_command(),  pareto::data_command()};
  try {
    return pareto::dispatch(commands, version(), argc, argv);
  } catch (const std::bad_alloc&) {
    return pareto::report({pareto::Code::kOutOfMemory, "out of memory; try a smaller --batch or --max_length"});
  } catch (const std::exception& error) {
    // Nothing of ours throws: this is a bug, and a line is better than a core.
    return pareto::report({pareto::Code::kInvalid, std::string("internal error: ") + error.what()});
  }
}
