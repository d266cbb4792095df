// The op table: every kernel that a forward pass needs, with its formula and shapes. Nothing above it knows a device.
//
// The plain CPU table (reference_ops) defines each op; every faster table is tested against it (tests/kernels).
// Activations are f32, row-major, shapes written outermost first: x[m, k]. Weights keep the dtype of their file and are
// read in place (memory-mapped): no table may keep a copy of a whole weight.
//
// Two numerics:
//   kReference  dot products in f32 on the dequantised weights: what `--dtype f32` asks for
//   kFast       activations rounded to bf16 for bf16 weights, to int8 in blocks of ≤ 32 for quantised ones, and in
//               attention queries and softmax weights to bf16 for a bf16 cache, where the instruction set has the
//               matching dot product
//
// Determinism (the default): an output element depends on its own row of x and on the weights alone, never on m, on the
// position of the row in the batch or on the number of threads. So every element is one reduction in an order that is
// fixed per table, and attention folds keys in blocks whose bounds are absolute positions (kAttendBlock).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/thread_pool.h"
#include "core/types.h"

namespace pareto {

// A weight matrix as its file stores it: `rows` output features of `cols` inputs each, rows contiguous.
struct Weight {
  const void* data = nullptr;
  DType dtype = DType::kF32;
  std::int64_t rows = 0, cols = 0;
  std::int64_t row_bytes() const { return dtype_bytes(dtype, cols); }
  std::int64_t bytes() const { return rows * row_bytes(); }
};

// One of the matrices that multiply the same input: out[m, rows] = x[m, cols] · Wᵀ + bias.
struct Linear {
  Weight weight;
  const float* bias = nullptr;  // [rows], or null
  float* out = nullptr;         // [m, rows]
};

// One layer's cache: k and v each [page][kv_head][page_size][head_dim]. Slot s of head h starts at element
// ((s / page_size * kv_heads + h) * page_size + s % page_size) * head_dim.
struct KvCache {
  void* k = nullptr;
  void* v = nullptr;
  DType dtype = DType::kF32;  // kF32, kF16 or kBF16
  int kv_heads = 0, head_dim = 0;
  int page_size = 16;  // a power of two
};

// The new queries of one sequence in this step. Query i stands at position kv_len - q_len + i and sees the positions
// p ≤ its own, with window > 0 only the last `window` of them (itself included).
struct AttendSequence {
  std::int64_t q_begin = 0;  // first row of q and out
  int q_len = 0;
  const std::int32_t* slots = nullptr;  // [kv_len]: where position p is cached
  std::int64_t kv_len = 0;
};

// Keys are folded in blocks [0, 128), [128, 256), … of absolute positions, whatever the pages and chunks.
inline constexpr int kAttendBlock = 128;

enum class RopeStyle : std::uint8_t {
  kHalves,    // pairs (i, i + d/2): Hugging Face, GGUF's NEOX architectures
  kAdjacent,  // pairs (2i, 2i + 1): llama2.c, GGUF's llama
};

enum class Numerics : std::uint8_t { kReference, kFast };

class Ops {
 public:
  virtual ~Ops() = default;

  // The path taken: "reference", "avx2", "avx512", "avx512_bf16", "amx", …
  virtual std::string isa() const = 0;

  // out[m, cols] = table[tokens[m], :] in f32. REQUIRES: 0 ≤ tokens[i] < table.rows.
  virtual void embed(const Weight& table, std::span<const Token> tokens, float* out) = 0;

  // out[i, :] = x[i, :] / sqrt(mean(x[i, :]²) + eps) * weight, i < rows. out may be x.
  virtual void rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps,
                       float* out) = 0;

  // Every linear: out[m, rows] = x[m, k] · Wᵀ + bias. REQUIRES: all weights have cols = k.
  virtual void matmul(const float* x, std::int64_t m, std::span<const Linear> linears) = 0;

  // Rotates x[m, heads, head_dim] in place by the angles of positions[m]: cos and sin are [max_position, head_dim / 2].
  virtual void rope(float* x, std::span<const std::int32_t> positions, int heads, int head_dim, const float* cos,
                    const float* sin, RopeStyle style) = 0;

  // Stores k[m, kv_heads, head_dim] and v likewise at slots[m], converted to the cache's dtype (round to nearest even).
  virtual void kv_write(const KvCache& cache, const float* k, const float* v, std::span<const std::int32_t> slots) = 0;

  // out[i, h, :] = Σ_p softmax_p(scale · q[i, h, :] · K[p, h / group, :]) V[p, h / group, :] over the positions that
  // query i sees; q and out are [total queries, heads, head_dim], group = heads / cache.kv_heads.
  virtual void attend(const float* q, const KvCache& cache, std::span<const AttendSequence> sequences, int heads,
                      float scale, int window, float* out) = 0;

  // out[i] = silu(gate[i]) * up[i], silu(z) = z / (1 + exp(-z)). out may be gate.
  virtual void silu_mul(const float* gate, const float* up, std::int64_t n, float* out) = 0;

  // x[i] += y[i].
  virtual void add(float* x, const float* y, std::int64_t n) = 0;

  // MoE routing of logits[m, experts]: softmax over all experts, the k largest (ties to the lower index) in falling
  // order; normalise: their weights are divided by their sum. experts_out and weights_out are [m, k].
  virtual void route(const float* logits, std::int64_t m, int experts, int k, bool normalise, std::int32_t* experts_out,
                     float* weights_out) = 0;

  // x[rows[i], :] += weight[i] * y[i, :], i < rows.size(), y[rows.size(), dim]. Rows are distinct.
  virtual void scatter_add(float* x, std::span<const std::int32_t> rows, const float* weight, const float* y,
                           std::int64_t dim) = 0;

  // lse[i] = log Σ_j exp(logits[i, j]) in f32 (max subtracted); argmax[i] = the first index of the largest logit.
  virtual void log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax) = 0;
};

struct OpsOptions {
  std::string isa;  // empty: the best that the processor has; else a name of cpu_isas()
  Numerics numerics = Numerics::kFast;
  bool deterministic = true;
};

// What this build has and this processor runs, best first; "reference" is always last.
std::vector<std::string> cpu_isas();

// `pool` must outlive the table. Unknown or unavailable isa: kUnsupported with the list.
Result<std::unique_ptr<Ops>> make_cpu_ops(const OpsOptions& options, ThreadPool& pool);

// The plain table: one thread, no tricks. Weights of any dtype are dequantised to f32 row by row.
std::unique_ptr<Ops> make_reference_ops();

// `n` values of a weight row in f32, exactly as GGUF defines its blocks. REQUIRES: n is a multiple of the block.
void dequantise(DType dtype, const void* data, std::int64_t n, float* out);

// Quantises `n` f32 values to `dtype`'s blocks (round to nearest; simple scale search): for tests, benches and random
// models, not for publishing quantised weights. kF16, kBF16, kQ8_0, kQ4_0, kQ4_1, kQ4_K, kQ5_K, kQ6_K.
void quantise(DType dtype, const float* x, std::int64_t n, void* out);

}  // namespace pareto
