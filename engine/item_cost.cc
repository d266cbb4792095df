#include "engine/item_cost.h"

#include <algorithm>
#include <array>

namespace pareto {
namespace {

OpWork without_weights(OpWork work) {
  work.bytes.weights = 0;
  return work;
}

std::int64_t linear_bytes(const Projection& p) {
  return p.weight.bytes() + static_cast<std::int64_t>(p.bias.size() * sizeof(float));
}
std::int64_t mlp_bytes(const MlpWeights& m) { return linear_bytes(m.gate) + linear_bytes(m.up) + linear_bytes(m.down); }
std::int64_t floats(const std::vector<float>& v) { return static_cast<std::int64_t>(v.size() * sizeof(float)); }

template <class... P>
OpWork matmul_rows(std::int64_t m, const P&... projections) {
  return without_weights(matmul_work(std::array{projections.to(nullptr)...}, m));
}

void add_times(CostShare* sum, const OpWork& work, double n) {
  sum->flops += n * static_cast<double>(work.flops);
  sum->kv_read += n * static_cast<double>(work.bytes.kv_read);
  sum->kv_write += n * static_cast<double>(work.bytes.kv_write);
  sum->index += n * static_cast<double>(work.bytes.index);
  sum->activations += n * static_cast<double>(work.bytes.activations);
}

}  // namespace

CostShare& CostShare::operator+=(const CostShare& o) {
  flops += o.flops, weights += o.weights, kv_read += o.kv_read, kv_write += o.kv_write;
  index += o.index, activations += o.activations;
  return *this;
}

CostShare CostShare::operator*(double f) const {
  return {flops * f, weights * f, kv_read * f, kv_write * f, index * f, activations * f};
}

CostModel::CostModel(const Model& model, const KvMemory& kv, const MemoryPlan& plan)
    : model_(model), config_(model.config()), kv_(kv), plan_(plan) {
  const ModelConfig& c = config_;
  for (int layer = 0; layer < c.layers; ++layer) {
    const int window = c.window.empty() ? 0 : c.window[static_cast<std::size_t>(layer)];
    if (layer == c.layers - 1) {
      last_window_ = window;
      continue;
    }
    const auto same =
        std::find_if(windows_.begin(), windows_.end(), [&](const Window& w) { return w.window == window; });
    if (same == windows_.end()) {
      windows_.push_back({window, 1});
    } else {
      ++same->layers;
    }
  }
  row_ = rows_work(1, 0, false, 0);
  narrow_row_ = rows_work(1, 0, true, 0);
  kept_row_ = rows_work(0, 1, false, 0);
  narrow_kept_row_ = rows_work(0, 1, true, 0);
  head_row_ = rows_work(0, 0, false, 1);

  for (int i = 0; i < c.layers; ++i) {
    const LayerWeights& l = model.layers()[static_cast<std::size_t>(i)];
    const std::int64_t before = floats(l.input_norm) + linear_bytes(l.k) + linear_bytes(l.v) + floats(l.k_norm);
    const std::int64_t after = linear_bytes(l.q) + floats(l.q_norm) + linear_bytes(l.o) + floats(l.post_norm) +
                               (l.experts.empty() ? mlp_bytes(l.mlp) : linear_bytes(l.router));
    fixed_weights_ += before;
    (i == c.layers - 1 ? kept_weights_ : fixed_weights_) += after;
    if (!l.experts.empty()) expert_bytes_ = mlp_bytes(l.experts.front());
  }
  head_weights_ = floats(model.final_norm()) + model.head().bytes();
}

// `rows` rows before the last layer's cache and `kept` rows after it.
void CostModel::layer_rows(int layer, std::int64_t rows, std::int64_t kept, bool narrows, OpWork* sum) const {
  const ModelConfig& c = config_;
  const LayerWeights& w = model_.layers()[static_cast<std::size_t>(layer)];
  const bool last = layer == c.layers - 1;
  const std::int64_t after = last ? kept : rows;
  const auto add = [&](const OpWork& work) { *sum += without_weights(work); };
  add(norm_work(rows, c.hidden));
  if (last && narrows) {
    add(matmul_rows(rows, w.k, w.v));
    add(matmul_rows(after, w.q));
  } else if (last) {
    // One product for all three; kept rows are all rows then, so what belongs to q is charged with them.
    add(matmul_rows(rows, w.k, w.v));
    OpWork q = matmul_rows(after, w.q);
    q.bytes.activations -= 4 * after * c.hidden;
    add(q);
  } else {
    add(matmul_rows(rows, w.q, w.k, w.v));
  }
  if (!w.k_norm.empty()) add(norm_work(rows * c.kv_heads, c.head_dim));
  if (!w.q_norm.empty()) add(norm_work(after * c.heads, c.head_dim));
  add(rope_work(rows, c.kv_heads, c.head_dim));
  add(rope_work(after, c.heads, c.head_dim));
  add(kv_write_work(kv_.layer(layer), rows));
  add(matmul_rows(after, w.o));
  add(add_work(after * c.hidden));
  add(norm_work(after, c.hidden));
  const auto mlp = [&](const MlpWeights& m, std::int64_t n) {
    add(matmul_rows(n, m.gate, m.up));
    add(silu_mul_work(n * m.gate.weight.rows));
    add(matmul_rows(n, m.down));
  };
  if (w.experts.empty()) {
    mlp(w.mlp, after);
    add(add_work(after * c.hidden));
    return;
  }
  const int k = c.experts_per_token;
  add(matmul_rows(after, w.router));
  add(route_work(after, c.experts, k, c.norm_topk_prob));
  mlp(w.experts.front(), after * k);
  add(scatter_add_work(after * k, c.hidden));
}

// Everything but weights and attention.
OpWork CostModel::rows_work(std::int64_t rows, std::int64_t kept, bool narrows, std::int64_t head_rows) const {
  OpWork sum = without_weights(embed_work(model_.embedding(), rows));
  for (int layer = 0; layer < config_.layers; ++layer) layer_rows(layer, rows, kept, narrows, &sum);
  sum += without_weights(norm_work(head_rows, config_.hidden));
  sum += without_weights(matmul_work(std::array{Linear{model_.head()}}, head_rows));
  sum += log_softmax_work(head_rows, config_.vocab);
  return sum;
}

// Queries [q_begin, q_end), of which [kept_begin, kept_end) take part in the last layer, as one sequence.
OpWork CostModel::attention(std::int64_t q_begin, std::int64_t q_end, std::int64_t kept_begin,
                            std::int64_t kept_end) const {
  const KvCache cache = kv_.layer(0);
  OpWork sum;
  for (const Window& w : windows_) {
    const OpWork one = attend_work(cache, q_end - q_begin, q_end, config_.heads, w.window);
    sum.flops += w.layers * one.flops;
    sum.bytes.kv_read += w.layers * one.bytes.kv_read;
    sum.bytes.index += w.layers * one.bytes.index;
    sum.bytes.activations += w.layers * one.bytes.activations;
  }
  if (kept_end > kept_begin) sum += attend_work(cache, kept_end - kept_begin, kept_end, config_.heads, last_window_);
  return sum;
}

CostShare CostModel::share(const Rows& r, const StepTotals& step) const {
  const std::int64_t rows = r.end - r.begin;
  const std::int64_t kept_begin = std::max(r.begin, r.kept_begin), kept_end = std::min(r.end, r.kept_end);
  const std::int64_t kept = std::max<std::int64_t>(kept_end - kept_begin, 0);
  const bool narrows = step.kept < step.rows;
  CostShare sum;
  add_times(&sum, narrows ? narrow_row_ : row_, static_cast<double>(rows));
  add_times(&sum, narrows ? narrow_kept_row_ : kept_row_, static_cast<double>(kept));
  add_times(&sum, head_row_, static_cast<double>(r.head_rows));
  sum.weights = static_cast<double>(step.weights) * static_cast<double>(rows) / static_cast<double>(step.rows);

  // What is linear in queries comes from these rows' own attention; cache reads are the part's, split over its queries.
  const OpWork own = attention(r.begin, r.end, kept_begin, kept_begin + kept);
  sum.flops += static_cast<double>(own.flops);
  sum.activations += static_cast<double>(own.bytes.activations);
  const auto read = [&](std::int64_t begin, std::int64_t end, std::int64_t n, const OpWork& all) {
    if (n == 0) return;
    const double part = static_cast<double>(n) / static_cast<double>(end - begin);
    sum.kv_read += part * static_cast<double>(all.bytes.kv_read);
    sum.index += part * static_cast<double>(all.bytes.index);
  };
  read(r.part_begin, r.part_end, rows, attention(r.part_begin, r.part_end, 0, 0));
  const OpWork last = attention(r.part_begin, r.part_end, r.kept_begin, r.kept_end);
  const OpWork others = attention(r.part_begin, r.part_end, 0, 0);
  OpWork kept_read;
  kept_read.bytes.kv_read = last.bytes.kv_read - others.bytes.kv_read;
  kept_read.bytes.index = last.bytes.index - others.bytes.index;
  read(r.kept_begin, r.kept_end, kept, kept_read);
  return sum;
}

std::int64_t CostModel::step_weights(std::int64_t rows, std::int64_t kept, std::int64_t head_rows) const {
  const std::int64_t head_calls = (head_rows + plan_.logit_rows - 1) / plan_.logit_rows;
  return rows * model_.embedding().row_bytes() + fixed_weights_ + (kept > 0 ? kept_weights_ : 0) +
         head_calls * head_weights_;
}

std::int64_t CostModel::expert_weights(int layer, std::span<const std::int32_t> slots) const {
  const std::int16_t* log = kv_.experts(layer);
  std::vector<bool> used(static_cast<std::size_t>(config_.experts));
  std::int64_t count = 0;
  const int k = config_.experts_per_token;
  for (const std::int32_t slot : slots) {
    for (int i = 0; i < k; ++i) {
      auto seen = used[static_cast<std::size_t>(log[std::int64_t{slot} * k + i])];
      if (!seen) ++count;
      seen = true;
    }
  }
  return count * expert_bytes_;
}

ItemWork CostModel::prompt_alone(std::int64_t tokens, std::int64_t first_logit,
                                 std::span<const std::int32_t> slots) const {
  ItemWork sum;
  for (std::int64_t begin = 0; begin < tokens; begin += plan_.chunk) {
    const std::int64_t end = std::min(begin + plan_.chunk, tokens), rows = end - begin;
    const std::int64_t kept_begin = std::clamp(first_logit, begin, end), kept = end - kept_begin;
    OpWork work = rows_work(rows, kept, kept < rows, kept);
    work += attention(begin, end, kept_begin, end);
    work.bytes.weights = step_weights(rows, kept, kept);
    for (int layer = 0; expert_bytes_ > 0 && layer < config_.layers; ++layer) {
      if (!config_.is_moe(layer)) continue;
      const std::int64_t from = layer == config_.layers - 1 ? kept_begin : begin;
      work.bytes.weights +=
          expert_weights(layer, slots.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(end - from)));
    }
    sum.flops += work.flops;
    sum.bytes += work.bytes.total();
  }
  return sum;
}

ItemWork CostModel::decode_alone(std::int64_t kv_len) const {
  const OpWork attended = attention(kv_len - 1, kv_len, kv_len - 1, kv_len);
  ItemWork work;
  work.flops = row_.flops + kept_row_.flops + head_row_.flops + attended.flops;
  std::int64_t weights = step_weights(1, 1, 1);
  for (int layer = 0; expert_bytes_ > 0 && layer < config_.layers; ++layer)
    if (config_.is_moe(layer)) weights += config_.experts_per_token * expert_bytes_;
  work.bytes =
      weights + row_.bytes.total() + kept_row_.bytes.total() + head_row_.bytes.total() + attended.bytes.total();
  return work;
}

}  // namespace pareto
