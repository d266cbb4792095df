// GGUF files as models; the file is its own tokenizer where it has a vocabulary.
#include "engine/gguf_model.h"
#include "engine/model_file_parts.h"

namespace pareto {

Result<ModelParts> open_gguf(const std::string& path) {
  ModelParts parts;
  PARETO_TRY(MappedFile file, MappedFile::open(path));
  PARETO_TRY(const Gguf gguf, parse_gguf(file.bytes(), path));
  PARETO_TRY(GgufModel model, read_gguf_model(gguf, path));
  parts.format = fmt::format("gguf v{}", gguf.version);
  parts.config = std::move(model.config);
  parts.tensors = std::move(model.tensors);
  parts.files = {path};
  if (gguf.has("tokenizer.ggml.tokens")) parts.tokenizer = path;
  parts.maps.push_back(std::move(file));
  return parts;
}

}  // namespace pareto
