// The AVX-512 table. This file must be entered on any processor: it only names functions.
#include "kernels/cpu/internal.h"

namespace pareto::cpu {
namespace {

MatmulKernel matmul(DType dtype, Numerics numerics) {
  return is_quantised(dtype) ? avx512::matmul_quant(dtype, numerics) : avx512::matmul_dense(dtype, numerics);
}

}  // namespace

const Kernels* avx512_kernels() {
  static const Kernels kernels = {
      .isa = "avx512",
      .matmul = matmul,
      .attend_scratch = avx512::attend_scratch,
      .attend = avx512::attend,
      .rmsnorm = avx512::rmsnorm,
      .rope = avx512::rope,
      .silu_mul = avx512::silu_mul,
      .add = avx512::add,
      .log_softmax = avx512::log_softmax,
      .dequantise = avx512::dequantise,
      .narrow = avx512::narrow,
  };
  return cpu_features().avx512 ? &kernels : nullptr;
}

}  // namespace pareto::cpu
