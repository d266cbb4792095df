// kernels_bench: every op × table × shape, checked against the reference op before it is timed.
//
//   kernels_bench [--threads=N] [--isa=avx2,scalar] [--benchmark_filter=REGEX and Google Benchmark's other flags]
//
//   matmul/avx2/fast/bf16/qwen_gate_up/m:8   1.2 ms …  bytes/s=… flop/s=… share=0.81 share_best=0.86
//
// bytes/s and flop/s are of the mean call; the bytes are compulsory traffic (each operand once, as stored), the FLOPs
// the formula's. share = floor / time of the median call, share_best of the fastest, where floor is the longer of
// bytes / read ceiling and flops / peak of the kind of number that the table multiplies, both measured at the start of
// the same run (profiles/ceilings.h). Weights are taken from half a gigabyte in turn, as a model's would be; small
// operands stay in cache, so ops on them can exceed 1.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/ops.h"
#include "profiles/ceilings.h"

namespace pareto::bench {

// One op on one shape, ready to run.
struct Job {
  std::function<void()> call;
  std::function<std::string()> check;  // "" or what is wrong; called once, before timing. Null: a peer, not ours
  double bytes = 0, flops = 0;
  std::string kind = "f32";  // of the FLOP ceiling
};

// What a shape is measured with.
struct Table {
  std::string isa;
  Numerics numerics = Numerics::kReference;
  Ops* ops = nullptr;
  Ops* reference = nullptr;
  int threads = 1;
};

// `make` is called when the benchmark's turn comes, and its job dropped with the next one's.
void add(const std::string& name, const Table& table, std::function<Job()> make);

void add_matmuls(const Table& table);  // both numerics: once with each table
void add_attends(const Table& table);  // likewise
void add_other_ops(const Table& table);
void add_peers(int threads);  // kernels_bench_openblas.cc, or none

// Seeded values of a normal-like distribution, sd 1.
std::vector<float> random_floats(std::int64_t n, unsigned seed);

// "" if |got - want| ≤ relative · |want| + absolute for all, else the first that is not.
std::string compare(const float* got, const float* want, std::int64_t n, double relative, double absolute);

// The shapes of two models: the one that decodes at memory speed, and the one that fits a cache.
struct ModelShape {
  std::string_view name;
  int hidden, ffn, heads, kv_heads, head_dim, vocab;
};
inline constexpr ModelShape kShapes[] = {
    {"qwen2.5-0.5b", 896, 4864, 14, 2, 64, 151936},
    {"stories15m", 288, 768, 6, 6, 48, 32000},
};
inline constexpr int kRows[] = {1, 8, 32, 512};

}  // namespace pareto::bench
