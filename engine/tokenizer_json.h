// Hugging Face's tokenizer.json, for byte-pair models.
//
//   {"added_tokens": [{"id", "content", "special", "normalized", "lstrip", "rstrip", "single_word"}, …],
//    "normalizer": …, "pre_tokenizer": …, "decoder": …, "post_processor": …,
//    "model": {"type": "BPE", "vocab": {"token": id, …}, "merges": ["a b" | ["a", "b"], …], "byte_fallback",
//    "unk_token",
//              "fuse_unk", "ignore_merges"}}
// What each section may hold: docs/tokenizers.md.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "engine/tokenizer_parts.h"

namespace pareto {

// kInvalid: malformed; kUnsupported: a model, normalizer, pre-tokenizer or regex that we do not do, by name.
Result<TokenizerParts> read_tokenizer_json(std::string_view text, const std::string& path);

}  // namespace pareto
