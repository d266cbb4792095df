// Shapes of models by name: published ones for benchmarks, tiny ones of every architecture for tests.
#include <map>

#include "core/options.h"
#include "engine/model_tensors.h"
#include "engine/model_writer.h"

namespace pareto {
namespace {

ModelConfig shape(std::string architecture, int layers, int hidden, int heads, int kv_heads, int intermediate,
                  int vocab) {
  ModelConfig config;
  config.architecture = std::move(architecture);
  config.layers = layers;
  config.hidden = hidden;
  config.heads = heads;
  config.kv_heads = kv_heads;
  config.head_dim = hidden / heads;
  config.intermediate = intermediate;
  config.vocab = vocab;
  config.window.assign(static_cast<std::size_t>(layers), 0);
  config.bos = 1;
  config.eos = {2};
  return config;
}

// https://huggingface.co/Qwen/Qwen2.5-0.5B
ModelConfig qwen2_5_0_5b() {
  ModelConfig config = shape("qwen2", 24, 896, 14, 2, 4864, 151936);
  config.max_positions = 32768;
  config.rms_eps = 1e-6f;
  config.rope.theta = 1e6;
  config.tied_embeddings = config.qkv_bias = true;
  config.bos = 151643;
  config.eos = {151643};
  return config;
}

// https://huggingface.co/Qwen/Qwen3-0.6B
ModelConfig qwen3_0_6b() {
  ModelConfig config = shape("qwen3", 28, 1024, 16, 8, 3072, 151936);
  config.head_dim = 128;
  config.max_positions = 40960;
  config.rms_eps = 1e-6f;
  config.rope.theta = 1e6;
  config.tied_embeddings = config.qk_norm = true;
  config.bos = 151643;
  config.eos = {151645};
  return config;
}

// https://huggingface.co/meta-llama/Llama-3.2-1B
ModelConfig llama_3_2_1b() {
  ModelConfig config = shape("llama", 16, 2048, 32, 8, 8192, 128256);
  config.max_positions = 131072;
  config.rope.theta = 5e5;
  config.rope.scaling = RopeConfig::Scaling::kLlama3;
  config.rope.factor = 32;
  config.rope.original_max_positions = 8192;
  config.tied_embeddings = true;
  config.bos = 128000;
  config.eos = {128001};
  return config;
}

ModelConfig stories15m() {
  ModelConfig config = shape("llama", 6, 288, 6, 6, 768, 32000);
  config.max_positions = 256;
  config.tied_embeddings = true;
  return config;
}

// Rows of 256 and 512: every block format fits. 256 byte tokens, then <s> and </s>.
ModelConfig tiny(std::string architecture) {
  ModelConfig config = shape(std::move(architecture), 2, 256, 4, 2, 512, 258);
  config.max_positions = 16384;
  config.bos = 256;
  config.eos = {257};
  return config;
}

ModelConfig tiny_mistral() {
  ModelConfig config = tiny("mistral");
  config.window.assign(2, 64);
  return config;
}

ModelConfig tiny_qwen2() {
  ModelConfig config = tiny("qwen2");
  config.qkv_bias = config.tied_embeddings = true;
  config.rms_eps = 1e-6f;
  config.rope.theta = 1e6;
  return config;
}

ModelConfig tiny_qwen3() {
  ModelConfig config = tiny("qwen3");
  config.qk_norm = config.tied_embeddings = true;
  config.rms_eps = 1e-6f;
  config.rope.theta = 1e6;
  return config;
}

void add_experts(ModelConfig& config, int experts, int intermediate) {
  config.experts = experts;
  config.experts_per_token = 2;
  config.expert_intermediate = intermediate;
  config.moe_layer.assign(static_cast<std::size_t>(config.layers), true);
}

ModelConfig tiny_mixtral() {
  ModelConfig config = tiny("mixtral");
  config.rope.theta = 1e6;
  add_experts(config, 4, config.intermediate);
  return config;
}

ModelConfig tiny_qwen3_moe() {
  ModelConfig config = tiny_qwen3();
  config.architecture = "qwen3_moe";
  config.tied_embeddings = false;
  add_experts(config, 8, 256);
  return config;
}

const std::map<std::string, ModelConfig, std::less<>>& shapes() {
  static const std::map<std::string, ModelConfig, std::less<>> kShapes = {
      {"qwen2.5-0.5b", qwen2_5_0_5b()},     {"qwen3-0.6b", qwen3_0_6b()}, {"llama-3.2-1b", llama_3_2_1b()},
      {"stories15m", stories15m()},         {"tiny", tiny("llama")},      {"tiny-mistral", tiny_mistral()},
      {"tiny-qwen2", tiny_qwen2()},         {"tiny-qwen3", tiny_qwen3()}, {"tiny-mixtral", tiny_mixtral()},
      {"tiny-qwen3_moe", tiny_qwen3_moe()},
  };
  return kShapes;
}

}  // namespace

const std::vector<std::string>& model_shape_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto& [name, config] : shapes()) names.push_back(name);
    return names;
  }();
  return kNames;
}

Result<ModelConfig> model_shape(std::string_view name) {
  const auto it = shapes().find(name);
  if (it == shapes().end()) return tl::unexpected<Error>(unknown_name("shape", name, model_shape_names()));
  return it->second;
}

}  // namespace pareto
