// What one instruction set contributes to the CPU op table: inner loops on a part of the output, on one thread.
//
// cpu_ops.cc owns threads, scratch memory and dispatch; a file of kernels owns nothing. Each instruction set lives in
// files of its own, compiled with that set's flags, and is entered only after the processor said that it has it.
//
// A matrix product runs in two steps, so that the input is converted once for all matrices that share it:
//   prepare  x[m, k] in f32 → the form that the inner loop reads (f32 as it is, bf16 pairs, int8 blocks with scales, …)
//   run      rows [begin, end) of the weight against all m prepared rows
// Both treat every row of x alike, so an output element never depends on m (ops.h, Determinism).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/ops.h"

namespace pareto::cpu {

inline constexpr std::int64_t kLeastSplitRows = 128;  // of x, or of the weight, for one thread

struct MatmulKernel {
  // Bytes of the prepared form of x[m, k]; its buffer is 64-byte aligned. Null, like prepare: run reads x itself.
  std::size_t (*prepared_bytes)(std::int64_t m, std::int64_t k) = nullptr;
  // Prepares rows [begin, end) of x[m, k]. Different rows may be prepared by different threads.
  void (*prepare)(const float* x, std::int64_t m, std::int64_t k, std::int64_t begin, std::int64_t end,
                  void* prepared) = nullptr;
  // out[i * ldo + r] = Σ_k prepared[i, k] w[r, k] + bias[r], i in [0, m), r in [begin, end); bias may be null.
  void (*run)(const Weight& w, const void* prepared, std::int64_t m, std::int64_t begin, std::int64_t end,
              const float* bias, float* out, std::int64_t ldo) = nullptr;
  // Threads split the weight's rows at multiples of this; a prepare that works on groups of rows splits m by it too.
  int grain = 16;
  int prepare_grain = 1;
  // The prepared form of rows [b, m) is that of m - b rows alone and starts prepared_bytes(b, k) into the buffer, for b
  // a multiple of prepare_grain and parts of at least kLeastSplitRows rows: then threads may split the rows of x as
  // well. Always so where prepare is null.
  bool divisible = false;
};

// The functions of a table, as types: so that every instruction set declares the same ones.
//
// One sequence's queries [q0, q1) for kv heads [h0, h1); q and out point at the sequence's first row
// ([q_len, heads, head_dim]). Scratch of attend_scratch bytes, 64-byte aligned.
using AttendFunction = void(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads,
                            float scale, int window, int q0, int q1, int h0, int h1, void* scratch, float* out);
using AttendScratchFunction = std::size_t(int head_dim, int group);
using RmsNormFunction = void(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps,
                             float* out);
using RopeFunction = void(float* x, const std::int32_t* positions, std::int64_t rows, int heads, int head_dim,
                          const float* cos, const float* sin, RopeStyle style);
using SiluMulFunction = void(const float* gate, const float* up, std::int64_t n, float* out);
using AddFunction = void(float* x, const float* y, std::int64_t n);
using LogSoftmaxFunction = void(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax);
using DequantiseFunction = void(DType dtype, const void* data, std::int64_t n, float* out);
// f32 → f16 or bf16, round to nearest even.
using NarrowFunction = void(DType dtype, const float* x, std::int64_t n, void* out);
// The kernel for this weight dtype, or one with run == nullptr: then the next instruction set's is asked.
using MatmulFunction = MatmulKernel(DType dtype, Numerics numerics);

struct Kernels {
  const char* isa = "";
  MatmulFunction* matmul = nullptr;
  AttendScratchFunction* attend_scratch = nullptr;
  AttendFunction* attend = nullptr;
  Numerics attend_numerics = Numerics::kReference;  // the loosest that this attention is good for: kFast rounds to bf16
  RmsNormFunction* rmsnorm = nullptr;
  RopeFunction* rope = nullptr;
  SiluMulFunction* silu_mul = nullptr;
  AddFunction* add = nullptr;
  LogSoftmaxFunction* log_softmax = nullptr;
  DequantiseFunction* dequantise = nullptr;
  NarrowFunction* narrow = nullptr;
};

// Null members fall through to the next table in the chain amx → avx512_bf16 → avx512 → avx2 → scalar. Each returns
// null where the processor lacks the instructions.
const Kernels* scalar_kernels();       // the plain definition: never null, complete
const Kernels* avx2_kernels();         // AVX2, FMA, F16C
const Kernels* avx512_kernels();       // AVX-512 F/BW/DQ/VL, with VNNI and BF16 where the processor has them
const Kernels* avx512_bf16_kernels();  // attention with products of bf16 pairs
const Kernels* amx_kernels();          // AMX tiles: bf16 and int8 matrix products

}  // namespace pareto::cpu
