// The elementwise ops for AVX-512: elementwise_simd.h on its vectors.
#include "kernels/cpu/simd_avx512.h"
// The vectors come first.
#include "kernels/cpu/elementwise_simd.h"
#include "kernels/cpu/internal.h"

namespace pareto::cpu::avx512 {

void rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps, float* out) {
  simd_rmsnorm(x, weight, rows, dim, eps, out);
}

void rope(float* x, const std::int32_t* positions, std::int64_t rows, int heads, int head_dim, const float* cos,
          const float* sin, RopeStyle style) {
  simd_rope(x, positions, rows, heads, head_dim, cos, sin, style);
}

void silu_mul(const float* gate, const float* up, std::int64_t n, float* out) { simd_silu_mul(gate, up, n, out); }

void add(float* x, const float* y, std::int64_t n) { simd_add(x, y, n); }

void log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax) {
  simd_log_softmax(logits, rows, vocab, lse, argmax);
}

void narrow(DType dtype, const float* x, std::int64_t n, void* out) { simd_narrow(dtype, x, n, out); }

void dequantise(DType dtype, const void* data, std::int64_t n, float* out) { simd_dequantise(dtype, data, n, out); }

}  // namespace pareto::cpu::avx512
