// The running softmax of attention: some rows' scores with one block of keys (attend_simd.h, attend_amx.cc).
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

// What is done with a row's weights P of the keys [j, j + kWidth), and of the next ones.
struct StoreWeights {  // in place of the scores
  float* scores;
  void operator()(int row, int j, Simd::F p) const { Simd::store(scores + row * kKeys + j, p); }
  void operator()(int row, int j, Simd::F p, Simd::F next) const {
    (*this)(row, j, p);
    (*this)(row, j + Simd::kWidth, next);
  }
};

// scores[n, 128) → P for n ≤ kWidth rows, of which row r sees the keys [lo[r], hi[r]) of the block; [begin, end) are
// the columns that the rows' tile looks at. Updates the rows' maxima and sums; keep[r] is what a row's older sums are
// multiplied by. First all maxima, then all powers: each row's is a chain of latencies.
template <class Store>
inline void fold_rows(float* scores, int n, int begin, int end, const int* lo, const int* hi, float* max, float* sum,
                      float* keep, const Store& store) {
  using S = Simd;
  const S::F never = S::set(-__builtin_inff());
  alignas(64) float top[S::kWidth] = {}, factor[S::kWidth];
  for (int r = 0; r < n; ++r) {
    float* row = scores + r * kKeys;
    S::F t = never;
    for (int j = begin; j < end; j += S::kWidth) {
      S::F s = S::load(row + j);
      if (j < lo[r] || j + S::kWidth > hi[r]) {
        s = S::select_lanes(s, never, lo[r] - j, hi[r] - j);
        S::store(row + j, s);
      }
      t = S::max(t, s);
    }
    top[r] = S::max_lane(t);
  }
  const S::F old = S::load(max, n), maxima = S::max(S::load(top), old);
  S::store(max, maxima, n);
  S::store(factor, exp2(S::sub(old, maxima)));
  for (int r = 0; r < n; ++r) {
    const float* row = scores + r * kKeys;
    const S::F m = S::set(max[r]);
    S::F total = S::zero();
    int j = begin;
    for (; j + 2 * S::kWidth <= end; j += 2 * S::kWidth) {
      const S::F p = exp2(S::sub(S::load(row + j), m)), next = exp2(S::sub(S::load(row + j + S::kWidth), m));
      store(r, j, p, next);
      total = S::add(S::add(total, p), next);
    }
    for (; j < end; j += S::kWidth) {
      const S::F p = exp2(S::sub(S::load(row + j), m));
      store(r, j, p);
      total = S::add(total, p);
    }
    sum[r] = __builtin_fmaf(sum[r], factor[r], S::sum(total));
    keep[r] = factor[r];
  }
}

}  // namespace
}  // namespace pareto::cpu
