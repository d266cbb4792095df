// Speed of the engine alone: prefill and decode at depth, llama-bench's tests and names, beside the ceilings of the
// same run.
//
//   pp512          512 prompt tokens, logits of the last one
//   tg128          128 decode steps of one token, each with logits; npl > 1: of that many sequences at once
//   pp512+tg128    one after the other
//   … @ d4096      after 4096 tokens that are not timed
//
// Random tokens in, nothing is fed back: the same work as llama-bench's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace pareto {

struct BenchTest {
  int prompt = 0, gen = 0;  // both: one after the other
  int depth = 0;
  int parallel = 1;  // sequences that decode together
  std::string name() const;
};

struct BenchConfig {
  std::string model;  // path
  std::string model_name;
  std::string dtype = "auto";
  int threads = 0;  // 0: all cores
  int batch = 0;    // most tokens in one step; 0: the engine's default
  bool deterministic = true;
  int repetitions = 5;
  bool warm_up = true;
  bool ops = false;  // time every op class too
  std::vector<BenchTest> tests;
};

// What one op class took, moved and computed in one repetition (the mean of all of them).
struct BenchOp {
  std::string name;
  double ns = 0;
  std::int64_t bytes = 0, flops = 0;  // bytes: weights and KV, as in the row
};

// One test of one model. Times are of one repetition; a rate is tokens of all sequences per second.
struct BenchRow {
  BenchTest test;
  std::string model, model_type, architecture, dtype, kv_dtype, isa, test_time;
  std::int64_t model_bytes = 0, parameters = 0;
  int threads = 0, batch = 0;
  bool deterministic = true;
  std::vector<Nanos> samples_ns;
  double avg_ns = 0, stddev_ns = 0, median_ns = 0, avg_ts = 0, stddev_ts = 0;
  std::vector<double> samples_ts;

  // Of one repetition, from the work account: bytes that must come from memory (weights, KV read and written;
  // activations stay in caches) and FLOPs. Rates are over median_ns.
  std::int64_t bytes = 0, flops = 0;
  double bytes_per_s = 0, ceiling_bytes_per_s = 0;  // a sustained read; the median of those beside the repetitions
  double flops_per_s = 0, ceiling_flops_per_s = 0;  // the best GEMM of the kind that the weights run on; likewise
  std::string flops_kind;                           // "f32", "bf16", "int8"; "": one sequence's decode, not measured
  // Of the ceiling that is nearer: the median over the repetitions of its rate over the mean of the ceilings before and
  // after it, since a shared machine's ceiling moves.
  double fraction_of_ceiling = 0;
  const char* bound = "read";  // which one: "read" or "flops"

  std::vector<BenchOp> ops;  // by falling time; empty without BenchConfig::ops

  double load_s = 0, first_token_s = 0;  // from nothing to an open engine; to the first token of an empty context
  std::int64_t planned_bytes = 0, peak_memory_bytes = 0;
};

// Opens the model once and measures its tests in order; `each` gets every row as soon as it is there.
Status run_bench(const BenchConfig& config, const std::function<void(const BenchRow&)>& each);

// "512", "0,4096", "1-8*2", "512-2048+512" → numbers in [least, most]. Errors are kUsage, `flag` in front.
Result<std::vector<int>> parse_numbers(const std::string& flag, const std::string& text, int least, int most);

enum class BenchFormat { kMarkdown, kCsv, kJson, kJsonl };
// All rows; kJsonl and kCsv can also be made row by row.
std::string bench_text(const std::vector<BenchRow>& rows, BenchFormat format);

}  // namespace pareto
