// The few scalar types that every part shares.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace pareto {

using Token = std::int32_t;
using Nanos = std::int64_t;  // of the monotonic clock, since an arbitrary start

// Text that several requests share (the context of all choices of one question); never null where a Request holds it.
using Text = std::shared_ptr<const std::string>;
inline Text make_text(std::string s) { return std::make_shared<const std::string>(std::move(s)); }

// How numbers are stored: weights in all of these, activations in f32, KV in f32, f16 or bf16.
// The quantised ones are GGUF's block formats: values per block / bytes per block in the comment.
enum class DType : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ8_0,  // 32 / 34
  kQ4_0,  // 32 / 18
  kQ4_1,  // 32 / 20
  kQ4_K,  // 256 / 144
  kQ5_K,  // 256 / 176
  kQ6_K,  // 256 / 210
};

// "f32", "bf16", "q4_k", …
const char* dtype_name(DType dtype);
// Values per block: 1 for the plain types.
int dtype_block(DType dtype);
// Bytes of one block: the element size for the plain types.
int dtype_block_bytes(DType dtype);
// Bytes of `n` values. REQUIRES: n is a multiple of dtype_block(dtype).
inline std::int64_t dtype_bytes(DType dtype, std::int64_t n) {
  return n / dtype_block(dtype) * dtype_block_bytes(dtype);
}
inline bool is_quantised(DType dtype) { return dtype >= DType::kQ8_0; }

inline Nanos now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace pareto
