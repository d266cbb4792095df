// Any bytes as a GGUF file: the parser and the model reader refuse them, or every tensor can be read to its last block.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "engine/gguf.h"
#include "engine/gguf_model.h"
#include "kernels/ops.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto file = pareto::parse_gguf(bytes, "fuzz");
  if (!file) return 0;
  for (const auto& [key, value] : file->pairs) {
    (void)file->integer(key);
    (void)file->real(key);
    (void)file->text(key);
    (void)file->texts(key);
    (void)file->reals(key);
  }
  const auto model = pareto::read_gguf_model(*file, "fuzz");
  if (!model) return 0;
  std::vector<float> block(256);
  for (const auto& [name, view] : model->tensors) {
    const int values = pareto::dtype_block(view.dtype);
    const std::byte* last = view.data + view.bytes() - pareto::dtype_block_bytes(view.dtype);
    if (view.data < bytes.data() || view.data + view.bytes() > bytes.data() + bytes.size()) std::abort();
    pareto::dequantise(view.dtype, last, values, block.data());
  }
  return 0;
}
