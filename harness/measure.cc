#include "harness/measure.h"

#include <algorithm>
#include <thread>

#include "core/thread_pool.h"
#include "kernels/ops.h"
#include "profiles/ceilings.h"

namespace pareto {
namespace {

// Beyond every cache, and little beside a model; it is gone again before the next cell opens its own.
constexpr std::size_t kBufferBytes = std::size_t{256} << 20;

MeasuredCeilings measure(int threads) {
  ThreadPool pool(threads);
  const auto ops = make_cpu_ops({}, pool);
  if (!ops) return {};
  std::vector<std::byte> buffer(kBufferBytes, std::byte{1});
  const Ceilings measured = measure_ceilings(pool, **ops, buffer);
  MeasuredCeilings out;
  out.read_bytes_per_s = measured.read.best;
  for (const FlopCeiling& flops : measured.flops)
    out.flops_per_s.emplace_back(flops.kind, std::max(flops.peak, flops.gemm));
  return out;
}

}  // namespace

std::string products_of(const std::string& dtype_option, const std::string& weights) {
  if (weights.empty()) return "";
  if (dtype_option == "f32") return "f32";
  if (weights == "bf16" || weights == "f16") return "bf16";
  if (weights == "f32") return dtype_option == "bf16" ? "bf16" : "f32";
  return "int8";
}

MeasuredCeilings measure_run_ceilings(const BackendOptions& options) {
  static int measured_threads = 0;
  static MeasuredCeilings measured;
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int threads = options.threads > 0 ? options.threads : cores;
  if (threads != measured_threads) {
    measured = measure(threads);
    measured_threads = threads;
  }
  return measured;
}

}  // namespace pareto
