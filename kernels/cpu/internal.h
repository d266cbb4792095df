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
MatmulKernel matmul(DType dtype, Numerics numerics);
std::size_t attend_scratch(int head_dim, int group);
void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out);
void rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps, float* out);
void rope(float* x, const std::int32_t* positions, std::int64_t rows, int heads, int head_dim, const float* cos,
          const float* sin, RopeStyle style);
void silu_mul(const float* gate, const float* up, std::int64_t n, float* out);
void add(float* x, const float* y, std::int64_t n);
void log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax);
void narrow(DType dtype, const float* x, std::int64_t n, void* out);
}  // namespace scalar

namespace avx2 {
MatmulKernel matmul_dense(DType dtype, Numerics numerics);
MatmulKernel matmul_quant(DType dtype, Numerics numerics);
std::size_t attend_scratch(int head_dim, int group);
void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out);
void rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps, float* out);
void rope(float* x, const std::int32_t* positions, std::int64_t rows, int heads, int head_dim, const float* cos,
          const float* sin, RopeStyle style);
void silu_mul(const float* gate, const float* up, std::int64_t n, float* out);
void add(float* x, const float* y, std::int64_t n);
void log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax);
void dequantise(DType dtype, const void* data, std::int64_t n, float* out);
void narrow(DType dtype, const float* x, std::int64_t n, void* out);
}  // namespace avx2

namespace avx512 {
MatmulKernel matmul_dense(DType dtype, Numerics numerics);
MatmulKernel matmul_quant(DType dtype, Numerics numerics);
std::size_t attend_scratch(int head_dim, int group);
void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out);
void rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps, float* out);
void rope(float* x, const std::int32_t* positions, std::int64_t rows, int heads, int head_dim, const float* cos,
          const float* sin, RopeStyle style);
void silu_mul(const float* gate, const float* up, std::int64_t n, float* out);
void add(float* x, const float* y, std::int64_t n);
void log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax);
void dequantise(DType dtype, const void* data, std::int64_t n, float* out);
void narrow(DType dtype, const float* x, std::int64_t n, void* out);
}  // namespace avx512

namespace avx512_bf16 {
std::size_t attend_scratch(int head_dim, int group);
// Over a bf16 cache: queries and softmax weights rounded to bf16, for fast numerics alone. Other caches: avx512's.
void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out);
}  // namespace avx512_bf16

namespace amx {
MatmulKernel matmul_dense(DType dtype, Numerics numerics);
MatmulKernel matmul_quant(DType dtype, Numerics numerics);
std::size_t attend_scratch(int head_dim, int group);
// As avx512_bf16's.
void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out);
}  // namespace amx

}  // namespace pareto::cpu
