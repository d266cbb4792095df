#include "tests/support/counting_ops.h"

#include <set>

namespace pareto {

OpWork& CountingOps::begin(const char* op, const void* place) {
  OpWork& work = counts_[{op, place}];
  ++work.calls;
  return work;
}

OpWork CountingOps::total(const std::string& op) const {
  OpWork sum;
  for (const auto& [key, work] : counts_)
    if (key.first == op) sum += work;
  return sum;
}

OpWork CountingOps::total() const {
  OpWork sum;
  for (const auto& [key, work] : counts_) sum += work;
  return sum;
}

void CountingOps::embed(const Weight& table, std::span<const Token> tokens, float* out) {
  OpWork& work = begin("embed", table.data);
  for ([[maybe_unused]] const Token token : tokens) {
    work.bytes.index += sizeof(Token);
    work.bytes.weights += table.row_bytes();
    for (std::int64_t c = 0; c < table.cols; ++c) work.bytes.activations += sizeof(float);
  }
  inner_->embed(table, tokens, out);
}

void CountingOps::rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps,
                          float* out) {
  OpWork& work = begin("rmsnorm", weight);
  for (std::int64_t c = 0; c < dim; ++c) work.bytes.weights += sizeof(float);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < dim; ++c) {
      work.flops += 2 + 2;                          // square and add; scale and weight
      work.bytes.activations += 2 * sizeof(float);  // in, out
    }
  }
  inner_->rmsnorm(x, weight, rows, dim, eps, out);
}

void CountingOps::matmul(const float* x, std::int64_t m, std::span<const Linear> linears) {
  OpWork& work = begin("matmul", linears.front().weight.data);
  for (std::int64_t i = 0; i < m; ++i) work.bytes.activations += linears.front().weight.cols * sizeof(float);
  for (const Linear& linear : linears) {
    for (std::int64_t r = 0; r < linear.weight.rows; ++r) {
      work.bytes.weights += linear.weight.row_bytes();
      if (linear.bias) work.bytes.weights += sizeof(float);
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t c = 0; c < linear.weight.cols; ++c) work.flops += 2;
        if (linear.bias) work.flops += 1;
        work.bytes.activations += sizeof(float);
      }
    }
  }
  inner_->matmul(x, m, linears);
}

void CountingOps::rope(float* x, std::span<const std::int32_t> positions, int heads, int head_dim, const float* cos,
                       const float* sin, RopeStyle style) {
  OpWork& work = begin("rope", nullptr);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    work.bytes.index += sizeof(std::int32_t);
    for (int pair = 0; pair < head_dim / 2; ++pair) {
      work.bytes.index += 2 * sizeof(float);  // its cosine and sine, once for all heads
      for (int h = 0; h < heads; ++h) {
        work.flops += 4 + 2;  // four products, two sums
        work.bytes.activations += 2 * 2 * sizeof(float);
      }
    }
  }
  inner_->rope(x, positions, heads, head_dim, cos, sin, style);
}

void CountingOps::kv_write(const KvCache& cache, const float* k, const float* v, std::span<const std::int32_t> slots) {
  OpWork& work = begin("kv_write", cache.k);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    work.bytes.index += sizeof(std::int32_t);
    for (int e = 0; e < cache.kv_heads * cache.head_dim; ++e) {
      work.bytes.activations += 2 * sizeof(float);
      work.bytes.kv_write += 2 * dtype_block_bytes(cache.dtype);
    }
  }
  inner_->kv_write(cache, k, v, slots);
}

void CountingOps::attend(const float* q, const KvCache& cache, std::span<const AttendSequence> sequences, int heads,
                         float scale, int window, float* out) {
  OpWork& work = begin("attend", cache.k);
  for (const AttendSequence& s : sequences) {
    std::set<std::int32_t> read;  // slots whose K and V some query of the sequence needs
    for (int i = 0; i < s.q_len; ++i) {
      const std::int64_t own = s.kv_len - s.q_len + i;
      for (std::int64_t p = 0; p < s.kv_len; ++p) {
        if (p > own || (window > 0 && p <= own - window)) continue;
        read.insert(s.slots[p]);
        for (int h = 0; h < heads; ++h) {
          for (int d = 0; d < cache.head_dim; ++d) work.flops += 2 + 2;  // q·k and weight·v
          work.flops += 4;                                               // scale, subtract the maximum, exp, sum
        }
      }
      for (int h = 0; h < heads; ++h) work.bytes.activations += 2 * cache.head_dim * sizeof(float);
    }
    for ([[maybe_unused]] const std::int32_t slot : read) {
      work.bytes.index += sizeof(std::int32_t);
      for (int e = 0; e < cache.kv_heads * cache.head_dim; ++e)
        work.bytes.kv_read += 2 * dtype_block_bytes(cache.dtype);
    }
  }
  inner_->attend(q, cache, sequences, heads, scale, window, out);
}

void CountingOps::silu_mul(const float* gate, const float* up, std::int64_t n, float* out) {
  OpWork& work = begin("silu_mul", nullptr);
  for (std::int64_t i = 0; i < n; ++i) {
    work.flops += 5;  // negate, exp, add, divide; times up
    work.bytes.activations += 3 * sizeof(float);
  }
  inner_->silu_mul(gate, up, n, out);
}

void CountingOps::add(float* x, const float* y, std::int64_t n) {
  OpWork& work = begin("add", nullptr);
  for (std::int64_t i = 0; i < n; ++i) {
    work.flops += 1;
    work.bytes.activations += 3 * sizeof(float);
  }
  inner_->add(x, y, n);
}

void CountingOps::route(const float* logits, std::int64_t m, int experts, int k, bool normalise,
                        std::int32_t* experts_out, float* weights_out) {
  OpWork& work = begin("route", nullptr);
  for (std::int64_t i = 0; i < m; ++i) {
    for (int e = 0; e < experts; ++e) {
      work.flops += 4;  // subtract the maximum, exp, sum, divide
      work.bytes.activations += sizeof(float);
    }
    for (int j = 0; j < k; ++j) {
      if (normalise) work.flops += 2;  // sum, divide
      work.bytes.index += sizeof(std::int32_t);
      work.bytes.activations += sizeof(float);
    }
  }
  inner_->route(logits, m, experts, k, normalise, experts_out, weights_out);
}

void CountingOps::scatter_add(float* x, std::span<const std::int32_t> rows, const float* weight, const float* y,
                              std::int64_t dim) {
  OpWork& work = begin("scatter_add", nullptr);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    work.bytes.index += sizeof(std::int32_t);
    work.bytes.activations += sizeof(float);
    for (std::int64_t d = 0; d < dim; ++d) {
      work.flops += 2;
      work.bytes.activations += 3 * sizeof(float);
    }
  }
  inner_->scatter_add(x, rows, weight, y, dim);
}

void CountingOps::log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax) {
  OpWork& work = begin("log_softmax", nullptr);
  for (std::int64_t i = 0; i < rows; ++i) {
    work.bytes.activations += sizeof(float) + sizeof(Token);
    for (std::int64_t v = 0; v < vocab; ++v) {
      work.flops += 3;  // subtract the maximum, exp, sum
      work.bytes.activations += sizeof(float);
    }
  }
  inner_->log_softmax(logits, rows, vocab, lse, argmax);
}

}  // namespace pareto
