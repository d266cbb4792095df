// Parses a tokenizer.json: its two long parts, the vocabulary and the merges, go straight into vectors; everything else
// becomes a small document.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace pareto {

struct JsonVocabulary {
  std::vector<std::pair<std::string, std::int64_t>> tokens;  // model.vocab, an object, in file order
  std::vector<std::pair<std::string, std::string>> merges;   // model.merges: ["a b", …] or [["a", "b"], …]
};

// Everything but model.vocab (if it is an object) and model.merges. kInvalid, with the byte, if `text` is not JSON, is
// nested deeper than 64, or those two parts are not what they should be. `path` is named in errors.
Result<nlohmann::json> parse_tokenizer_json(std::string_view text, const std::string& path, JsonVocabulary* vocabulary);

// A vocab.json: one object {"token": id, …}.
Status parse_vocab_json(std::string_view text, const std::string& path, JsonVocabulary* vocabulary);

// "a b" → {"a", "b"}: exactly one space, something on both sides. Llama-style merges have no plain spaces in them.
bool split_merge(std::string_view line, std::pair<std::string, std::string>* merge);

}  // namespace pareto
