// The AVX2 table. This file must be entered on any processor: it only names functions.
#include "kernels/cpu/internal.h"

namespace pareto::cpu {
namespace {

MatmulKernel matmul(DType dtype, Numerics numerics) {
  return is_quantised(dtype) ? avx2::matmul_quant(dtype, numerics) : avx2::matmul_dense(dtype, numerics);
}

}  // namespace

const Kernels* avx2_kernels() {
  static const Kernels kernels = {
      .isa = "avx2",
      .matmul = matmul,
      .attend_scratch = avx2::attend_scratch,
      .attend = avx2::attend,
      .rmsnorm = avx2::rmsnorm,
      .rope = avx2::rope,
      .silu_mul = avx2::silu_mul,
      .add = avx2::add,
      .log_softmax = avx2::log_softmax,
      .dequantise = avx2::dequantise,
      .narrow = avx2::narrow,
  };
  return cpu_features().avx2 ? &kernels : nullptr;
}

}  // namespace pareto::cpu
