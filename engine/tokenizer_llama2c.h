// llama2.c's tokenizer.bin.
//
//   int32 max_token_length
//   per token: float32 score, int32 length, length bytes
// Ids: 0 unknown, 1 BOS, 2 EOS, 3 to 258 the raw bytes ("<0x00>" …), then pieces with plain spaces. A text gets one
// space in front; characters are merged by the highest score; what is no piece becomes bytes (llama2.c, run.c).
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "engine/tokenizer_parts.h"

namespace pareto {

// kInvalid if the bytes are not such a file.
Result<TokenizerParts> read_llama2c_tokenizer(std::string_view bytes, const std::string& path);

}  // namespace pareto
