// The forward pass, written once for every architecture over the op table.
//
// A layer is a mixer (attention) and a channel map (SwiGLU or a mixture of experts), each behind an RMSNorm and added
// to the residual stream x:
//
//   x = embed(tokens)
//   per layer   h = norm(x);  q, k, v = projections(h) (+ bias, q/k norm, rope);  cache k, v;  x += o(attend(q))
//               h = norm(x);  x += down(silu(gate(h)) · up(h))   or   x += Σ_e w_e expert_e(h)
//   logits = head(norm(x)), only for the rows that somebody asked for
//
// Rows whose last hidden state nobody needs leave the last layer after their keys and values are cached. Every row is
// computed alike wherever it stands in a step, so results do not depend on how requests were batched (ops.h).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "engine/account.h"
#include "engine/buffer.h"
#include "engine/engine.h"
#include "engine/memory_plan.h"
#include "engine/model.h"
#include "engine/rope.h"
#include "kernels/ops.h"

namespace pareto {

// The cache's memory, one region per layer for K and for V, and for MoE models which experts each cached token took.
class KvMemory {
 public:
  static Result<KvMemory> make(const ModelConfig& config, const MemoryPlan& plan);
  KvCache layer(int index) const;
  // [slots, experts_per_token] of a layer: what the account of one item alone needs; null for dense models.
  std::int16_t* experts(int layer) const;

 private:
  Buffer memory_, experts_;
  std::int64_t region_ = 0;  // bytes of K or V of one layer
  std::int64_t expert_region_ = 0;
  KvCache shape_;  // pointers unset
};

class Forward {
 public:
  static Result<std::unique_ptr<Forward>> make(const Model& model, Ops& ops, const MemoryPlan& plan, Account& account);
  void run(const Step& step, const LogitsFn& each);
  const KvMemory& kv() const { return kv_; }

 private:
  // Rows of the step that go on after the last layer's cache: a contiguous range per part.
  struct Kept {
    std::vector<std::int32_t> rows;  // step rows, ascending
    std::vector<std::int32_t> positions, slots;
    std::vector<AttendSequence> sequences;  // q_begin counts kept rows
    std::vector<std::int32_t> head;         // index into `rows` of each of Step::head_rows
    PhaseRows phases{};
  };

  Forward(const Model& model, Ops& ops, const MemoryPlan& plan, Account& account);
  void plan_step(const Step& step);
  // False: the step ends here, since no row needs logits.
  bool attention(int layer, const Step& step);
  void attend(int layer, std::span<const AttendSequence> sequences, std::span<const Phase> phases);
  void dense_mlp(int layer, std::int64_t m);
  void moe(int layer, std::int64_t m, std::span<const std::int32_t> slots);
  void one_expert(int layer, const MlpWeights& w);
  void head(const Step& step, const LogitsFn& each);
  void keep_rows(float* rows, std::int64_t dim) const;

  // One op of the table and its entry in the account.
  void norm(int layer, const float* x, const std::vector<float>& weight, std::int64_t rows, float* out);
  void matmul(OpClass op, int layer, const float* x, std::int64_t m, std::span<const Linear> linears);
  void rope(int layer, float* x, std::span<const std::int32_t> positions, int heads);
  void add(int layer, std::int64_t n);  // x += mixed

  const Model& model_;
  const ModelConfig& config_;
  Ops& ops_;
  const MemoryPlan plan_;
  Account& account_;
  RopeTable rope_;
  KvMemory kv_;
  Buffer memory_;                                              // what the pointers below divide
  float *x_ = nullptr, *normed_ = nullptr, *mixed_ = nullptr;  // [rows, hidden]
  float *q_ = nullptr, *attended_ = nullptr;                   // [rows, heads · head_dim]
  float *k_ = nullptr, *v_ = nullptr;                          // [rows, kv_heads · head_dim]
  float *gate_ = nullptr, *up_ = nullptr;                      // [rows, intermediate]
  float *expert_in_ = nullptr, *expert_out_ = nullptr;         // [rows, hidden]
  float* router_ = nullptr;                                    // [rows, experts]
  float *logits_ = nullptr, *head_in_ = nullptr;               // [logit rows, vocab], [logit rows, hidden]

  // The step in hand.
  std::vector<AttendSequence> sequences_;
  std::vector<Phase> sequence_phases_, kept_phases_;
  Kept kept_;
  std::vector<Phase> row_phases_;  // of the rows in flight: all, then the kept ones
  PhaseRows phases_{};             // how many of each phase the next op call has
  std::vector<std::int32_t> chosen_, expert_rows_;
  std::vector<float> chosen_weights_, expert_weights_, lse_;
  std::vector<Token> argmax_;
};

}  // namespace pareto
