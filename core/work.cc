#include "core/work.h"

namespace pareto {

const char* phase_name(Phase phase) {
  static constexpr const char* kNames[kPhases] = {"prefill", "decode", "score", "draft", "verify"};
  return kNames[static_cast<int>(phase)];
}

const char* op_class_name(OpClass op) {
  static constexpr const char* kNames[kOpClasses] = {
      "embed", "norm",   "qkv", "rope", "kv_write",    "attention", "attn_out",   "gate_up", "activation",
      "down",  "router", "add", "head", "log_softmax", "sample",    "score_keys", "select"};
  return kNames[static_cast<int>(op)];
}

Bytes& Bytes::operator+=(const Bytes& o) {
  weights += o.weights, kv_read += o.kv_read, kv_write += o.kv_write;
  index += o.index, activations += o.activations, host_device += o.host_device;
  return *this;
}

OpWork& OpWork::operator+=(const OpWork& o) {
  calls += o.calls, flops += o.flops, bytes += o.bytes;
  return *this;
}

void Work::add(Phase phase, OpClass op, int layer, const OpWork& work) {
  const std::size_t i = static_cast<std::size_t>(layer + 1);
  if (i >= cells_.size()) cells_.resize(i + 1);
  cells_[i][static_cast<int>(phase)][static_cast<int>(op)] += work;
}

Work& Work::operator+=(const Work& o) {
  if (o.cells_.size() > cells_.size()) cells_.resize(o.cells_.size());
  for (std::size_t i = 0; i < o.cells_.size(); ++i)
    for (int p = 0; p < kPhases; ++p)
      for (int c = 0; c < kOpClasses; ++c) cells_[i][p][c] += o.cells_[i][p][c];
  for (int p = 0; p < kPhases; ++p) tokens_[p] += o.tokens_[p];
  return *this;
}

OpWork Work::total() const {
  OpWork sum;
  for (int p = 0; p < kPhases; ++p) sum += total(static_cast<Phase>(p));
  return sum;
}

OpWork Work::total(Phase phase) const {
  OpWork sum;
  for (int c = 0; c < kOpClasses; ++c) sum += total(phase, static_cast<OpClass>(c));
  return sum;
}

OpWork Work::total(Phase phase, OpClass op) const {
  OpWork sum;
  for (const Cell& cell : cells_) sum += cell[static_cast<int>(phase)][static_cast<int>(op)];
  return sum;
}

OpWork Work::at(Phase phase, OpClass op, int layer) const {
  const std::size_t i = static_cast<std::size_t>(layer + 1);
  return i < cells_.size() ? cells_[i][static_cast<int>(phase)][static_cast<int>(op)] : OpWork{};
}

}  // namespace pareto
