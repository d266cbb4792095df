// Llama-3's tokenizer.model, in tiktoken's format: a line is a token in base64, a space, its rank (= id).
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "engine/tokenizer_parts.h"

namespace pareto {

// Whether the bytes begin like such a file.
bool looks_like_tiktoken(std::string_view bytes);

// The file does not name its special tokens or its split, so only Llama-3's 128000 ranks are taken (kUnsupported
// otherwise); 256 special tokens follow them. kInvalid: the line that is not base64 and a rank, a rank that comes
// twice.
Result<TokenizerParts> read_tiktoken(std::string_view bytes, const std::string& path);

}  // namespace pareto
