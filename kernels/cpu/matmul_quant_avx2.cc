// Products of GGUF's quantised weights for AVX2: quant_matmul.h in fast numerics, f32 on dequantised rows in reference.
#include <immintrin.h>
// The vectors come first.
#include "kernels/cpu/internal.h"
#include "kernels/cpu/quant_matmul.h"
#include "kernels/cpu/quant_reference.h"

namespace pareto::cpu::avx2 {
namespace {

MatmulKernel dense_f32() { return matmul_dense(DType::kF32, Numerics::kReference); }

}  // namespace

MatmulKernel matmul_quant(DType dtype, Numerics numerics) {
  if (numerics == Numerics::kReference) return reference_kernel<dense_f32>(dtype);
  switch (dtype) {
    case DType::kQ8_0:
      return quant_kernel<Q8_0>();
    case DType::kQ4_0:
      return quant_kernel<Q4_0>();
    case DType::kQ4_1:
      return quant_kernel<Q4_1>();
    case DType::kQ4_K:
      return quant_kernel<Q4_K>();
    case DType::kQ5_K:
      return quant_kernel<Q5_K>();
    case DType::kQ6_K:
      return quant_kernel<Q6_K>();
    default:
      return {};
  }
}

}  // namespace pareto::cpu::avx2
