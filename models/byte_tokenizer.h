// A tokenizer for models that were trained on nothing: one token per byte, then <s> and </s>.
//
// tokenizer.json in Hugging Face's form: byte-level BPE without merges. Ids 0–255 are the bytes, 256 is <s>, 257 </s>;
// a text starts with <s>.
#pragma once

#include <string>

#include "core/result.h"

namespace pareto {

inline constexpr int kByteTokens = 258;

// Writes FOLDER/tokenizer.json and FOLDER/tokenizer_config.json; makes the folder.
Status write_byte_tokenizer(const std::string& folder);

}  // namespace pareto
