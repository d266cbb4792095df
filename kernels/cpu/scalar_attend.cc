// Attention in portable C++: online softmax, keys folded in blocks of absolute positions (ops.h, kAttendBlock).
//
//   for each block of 128 positions:  s = scale · q·K,  m' = max(m, s),  l = l·e^(m-m') + Σ e^(s-m'),
//                                     acc = acc·e^(m-m') + Σ e^(s-m') V;      at the end out = acc / l
#include <algorithm>
#include <cmath>

#include "kernels/cpu/half.h"
#include "kernels/cpu/internal.h"

namespace pareto::cpu::scalar {
namespace {

float element(DType dtype, const void* base, std::int64_t i) {
  if (dtype == DType::kF32) return static_cast<const float*>(base)[i];
  const std::uint16_t h = static_cast<const std::uint16_t*>(base)[i];
  return dtype == DType::kF16 ? f16_to_f32(h) : bf16_to_f32(h);
}

std::int64_t offset(const KvCache& c, std::int32_t slot, int head) {
  return ((static_cast<std::int64_t>(slot / c.page_size) * c.kv_heads + head) * c.page_size + slot % c.page_size) *
         c.head_dim;
}

struct Fold {
  float max = -INFINITY, sum = 0;
};

// Positions [p0, p1), which lie in one block.
void fold_block(const float* q, const KvCache& c, const std::int32_t* slots, std::int64_t p0, std::int64_t p1, int head,
                float scale, Fold& fold, float* acc) {
  float scores[kAttendBlock];
  float max = fold.max;
  for (std::int64_t p = p0; p < p1; ++p) {
    const std::int64_t at = offset(c, slots[p], head);
    float lanes[8] = {};
    for (int d = 0; d < c.head_dim; ++d) lanes[d % 8] += q[d] * element(c.dtype, c.k, at + d);
    const float dot = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
    scores[p - p0] = scale * dot;
    max = std::max(max, scores[p - p0]);
  }
  const float keep = fold.sum == 0 ? 0.0f : std::exp(fold.max - max);
  fold.max = max;
  fold.sum *= keep;
  for (int d = 0; d < c.head_dim; ++d) acc[d] *= keep;
  for (std::int64_t p = p0; p < p1; ++p) {
    const float weight = std::exp(scores[p - p0] - max);
    const std::int64_t at = offset(c, slots[p], head);
    fold.sum += weight;
    for (int d = 0; d < c.head_dim; ++d) acc[d] += weight * element(c.dtype, c.v, at + d);
  }
}

}  // namespace

std::size_t attend_scratch(int head_dim, int) { return static_cast<std::size_t>(head_dim) * sizeof(float); }

void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out) {
  const int group = heads / cache.kv_heads;
  float* acc = static_cast<float*>(scratch);  // (head_dim)
  for (int i = q0; i < q1; ++i) {
    const std::int64_t end = sequence.kv_len - sequence.q_len + i + 1;
    const std::int64_t first = window > 0 && end > window ? end - window : 0;
    for (int h = h0 * group; h < h1 * group; ++h) {
      const std::int64_t row = (static_cast<std::int64_t>(i) * heads + h) * cache.head_dim;
      Fold fold;
      std::fill_n(acc, cache.head_dim, 0.0f);
      for (std::int64_t p = first; p < end;) {
        const std::int64_t stop = std::min(end, (p / kAttendBlock + 1) * kAttendBlock);
        fold_block(q + row, cache, sequence.slots, p, stop, h / group, scale, fold, acc);
        p = stop;
      }
      for (int d = 0; d < cache.head_dim; ++d) out[row + d] = acc[d] / fold.sum;
    }
  }
}

}  // namespace pareto::cpu::scalar
