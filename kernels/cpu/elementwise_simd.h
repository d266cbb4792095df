// The ops that touch each element once, written on Simd (simd_<isa>.h, included before this file).
//
// Tails go through the same instructions as full vectors, so that an element's bits never depend on where a thread's
// part begins. Sums have an order that depends on the row's length alone.
#pragma once

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/quant_formats.h"
#include "kernels/cpu/simd_exp.h"

namespace pareto::cpu {
namespace {

// Σ x². Four vectors of partial sums.
inline float sum_of_squares(const float* x, std::int64_t n) {
  using S = Simd;
  S::F sum[4] = {S::zero(), S::zero(), S::zero(), S::zero()};
  std::int64_t i = 0;
  for (; i + 4 * S::kWidth <= n; i += 4 * S::kWidth) {
    for (int c = 0; c < 4; ++c) {
      const S::F v = S::load(x + i + c * S::kWidth);
      sum[c] = S::fma(v, v, sum[c]);
    }
  }
  for (; i < n; i += S::kWidth) {
    const S::F v = S::load(x + i, n - i);
    sum[0] = S::fma(v, v, sum[0]);
  }
  return S::sum(S::add(S::add(sum[0], sum[1]), S::add(sum[2], sum[3])));
}

inline void simd_rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps,
                         float* out) {
  using S = Simd;
  for (std::int64_t r = 0; r < rows; ++r, x += dim, out += dim) {
    const S::F scale = S::set(1.0f / __builtin_sqrtf(sum_of_squares(x, dim) / static_cast<float>(dim) + eps));
    for (std::int64_t i = 0; i < dim; i += S::kWidth) {
      const std::int64_t n = dim - i;
      S::store(out + i, S::mul(S::mul(S::load(x + i, n), scale), S::load(weight + i, n)), n);
    }
  }
}

// (a, b) turned by the angle with this cosine and sine.
inline void rotate(Simd::F& a, Simd::F& b, Simd::F c, Simd::F s) {
  using S = Simd;
  const S::F turned_a = S::fnma(b, s, S::mul(a, c)), turned_b = S::fma(a, s, S::mul(b, c));
  a = turned_a;
  b = turned_b;
}

inline void rope_halves(float* x, int half, const float* cos, const float* sin) {
  using S = Simd;
  for (int i = 0; i < half; i += S::kWidth) {
    const int n = half - i;
    S::F a = S::load(x + i, n), b = S::load(x + half + i, n);
    rotate(a, b, S::load(cos + i, n), S::load(sin + i, n));
    S::store(x + i, a, n);
    S::store(x + half + i, b, n);
  }
}

inline void rope_adjacent(float* x, int half, const float* cos, const float* sin) {
  using S = Simd;
  for (int i = 0; i < half; i += S::kWidth) {
    const int n = half - i, first = 2 * n < S::kWidth ? 2 * n : S::kWidth, second = 2 * n - first;
    float* at = x + 2 * i;
    S::F lo = S::load(at, first), hi = second ? S::load(at + S::kWidth, second) : S::zero();
    S::F a, b;
    S::deinterleave(lo, hi, a, b);
    rotate(a, b, S::load(cos + i, n), S::load(sin + i, n));
    S::interleave(a, b, lo, hi);
    S::store(at, lo, first);
    if (second) S::store(at + S::kWidth, hi, second);
  }
}

inline void simd_rope(float* x, const std::int32_t* positions, std::int64_t rows, int heads, int head_dim,
                      const float* cos, const float* sin, RopeStyle style) {
  const int half = head_dim / 2;
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t at = static_cast<std::int64_t>(positions[i]) * half;
    for (int h = 0; h < heads; ++h, x += head_dim) {
      if (style == RopeStyle::kHalves)
        rope_halves(x, half, cos + at, sin + at);
      else
        rope_adjacent(x, half, cos + at, sin + at);
    }
  }
}

inline void simd_silu_mul(const float* gate, const float* up, std::int64_t n, float* out) {
  using S = Simd;
  const S::F one = S::set(1.0f);
  for (std::int64_t i = 0; i < n; i += S::kWidth) {
    const S::F z = S::load(gate + i, n - i);
    const S::F silu = S::div(z, S::add(one, exp(S::sub(S::zero(), z))));
    S::store(out + i, S::mul(silu, S::load(up + i, n - i)), n - i);
  }
}

inline void simd_add(float* x, const float* y, std::int64_t n) {
  using S = Simd;
  for (std::int64_t i = 0; i < n; i += S::kWidth)
    S::store(x + i, S::add(S::load(x + i, n - i), S::load(y + i, n - i)), n - i);
}

constexpr std::int64_t kLogitsChunk = 1024;  // so many are summed before they join the row's sum

// The largest of x[0, n); NaNs are passed over.
inline float largest(const float* x, std::int64_t n) {
  using S = Simd;
  const S::F lowest = S::set(-__builtin_inff());
  S::F top[4] = {lowest, lowest, lowest, lowest};
  std::int64_t i = 0;
  for (; i + 4 * S::kWidth <= n; i += 4 * S::kWidth)
    for (int c = 0; c < 4; ++c) top[c] = S::max(S::load(x + i + c * S::kWidth), top[c]);
  for (; i + S::kWidth <= n; i += S::kWidth) top[0] = S::max(S::load(x + i), top[0]);
  float best = S::max_lane(S::max(S::max(top[0], top[1]), S::max(top[2], top[3])));
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

// Σ exp(x - max) over at most kLogitsChunk logits.
inline float sum_exp(const float* x, std::int64_t n, float max) {
  using S = Simd;
  const S::F m = S::set(max);
  S::F sum[2] = {S::zero(), S::zero()};
  std::int64_t i = 0;
  for (; i + 2 * S::kWidth <= n; i += 2 * S::kWidth) {
    sum[0] = S::add(sum[0], exp(S::sub(S::load(x + i), m)));
    sum[1] = S::add(sum[1], exp(S::sub(S::load(x + i + S::kWidth), m)));
  }
  for (; i < n; i += S::kWidth) {
    const S::F e = exp(S::sub(S::load(x + i, n - i), m));
    sum[0] = S::add(sum[0], S::select_lanes(e, S::zero(), 0, static_cast<int>(n - i)));
  }
  return S::sum(S::add(sum[0], sum[1]));
}

inline void simd_log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax) {
  for (std::int64_t r = 0; r < rows; ++r, logits += vocab) {
    float max = -__builtin_inff();
    std::int64_t chunk = 0;  // the first one that has the maximum
    for (std::int64_t j = 0; j < vocab; j += kLogitsChunk) {
      const float top = largest(logits + j, vocab - j < kLogitsChunk ? vocab - j : kLogitsChunk);
      if (top > max) max = top, chunk = j;
    }
    float sum = 0;
    for (std::int64_t j = 0; j < vocab; j += kLogitsChunk)
      sum += sum_exp(logits + j, vocab - j < kLogitsChunk ? vocab - j : kLogitsChunk, max);
    std::int64_t best = chunk;
    while (best < vocab && logits[best] != max) ++best;
    argmax[r] = static_cast<Token>(best < vocab ? best : 0);
    lse[r] = __builtin_isinf_sign(max) ? max : max + __builtin_logf(sum);
  }
}

inline void simd_narrow(DType dtype, const float* x, std::int64_t n, void* out) {
  using S = Simd;
  if (dtype == DType::kF32) {
    __builtin_memcpy(out, x, static_cast<std::size_t>(n) * sizeof(float));
    return;
  }
  auto* to = static_cast<std::uint16_t*>(out);
  std::int64_t i = 0;
  const auto convert = [dtype](std::uint16_t* at, S::F v) {
    if (dtype == DType::kF16)
      S::store_f16(at, v);
    else
      S::store_bf16(at, v);
  };
  for (; i + S::kWidth <= n; i += S::kWidth) convert(to + i, S::load(x + i));
  if (i == n) return;
  std::uint16_t last[S::kWidth];
  convert(last, S::load(x + i, n - i));
  __builtin_memcpy(to + i, last, static_cast<std::size_t>(n - i) * sizeof(std::uint16_t));
}

inline void simd_dequantise(DType dtype, const void* data, std::int64_t n, float* out) {
  using S = Simd;
  const auto* h = static_cast<const std::uint16_t*>(data);
  const auto widen = [&](auto load) {
    std::int64_t i = 0;
    for (; i + S::kWidth <= n; i += S::kWidth) S::store(out + i, load(h + i));
    if (i == n) return;
    std::uint16_t last[S::kWidth] = {};
    __builtin_memcpy(last, h + i, static_cast<std::size_t>(n - i) * sizeof(std::uint16_t));
    S::store(out + i, load(last), n - i);
  };
  switch (dtype) {
    case DType::kF32:
      __builtin_memcpy(out, data, static_cast<std::size_t>(n) * sizeof(float));
      return;
    case DType::kF16:
      return widen([](const std::uint16_t* p) { return S::load_f16(p); });
    case DType::kBF16:
      return widen([](const std::uint16_t* p) { return S::load_bf16(p); });
    case DType::kQ8_0:
      return dequantise_run<Q8_0>(data, n, out);
    case DType::kQ4_0:
      return dequantise_run<Q4_0>(data, n, out);
    case DType::kQ4_1:
      return dequantise_run<Q4_1>(data, n, out);
    case DType::kQ4_K:
      return dequantise_run<Q4_K>(data, n, out);
    case DType::kQ5_K:
      return dequantise_run<Q5_K>(data, n, out);
    case DType::kQ6_K:
      return dequantise_run<Q6_K>(data, n, out);
  }
}

}  // namespace
}  // namespace pareto::cpu
