// llama2.c's legacy checkpoints (.bin, version 0): the Llama architecture in f32.
//
//   int32 dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size (negative: the head is not shared), seq_len
//   f32   token_embedding [vocab, dim]
//         rms_att [layers, dim] | wq [layers, dim, dim] | wk, wv [layers, kv, dim] each | wo [layers, dim, dim]
//         rms_ffn [layers, dim] | w1 [layers, hidden, dim] | w2 [layers, dim, hidden] | w3 [layers, hidden, dim]
//         rms_final [dim] | cos and sin [seq_len, head_dim / 2] each, not used | head [vocab, dim] if not shared
// kv = dim / n_heads * n_kv_heads. RMSNorm eps 1e-5, RoPE over adjacent pairs, theta 10000. Token 1 begins a text and,
// met while generating, ends it; 2 is the tokenizer's end of text.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/result.h"
#include "engine/model_tensors.h"

namespace pareto {

struct Llama2c {
  ModelConfig config;
  TensorMap tensors;  // into the bytes that were parsed; passed check_tensors()
};

// `name` is what messages call the file. kInvalid: sizes that do not fit together or the file; kUnsupported: another
// version of the format. REQUIRES: bytes are 4-byte aligned.
Result<Llama2c> parse_llama2c(std::span<const std::byte> bytes, std::string_view name);

}  // namespace pareto
