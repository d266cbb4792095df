// Model files: Hugging Face directories (safetensors), GGUF, llama2.c `.bin`. Memory-mapped, never copied whole.
//
// Whatever the format, tensors go by their Hugging Face names:
//   model.embed_tokens.weight                               [vocab, hidden]
//   model.layers.N.input_layernorm.weight                   [hidden]
//   model.layers.N.self_attn.{q,k,v,o}_proj.{weight,bias}   [heads·head_dim | kv_heads·head_dim | hidden, …]
//   model.layers.N.self_attn.{q,k}_norm.weight              [head_dim]
//   model.layers.N.post_attention_layernorm.weight          [hidden]
//   model.layers.N.mlp.{gate,up,down}_proj.{weight,bias}    dense
//   model.layers.N.mlp.gate.weight                          [experts, hidden]: the router
//   model.layers.N.mlp.experts.E.{gate,up,down}_proj.weight one expert (a slice, where the file stacks them)
//   model.norm.weight, lm_head.weight                       [hidden], [vocab, hidden] (absent when tied)
// Errors name the file, the tensor and the numbers that do not fit.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "engine/model_config.h"

namespace pareto {

struct TensorView {
  const std::byte* data = nullptr;  // inside the mapped file; aligned as the file aligns it (maybe only 1 or 2 bytes)
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;  // outermost first, as Hugging Face writes it: [out, in]
  std::int64_t elements() const;
  std::int64_t bytes() const { return dtype_bytes(dtype, elements()); }
};

class ModelFile {
 public:
  // A Hugging Face folder, a .gguf, a .safetensors with its config.json beside it, or a llama2.c .bin.
  static Result<std::unique_ptr<ModelFile>> open(const std::string& path);
  virtual ~ModelFile() = default;

  virtual const ModelConfig& config() const = 0;
  // kNotFound with the nearest name where there is none.
  virtual Result<TensorView> tensor(std::string_view name) const = 0;
  virtual bool has(std::string_view name) const = 0;
  // Every tensor under its canonical name.
  virtual std::vector<std::pair<std::string, TensorView>> tensors() const = 0;

  struct Summary {
    std::string format;                                  // "safetensors", "gguf v3", "llama2.c"
    std::int64_t parameters = 0, active_parameters = 0;  // active: experts_per_token of the experts
    std::int64_t bytes = 0;                              // of all tensors
    std::vector<std::pair<DType, std::int64_t>> dtypes;  // bytes per dtype, largest first
    std::vector<std::string> files;                      // paths
  };
  virtual Summary summary() const = 0;
  // A path that load_tokenizer() takes, or "" (then the user names one).
  virtual std::string tokenizer_path() const = 0;
};

// Bytes of KV cache per token at this dtype: 2 · layers · kv_heads · head_dim · size.
std::int64_t kv_bytes_per_token(const ModelConfig& config, DType dtype);

}  // namespace pareto
