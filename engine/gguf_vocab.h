// Vocabularies inside GGUF files.
//
//   tokenizer.ggml.model       "llama": scores decide which characters merge; "gpt2": byte-level merges
//   tokenizer.ggml.tokens      texts; token_type: 1 normal 2 unknown 3 control 4 user-defined 5 unused 6 byte
//   tokenizer.ggml.scores      of "llama"; tokenizer.ggml.merges: of "gpt2", "left right"
//   tokenizer.ggml.pre         how "gpt2" texts are split: a name (pretokenizer.h)
//   tokenizer.ggml.{bos,eos,eot,eom,unknown}_token_id, add_bos_token, add_space_prefix; tokenizer.chat_template
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "engine/tokenizer_parts.h"

namespace pareto {

// kUnsupported names another model ("bert", "t5", …) or an unknown `pre`; kNotFound: no vocabulary in the file.
Result<TokenizerParts> read_gguf_vocabulary(std::string_view bytes, const std::string& path);

}  // namespace pareto
