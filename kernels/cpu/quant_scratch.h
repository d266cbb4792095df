// A thread's scratch memory for dequantised rows.
#pragma once

#include <cstddef>

namespace pareto::cpu {

// `floats` f32 at a multiple of 64 bytes, until this thread's next call. Grows, never shrinks; freed with the thread.
float* thread_tile(std::size_t floats);

}  // namespace pareto::cpu
