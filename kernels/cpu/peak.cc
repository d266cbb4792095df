// Which loop shows the peak of which table.
#include "kernels/cpu/peak.h"

#include "kernels/cpu/internal.h"

namespace pareto::cpu {

PeakLoop peak_loop(std::string_view isa, std::string_view kind) {
  const CpuFeatures& has = cpu_features();
  const bool wide = isa == "amx" || isa == "avx512_bf16" || isa == "avx512";
  if (!wide && isa != "avx2") return nullptr;
  if (kind == "bf16" && isa == "amx" && has.amx_bf16) return amx::peak_bf16;
  if (kind == "bf16" && wide && has.avx512_bf16) return avx512::peak_bf16;
  if (kind == "int8" && isa == "amx" && has.amx_int8) return amx::peak_int8;
  if (kind == "int8" && wide && has.avx512_vnni) return avx512::peak_int8;
  if (kind == "int8") return avx2::peak_int8;
  return wide ? avx512::peak_f32 : avx2::peak_f32;  // bf16 weights are widened where nothing multiplies them
}

}  // namespace pareto::cpu
