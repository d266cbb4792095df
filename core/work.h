// The analytic account: FLOPs and bytes of every op call, by phase, op class and layer (design.md §9, records.md §2).
//
// Bytes are compulsory traffic: each operand once per op call, in the width it is stored in. A multiply-add is 2 FLOPs.
// engine/account.h states the formula of every op; tests/engine/work_test.cc proves them against counted calls.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pareto {

enum class Phase : std::uint8_t { kPrefill, kDecode, kScore, kDraft, kVerify };
inline constexpr int kPhases = 5;
const char* phase_name(Phase phase);  // "prefill", …

enum class OpClass : std::uint8_t {
  kEmbed,       // gather rows of the embedding table
  kNorm,        // RMSNorm (input, post-attention, final, q/k)
  kQkv,         // the three projections
  kRope,        // rotary position embedding
  kKvWrite,     // new keys and values into the cache
  kAttention,   // over the cache
  kAttnOut,     // output projection
  kGateUp,      // the MLP's two input projections
  kActivation,  // silu(gate) * up
  kDown,        // the MLP's output projection
  kRouter,      // MoE gate: projection, softmax, top-k
  kAdd,         // residual additions
  kHead,        // lm_head
  kLogSoftmax,  // log Σ exp and argmax of the logits
  kSample,      // argmax or Gumbel-max
  kScoreKeys,   // sparse selectors: scoring of cached keys
  kSelect,      // sparse selectors: top-k, hash retrieval
};
inline constexpr int kOpClasses = 17;
const char* op_class_name(OpClass op);  // "embed", "norm", "qkv", …

struct Bytes {
  std::int64_t weights = 0, kv_read = 0, kv_write = 0, index = 0, activations = 0, host_device = 0;
  std::int64_t total() const { return weights + kv_read + kv_write + index + activations + host_device; }
  Bytes& operator+=(const Bytes& o);
  bool operator==(const Bytes&) const = default;
};

struct OpWork {
  std::int64_t calls = 0, flops = 0;
  Bytes bytes;
  OpWork& operator+=(const OpWork& o);
  bool operator==(const OpWork&) const = default;
};

// Layer -1 stands for what belongs to no layer: embedding, final norm, head, sampling.
class Work {
 public:
  void add(Phase phase, OpClass op, int layer, const OpWork& work);
  void add_tokens(Phase phase, std::int64_t tokens) { tokens_[static_cast<int>(phase)] += tokens; }
  Work& operator+=(const Work& o);

  std::int64_t tokens(Phase phase) const { return tokens_[static_cast<int>(phase)]; }
  OpWork total() const;
  OpWork total(Phase phase) const;
  OpWork total(Phase phase, OpClass op) const;
  OpWork at(Phase phase, OpClass op, int layer) const;
  int layers() const { return static_cast<int>(cells_.size()) - 1; }

 private:
  using Cell = std::array<std::array<OpWork, kOpClasses>, kPhases>;
  std::vector<Cell> cells_ = std::vector<Cell>(1);  // index layer + 1
  std::array<std::int64_t, kPhases> tokens_{};
};

}  // namespace pareto
