// What the readers of the formats hand to ModelFile (model_file.cc).
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "engine/mapped_file.h"
#include "engine/model_tensors.h"

namespace pareto {

struct ModelParts {
  ModelConfig config;
  std::string format;              // as Summary has it
  std::vector<MappedFile> maps;    // what the views of `tensors` point into
  TensorMap tensors;               // canonical names; passed check_tensors()
  std::vector<std::string> files;  // paths of everything that decides what the model computes
  std::string tokenizer;           // what load_tokenizer() takes, or ""
};

// `folder` holds config.json and model.safetensors, or model.safetensors.index.json and its shards. With `weights` set,
// that one file instead.
Result<ModelParts> open_hugging_face(const std::string& folder, const std::string& weights = "");
Result<ModelParts> open_gguf(const std::string& path);
Result<ModelParts> open_llama2c(const std::string& path);

}  // namespace pareto
