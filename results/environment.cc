#include "results/environment.h"

#include <fmt/chrono.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "core/hash.h"

namespace pareto {
namespace {

// "model name\t: AMD EPYC" → "AMD EPYC", "" when the line is about something else.
std::string value_after(const std::string& line, std::string_view name) {
  if (line.compare(0, name.size(), name) != 0) return "";
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos) return "";
  const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
  return begin == std::string::npos ? "" : line.substr(begin);
}

int usable_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());
}

std::tm utc_now(std::chrono::system_clock::time_point now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return utc;
}

}  // namespace

Machine read_machine() {
  Machine machine;
  machine.cpu = "unknown";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (const std::string model = value_after(line, "model name"); !model.empty()) {
      machine.cpu = model;
      break;
    }
  }
  machine.cores = usable_cores();
  machine.memory = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGE_SIZE);
  utsname name{};
  if (::uname(&name) == 0) {
    machine.hostname_hash = sha256_hex(name.nodename).substr(0, 16);
    machine.kernel = fmt::format("{} {}", name.sysname, name.release);
  }
  return machine;
}

MachineState read_machine_state() {
  MachineState state;
  double loads[1] = {0};
  if (::getloadavg(loads, 1) == 1) state.load_1min = loads[0];
  std::ifstream info("/proc/cpuinfo");
  double sum = 0;
  int cores = 0;
  for (std::string line; std::getline(info, line);) {
    if (const std::string mhz = value_after(line, "cpu MHz"); !mhz.empty()) {
      sum += std::strtod(mhz.c_str(), nullptr);
      ++cores;
    }
  }
  if (cores > 0) state.clock_mhz = sum / cores;
  const auto now = std::chrono::system_clock::now();
  state.utc = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc_now(now));
  state.unix_seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  return state;
}

std::int64_t peak_memory_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::string utc_stamp() {
  const auto now = std::chrono::system_clock::now();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1'000'000;
  return fmt::format("{:%Y-%m-%dT%H-%M-%S}.{:06}", utc_now(now), micros);
}

}  // namespace pareto
