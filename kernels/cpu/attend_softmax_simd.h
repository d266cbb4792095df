// The running softmax of attention: one row's scores with one block of keys (attend_simd.h, attend_amx.cc).
#pragma once

#include "kernels/cpu/attend_cache_simd.h"
#include "kernels/cpu/simd_exp.h"

namespace pareto::cpu {
namespace {

constexpr float kNoMaximum = -1e30f;  // before any key

// The first position that the query at `position` sees.
inline std::int64_t first_seen(std::int64_t position, int window) {
  return window > 0 && position + 1 > window ? position + 1 - window : 0;
}

inline int clamp_key(std::int64_t key) { return static_cast<int>(key < 0 ? 0 : key < kKeys ? key : kKeys); }

// scores[0, 128) → P in place for one row that sees the keys [lo, hi) of the block; [begin, end) are the columns that
// its tile looks at. Updates the row's maximum and sum; returns what its older sums are multiplied by.
inline float fold_row(float* scores, int begin, int end, int lo, int hi, float& max, float& sum) {
  using S = Simd;
  const S::F never = S::set(-__builtin_inff());
  S::F top = never;
  for (int j = begin; j < end; j += S::kWidth) {
    S::F s = S::load(scores + j);
    if (j < lo || j + S::kWidth > hi) {
      s = S::select_lanes(s, never, lo - j, hi - j);
      S::store(scores + j, s);
    }
    top = S::max(top, s);
  }
  const float block_max = S::max_lane(top);
  const float new_max = block_max > max ? block_max : max;
  const S::F m = S::set(new_max);
  S::F total = S::zero();
  int j = begin;
  for (; j + 2 * S::kWidth <= end; j += 2 * S::kWidth) {
    const S::F p = exp2(S::sub(S::load(scores + j), m)), next = exp2(S::sub(S::load(scores + j + S::kWidth), m));
    S::store(scores + j, p);
    S::store(scores + j + S::kWidth, next);
    total = S::add(S::add(total, p), next);
  }
  for (; j < end; j += S::kWidth) {
    const S::F p = exp2(S::sub(S::load(scores + j), m));
    S::store(scores + j, p);
    total = S::add(total, p);
  }
  alignas(64) float keep[S::kWidth];
  S::store(keep, exp2(S::set(max - new_max)));
  sum = __builtin_fmaf(sum, keep[0], S::sum(total));
  max = new_max;
  return keep[0];
}

}  // namespace
}  // namespace pareto::cpu
