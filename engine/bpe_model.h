// Byte-pair encoding as a TextModel: normalise, split into words, merge each word's symbols, remember the result.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/bpe.h"
#include "engine/bpe_cache.h"
#include "engine/pretokenizer.h"
#include "engine/tokenizer_normalizer.h"
#include "engine/tokenizer_parts.h"

namespace pareto {

// Everything about one vocabulary. Filled in by the readers of the various files.
struct BpeRules {
  enum class Symbols { kBytes, kCharacters };  // what a word starts as
  enum class Merges { kPairs, kSpans };        // see bpe.h
  enum class Whole { kMerge, kLookUp };        // kLookUp: a word that is a token is taken as it is ("ignore_merges")

  Symbols symbols = Symbols::kBytes;
  Merges merges = Merges::kPairs;
  Whole whole = Whole::kMerge;
  TokenTable tokens;                  // text → id: bytes for kBytes, as the vocabulary spells it for kCharacters
  PairTable pairs;                    // of Merges::kPairs
  std::vector<std::uint32_t> orders;  // of Merges::kSpans, by id
  std::array<Token, 256> byte_ids = make_no_bytes();  // what stands for a byte that no symbol covers; -1: nothing does
  Token unk = -1;         // for what not even bytes cover; -1: it is dropped, before merging
  bool fuse_unk = false;  // neighbouring unknown characters give one unk
  Normalizer normalizer;
  Pretokenizer pretokenizer;     // empty: the text is one word
  AddedTokens normalized_added;  // looked for after normalisation

  // How a space is spelled where pieces may hold several words: those are encoded one by one if no token reaches over
  // their boundaries. Empty: never.

  std::string space;

  static constexpr std::array<Token, 256> make_no_bytes() {
    std::array<Token, 256> ids{};
    ids.fill(-1);
    return ids;
  }
};

std::unique_ptr<TextModel> make_bpe_model(BpeRules rules);

}  // namespace pareto
