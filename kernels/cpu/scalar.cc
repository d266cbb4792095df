// The scalar table: every kernel in portable C++, the end of every dispatch chain. Sums run over eight lanes that are
// folded in a fixed order, so that results depend neither on the compiler's vectors nor on the batch.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/cpu/half.h"
#include "kernels/cpu/internal.h"

namespace pareto::cpu {
namespace scalar {
namespace {

constexpr std::int64_t kChunk = 256;  // weights dequantised at a time: the largest block

float fold(const float (&lane)[8]) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

// out[i, r] for all rows of x: a row of the weight is dequantised once, its lanes are kept per row of x in groups.
void run(const Weight& w, const void* prepared, std::int64_t m, std::int64_t begin, std::int64_t end, const float* bias,
         float* out, std::int64_t ldo) {
  constexpr std::int64_t kRows = 8;
  const float* x = static_cast<const float*>(prepared);
  const std::int64_t k = w.cols;
  float weights[kChunk];
  for (std::int64_t r = begin; r < end; ++r) {
    const char* row = static_cast<const char*>(w.data) + r * w.row_bytes();
    for (std::int64_t i0 = 0; i0 < m; i0 += kRows) {
      const std::int64_t rows = std::min(kRows, m - i0);
      float lanes[kRows][8] = {};
      for (std::int64_t k0 = 0; k0 < k; k0 += kChunk) {
        const std::int64_t n = std::min(kChunk, k - k0);
        pareto::dequantise(w.dtype, row + dtype_bytes(w.dtype, k0), n, weights);
        for (std::int64_t i = 0; i < rows; ++i) {
          const float* xi = x + (i0 + i) * k + k0;
          std::int64_t j = 0;
          for (; j + 8 <= n; j += 8) {
            for (int l = 0; l < 8; ++l) lanes[i][l] += weights[j + l] * xi[j + l];
          }
          for (; j < n; ++j) lanes[i][j % 8] += weights[j] * xi[j];
        }
      }
      for (std::int64_t i = 0; i < rows; ++i) out[(i0 + i) * ldo + r] = fold(lanes[i]) + (bias ? bias[r] : 0.0f);
    }
  }
}

}  // namespace

MatmulKernel matmul(DType, Numerics) {
  MatmulKernel kernel;
  kernel.run = run;
  kernel.grain = 1;
  return kernel;
}

void rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps, float* out) {
  for (std::int64_t i = 0; i < rows; ++i, x += dim, out += dim) {
    float lanes[8] = {};
    for (std::int64_t j = 0; j < dim; ++j) lanes[j % 8] += x[j] * x[j];
    const float scale = 1.0f / std::sqrt(fold(lanes) / static_cast<float>(dim) + eps);
    for (std::int64_t j = 0; j < dim; ++j) out[j] = x[j] * scale * weight[j];
  }
}

void rope(float* x, const std::int32_t* positions, std::int64_t rows, int heads, int head_dim, const float* cos,
          const float* sin, RopeStyle style) {
  const int half = head_dim / 2;
  const int step = style == RopeStyle::kHalves ? 1 : 2, partner = style == RopeStyle::kHalves ? half : 1;
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* c = cos + static_cast<std::int64_t>(positions[i]) * half;
    const float* s = sin + static_cast<std::int64_t>(positions[i]) * half;
    for (int h = 0; h < heads; ++h, x += head_dim) {
      for (int j = 0; j < half; ++j) {
        const float a = x[j * step], b = x[j * step + partner];
        x[j * step] = a * c[j] - b * s[j];
        x[j * step + partner] = b * c[j] + a * s[j];
      }
    }
  }
}

void silu_mul(const float* gate, const float* up, std::int64_t n, float* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void add(float* x, const float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] += y[i];
}

void log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax) {
  for (std::int64_t i = 0; i < rows; ++i, logits += vocab) {
    std::int64_t best = 0;
    for (std::int64_t j = 1; j < vocab; ++j) best = logits[j] > logits[best] ? j : best;
    const float max = logits[best];
    float lanes[8] = {};
    for (std::int64_t j = 0; j < vocab; ++j) lanes[j % 8] += std::exp(logits[j] - max);
    lse[i] = std::isinf(max) ? max : max + std::log(fold(lanes));
    argmax[i] = static_cast<Token>(best);
  }
}

void narrow(DType dtype, const float* x, std::int64_t n, void* out) {
  if (dtype == DType::kF32) {
    std::memcpy(out, x, static_cast<std::size_t>(n) * sizeof(float));
    return;
  }
  auto* to = static_cast<std::uint16_t*>(out);
  if (dtype == DType::kF16) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = f32_to_f16(x[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i] = f32_to_bf16(x[i]);
  }
}

}  // namespace scalar

const Kernels* scalar_kernels() {
  static const Kernels kernels = {
      .isa = "scalar",
      .matmul = scalar::matmul,
      .attend_scratch = scalar::attend_scratch,
      .attend = scalar::attend,
      .rmsnorm = scalar::rmsnorm,
      .rope = scalar::rope,
      .silu_mul = scalar::silu_mul,
      .add = scalar::add,
      .log_softmax = scalar::log_softmax,
      .dequantise = pareto::dequantise,
      .narrow = scalar::narrow,
  };
  return &kernels;
}

}  // namespace pareto::cpu
