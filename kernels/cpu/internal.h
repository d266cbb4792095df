// The functions that the instruction sets' tables (kernels_<isa>.cc) gather, by namespace = instruction set.
//
//   matmul_dense_<isa>.cc   F32, F16, BF16 weights          matmul_quant_<isa>.cc   GGUF's block formats
//   attend_<isa>.cc         attention over the paged cache  elementwise_<isa>.cc    the rest
//
// A table names only what exists; the others fall through (kernels.h). Files of one instruction set call no function
// that another file could share with other flags: helpers are static or in an unnamed namespace, and nothing of the
// standard library that does not vanish by inlining (no containers, no algorithms, no std::function).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/cpu/kernels.h"
#include "kernels/ops.h"

namespace pareto::cpu {

// What the processor has and the operating system saves.
struct CpuFeatures {
  bool avx2 = false;    // AVX2, FMA and F16C
  bool avx512 = false;  // F, BW, DQ and VL, on top of avx2
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool amx_bf16 = false;  // tile state granted by the kernel, on top of avx512 and avx512_bf16
  bool amx_int8 = false;  // likewise
};
const CpuFeatures& cpu_features();

// The plain definitions of what kernels.h leaves to the op table.
void route(const float* logits, std::int64_t m, int experts, int k, bool normalise, std::int32_t* experts_out,
           float* weights_out);
void scatter_add(float* x, std::span<const std::int32_t> rows, const float* weight, const float* y, std::int64_t dim);

namespace scalar {
MatmulFunction matmul;
AttendScratchFunction attend_scratch;
AttendFunction attend;
RmsNormFunction rmsnorm;
RopeFunction rope;
SiluMulFunction silu_mul;
AddFunction add;
LogSoftmaxFunction log_softmax;
NarrowFunction narrow;
}  // namespace scalar

namespace avx2 {
MatmulFunction matmul_dense, matmul_quant;
DequantiseFunction dequantise;
AttendScratchFunction attend_scratch;
AttendFunction attend;
RmsNormFunction rmsnorm;
RopeFunction rope;
SiluMulFunction silu_mul;
AddFunction add;
LogSoftmaxFunction log_softmax;
NarrowFunction narrow;
}  // namespace avx2

namespace avx512 {
MatmulFunction matmul_dense, matmul_quant;
DequantiseFunction dequantise;
AttendScratchFunction attend_scratch;
AttendFunction attend;
RmsNormFunction rmsnorm;
RopeFunction rope;
SiluMulFunction silu_mul;
AddFunction add;
LogSoftmaxFunction log_softmax;
NarrowFunction narrow;
}  // namespace avx512

// Over a bf16 cache: queries and softmax weights rounded to bf16, for fast numerics alone. Other caches: avx512's.
namespace avx512_bf16 {
AttendScratchFunction attend_scratch;
AttendFunction attend;
}  // namespace avx512_bf16

namespace amx {
MatmulFunction matmul_dense, matmul_quant;
AttendScratchFunction attend_scratch;
AttendFunction attend;  // as avx512_bf16's
}  // namespace amx

}  // namespace pareto::cpu
