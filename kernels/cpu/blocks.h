// GGUF's quantised blocks, and plain f16 and bf16: dequantise() and quantise() of ops.h, and the check of scales.
//
// Byte layouts; f16 is little-endian; a nibble's low half comes first:
//   Q8_0  d f16 | q int8[32]                                        x = d q
//   Q4_0  d f16 | q nibble[32]: low halves 0–15, high 16–31         x = d (q - 8)
//   Q4_1  d f16 | m f16 | q as Q4_0                                 x = d q + m
//   Q4_K  d f16 | dmin f16 | scales[12] | q nibble[256]             x = d s q - dmin m, per sub-block of 32
//   Q5_K  d f16 | dmin f16 | scales[12] | high bits[32] | q [128]   likewise, 5 bits
//   Q6_K  low nibbles[128] | high 2 bits[64] | s int8[16] | d f16   x = d s (q - 32), per sub-block of 16
// scales[12] packs eight 6-bit scales s and eight 6-bit minima m: bytes 0–3 hold s0–s3 in their low 6 bits, bytes 4–7
// m0–m3; bytes 8–11 hold the low nibbles of s4–s7 (low) and m4–m7 (high); the top two bits of bytes 0–3 and 4–7 are the
// top two of s4–s7 and m4–m7. Nibbles of the K types: 32 bytes hold one sub-block low and the next one high.
#pragma once

#include <cstdint>

#include "core/types.h"

namespace pareto {

// The index of the first block of `n` values whose scale or minimum is NaN or infinite, or -1. Plain types: the first
// such value. REQUIRES: n is a multiple of the block.
std::int64_t first_bad_block(DType dtype, const void* data, std::int64_t n);

}  // namespace pareto
