// reference_ops: the plain definition of every op of ops.h, one thread, sums in double in the order of the formula.
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cpu/half.h"
#include "kernels/cpu/internal.h"

namespace pareto {
namespace {

double dot(const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// Where slot `slot` of head `head` starts, in elements.
std::int64_t cache_offset(const KvCache& c, std::int32_t slot, int head) {
  return ((static_cast<std::int64_t>(slot / c.page_size) * c.kv_heads + head) * c.page_size + slot % c.page_size) *
         c.head_dim;
}

void load_row(const KvCache& c, const void* base, std::int32_t slot, int head, float* out) {  // out[head_dim]
  const char* data = static_cast<const char*>(base) + cache_offset(c, slot, head) * dtype_block_bytes(c.dtype);
  dequantise(c.dtype, data, c.head_dim, out);
}

class ReferenceOps final : public Ops {
 public:
  std::string isa() const override { return "reference"; }

  void embed(const Weight& table, std::span<const Token> tokens, float* out) override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const char* row = static_cast<const char*>(table.data) + tokens[i] * table.row_bytes();
      dequantise(table.dtype, row, table.cols, out + static_cast<std::int64_t>(i) * table.cols);
    }
  }

  void rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps,
               float* out) override {
    for (std::int64_t i = 0; i < rows; ++i, x += dim, out += dim) {
      const double scale = 1.0 / std::sqrt(dot(x, x, dim) / static_cast<double>(dim) + eps);
      for (std::int64_t j = 0; j < dim; ++j) out[j] = static_cast<float>(x[j] * scale * weight[j]);
    }
  }

  void matmul(const float* x, std::int64_t m, std::span<const Linear> linears) override {
    for (const Linear& linear : linears) {
      const Weight& w = linear.weight;
      std::vector<float> row(static_cast<std::size_t>(w.cols));
      for (std::int64_t r = 0; r < w.rows; ++r) {
        dequantise(w.dtype, static_cast<const char*>(w.data) + r * w.row_bytes(), w.cols, row.data());
        const double bias = linear.bias ? linear.bias[r] : 0.0;
        for (std::int64_t i = 0; i < m; ++i) {
          linear.out[i * w.rows + r] = static_cast<float>(dot(x + i * w.cols, row.data(), w.cols) + bias);
        }
      }
    }
  }

  void rope(float* x, std::span<const std::int32_t> positions, int heads, int head_dim, const float* cos,
            const float* sin, RopeStyle style) override {
    const int half = head_dim / 2;
    for (const std::int32_t position : positions) {
      const float* c = cos + static_cast<std::int64_t>(position) * half;
      const float* s = sin + static_cast<std::int64_t>(position) * half;
      for (int h = 0; h < heads; ++h, x += head_dim) {
        for (int j = 0; j < half; ++j) {
          float& a = style == RopeStyle::kHalves ? x[j] : x[2 * j];
          float& b = style == RopeStyle::kHalves ? x[j + half] : x[2 * j + 1];
          const double rotated_a = static_cast<double>(a) * c[j] - static_cast<double>(b) * s[j];
          const double rotated_b = static_cast<double>(b) * c[j] + static_cast<double>(a) * s[j];
          a = static_cast<float>(rotated_a);
          b = static_cast<float>(rotated_b);
        }
      }
    }
  }

  void kv_write(const KvCache& cache, const float* k, const float* v, std::span<const std::int32_t> slots) override {
    const int element = dtype_block_bytes(cache.dtype);
    for (const std::int32_t slot : slots) {
      for (int h = 0; h < cache.kv_heads; ++h, k += cache.head_dim, v += cache.head_dim) {
        const std::int64_t offset = cache_offset(cache, slot, h) * element;
        cpu::scalar::narrow(cache.dtype, k, cache.head_dim, static_cast<char*>(cache.k) + offset);
        cpu::scalar::narrow(cache.dtype, v, cache.head_dim, static_cast<char*>(cache.v) + offset);
      }
    }
  }

  void attend(const float* q, const KvCache& cache, std::span<const AttendSequence> sequences, int heads, float scale,
              int window, float* out) override {
    for (const AttendSequence& s : sequences) {
      for (int i = 0; i < s.q_len; ++i) {
        const std::int64_t position = s.kv_len - s.q_len + i;
        const std::int64_t first = window > 0 && position >= window ? position - window + 1 : 0;
        for (int h = 0; h < heads; ++h) {
          const std::int64_t row = ((s.q_begin + i) * heads + h) * cache.head_dim;
          attend_one(q + row, cache, s.slots, first, position, h / (heads / cache.kv_heads), scale, out + row);
        }
      }
    }
  }

  void silu_mul(const float* gate, const float* up, std::int64_t n, float* out) override {
    for (std::int64_t i = 0; i < n; ++i) {
      const double z = gate[i];
      out[i] = static_cast<float>(z / (1.0 + std::exp(-z)) * up[i]);
    }
  }

  void add(float* x, const float* y, std::int64_t n) override {
    for (std::int64_t i = 0; i < n; ++i) x[i] += y[i];
  }

  void route(const float* logits, std::int64_t m, int experts, int k, bool normalise, std::int32_t* experts_out,
             float* weights_out) override {
    cpu::route(logits, m, experts, k, normalise, experts_out, weights_out);
  }

  void scatter_add(float* x, std::span<const std::int32_t> rows, const float* weight, const float* y,
                   std::int64_t dim) override {
    cpu::scatter_add(x, rows, weight, y, dim);
  }

  void log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax) override {
    for (std::int64_t i = 0; i < rows; ++i, logits += vocab) {
      std::int64_t best = 0;
      for (std::int64_t j = 1; j < vocab; ++j) {
        if (logits[j] > logits[best]) best = j;
      }
      const double max = logits[best];
      double sum = 0;
      for (std::int64_t j = 0; j < vocab; ++j) sum += std::exp(logits[j] - max);
      lse[i] = static_cast<float>(std::isinf(max) ? max : max + std::log(sum));
      argmax[i] = static_cast<Token>(best);
    }
  }

 private:
  // One query head over the positions [first, last].
  void attend_one(const float* q, const KvCache& cache, const std::int32_t* slots, std::int64_t first,
                  std::int64_t last, int kv_head, float scale, float* out) {
    const std::int64_t n = last - first + 1;
    std::vector<float> row(static_cast<std::size_t>(cache.head_dim));
    std::vector<double> p(static_cast<std::size_t>(n)), sum(row.size(), 0.0);
    double max = -std::numeric_limits<double>::infinity(), total = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      load_row(cache, cache.k, slots[first + j], kv_head, row.data());
      p[static_cast<std::size_t>(j)] = scale * dot(q, row.data(), cache.head_dim);
      max = std::max(max, p[static_cast<std::size_t>(j)]);
    }
    for (std::int64_t j = 0; j < n; ++j) {
      const double weight = std::exp(p[static_cast<std::size_t>(j)] - max);
      load_row(cache, cache.v, slots[first + j], kv_head, row.data());
      for (std::size_t d = 0; d < row.size(); ++d) sum[d] += weight * row[d];
      total += weight;
    }
    for (std::size_t d = 0; d < row.size(); ++d) out[d] = static_cast<float>(sum[d] / total);
  }
};

}  // namespace

std::unique_ptr<Ops> make_reference_ops() { return std::make_unique<ReferenceOps>(); }

namespace cpu {

void route(const float* logits, std::int64_t m, int experts, int k, bool normalise, std::int32_t* experts_out,
           float* weights_out) {
  std::vector<double> p(static_cast<std::size_t>(experts));
  for (std::int64_t i = 0; i < m; ++i, logits += experts, experts_out += k, weights_out += k) {
    float max = logits[0];
    for (int e = 1; e < experts; ++e) max = logits[e] > max ? logits[e] : max;
    double total = 0, chosen = 0;
    for (int e = 0; e < experts; ++e) {
      p[static_cast<std::size_t>(e)] = std::exp(static_cast<double>(logits[e]) - max);
      total += p[static_cast<std::size_t>(e)];
    }
    for (int j = 0; j < k; ++j) {  // a chosen expert's weight becomes -1: below any other
      std::size_t best = 0;
      for (std::size_t e = 1; e < p.size(); ++e) best = p[e] > p[best] ? e : best;
      experts_out[j] = static_cast<std::int32_t>(best);
      weights_out[j] = static_cast<float>(p[best] / total);
      chosen += p[best];
      p[best] = -1;
    }
    if (!normalise) continue;
    for (int j = 0; j < k; ++j) weights_out[j] = static_cast<float>(weights_out[j] / (chosen / total));
  }
}

void scatter_add(float* x, std::span<const std::int32_t> rows, const float* weight, const float* y, std::int64_t dim) {
  for (std::size_t i = 0; i < rows.size(); ++i, y += dim) {
    float* to = x + rows[i] * dim;
    for (std::int64_t j = 0; j < dim; ++j) to[j] += weight[i] * y[j];
  }
}

}  // namespace cpu
}  // namespace pareto
