// Any bytes as a safetensors file: parse_safetensors() refuses them or describes tensors that lie inside them.
#include <cstdint>
#include <cstdlib>

#include "engine/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto tensors = pareto::parse_safetensors(bytes, "fuzz");
  if (!tensors) return 0;
  for (const pareto::StoredTensor& tensor : *tensors) {
    const std::byte* end = tensor.bytes.data() + tensor.bytes.size();
    if (tensor.bytes.data() < bytes.data() || end > bytes.data() + bytes.size()) std::abort();
  }
  return 0;
}
