// Any bytes as a llama2.c checkpoint: refused, or every tensor lies inside them.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/llama2c.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint32_t> aligned((size + 3) / 4);  // as a mapped file is
  if (size > 0) std::memcpy(aligned.data(), data, size);
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(aligned.data()), size);
  const auto model = pareto::parse_llama2c(bytes, "fuzz");
  if (!model) return 0;
  for (const auto& [name, view] : model->tensors) {
    if (view.data < bytes.data() || view.data + view.bytes() > bytes.data() + bytes.size()) std::abort();
  }
  return 0;
}
