// SentencePiece models through the library, and faster where that is provably the same.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "engine/tokenizer_parts.h"

namespace pareto {

// `bytes`: a serialised ModelProto (tokenizer.model). `path` is named in errors.
// A byte-pair model whose normaliser changes nothing but spaces is encoded word by word through a cache, if no piece
// reaches over the boundary between a character and a following space (checked on all pieces): merges cannot cross
// it then, so the ids are the library's. Others are passed to the library whole.
Result<TokenizerParts> read_sentencepiece(std::string_view bytes, const std::string& path);

}  // namespace pareto
