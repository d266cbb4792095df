// The AVX-512 table. This file must be entered on any processor: it only names functions.
#include "kernels/cpu/internal.h"

namespace pareto::cpu {
namespace {

MatmulKernel matmul(DType, Numerics) { return {}; }

}  // namespace

const Kernels* avx512_kernels() {
  static const Kernels kernels = {.isa = "avx512", .matmul = matmul};
  return cpu_features().avx512 ? &kernels : nullptr;
}

}  // namespace pareto::cpu
