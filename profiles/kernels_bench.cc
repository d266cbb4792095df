#include "profiles/kernels_bench.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <thread>

namespace pareto::bench {
namespace {

std::map<std::string, Ceilings> ceilings;  // by isa
constexpr std::size_t kMostTimes = 1 << 16;

double flop_ceiling(const Ceilings& c, const std::string& kind) {
  for (const FlopCeiling& f : c.flops) {
    if (f.kind == kind) return f.peak > 0 ? f.peak : f.gemm;
  }
  return 0;
}

// Seconds that the op takes at the ceilings.
double floor_seconds(const Job& job, const Ceilings& c) {
  const double flops = flop_ceiling(c, job.kind);
  return std::max(c.read.best > 0 ? job.bytes / c.read.best : 0, flops > 0 ? job.flops / flops : 0);
}

void measure(benchmark::State& state, const Job& job, const Ceilings& c) {
  std::vector<Nanos> times;
  for (auto _ : state) {
    const Nanos start = now_ns();
    job.call();
    const Nanos took = now_ns() - start;
    if (times.size() < kMostTimes) times.push_back(std::max<Nanos>(took, 1));
  }
  std::sort(times.begin(), times.end());
  const double floor = floor_seconds(job, c) * 1e9;
  const auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["bytes/s"] = benchmark::Counter(job.bytes, rate);
  state.counters["flop/s"] = benchmark::Counter(job.flops, rate);
  state.counters["share"] = floor / static_cast<double>(times[times.size() / 2]);
  state.counters["share_best"] = floor / static_cast<double>(times.front());
}

struct Current {  // Google Benchmark enters a function several times: the job is made and checked on the first
  std::string name;
  Job job;
};
Current current;

}  // namespace

void add(const std::string& name, const Table& table, std::function<Job()> make) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [name, isa = table.isa, make = std::move(make)](benchmark::State& state) {
                                 if (current.name != name) {
                                   current = {};
                                   current = {name, make()};
                                   const std::string wrong = current.job.check ? current.job.check() : "";
                                   if (!wrong.empty()) {
                                     fmt::print(stderr, "kernels_bench: {} differs from the reference: {}\n", name,
                                                wrong);
                                     std::exit(1);
                                   }
                                 }
                                 measure(state, current.job, ceilings.at(isa));
                               })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

std::vector<float> random_floats(std::int64_t n, unsigned seed) {
  std::vector<float> x(static_cast<std::size_t>(n));
  std::uint32_t state = seed * 2654435761u + 1;
  const auto uniform = [&] { return static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-24f; };
  for (float& v : x) v = (uniform() + uniform() + uniform() - 1.5f) * 2.0f;
  return x;
}

std::string compare(const float* got, const float* want, std::int64_t n, double relative, double absolute) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - want[i]);
    if (!(difference <= relative * std::abs(want[i]) + absolute)) {
      return fmt::format("element {} is {}, should be {}", i, got[i], want[i]);
    }
  }
  return "";
}

namespace {

struct Arguments {
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::string> isas;
};

// Takes our own flags out of argv. A wrong one ends the program with exit code 2.
Arguments parse(int* argc, char** argv) {
  Arguments arguments;
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    const std::string_view a = argv[i];
    if (a.starts_with("--threads=")) {
      const std::string_view value = a.substr(10);
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), arguments.threads);
      if (error != std::errc() || end != value.data() + value.size() || arguments.threads < 1) {
        fmt::print(stderr, "kernels_bench: --threads={}: a number from 1\n", value);
        std::exit(2);
      }
    } else if (a.starts_with("--isa=")) {
      std::string_view list = a.substr(6);
      while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        arguments.isas.emplace_back(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
      }
    } else {
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
  if (arguments.isas.empty()) {
    arguments.isas = cpu_isas();
    arguments.isas.pop_back();  // the reference: seconds per call, and itself the check
  }
  return arguments;
}

void print_ceilings(const Ceilings& c) {
  fmt::print("# {} on {} threads: read {:.1f} GB/s (median {:.1f})", c.isa, c.threads, c.read.best / 1e9,
             c.read.median / 1e9);
  for (const FlopCeiling& f : c.flops) {
    fmt::print(", {} {:.0f} GFLOP/s (product {:.0f})", f.kind, f.peak / 1e9, f.gemm / 1e9);
  }
  fmt::print("; {:.1f} s\n", static_cast<double>(c.took) / 1e9);
}

int run(int argc, char** argv) {
  const Arguments arguments = parse(&argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  ThreadPool pool(arguments.threads);
  const auto reference = make_reference_ops();
  std::vector<std::unique_ptr<Ops>> tables;
  for (const std::string& isa : arguments.isas) {
    for (const Numerics numerics : {Numerics::kReference, Numerics::kFast}) {
      auto ops = make_cpu_ops({.isa = isa, .numerics = numerics}, pool);
      if (!ops) {
        fmt::print(stderr, "kernels_bench: {}\n", ops.error().message);
        return 2;
      }
      tables.push_back(std::move(*ops));
      const Table table{isa, numerics, tables.back().get(), reference.get(), arguments.threads};
      if (numerics == Numerics::kReference) {
        add_other_ops(table);
      } else {
        ceilings[isa] = measure_ceilings(pool, *table.ops);
        print_ceilings(ceilings[isa]);
      }
      add_matmuls(table);
      add_attends(table);
    }
  }
  ceilings["peer"] = ceilings[arguments.isas.front()];
  add_peers(arguments.threads);
  std::fflush(stdout);
  benchmark::RunSpecifiedBenchmarks();
  current = {};
  return 0;
}

}  // namespace
}  // namespace pareto::bench

int main(int argc, char** argv) { return pareto::bench::run(argc, argv); }
