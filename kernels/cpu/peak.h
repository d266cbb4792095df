// Arithmetic at its limit: loops that touch no memory, for the FLOP ceiling (profiles/ceilings.h).
#pragma once

#include <cstdint>
#include <string_view>

namespace pareto::cpu {

// Runs `iterations` rounds on the calling thread and returns the FLOPs of them (a multiply-add is 2).
using PeakLoop = double (*)(std::int64_t iterations);

namespace avx2 {
double peak_f32(std::int64_t iterations);   // 8 lanes of fused multiply-add
double peak_int8(std::int64_t iterations);  // vpmaddubsw, vpmaddwd, vpaddd: 32 products
}  // namespace avx2
namespace avx512 {
double peak_f32(std::int64_t iterations);   // 16 lanes of fused multiply-add
double peak_bf16(std::int64_t iterations);  // vdpbf16ps: 32 products
double peak_int8(std::int64_t iterations);  // vpdpbusd: 64 products
}  // namespace avx512
namespace amx {
double peak_bf16(std::int64_t iterations);  // tdpbf16ps: 16 × 16 × 32 products
double peak_int8(std::int64_t iterations);  // tdpbusd: 16 × 16 × 64 products
}  // namespace amx

// The loop of what the table `isa` (a name of cpu_isas()) multiplies a weight of this kind with, "f32", "bf16" or
// "int8"; null where there is none to measure (the portable tables). REQUIRES: the processor runs `isa`.
PeakLoop peak_loop(std::string_view isa, std::string_view kind);

}  // namespace pareto::cpu
