// The analytic account of the dense forward pass: formulas per op call, sums by phase, op class and layer, what one
// item would cost alone, and its share of what was really done.
//
// Conventions (core/work.h): bytes are compulsory traffic, every operand once per op call in the width it is stored in;
// a multiply-add is 2 FLOPs; exp, division and comparison of a softmax count 1 each. m rows, activations of 4 bytes:
//
// clang-format off
//   embed        0                                  weights m·row_bytes         activations 4·m·dim             index 4·m
//   norm         4·rows·dim                         weights 4·dim               activations 8·rows·dim
//   matmul       2·m·k·Σrows + m·Σ(bias rows)       weights Σ(bytes + 4·bias)   activations 4·m·(k + Σrows)
//   rope         3·m·heads·dim                                                  activations 8·m·heads·dim       index 4·m + 4·m·dim
//   kv_write     0                                  kv_write 2·m·kv_dim·size    activations 8·m·kv_dim          index 4·m
//   attention    4·heads·(dim + 1)·Σ visible        kv_read 2·kv_dim·size·read  activations 8·q_len·q_dim       index 4·read
//   activation   5·n                                                            activations 12·n
//   add          n                                                              activations 12·n
//   route        m·(4·experts + 2·k if normalised)                              activations 4·m·(experts + k)   index 4·m·k
//   scatter_add  2·n·dim                                                        activations 12·n·dim + 4·n      index 4·n
//   log_softmax  3·rows·vocab                                                   activations 4·rows·(vocab + 2)
//   sample       3·vocab per drawn token                                        activations 4·vocab
// clang-format on
// rope's index: positions, cos and sin. Attention is per sequence; visible: positions that a query sees; read: those
// that any query of the sequence sees.
//
// tests/engine/work_test.cc proves them against a table that loops over the shapes it is called with.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/request.h"
#include "core/types.h"
#include "core/work.h"
#include "engine/model_config.h"
#include "kernels/ops.h"

namespace pareto {

OpWork embed_work(const Weight& table, std::int64_t m);
OpWork norm_work(std::int64_t rows, std::int64_t dim);
OpWork matmul_work(std::span<const Linear> linears, std::int64_t m);
OpWork rope_work(std::int64_t m, int heads, int head_dim);
OpWork kv_write_work(const KvCache& cache, std::int64_t m);
// One sequence of an attend call; `calls` is left 0.
OpWork attend_work(const KvCache& cache, std::int64_t q_len, std::int64_t kv_len, int heads, int window);
OpWork silu_mul_work(std::int64_t n);
OpWork add_work(std::int64_t n);
OpWork route_work(std::int64_t m, int experts, int k, bool normalise);
OpWork scatter_add_work(std::int64_t n, std::int64_t dim);
OpWork log_softmax_work(std::int64_t rows, std::int64_t vocab);
OpWork sample_work(std::int64_t vocab);

// Σ over q_len queries that end at kv_len of the positions each one sees.
std::int64_t visible_positions(std::int64_t q_len, std::int64_t kv_len, int window);

// Collects the work of steps. A step may mix phases: flops, activations and KV go to the phase of their rows; weights,
// read once for all, are divided in proportion to the rows; the call counts where most rows are.
using PhaseRows = std::array<std::int64_t, kPhases>;

class Account {
 public:
  // An op call over all rows that these counts describe (all of the step's, those kept for the head, an expert's, …).
  void add(OpClass op, int layer, const OpWork& work, const PhaseRows& rows);
  void tokens(Phase phase, std::int64_t count) { work_.add_tokens(phase, count); }
  // Work that belongs to one phase.
  void add(Phase phase, OpClass op, int layer, const OpWork& work) {
    work_.add(phase, op, layer, work);
    weights_ += work.bytes.weights;
  }

  const Work& work() const { return work_; }
  std::int64_t weights() const { return weights_; }  // bytes, of all phases
  void reset() {
    work_ = {};
    weights_ = 0;
    clock_.ns = {};
  }

  // Wall-clock time by op class, for reports of where a step's time goes. Off: reading the clock some twenty times a
  // layer is a few per cent of the smallest models' steps.
  using OpTimes = std::array<Nanos, kOpClasses>;
  void time_ops(bool on) { clock_.on = on; }
  const OpTimes& times() const { return clock_.ns; }
  // Where a step begins: from here to the first add(…, PhaseRows), and so on, is the time of that op.
  void begin_step() {
    if (clock_.on) clock_.last = now_ns();
  }

 private:
  struct Clock {
    bool on = false;
    Nanos last = 0;
    OpTimes ns{};
  };

  Work work_;
  std::int64_t weights_ = 0;
  Clock clock_;
};

}  // namespace pareto
