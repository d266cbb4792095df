// Products of quantised weights in reference numerics: a few rows at a time become f32, and then the f32 product.
//
// Included by *_avx2.cc and *_avx512.cc alone; everything but thread_tile has internal linkage (internal.h).
#pragma once

#include <cstddef>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/quant_formats.h"
#include "kernels/cpu/quant_scratch.h"

namespace pareto::cpu {
namespace {

constexpr int kReferenceRows = 16;

// kDense() is the f32 kernel, whose sums do not depend on how the rows are split (ops.h, Determinism).
template <class F, MatmulKernel (*kDense)()>
void reference_run(const Weight& w, const void* x, std::int64_t m, std::int64_t begin, std::int64_t end,
                   const float* bias, float* out, std::int64_t ldo) {
  const MatmulKernel dense = kDense();
  float* tile = thread_tile(static_cast<std::size_t>(kReferenceRows * w.cols));
  const std::int64_t blocks = w.cols / F::kValues, row_bytes = blocks * F::kBytes;
  for (std::int64_t r = begin; r < end; r += kReferenceRows) {
    const int n = static_cast<int>(end - r < kReferenceRows ? end - r : kReferenceRows);
    for (int i = 0; i < n; i += kRows) {
      dequantise_rows<F>(static_cast<const Byte*>(w.data) + (r + i) * row_bytes, row_bytes,
                         n - i < kRows ? n - i : kRows, blocks, tile + i * w.cols, w.cols);
    }
    dense.run({tile, DType::kF32, n, w.cols}, x, m, 0, n, bias ? bias + r : nullptr, out + r, ldo);
  }
}

template <class F, MatmulKernel (*kDense)()>
MatmulKernel reference_kernel() {
  MatmulKernel kernel = kDense();
  if (!kernel.run) return {};
  kernel.run = reference_run<F, kDense>;
  kernel.grain = kReferenceRows;
  return kernel;
}

template <MatmulKernel (*kDense)()>
MatmulKernel reference_kernel(DType dtype) {
  switch (dtype) {
    case DType::kQ8_0:
      return reference_kernel<Q8_0, kDense>();
    case DType::kQ4_0:
      return reference_kernel<Q4_0, kDense>();
    case DType::kQ4_1:
      return reference_kernel<Q4_1, kDense>();
    case DType::kQ4_K:
      return reference_kernel<Q4_K, kDense>();
    case DType::kQ5_K:
      return reference_kernel<Q5_K, kDense>();
    case DType::kQ6_K:
      return reference_kernel<Q6_K, kDense>();
    default:
      return {};
  }
}

}  // namespace
}  // namespace pareto::cpu
