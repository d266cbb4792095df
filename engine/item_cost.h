// What one request costs, by the formulas of engine/account.h: alone (batch 1, nothing shared), and its share of a
// step.
//
// Everything but the weights is linear in rows, so a step's cost divides exactly: a row pays for its own activations,
// cache traffic and FLOPs, a sequence's cache reads are split over its queries, and the weights, read once for all,
// over the step's rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/request.h"
#include "core/work.h"
#include "engine/forward.h"
#include "engine/memory_plan.h"
#include "engine/model.h"

namespace pareto {

// A part of a step's cost; sums of these over a step equal its work to rounding.
struct CostShare {
  double flops = 0, weights = 0, kv_read = 0, kv_write = 0, index = 0, activations = 0;
  double bytes() const { return weights + kv_read + kv_write + index + activations; }
  CostShare& operator+=(const CostShare& o);
  CostShare operator*(double factor) const;
};

class CostModel {
 public:
  CostModel(const Model& model, const KvMemory& kv, const MemoryPlan& plan);

  // Rows [begin, end) (positions) of one part of a step. `kept`: the positions that go on after the last layer's cache.
  struct Rows {
    std::int64_t begin = 0, end = 0;
    std::int64_t part_begin = 0, part_end = 0;  // all positions of the part
    std::int64_t kept_begin = 0, kept_end = 0;  // of the part; empty: none
    std::int64_t head_rows = 0;                 // within [begin, end)
  };
  struct StepTotals {
    std::int64_t rows = 0, kept = 0, weights = 0;  // weights: bytes that the whole step read
  };
  CostShare share(const Rows& rows, const StepTotals& step) const;

  // A prompt of `tokens` served alone in steps of plan.chunk rows, logits from position `first_logit` on (scored), or
  // for its last position only (generate). `slots` [tokens]: where it is cached, for the experts that its tokens chose.
  ItemWork prompt_alone(std::int64_t tokens, std::int64_t first_logit, std::span<const std::int32_t> slots) const;
  // One decode step at `kv_len` cached positions, the new one included.
  ItemWork decode_alone(std::int64_t kv_len) const;

 private:
  struct Window {
    int window = 0, layers = 0;  // how many of the layers before the last have it
  };
  OpWork rows_work(std::int64_t rows, std::int64_t kept, bool narrows, std::int64_t head_rows) const;
  void layer_rows(int layer, std::int64_t rows, std::int64_t kept, bool narrows, OpWork* sum) const;
  OpWork attention(std::int64_t q_begin, std::int64_t q_end, std::int64_t kept_begin, std::int64_t kept_end) const;
  // Weights of a step's ops: `kept` and `head_rows` as in rows_work().
  std::int64_t step_weights(std::int64_t rows, std::int64_t kept, std::int64_t head_rows) const;
  std::int64_t expert_weights(int layer, std::span<const std::int32_t> slots) const;

  const Model& model_;
  const ModelConfig& config_;
  const KvMemory& kv_;
  const MemoryPlan plan_;
  std::vector<Window> windows_;
  int last_window_ = 0;
  OpWork row_, narrow_row_, kept_row_, narrow_kept_row_, head_row_;  // per row, without weights and attention
  std::int64_t fixed_weights_ = 0;  // of all layers but what follows the last layer's cache
  std::int64_t kept_weights_ = 0;   // of the rest of the last layer, experts left out
  std::int64_t head_weights_ = 0;   // norm and head, once per plan.logit_rows rows
  std::int64_t expert_bytes_ = 0;   // of one expert
};

}  // namespace pareto
