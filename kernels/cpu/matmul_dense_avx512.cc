// Dense products on AVX-512 (matmul_dense.h): f32 activations, and for bf16 weights in fast numerics bf16 activations
// with vdpbf16ps, where the processor has it: pairs of products, rounded once to f32.
#include "kernels/cpu/internal.h"
#include "kernels/cpu/matmul_dense.h"

namespace pareto::cpu::avx512 {
namespace {

// The lower half of the lanes is added to the upper one, then as AVX2 does.
inline __m128 fold4_512(__m512 a, __m512 b, __m512 c, __m512 d) {
  const auto half = [](__m512 v) { return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)); };
  return fold4_256(half(a), half(b), half(c), half(d));
}

inline __mmask16 first16(i64 n) { return static_cast<__mmask16>((1u << n) - 1); }

// What all weights share in f32. 24 chains, six vectors of x and one of the weight of 32 registers.
struct F32Activations {
  using XElement = float;
  using TElement = float;
  using Sum = __m512;
  using Operand = __m512;
  static constexpr int kStep = 16, kGroup = 6;
  static i64 stride(i64 k) { return k; }
  static Sum zero() { return _mm512_setzero_ps(); }
  static Operand load_x(const float* p) { return _mm512_loadu_ps(p); }
  static Operand load_x_tail(const float* p, i64 n) { return _mm512_maskz_loadu_ps(first16(n), p); }
  static Operand load_tile(const float* p) { return load_x(p); }
  static Operand load_tile_tail(const float* p, i64 n) { return load_x_tail(p, n); }
  static void store_tile(float* p, Operand v) { _mm512_store_ps(p, v); }
  static void multiply_add(Sum& sum, Operand w, Operand x) { sum = _mm512_fmadd_ps(w, x, sum); }
  static __m128 fold4(Sum a, Sum b, Sum c, Sum d) { return fold4_512(a, b, c, d); }
};

struct F32 : F32Activations {
  using WElement = float;
  static constexpr bool kWiden = false;
  static Operand load_w(const float* p) { return load_x(p); }
  static Operand load_w_tail(const float* p, i64 n) { return load_x_tail(p, n); }
};

inline __m256i load16(const std::uint16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline __m256i load_tail16(const std::uint16_t* p, i64 n) { return _mm256_maskz_loadu_epi16(first16(n), p); }

struct F16 : F32Activations {
  using WElement = std::uint16_t;
  static constexpr bool kWiden = true;
  static Operand load_w(const WElement* p) { return _mm512_cvtph_ps(load16(p)); }
  static Operand load_w_tail(const WElement* p, i64 n) { return _mm512_cvtph_ps(load_tail16(p, n)); }
};

struct BF16 : F32Activations {
  using WElement = std::uint16_t;
  static constexpr bool kWiden = true;
  static Operand widen(__m256i v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16)); }
  static Operand load_w(const WElement* p) { return widen(load16(p)); }
  static Operand load_w_tail(const WElement* p, i64 n) { return widen(load_tail16(p, n)); }
};

// bf16 times bf16. Prepared rows of x are padded with zeros to whole vectors.
struct BF16Pairs {
  using WElement = std::uint16_t;
  using XElement = std::uint16_t;
  using TElement = std::uint16_t;
  using Sum = __m512;
  using Operand = __m512i;
  static constexpr int kStep = 32, kGroup = 6;
  static constexpr bool kWiden = false;
  static i64 stride(i64 k) { return (k + kStep - 1) / kStep * kStep; }
  static Sum zero() { return _mm512_setzero_ps(); }
  static Operand load_w(const WElement* p) { return _mm512_loadu_si512(p); }
  static Operand load_w_tail(const WElement* p, i64 n) {
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>((1u << n) - 1), p);
  }
  static Operand load_x(const XElement* p) { return _mm512_loadu_si512(p); }
  static Operand load_x_tail(const XElement* p, i64) { return load_x(p); }
  static Operand load_tile(const TElement* p) { return load_w(p); }
  static Operand load_tile_tail(const TElement* p, i64 n) { return load_w_tail(p, n); }
  static void multiply_add(Sum& sum, Operand w, Operand x) {
    sum = _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
  }
  static __m128 fold4(Sum a, Sum b, Sum c, Sum d) { return fold4_512(a, b, c, d); }
};

std::size_t pairs_bytes(i64 m, i64 k) {
  return static_cast<std::size_t>(m * BF16Pairs::stride(k)) * sizeof(std::uint16_t);
}

void prepare_pairs(const float* x, i64, i64 k, i64 begin, i64 end, void* prepared) {
  const i64 stride = BF16Pairs::stride(k);
  for (i64 i = begin; i < end; ++i) {
    const float* from = x + i * k;
    std::uint16_t* to = static_cast<std::uint16_t*>(prepared) + i * stride;
    for (i64 j = 0; j < stride; j += 16) {
      const i64 left = k - j;
      const __m512 v = left >= 16 ? _mm512_loadu_ps(from + j)
                       : left > 0 ? _mm512_maskz_loadu_ps(first16(left), from + j)
                                  : _mm512_setzero_ps();
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + j), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)));
    }
  }
}

}  // namespace

MatmulKernel matmul_dense(DType dtype, Numerics numerics) {
  MatmulKernel kernel;
  switch (dtype) {
    case DType::kF32:
      kernel.run = Dense<F32>::run;
      break;
    case DType::kF16:
      kernel.run = Dense<F16>::run;
      break;
    case DType::kBF16:
      if (numerics == Numerics::kFast && cpu_features().avx512_bf16) {
        kernel.prepared_bytes = pairs_bytes;
        kernel.prepare = prepare_pairs;
        kernel.run = Dense<BF16Pairs>::run;
        kernel.divisible = true;
      } else {
        kernel.run = Dense<BF16>::run;
      }
      break;
    default:
      break;
  }
  return kernel;
}

}  // namespace pareto::cpu::avx512
