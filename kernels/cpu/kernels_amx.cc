// The AMX table. This file must be entered on any processor: it only names functions.
#include "kernels/cpu/internal.h"

namespace pareto::cpu {
namespace {

MatmulKernel matmul(DType dtype, Numerics numerics) {
  return is_quantised(dtype) ? amx::matmul_quant(dtype, numerics) : amx::matmul_dense(dtype, numerics);
}

}  // namespace

const Kernels* amx_kernels() {
  static const Kernels kernels = {.isa = "amx",
                                  .matmul = matmul,
                                  .attend_scratch = amx::attend_scratch,
                                  .attend = amx::attend,
                                  .attend_numerics = Numerics::kFast};
  return cpu_features().amx_bf16 ? &kernels : nullptr;
}

}  // namespace pareto::cpu
