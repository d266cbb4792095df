// The AVX2 table. This file must be entered on any processor: it only names functions.
#include "kernels/cpu/internal.h"

namespace pareto::cpu {
namespace {

MatmulKernel matmul(DType dtype, Numerics numerics) { return avx2::matmul_dense(dtype, numerics); }

}  // namespace

const Kernels* avx2_kernels() {
  static const Kernels kernels = {.isa = "avx2", .matmul = matmul};
  return cpu_features().avx2 ? &kernels : nullptr;
}

}  // namespace pareto::cpu
