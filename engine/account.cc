#include "engine/account.h"

#include <algorithm>

namespace pareto {
namespace {

OpWork one_call(std::int64_t flops, const Bytes& bytes) { return {.calls = 1, .flops = flops, .bytes = bytes}; }

}  // namespace

OpWork embed_work(const Weight& table, std::int64_t m) {
  return one_call(0, {.weights = m * table.row_bytes(), .index = 4 * m, .activations = 4 * m * table.cols});
}

OpWork norm_work(std::int64_t rows, std::int64_t dim) {
  return one_call(4 * rows * dim, {.weights = 4 * dim, .activations = 8 * rows * dim});
}

OpWork matmul_work(std::span<const Linear> linears, std::int64_t m) {
  std::int64_t flops = 0, weights = 0, outputs = 0;
  for (const Linear& linear : linears) {
    const Weight& w = linear.weight;
    flops += 2 * m * w.cols * w.rows + (linear.bias ? m * w.rows : 0);
    weights += w.bytes() + (linear.bias ? 4 * w.rows : 0);
    outputs += w.rows;
  }
  const std::int64_t k = linears.front().weight.cols;
  return one_call(flops, {.weights = weights, .activations = 4 * m * (k + outputs)});
}

OpWork rope_work(std::int64_t m, int heads, int head_dim) {
  const std::int64_t elements = m * heads * head_dim;
  return one_call(3 * elements, {.index = 4 * m + 4 * m * head_dim, .activations = 8 * elements});
}

OpWork kv_write_work(const KvCache& cache, std::int64_t m) {
  const std::int64_t dim = std::int64_t{cache.kv_heads} * cache.head_dim;
  return one_call(0, {.kv_write = 2 * m * dtype_bytes(cache.dtype, dim), .index = 4 * m, .activations = 8 * m * dim});
}

std::int64_t visible_positions(std::int64_t q_len, std::int64_t kv_len, int window) {
  const std::int64_t first = kv_len - q_len + 1;  // the first query sees so many without a window, each next one more
  if (window <= 0 || window >= kv_len) return q_len * (first + kv_len) / 2;
  if (first >= window) return q_len * window;
  const std::int64_t growing = window - first;  // queries that still see fewer than `window`
  return growing * (first + window - 1) / 2 + (q_len - growing) * window;
}

OpWork attend_work(const KvCache& cache, std::int64_t q_len, std::int64_t kv_len, int heads, int window) {
  const std::int64_t visible = visible_positions(q_len, kv_len, window);
  const std::int64_t oldest = window > 0 ? std::max<std::int64_t>(kv_len - q_len + 1 - window, 0) : 0;
  const std::int64_t read = kv_len - oldest;
  const std::int64_t kv_dim = std::int64_t{cache.kv_heads} * cache.head_dim;
  return {.flops = 4 * heads * (cache.head_dim + std::int64_t{1}) * visible,
          .bytes = {.kv_read = 2 * read * dtype_bytes(cache.dtype, kv_dim),
                    .index = 4 * read,
                    .activations = 8 * q_len * heads * cache.head_dim}};
}

OpWork silu_mul_work(std::int64_t n) { return one_call(5 * n, {.activations = 12 * n}); }

OpWork add_work(std::int64_t n) { return one_call(n, {.activations = 12 * n}); }

OpWork route_work(std::int64_t m, int experts, int k, bool normalise) {
  return one_call(m * (4 * experts + (normalise ? 2 * k : 0)),
                  {.index = 4 * m * k, .activations = 4 * m * (experts + k)});
}

OpWork scatter_add_work(std::int64_t n, std::int64_t dim) {
  return one_call(2 * n * dim, {.index = 4 * n, .activations = 12 * n * dim + 4 * n});
}

OpWork log_softmax_work(std::int64_t rows, std::int64_t vocab) {
  return one_call(3 * rows * vocab, {.activations = 4 * rows * (vocab + 2)});
}

OpWork sample_work(std::int64_t vocab) { return one_call(3 * vocab, {.activations = 4 * vocab}); }

void Account::add(OpClass op, int layer, const OpWork& work, const PhaseRows& rows) {
  if (clock_.on) {
    const Nanos now = now_ns();
    clock_.ns[static_cast<std::size_t>(op)] += now - clock_.last;
    clock_.last = now;
  }
  std::int64_t total = 0;
  int main = 0, phases = 0;
  for (int p = 0; p < kPhases; ++p) {
    const std::int64_t n = rows[static_cast<std::size_t>(p)];
    if (n == 0) continue;
    total += n, ++phases;
    if (n > rows[static_cast<std::size_t>(main)]) main = p;
  }
  if (phases <= 1) {
    add(static_cast<Phase>(main), op, layer, work);
    return;
  }
  // Everything but the weights is a multiple of the rows, so only the weights leave a remainder: the main phase's.
  OpWork rest = work;
  for (int p = 0; p < kPhases; ++p) {
    const std::int64_t n = rows[static_cast<std::size_t>(p)];
    if (n == 0 || p == main) continue;
    const auto part = [&](std::int64_t whole) {
      return static_cast<std::int64_t>(static_cast<__int128>(whole) * n / total);
    };
    const OpWork share = {.flops = part(work.flops),
                          .bytes = {.weights = part(work.bytes.weights),
                                    .kv_read = part(work.bytes.kv_read),
                                    .kv_write = part(work.bytes.kv_write),
                                    .index = part(work.bytes.index),
                                    .activations = part(work.bytes.activations),
                                    .host_device = part(work.bytes.host_device)}};
    add(static_cast<Phase>(p), op, layer, share);
    rest.flops -= share.flops;
    rest.bytes.weights -= share.bytes.weights, rest.bytes.kv_read -= share.bytes.kv_read;
    rest.bytes.kv_write -= share.bytes.kv_write, rest.bytes.index -= share.bytes.index;
    rest.bytes.activations -= share.bytes.activations, rest.bytes.host_device -= share.bytes.host_device;
  }
  add(static_cast<Phase>(main), op, layer, rest);
}

}  // namespace pareto
