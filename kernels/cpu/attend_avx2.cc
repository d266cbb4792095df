// Attention for AVX2: attend_simd.h on its vectors.
#include "kernels/cpu/simd_avx2.h"
// The vectors come first.
#include "kernels/cpu/attend_simd.h"
#include "kernels/cpu/internal.h"

namespace pareto::cpu::avx2 {

std::size_t attend_scratch(int head_dim, int group) { return simd_attend_scratch(head_dim, group); }

void attend(const float* q, const KvCache& cache, const AttendSequence& sequence, int heads, float scale, int window,
            int q0, int q1, int h0, int h1, void* scratch, float* out) {
  simd_attend(q, cache, sequence, heads, scale, window, q0, q1, h0, h1, scratch, out);
}

}  // namespace pareto::cpu::avx2
