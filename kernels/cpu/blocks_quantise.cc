// quantise() of ops.h: f32 values to GGUF's blocks (layouts: blocks.h).
//
// Scales are found by least squares: for each candidate scale of a small grid the values are rounded to their levels,
// then the scale (and minimum) that fits these levels best is computed in closed form, and the candidate with the least
// squared error wins. The K types then round the sub-blocks' scales to the 6 or 8 bits that they have, and round the
// values once more against what was stored.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/cpu/blocks.h"
#include "kernels/cpu/half.h"
#include "kernels/ops.h"

namespace pareto {
namespace {

using cpu::f16_to_f32;
using cpu::f32_to_bf16;
using cpu::f32_to_f16;
using Byte = std::uint8_t;

constexpr int kLanes = 8;  // partial sums, so that a sum is a vector operation

void store_u16(Byte* p, std::uint16_t value) { std::memcpy(p, &value, sizeof value); }

// Stores `x` as f16 and returns what was stored.
float store_f16(Byte* p, float x) {
  const std::uint16_t half = f32_to_f16(x);
  store_u16(p, half);
  return f16_to_f32(half);
}

// To the nearest whole number, ties to even: adding 1.5·2^23 leaves no bits for the fraction. |x| < 2^22.
float round_even(float x) {
  constexpr float kMagic = 12582912.f;
  return (x + kMagic) - kMagic;
}

// NaN becomes `low`: it has no level, and converting it to an integer is undefined.
float clamp_level(float x, float low, float high) { return std::min(std::max(low, x), high); }

float inverse(float x) { return x != 0 ? 1 / x : 0; }

float sum(const float (&lanes)[kLanes]) {
  float total = 0;
  for (float lane : lanes) total += lane;
  return total;
}

// Σ x q and Σ q² for the levels q = clamp(round(inverse · x)).
struct Fit {
  float xq, qq;
};
template <int n>
Fit fit_levels(const float* x, float inverse_scale, float low, float high) {
  float xq[kLanes] = {}, qq[kLanes] = {};
  for (int i = 0; i < n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const float q = clamp_level(round_even(inverse_scale * x[i + l]), low, high);
      xq[l] += x[i + l] * q;
      qq[l] += q * q;
    }
  }
  return {sum(xq), sum(qq)};
}

// The value of largest magnitude, with its sign.
template <int n>
float largest(const float* x) {
  float best = 0;
  for (int i = 0; i < n; ++i) {
    if (std::fabs(x[i]) > std::fabs(best)) best = x[i];
  }
  return best;
}

// The scale d that makes Σ (x - d q)² least for levels q in [-levels, levels - 1].
template <int n>
float find_scale(const float* x, int levels) {
  const float top = largest<n>(x);
  if (top == 0) return 0;
  // With d = xq / qq the error is Σ x² - xq² / qq: the candidate with the largest xq² / qq wins.
  float scale = 0, gain = 0;
  for (int step = -8; step <= 8; ++step) {
    const float inverse_scale = -(static_cast<float>(levels) + 0.12f * static_cast<float>(step)) / top;
    const Fit fit = fit_levels<n>(x, inverse_scale, static_cast<float>(-levels), static_cast<float>(levels - 1));
    if (fit.qq > 0 && fit.xq * fit.xq > gain * fit.qq) {
      gain = fit.xq * fit.xq / fit.qq;
      scale = fit.xq / fit.qq;
    }
  }
  return scale;
}

struct ScaleMin {
  float scale = 0, min = 0;  // x ≈ scale q + min
};

// Σ q, Σ q² and Σ x q for the levels q = clamp(round((x - low) · inverse), 0, top).
struct OffsetFit {
  float q, qq, xq;
};
OffsetFit fit_offset_levels(const float* x, float low, float inverse_scale, float top) {
  float s1[kLanes] = {}, s2[kLanes] = {}, sx[kLanes] = {};
  for (int i = 0; i < 32; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const float q = clamp_level(round_even((x[i + l] - low) * inverse_scale), 0, top);
      s1[l] += q;
      s2[l] += q * q;
      sx[l] += x[i + l] * q;
    }
  }
  return {sum(s1), sum(s2), sum(sx)};
}

enum class Minimum { kAny, kNotPositive };  // the K types can only store a minimum ≤ 0

// The least-squares line through (q, x), subject to `minimum`.
ScaleMin solve_line(const OffsetFit& fit, float sum_x, Minimum minimum) {
  const float n = 32, determinant = n * fit.qq - fit.q * fit.q;
  ScaleMin line;
  if (determinant > 0) {
    line.scale = (n * fit.xq - fit.q * sum_x) / determinant;
    line.min = (fit.qq * sum_x - fit.q * fit.xq) / determinant;
  }
  if (determinant <= 0 || (minimum == Minimum::kNotPositive && line.min > 0)) {
    line.min = 0;
    line.scale = fit.qq > 0 ? fit.xq / fit.qq : 0;
  }
  return line;
}

// The scale and minimum that make Σ (x - scale q - min)² least for 32 values and levels q in [0, top].
ScaleMin find_scale_min(const float* x, int top, Minimum minimum) {
  float low = x[0], high = x[0], sum_x = 0;
  for (int i = 0; i < 32; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
    sum_x += x[i];
  }
  if (minimum == Minimum::kNotPositive) low = std::min(low, 0.f);
  if (high <= low) return {0, low};
  ScaleMin best;
  float least = INFINITY;
  for (int step = -6; step <= 14; ++step) {
    const float inverse_scale = (static_cast<float>(top) + 0.12f * static_cast<float>(step)) / (high - low);
    const OffsetFit fit = fit_offset_levels(x, low, inverse_scale, static_cast<float>(top));
    const ScaleMin line = solve_line(fit, sum_x, minimum);
    // Σ (x - s q - m)² without Σ x², which is the same for all.
    const float error = line.scale * line.scale * fit.qq + 2 * line.scale * line.min * fit.q +
                        32 * line.min * line.min - 2 * line.scale * fit.xq - 2 * line.min * sum_x;
    if (error < least) {
      least = error;
      best = line;
    }
  }
  return best;
}

void quantise_q8_0(const float* x, Byte* block) {
  const float d = store_f16(block, std::fabs(largest<32>(x)) / 127), by = inverse(d);
  for (int i = 0; i < 32; ++i) {
    block[2 + i] = static_cast<Byte>(static_cast<std::int8_t>(clamp_level(round_even(x[i] * by), -127, 127)));
  }
}

void quantise_q4_0(const float* x, Byte* block) {
  const float by = inverse(store_f16(block, find_scale<32>(x, 8)));
  Byte q[32];
  for (int i = 0; i < 32; ++i) q[i] = static_cast<Byte>(clamp_level(round_even(x[i] * by), -8, 7) + 8);
  for (int i = 0; i < 16; ++i) block[2 + i] = static_cast<Byte>(q[i] | q[i + 16] << 4);
}

void quantise_q4_1(const float* x, Byte* block) {
  const ScaleMin line = find_scale_min(x, 15, Minimum::kAny);
  const float by = inverse(store_f16(block, line.scale)), m = store_f16(block + 2, line.min);
  Byte q[32];
  for (int i = 0; i < 32; ++i) q[i] = static_cast<Byte>(clamp_level(round_even((x[i] - m) * by), 0, 15));
  for (int i = 0; i < 16; ++i) block[4 + i] = static_cast<Byte>(q[i] | q[i + 16] << 4);
}

// Eight scales and eight minima of 6 bits in 12 bytes (blocks.h).
void pack_scales(const Byte* scale, const Byte* min, Byte* out) {
  for (int j = 0; j < 4; ++j) {
    out[j] = static_cast<Byte>(scale[j] | scale[j + 4] >> 4 << 6);
    out[j + 4] = static_cast<Byte>(min[j] | min[j + 4] >> 4 << 6);
    out[j + 8] = static_cast<Byte>((scale[j + 4] & 15) | (min[j + 4] & 15) << 4);
  }
}

// What Q4_K and Q5_K have in common: writes the 16 bytes of scales and the levels (0 … top) of all 256 values.
void quantise_sub_blocks(const float* x, int top, Byte* block, Byte* q) {
  ScaleMin line[8];
  float most_scale = 0, most_min = 0;
  for (int j = 0; j < 8; ++j) {
    line[j] = find_scale_min(x + 32 * j, top, Minimum::kNotPositive);
    most_scale = std::max(most_scale, line[j].scale);
    most_min = std::max(most_min, -line[j].min);
  }
  const float d = store_f16(block, most_scale / 63), dmin = store_f16(block + 2, most_min / 63);
  Byte scale[8], min[8];
  for (int j = 0; j < 8; ++j) {
    scale[j] = static_cast<Byte>(clamp_level(round_even(line[j].scale * inverse(d)), 0, 63));
    min[j] = static_cast<Byte>(clamp_level(round_even(-line[j].min * inverse(dmin)), 0, 63));
    const float by = inverse(d * static_cast<float>(scale[j])), m = dmin * static_cast<float>(min[j]);
    for (int i = 32 * j; i < 32 * j + 32; ++i) {
      q[i] = static_cast<Byte>(clamp_level(round_even((x[i] + m) * by), 0, static_cast<float>(top)));
    }
  }
  pack_scales(scale, min, block + 4);
}

void quantise_q4_k(const float* x, Byte* block) {
  Byte q[256];
  quantise_sub_blocks(x, 15, block, q);
  for (int j = 0; j < 4; ++j) {
    for (int i = 0; i < 32; ++i) block[16 + 32 * j + i] = static_cast<Byte>(q[64 * j + i] | q[64 * j + 32 + i] << 4);
  }
}

void quantise_q5_k(const float* x, Byte* block) {
  Byte q[256];
  quantise_sub_blocks(x, 31, block, q);
  Byte *high = block + 16, *low = block + 48;
  std::memset(high, 0, 32);
  for (int j = 0; j < 8; ++j) {
    for (int i = 0; i < 32; ++i) high[i] = static_cast<Byte>(high[i] | (q[32 * j + i] >> 4) << j);
  }
  for (int j = 0; j < 4; ++j) {
    for (int i = 0; i < 32; ++i) {
      low[32 * j + i] = static_cast<Byte>((q[64 * j + i] & 15) | (q[64 * j + 32 + i] & 15) << 4);
    }
  }
}

void quantise_q6_k(const float* x, Byte* block) {
  float scale[16];
  for (int j = 0; j < 16; ++j) scale[j] = find_scale<16>(x + 16 * j, 32);
  const float d = store_f16(block + 208, largest<16>(scale) / -128), by_d = inverse(d);
  Byte q[256];
  for (int j = 0; j < 16; ++j) {
    const float s = clamp_level(round_even(scale[j] * by_d), -128, 127);
    block[192 + j] = static_cast<Byte>(static_cast<std::int8_t>(s));
    const float by = inverse(d * s);
    for (int i = 16 * j; i < 16 * j + 16; ++i) {
      q[i] = static_cast<Byte>(clamp_level(round_even(x[i] * by), -32, 31) + 32);
    }
  }
  for (int half = 0; half < 2; ++half) {
    const Byte* p = q + 128 * half;
    Byte *low = block + 64 * half, *high = block + 128 + 32 * half;
    for (int i = 0; i < 32; ++i) {
      low[i] = static_cast<Byte>((p[i] & 15) | (p[i + 64] & 15) << 4);
      low[i + 32] = static_cast<Byte>((p[i + 32] & 15) | (p[i + 96] & 15) << 4);
      high[i] = static_cast<Byte>(p[i] >> 4 | p[i + 32] >> 4 << 2 | p[i + 64] >> 4 << 4 | p[i + 96] >> 4 << 6);
    }
  }
}

template <void (*kBlock)(const float*, Byte*)>
void each_block(DType dtype, const float* x, std::int64_t n, Byte* out) {
  const int values = dtype_block(dtype), bytes = dtype_block_bytes(dtype);
  for (std::int64_t i = 0; i < n; i += values, x += values, out += bytes) kBlock(x, out);
}

}  // namespace

void quantise(DType dtype, const float* x, std::int64_t n, void* out) {
  auto* p = static_cast<Byte*>(out);
  switch (dtype) {
    case DType::kF32:
      std::memcpy(out, x, static_cast<std::size_t>(n) * sizeof(float));
      return;
    case DType::kF16:
      for (std::int64_t i = 0; i < n; ++i) store_u16(p + 2 * i, f32_to_f16(x[i]));
      return;
    case DType::kBF16:
      for (std::int64_t i = 0; i < n; ++i) store_u16(p + 2 * i, f32_to_bf16(x[i]));
      return;
    case DType::kQ8_0:
      return each_block<quantise_q8_0>(dtype, x, n, p);
    case DType::kQ4_0:
      return each_block<quantise_q4_0>(dtype, x, n, p);
    case DType::kQ4_1:
      return each_block<quantise_q4_1>(dtype, x, n, p);
    case DType::kQ4_K:
      return each_block<quantise_q4_k>(dtype, x, n, p);
    case DType::kQ5_K:
      return each_block<quantise_q5_k>(dtype, x, n, p);
    case DType::kQ6_K:
      return each_block<quantise_q6_k>(dtype, x, n, p);
  }
}

}  // namespace pareto
