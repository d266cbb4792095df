// From a GGUF file's metadata and tensors to a configuration and tensors under Hugging Face's names.
//
// general.architecture: llama (mixtral where it has experts, mistral where it has a sliding window), qwen2, qwen3,
// qwen3moe. The rows of q and k of `llama` are stored for RoPE over adjacent pairs (RopeStyle::kAdjacent), those of the
// qwens for halves. Stacked experts (ffn_gate_exps [experts, inner, hidden]) become one view per expert.
// rope_freqs.weight becomes RopeConfig::factors. No output.weight: tied.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "engine/gguf.h"
#include "engine/model_tensors.h"

namespace pareto {

struct GgufModel {
  ModelConfig config;
  TensorMap tensors;  // passed check_tensors()
};
Result<GgufModel> read_gguf_model(const Gguf& file, std::string_view name);

// GGUF's name for a canonical one ("blk.3.attn_q.weight"); experts have none of their own (they are stacked).
std::string gguf_tensor_name(std::string_view canonical);

}  // namespace pareto
