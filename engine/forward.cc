#include "engine/forward.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace pareto {
namespace {

constexpr std::int64_t kAlign = 64;  // bytes; every buffer starts on a cache line

std::int64_t aligned(std::int64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

}  // namespace

Result<KvMemory> KvMemory::make(const ModelConfig& config, const MemoryPlan& plan) {
  KvMemory kv;
  const std::int64_t slots = std::int64_t{plan.pages} * plan.page_size;
  kv.region_ = aligned(dtype_bytes(plan.kv_dtype, slots * config.kv_dim()));
  kv.shape_ = {
      .dtype = plan.kv_dtype, .kv_heads = config.kv_heads, .head_dim = config.head_dim, .page_size = plan.page_size};
  PARETO_TRY(kv.memory_, Buffer::make(2 * config.layers * kv.region_));
  if (config.experts > 0) {
    kv.expert_region_ = slots * config.experts_per_token;
    const auto bytes = static_cast<std::int64_t>(sizeof(std::int16_t)) * config.layers * kv.expert_region_;
    PARETO_TRY(kv.experts_, Buffer::make(bytes));
  }
  return kv;
}

KvCache KvMemory::layer(int index) const {
  KvCache cache = shape_;
  cache.k = memory_.as<std::byte>() + 2 * index * region_;
  cache.v = memory_.as<std::byte>() + (2 * index + 1) * region_;
  return cache;
}

std::int16_t* KvMemory::experts(int layer) const {
  return expert_region_ == 0 ? nullptr : experts_.as<std::int16_t>() + layer * expert_region_;
}

Forward::Forward(const Model& model, Ops& ops, const MemoryPlan& plan, Account& account)
    : model_(model),
      config_(model.config()),
      ops_(ops),
      plan_(plan),
      account_(account),
      rope_(model.config().rope, model.config().head_dim) {}

Result<std::unique_ptr<Forward>> Forward::make(const Model& model, Ops& ops, const MemoryPlan& plan, Account& account) {
  std::unique_ptr<Forward> f(new Forward(model, ops, plan, account));
  const ModelConfig& c = f->config_;
  PARETO_TRY(f->kv_, KvMemory::make(c, plan));
  const std::int64_t rows = plan.step_tokens, wide = std::max(c.intermediate, c.expert_intermediate);
  const bool moe = c.experts > 0;
  const std::pair<float**, std::int64_t> parts[] = {
      {&f->x_, rows * c.hidden},
      {&f->normed_, rows * c.hidden},
      {&f->mixed_, rows * c.hidden},
      {&f->q_, rows * c.q_dim()},
      {&f->attended_, rows * c.q_dim()},
      {&f->k_, rows * c.kv_dim()},
      {&f->v_, rows * c.kv_dim()},
      {&f->gate_, rows * wide},
      {&f->up_, rows * wide},
      {&f->expert_in_, moe ? rows * c.hidden : 0},
      {&f->expert_out_, moe ? rows * c.hidden : 0},
      {&f->router_, rows * c.experts},
      {&f->head_in_, std::int64_t{plan.logit_rows} * c.hidden},
      {&f->logits_, std::int64_t{plan.logit_rows} * c.vocab},
  };
  std::int64_t bytes = 0;
  for (const auto& part : parts) bytes += aligned(4 * part.second);
  PARETO_TRY(f->memory_, Buffer::make(bytes));
  auto* at = f->memory_.as<std::byte>();
  for (const auto& part : parts) {
    *part.first = reinterpret_cast<float*>(at);
    at += aligned(4 * part.second);
  }
  f->lse_.resize(static_cast<std::size_t>(plan.logit_rows));
  f->argmax_.resize(static_cast<std::size_t>(plan.logit_rows));
  return f;
}

void Forward::plan_step(const Step& step) {
  sequences_.clear();
  sequence_phases_.clear();
  kept_phases_.clear();
  row_phases_.clear();
  kept_ = {};
  phases_ = {};
  std::int64_t longest = 0;
  for (const StepPart& part : step.parts) {
    const std::int32_t* slots = part.sequence->slots().data();
    sequences_.push_back({part.begin, part.tokens, slots, part.kv_len});
    sequence_phases_.push_back(part.phase);
    row_phases_.insert(row_phases_.end(), static_cast<std::size_t>(part.tokens), part.phase);
    phases_[static_cast<std::size_t>(part.phase)] += part.tokens;
    longest = std::max(longest, part.kv_len);
    if (part.head_begin == part.head_end) continue;

    // From the first to the last row that needs logits: queries of one sequence stand at successive positions.
    const std::int64_t first = step.head_rows[static_cast<std::size_t>(part.head_begin)];
    const std::int64_t last = step.head_rows[static_cast<std::size_t>(part.head_end - 1)];
    const auto kept_begin = static_cast<std::int64_t>(kept_.rows.size());
    const std::int64_t after = part.begin + part.tokens - 1 - last;  // rows of the part behind the kept ones
    kept_.sequences.push_back({kept_begin, static_cast<int>(last - first + 1), slots, part.kv_len - after});
    kept_phases_.push_back(part.phase);
    kept_.phases[static_cast<std::size_t>(part.phase)] += last - first + 1;
    for (std::int64_t row = first; row <= last; ++row) {
      kept_.rows.push_back(static_cast<std::int32_t>(row));
      kept_.positions.push_back(step.positions[static_cast<std::size_t>(row)]);
      kept_.slots.push_back(step.slots[static_cast<std::size_t>(row)]);
    }
    for (int h = part.head_begin; h < part.head_end; ++h)
      kept_.head.push_back(static_cast<std::int32_t>(kept_begin + step.head_rows[static_cast<std::size_t>(h)] - first));
  }
  rope_.ensure(longest);
}

void Forward::norm(int layer, const float* x, const std::vector<float>& weight, std::int64_t rows, float* out) {
  const auto dim = static_cast<std::int64_t>(weight.size());
  ops_.rmsnorm(x, weight.data(), rows, dim, config_.rms_eps, out);
  account_.add(OpClass::kNorm, layer, norm_work(rows, dim), phases_);
}

void Forward::matmul(OpClass op, int layer, const float* x, std::int64_t m, std::span<const Linear> linears) {
  ops_.matmul(x, m, linears);
  account_.add(op, layer, matmul_work(linears, m), phases_);
}

void Forward::rope(int layer, float* x, std::span<const std::int32_t> positions, int heads) {
  ops_.rope(x, positions, heads, config_.head_dim, rope_.cos(), rope_.sin(), config_.rope.style);
  account_.add(OpClass::kRope, layer, rope_work(static_cast<std::int64_t>(positions.size()), heads, config_.head_dim),
               phases_);
}

void Forward::attend(int layer, std::span<const AttendSequence> sequences, std::span<const Phase> phases) {
  const KvCache cache = kv_.layer(layer);
  const int window = config_.window.empty() ? 0 : config_.window[static_cast<std::size_t>(layer)];
  const float scale = 1.0f / std::sqrt(static_cast<float>(config_.head_dim));
  ops_.attend(q_, cache, sequences, config_.heads, scale, window, attended_);
  for (std::size_t i = 0; i < sequences.size(); ++i)
    account_.add(phases[i], OpClass::kAttention, layer,
                 attend_work(cache, sequences[i].q_len, sequences[i].kv_len, config_.heads, window));
  account_.add(OpClass::kAttention, layer, {.calls = 1}, phases_);
}

void Forward::keep_rows(float* rows, std::int64_t dim) const {
  for (std::size_t i = 0; i < kept_.rows.size(); ++i) {
    const std::size_t from = static_cast<std::size_t>(kept_.rows[i]);
    if (from != i)  // kept rows ascend, so a row is never overwritten before it has moved
      std::memcpy(rows + i * static_cast<std::size_t>(dim), rows + from * static_cast<std::size_t>(dim),
                  sizeof(float) * static_cast<std::size_t>(dim));
  }
}

bool Forward::attention(int layer, const Step& step) {
  const LayerWeights& w = model_.layers()[static_cast<std::size_t>(layer)];
  const std::int64_t m = step.rows(), kept = static_cast<std::int64_t>(kept_.rows.size());
  const bool narrows = layer == config_.layers - 1 && kept < m;
  norm(layer, x_, w.input_norm, m, normed_);
  if (narrows) {
    matmul(OpClass::kQkv, layer, normed_, m, std::array{w.k.to(k_), w.v.to(v_)});
  } else {
    matmul(OpClass::kQkv, layer, normed_, m, std::array{w.q.to(q_), w.k.to(k_), w.v.to(v_)});
  }
  if (!w.k_norm.empty()) norm(layer, k_, w.k_norm, m * config_.kv_heads, k_);
  rope(layer, k_, step.positions, config_.kv_heads);
  const KvCache cache = kv_.layer(layer);
  ops_.kv_write(cache, k_, v_, step.slots);
  account_.add(OpClass::kKvWrite, layer, kv_write_work(cache, m), phases_);

  if (narrows) {
    if (kept == 0) return false;
    keep_rows(normed_, config_.hidden);
    keep_rows(x_, config_.hidden);
    phases_ = kept_.phases;
    for (std::size_t i = 0; i < kept_.rows.size(); ++i)
      row_phases_[i] = row_phases_[static_cast<std::size_t>(kept_.rows[i])];
    matmul(OpClass::kQkv, layer, normed_, kept, std::array{w.q.to(q_)});
  }
  const std::int64_t rows = narrows ? kept : m;
  if (!w.q_norm.empty()) norm(layer, q_, w.q_norm, rows * config_.heads, q_);
  rope(layer, q_, narrows ? std::span<const std::int32_t>(kept_.positions) : step.positions, config_.heads);
  if (narrows) {
    attend(layer, kept_.sequences, kept_phases_);
  } else {
    attend(layer, sequences_, sequence_phases_);
  }
  matmul(OpClass::kAttnOut, layer, attended_, rows, std::array{w.o.to(mixed_)});
  add(layer, rows * config_.hidden);
  return true;
}

void Forward::add(int layer, std::int64_t n) {
  ops_.add(x_, mixed_, n);
  account_.add(OpClass::kAdd, layer, add_work(n), phases_);
}

void Forward::dense_mlp(int layer, std::int64_t m) {
  const MlpWeights& w = model_.layers()[static_cast<std::size_t>(layer)].mlp;
  const std::int64_t wide = w.gate.weight.rows;
  matmul(OpClass::kGateUp, layer, normed_, m, std::array{w.gate.to(gate_), w.up.to(up_)});
  ops_.silu_mul(gate_, up_, m * wide, gate_);
  account_.add(OpClass::kActivation, layer, silu_mul_work(m * wide), phases_);
  matmul(OpClass::kDown, layer, gate_, m, std::array{w.down.to(mixed_)});
  add(layer, m * config_.hidden);
}

void Forward::moe(int layer, std::int64_t m, std::span<const std::int32_t> slots) {
  const LayerWeights& w = model_.layers()[static_cast<std::size_t>(layer)];
  const int k = config_.experts_per_token;
  matmul(OpClass::kRouter, layer, normed_, m, std::array{w.router.to(router_)});
  chosen_.resize(static_cast<std::size_t>(m * k));
  chosen_weights_.resize(static_cast<std::size_t>(m * k));
  ops_.route(router_, m, config_.experts, k, config_.norm_topk_prob, chosen_.data(), chosen_weights_.data());
  account_.add(OpClass::kRouter, layer, route_work(m, config_.experts, k, config_.norm_topk_prob), phases_);
  std::int16_t* log = kv_.experts(layer);
  for (std::size_t i = 0; i < chosen_.size(); ++i)
    log[static_cast<std::int64_t>(slots[i / static_cast<std::size_t>(k)]) * k + static_cast<std::int64_t>(i) % k] =
        static_cast<std::int16_t>(chosen_[i]);

  // Tokens grouped by expert, experts in order: every row of x receives its experts' outputs in the same order always.
  const PhaseRows all = phases_;
  for (int e = 0; e < config_.experts; ++e) {
    expert_rows_.clear();
    expert_weights_.clear();
    phases_ = {};
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      if (chosen_[i] != e) continue;
      const std::size_t row = i / static_cast<std::size_t>(k);
      expert_rows_.push_back(static_cast<std::int32_t>(row));
      expert_weights_.push_back(chosen_weights_[i]);
      ++phases_[static_cast<std::size_t>(row_phases_[row])];
    }
    if (!expert_rows_.empty()) one_expert(layer, w.experts[static_cast<std::size_t>(e)]);
  }
  phases_ = all;
}

void Forward::one_expert(int layer, const MlpWeights& w) {
  const auto m = static_cast<std::int64_t>(expert_rows_.size());
  const std::int64_t hidden = config_.hidden, wide = w.gate.weight.rows;
  for (std::int64_t i = 0; i < m; ++i)
    std::memcpy(expert_in_ + i * hidden, normed_ + expert_rows_[static_cast<std::size_t>(i)] * hidden,
                sizeof(float) * static_cast<std::size_t>(hidden));
  matmul(OpClass::kGateUp, layer, expert_in_, m, std::array{w.gate.to(gate_), w.up.to(up_)});
  ops_.silu_mul(gate_, up_, m * wide, gate_);
  account_.add(OpClass::kActivation, layer, silu_mul_work(m * wide), phases_);
  matmul(OpClass::kDown, layer, gate_, m, std::array{w.down.to(expert_out_)});
  ops_.scatter_add(x_, expert_rows_, expert_weights_.data(), expert_out_, hidden);
  account_.add(OpClass::kAdd, layer, scatter_add_work(m, hidden), phases_);
}

void Forward::head(const Step& step, const LogitsFn& each) {
  const std::int64_t hidden = config_.hidden, vocab = config_.vocab;
  std::size_t part = 0;
  for (std::size_t begin = 0; begin < kept_.head.size(); begin += static_cast<std::size_t>(plan_.logit_rows)) {
    const std::size_t end = std::min(begin + static_cast<std::size_t>(plan_.logit_rows), kept_.head.size());
    const auto m = static_cast<std::int64_t>(end - begin);
    phases_ = {};
    for (std::size_t i = begin; i < end; ++i) {
      const auto row = static_cast<std::size_t>(kept_.head[i]);
      ++phases_[static_cast<std::size_t>(row_phases_[row])];
      std::memcpy(head_in_ + static_cast<std::int64_t>(i - begin) * hidden,
                  x_ + static_cast<std::int64_t>(row) * hidden, sizeof(float) * static_cast<std::size_t>(hidden));
    }
    norm(-1, head_in_, model_.final_norm(), m, head_in_);
    matmul(OpClass::kHead, -1, head_in_, m, std::array{Linear{model_.head(), nullptr, logits_}});
    ops_.log_softmax(logits_, m, vocab, lse_.data(), argmax_.data());
    account_.add(OpClass::kLogSoftmax, -1, log_softmax_work(m, vocab), phases_);
    for (std::size_t i = begin; i < end; ++i) {
      while (static_cast<int>(i) >= step.parts[part].head_end) ++part;
      each({.part = static_cast<int>(part),
            .row = static_cast<int>(step.head_rows[i] - step.parts[part].begin),
            .logits = {logits_ + static_cast<std::int64_t>(i - begin) * vocab, static_cast<std::size_t>(vocab)},
            .lse = lse_[i - begin],
            .argmax = argmax_[i - begin]});
    }
  }
}

void Forward::run(const Step& step, const LogitsFn& each) {
  if (step.rows() == 0) return;
  account_.begin_step();
  plan_step(step);
  ops_.embed(model_.embedding(), step.tokens, x_);
  account_.add(OpClass::kEmbed, -1, embed_work(model_.embedding(), step.rows()), phases_);
  for (int layer = 0; layer < config_.layers; ++layer) {
    if (!attention(layer, step)) return;
    const bool narrowed = layer == config_.layers - 1 && static_cast<std::int64_t>(kept_.rows.size()) < step.rows();
    const std::int64_t m = narrowed ? static_cast<std::int64_t>(kept_.rows.size()) : step.rows();
    norm(layer, x_, model_.layers()[static_cast<std::size_t>(layer)].post_norm, m, normed_);
    if (config_.is_moe(layer)) {
      moe(layer, m, narrowed ? std::span<const std::int32_t>(kept_.slots) : step.slots);
    } else {
      dense_mlp(layer, m);
    }
  }
  head(step, each);
}

}  // namespace pareto
