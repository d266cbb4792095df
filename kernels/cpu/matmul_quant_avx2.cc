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
  return numerics == Numerics::kReference ? reference_kernel<dense_f32>(dtype) : quant_kernel<EightRows>(dtype);
}

}  // namespace pareto::cpu::avx2
