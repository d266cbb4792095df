// What a forward pass needs to know of a model, whatever file it came from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/types.h"
#include "kernels/ops.h"

namespace pareto {

struct RopeConfig {
  enum class Scaling : std::uint8_t { kNone, kLinear, kLlama3, kYarn };
  Scaling scaling = Scaling::kNone;
  double theta = 10000;
  double factor = 1;
  int original_max_positions = 0;                    // llama3, yarn
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;              // yarn
  double attention_factor = 0;                       // yarn: multiplies cos and sin; 0: 0.1 ln(factor) + 1
  double mscale = 0, mscale_all_dim = 0;             // yarn (DeepSeek's spelling); 0: unused
  bool truncate = true;                              // yarn: round the correction range
  // [head_dim / 2], or empty: the frequency of pair i is divided by factors[i], on top of `scaling`. That is how GGUF
  // spells llama3 scaling (tensor rope_freqs; `scaling` is then kNone).
  std::vector<float> factors;
  RopeStyle style = RopeStyle::kHalves;
  bool operator==(const RopeConfig&) const = default;
};

struct ModelConfig {
  std::string architecture;  // "llama", "mistral", "qwen2", "qwen3", "mixtral", "qwen3_moe"
  int layers = 0, hidden = 0, heads = 0, kv_heads = 0, head_dim = 0;
  int intermediate = 0;  // of the dense MLP
  int vocab = 0;
  int max_positions = 0;
  float rms_eps = 1e-5f;
  RopeConfig rope;
  bool tied_embeddings = false;  // the head is the embedding table
  bool qkv_bias = false, attn_out_bias = false, mlp_bias = false;
  bool qk_norm = false;     // RMSNorm per head on q and k, before rope
  std::vector<int> window;  // per layer: 0 = full attention, else positions seen (itself included)

  int experts = 0, experts_per_token = 0, expert_intermediate = 0;  // experts = 0: dense MLP everywhere
  bool norm_topk_prob = true;
  std::vector<bool> moe_layer;  // per layer; empty: none

  Token bos = -1;
  std::vector<Token> eos;  // any of config.json's and generation_config.json's

  int q_dim() const { return heads * head_dim; }
  int kv_dim() const { return kv_heads * head_dim; }
  bool is_moe(int layer) const { return !moe_layer.empty() && moe_layer[layer]; }
  bool operator==(const ModelConfig&) const = default;
};

}  // namespace pareto
