// The table of what AVX-512 BF16 adds to AVX-512 beyond the matrix products, which find it themselves. This file must
// be entered on any processor: it only names functions.
#include "kernels/cpu/internal.h"

namespace pareto::cpu {

const Kernels* avx512_bf16_kernels() {
  static const Kernels kernels = {.isa = "avx512_bf16",
                                  .attend_scratch = avx512_bf16::attend_scratch,
                                  .attend = avx512_bf16::attend,
                                  .attend_numerics = Numerics::kFast};
  return cpu_features().avx512_bf16 ? &kernels : nullptr;
}

}  // namespace pareto::cpu
