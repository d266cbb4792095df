// From a list of tokens and merges, as files spell them, to the tables of a BpeModel.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "engine/bpe_model.h"

namespace pareto {

enum class Spelling {
  kByteCharacters,  // every byte as one character of the GPT-2 alphabet
  kMarkedSpaces,    // U+2581 stands for a space, "<0x0A>" for a byte
  kPlain,
};

// Fills in rules->tokens and rules->byte_ids, and returns the bytes of every piece by id. kInvalid if an id or a text
// comes twice or an id is out of range; ids may have gaps, but not be larger than four times the count.
// kByteCharacters: tokens outside the alphabet cannot come out of merges; they only decode, to what they say.
template <class Text>
Result<std::vector<std::string>> fill_tokens(std::span<const std::pair<Text, std::int64_t>> tokens, Spelling spelling,
                                             const std::string& path, BpeRules* rules);

// Fills in rules->pairs; the order is the index. kInvalid, naming the merge, if a part or the whole is no token.
// REQUIRES: fill_tokens() ran with the same spelling.
template <class Text>
Status fill_merges(std::span<const std::pair<Text, Text>> merges, Spelling spelling, const std::string& path,
                   BpeRules* rules);

// vocab.json and merges.txt, GPT-2's layout: a line is "left right", '#version' lines are skipped. Both parts are the
// files' bytes.
Result<TokenizerParts> read_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt,
                                             const std::string& vocab_path, const std::string& merges_path);

}  // namespace pareto
