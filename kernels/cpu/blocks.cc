#include "kernels/cpu/blocks.h"

#include <cmath>
#include <cstring>

#include "kernels/cpu/half.h"
#include "kernels/ops.h"

namespace pareto {
namespace {

using cpu::bf16_to_f32;
using cpu::f16_to_f32;
using Byte = std::uint8_t;

std::uint16_t load_u16(const Byte* p) {
  std::uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
float load_f16(const Byte* p) { return f16_to_f32(load_u16(p)); }

// The scale and the minimum of each of the eight sub-blocks of a Q4_K or Q5_K block.
struct SubScales {
  float scale[8], min[8];
};
SubScales sub_scales(const Byte* block) {
  const float d = load_f16(block), dmin = load_f16(block + 2);
  const Byte* s = block + 4;
  SubScales out;
  for (int j = 0; j < 4; ++j) {
    out.scale[j] = d * static_cast<float>(s[j] & 63);
    out.min[j] = dmin * static_cast<float>(s[j + 4] & 63);
    out.scale[j + 4] = d * static_cast<float>((s[j + 8] & 15) | (s[j] >> 6 << 4));
    out.min[j + 4] = dmin * static_cast<float>((s[j + 8] >> 4) | (s[j + 4] >> 6 << 4));
  }
  return out;
}

void dequantise_q8_0(const Byte* block, float* out) {
  const float d = load_f16(block);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(static_cast<std::int8_t>(block[2 + i]));
}

void dequantise_q4_0(const Byte* block, float* out) {
  const float d = load_f16(block);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((block[2 + i] & 15) - 8);
    out[i + 16] = d * static_cast<float>((block[2 + i] >> 4) - 8);
  }
}

void dequantise_q4_1(const Byte* block, float* out) {
  const float d = load_f16(block), m = load_f16(block + 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(block[4 + i] & 15) + m;
    out[i + 16] = d * static_cast<float>(block[4 + i] >> 4) + m;
  }
}

void dequantise_q4_k(const Byte* block, float* out) {
  const SubScales sub = sub_scales(block);
  const Byte* q = block + 16;
  for (int j = 0; j < 8; j += 2, q += 32, out += 64) {
    for (int i = 0; i < 32; ++i) out[i] = sub.scale[j] * static_cast<float>(q[i] & 15) - sub.min[j];
    for (int i = 0; i < 32; ++i) out[i + 32] = sub.scale[j + 1] * static_cast<float>(q[i] >> 4) - sub.min[j + 1];
  }
}

void dequantise_q5_k(const Byte* block, float* out) {
  const SubScales sub = sub_scales(block);
  const Byte *high = block + 16, *q = block + 48;
  for (int j = 0; j < 8; j += 2, q += 32, out += 64) {
    for (int i = 0; i < 32; ++i) {
      const int low = (q[i] & 15) | (high[i] >> j & 1) << 4, up = (q[i] >> 4) | (high[i] >> (j + 1) & 1) << 4;
      out[i] = sub.scale[j] * static_cast<float>(low) - sub.min[j];
      out[i + 32] = sub.scale[j + 1] * static_cast<float>(up) - sub.min[j + 1];
    }
  }
}

void dequantise_q6_k(const Byte* block, float* out) {
  const Byte *low = block, *high = block + 128, *scales = block + 192;
  const float d = load_f16(block + 208);
  float scale[16];
  for (int j = 0; j < 16; ++j) scale[j] = d * static_cast<float>(static_cast<std::int8_t>(scales[j]));
  for (int half = 0; half < 2; ++half, low += 64, high += 32, out += 128) {
    for (int i = 0; i < 32; ++i) {
      const float* s = scale + 8 * half + i / 16;
      out[i] = s[0] * static_cast<float>(((low[i] & 15) | (high[i] & 3) << 4) - 32);
      out[i + 32] = s[2] * static_cast<float>(((low[i + 32] & 15) | (high[i] >> 2 & 3) << 4) - 32);
      out[i + 64] = s[4] * static_cast<float>(((low[i] >> 4) | (high[i] >> 4 & 3) << 4) - 32);
      out[i + 96] = s[6] * static_cast<float>(((low[i + 32] >> 4) | (high[i] >> 6) << 4) - 32);
    }
  }
}

template <void (*kBlock)(const Byte*, float*)>
void each_block(DType dtype, const Byte* data, std::int64_t n, float* out) {
  const int values = dtype_block(dtype), bytes = dtype_block_bytes(dtype);
  for (std::int64_t i = 0; i < n; i += values, data += bytes, out += values) kBlock(data, out);
}

// Whether the exponent bits of an f16 are all ones: NaN or infinity.
bool bad_f16(const Byte* p) { return (load_u16(p) & 0x7c00) == 0x7c00; }

}  // namespace

void dequantise(DType dtype, const void* data, std::int64_t n, float* out) {
  const auto* p = static_cast<const Byte*>(data);
  switch (dtype) {
    case DType::kF32:
      std::memcpy(out, data, static_cast<std::size_t>(n) * sizeof(float));
      return;
    case DType::kF16:
      for (std::int64_t i = 0; i < n; ++i) out[i] = load_f16(p + 2 * i);
      return;
    case DType::kBF16:
      for (std::int64_t i = 0; i < n; ++i) out[i] = bf16_to_f32(load_u16(p + 2 * i));
      return;
    case DType::kQ8_0:
      return each_block<dequantise_q8_0>(dtype, p, n, out);
    case DType::kQ4_0:
      return each_block<dequantise_q4_0>(dtype, p, n, out);
    case DType::kQ4_1:
      return each_block<dequantise_q4_1>(dtype, p, n, out);
    case DType::kQ4_K:
      return each_block<dequantise_q4_k>(dtype, p, n, out);
    case DType::kQ5_K:
      return each_block<dequantise_q5_k>(dtype, p, n, out);
    case DType::kQ6_K:
      return each_block<dequantise_q6_k>(dtype, p, n, out);
  }
}

std::int64_t first_bad_block(DType dtype, const void* data, std::int64_t n) {
  const auto* p = static_cast<const Byte*>(data);
  const int bytes = dtype_block_bytes(dtype);
  const std::int64_t blocks = n / dtype_block(dtype);
  if (dtype == DType::kF32 || dtype == DType::kBF16) {
    const int top = dtype == DType::kF32 ? 2 : 0;  // the half that has the exponent
    for (std::int64_t i = 0; i < n; ++i) {
      if ((load_u16(p + i * bytes + top) & 0x7f80) == 0x7f80) return i;
    }
    return -1;
  }
  const int first = dtype == DType::kQ6_K ? 208 : 0;
  const bool two = dtype == DType::kQ4_1 || dtype == DType::kQ4_K || dtype == DType::kQ5_K;
  const int second = two ? 2 : first;
  for (std::int64_t i = 0; i < blocks; ++i, p += bytes) {
    if (bad_f16(p + first) || bad_f16(p + second)) return i;
  }
  return -1;
}

}  // namespace pareto
