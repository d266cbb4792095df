// Loading tokenizers. Which file is which: docs/tokenizers.md.
#pragma once

#include <memory>
#include <string>

#include "core/tokenizer.h"

namespace pareto {

// `path`: a folder (tokenizer.json, else tokenizer.model, else tokenizer.bin, else vocab.json + merges.txt), a
// tokenizer.json, a SentencePiece or tiktoken tokenizer.model, a .gguf with a vocabulary, a llama2.c tokenizer.bin.
// Beside it tokenizer_config.json, special_tokens_map.json and chat_template.jinja are read where they exist.
Result<std::unique_ptr<Tokenizer>> load_tokenizer(const std::string& path);

}  // namespace pareto
