// exp and 2^x on Simd's lanes, the same code for full vectors and tails, so that a value never depends on where it
// stands.
//
//   x = k + f, |f| ≤ 1/2:  2^x = 2^k P(f), P the minimax polynomial of degree 6 with P(0) = 1 (relative error 2.6e-9 in
//   exact arithmetic). Results below the smallest normal number are zero; NaN stays NaN.
//
// k is found by adding 1.5 · 2^23 + 127: the sum's low bits are k + 127, the exponent field of 2^k.
#pragma once

namespace pareto::cpu {
namespace {

constexpr float kRound = 12582912.0f + 127.0f;

// 2^x. REQUIRES: x < 128, or NaN.
inline Simd::F exp2(Simd::F x) {
  using S = Simd;
  const S::F biased = S::add(x, S::set(kRound));
  const S::F f = S::sub(x, S::sub(biased, S::set(kRound)));
  S::F p = S::set(0x1.470b4ap-13f);
  p = S::fma(p, f, S::set(0x1.5f7276p-10f));
  p = S::fma(p, f, S::set(0x1.3b270ep-7f));
  p = S::fma(p, f, S::set(0x1.c6ae72p-5f));
  p = S::fma(p, f, S::set(0x1.ebfbe2p-3f));
  p = S::fma(p, f, S::set(0x1.62e432p-1f));
  p = S::fma(p, f, S::set(1.0f));
  return S::keep_unless_below(S::mul(p, S::power_of_two(biased)), x, S::set(-125.5f));
}

// e^x; x above 88 counts as 88. The remainder is taken in two steps, so that its error stays below one ulp.
inline Simd::F exp(Simd::F x) {
  using S = Simd;
  x = S::min(S::set(88.0f), x);
  const S::F biased = S::fma(x, S::set(0x1.715476p+0f), S::set(kRound));
  const S::F k = S::sub(biased, S::set(kRound));
  S::F f = S::fnma(k, S::set(0x1.62e4p-1f), x);
  f = S::fnma(k, S::set(0x1.7f7d1cp-20f), f);
  S::F p = S::set(0x1.709b6ep-10f);
  p = S::fma(p, f, S::set(0x1.129042p-7f));
  p = S::fma(p, f, S::set(0x1.55515ep-5f));
  p = S::fma(p, f, S::set(0x1.5553c2p-3f));
  p = S::fma(p, f, S::set(0x1.000002p-1f));
  p = S::fma(p, f, S::set(0x1.0p+0f));
  p = S::fma(p, f, S::set(1.0f));
  return S::keep_unless_below(S::mul(p, S::power_of_two(biased)), x, S::set(-87.0f));
}

}  // namespace
}  // namespace pareto::cpu
