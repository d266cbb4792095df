// An op table that counts: it loops over the shapes it is called with and adds up FLOPs and bytes as it meets them,
// with no formula in sight, then lets another table do the work. The account's closed forms must give the same
// integers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/work.h"
#include "kernels/ops.h"

namespace pareto {

class CountingOps final : public Ops {
 public:
  explicit CountingOps(std::unique_ptr<Ops> inner) : inner_(std::move(inner)) {}

  // By op name, and by what identifies the place of the call: the first weight of a matmul or norm, the K of a cache.
  using Key = std::pair<std::string, const void*>;
  const std::map<Key, OpWork>& counts() const { return counts_; }
  OpWork total(const std::string& op) const;
  OpWork total() const;
  void reset() { counts_.clear(); }

  std::string isa() const override { return inner_->isa(); }
  void embed(const Weight& table, std::span<const Token> tokens, float* out) override;
  void rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps,
               float* out) override;
  void matmul(const float* x, std::int64_t m, std::span<const Linear> linears) override;
  void rope(float* x, std::span<const std::int32_t> positions, int heads, int head_dim, const float* cos,
            const float* sin, RopeStyle style) override;
  void kv_write(const KvCache& cache, const float* k, const float* v, std::span<const std::int32_t> slots) override;
  void attend(const float* q, const KvCache& cache, std::span<const AttendSequence> sequences, int heads, float scale,
              int window, float* out) override;
  void silu_mul(const float* gate, const float* up, std::int64_t n, float* out) override;
  void add(float* x, const float* y, std::int64_t n) override;
  void route(const float* logits, std::int64_t m, int experts, int k, bool normalise, std::int32_t* experts_out,
             float* weights_out) override;
  void scatter_add(float* x, std::span<const std::int32_t> rows, const float* weight, const float* y,
                   std::int64_t dim) override;
  void log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax) override;

 private:
  OpWork& begin(const char* op, const void* place);

  std::unique_ptr<Ops> inner_;
  std::map<Key, OpWork> counts_;
};

}  // namespace pareto
