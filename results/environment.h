// Where and from what a number came: the build, the machine, and how busy it was.
#pragma once

#include <cstdint>
#include <string>

namespace pareto {

struct BuildInfo {
  std::string version;          // "0.1.0"
  std::string git_revision;     // "unknown" outside a repository
  bool dirty = false;           // tracked files differed from the revision
  std::string compiler, flags;  // "GNU 12.2.0", "-O3 -DNDEBUG"
  std::string kernel_hash;      // sha256 over kernels/
  std::string numeric_version;  // sha256 over everything that decides an answer's bits
};

struct Machine {
  std::string cpu;            // model name; "unknown" where the system does not say
  int cores = 0;              // that this process may use
  std::int64_t memory = 0;    // bytes
  std::string hostname_hash;  // first 16 hex digits of its sha256: same machine or not, without its name
  std::string kernel;         // "Linux 6.1.0"
};

// Changes from minute to minute: taken at the start and at the end of a cell.
struct MachineState {
  double load_1min = 0;  // runnable processes, ours included
  double clock_mhz = 0;  // mean over the cores; 0 where the system does not say
  std::string utc;       // "2026-01-31T12:00:00Z"
  double unix_seconds = 0;
};

Machine read_machine();
MachineState read_machine_state();

// Most bytes of memory that this process ever held.
std::int64_t peak_memory_bytes();
// "2026-01-31T12-00-00.123456": what stands in file names.
std::string utc_stamp();

}  // namespace pareto
