// Dense products on AVX2, FMA and F16C (matmul_dense.h). Activations stay f32 in both numerics: nothing here multiplies
// bf16 pairs, so a bf16 weight is widened and kFast equals kReference.
#include "kernels/cpu/internal.h"
#include "kernels/cpu/matmul_dense.h"

namespace pareto::cpu::avx2 {
namespace {

// What all weights share. Twelve chains, three vectors of x and one of the weight fill the sixteen registers.
struct F32Activations {
  using XElement = float;
  using TElement = float;
  using Sum = __m256;
  using Operand = __m256;
  static constexpr int kStep = 8, kGroup = 3;
  static i64 stride(i64 k) { return k; }
  static Sum zero() { return _mm256_setzero_ps(); }
  static Operand load_x(const float* p) { return _mm256_loadu_ps(p); }
  static Operand load_x_tail(const float* p, i64 n) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lanes));
  }
  static Operand load_tile(const float* p) { return load_x(p); }
  static Operand load_tile_tail(const float* p, i64 n) { return load_x_tail(p, n); }
  static void store_tile(float* p, Operand v) { _mm256_store_ps(p, v); }
  // In place. Left to itself the compiler folds the loads of w and x into every multiply-add that uses them, and copies
  // accumulators about, which costs a third of the speed.
  static void multiply_add(Sum& sum, Operand w, Operand x) {
    asm("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(w), "x"(x));
  }
  static __m128 fold4(Sum a, Sum b, Sum c, Sum d) { return fold4_256(a, b, c, d); }
};

struct F32 : F32Activations {
  using WElement = float;
  static constexpr bool kWiden = false;
  static Operand load_w(const float* p) { return load_x(p); }
  static Operand load_w_tail(const float* p, i64 n) { return load_x_tail(p, n); }
};

// The last n < 8 halves, zeros behind them. In registers: a copy loop would become a call of memcpy.
inline __m128i load_tail16(const std::uint16_t* p, i64 n) {
  std::uint64_t half[2] = {0, 0};
  for (i64 i = 0; i < n; ++i) half[i / 4] |= std::uint64_t{p[i]} << (16 * (i % 4));
  return _mm_set_epi64x(static_cast<long long>(half[1]), static_cast<long long>(half[0]));
}
inline __m128i load16(const std::uint16_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

struct F16 : F32Activations {
  using WElement = std::uint16_t;
  static constexpr bool kWiden = true;
  static Operand load_w(const WElement* p) { return _mm256_cvtph_ps(load16(p)); }
  static Operand load_w_tail(const WElement* p, i64 n) { return _mm256_cvtph_ps(load_tail16(p, n)); }
};

struct BF16 : F32Activations {
  using WElement = std::uint16_t;
  static constexpr bool kWiden = true;
  static Operand widen(__m128i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16)); }
  static Operand load_w(const WElement* p) { return widen(load16(p)); }
  static Operand load_w_tail(const WElement* p, i64 n) { return widen(load_tail16(p, n)); }
};

}  // namespace

MatmulKernel matmul_dense(DType dtype, Numerics) {
  MatmulKernel kernel;
  switch (dtype) {
    case DType::kF32:
      kernel.run = Dense<F32>::run;
      break;
    case DType::kF16:
      kernel.run = Dense<F16>::run;
      break;
    case DType::kBF16:
      kernel.run = Dense<BF16>::run;
      break;
    default:
      break;
  }
  return kernel;
}

}  // namespace pareto::cpu::avx2
