// Added tokens: strings that are cut out of a text before anything else looks at it ("<|im_end|>", "</s>").
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/types.h"

namespace pareto {

// The flags mean what they mean in a tokenizer.json.
struct AddedToken {
  std::string text;
  Token id = -1;
  bool special = true;       // found only where the caller parses special tokens; stands for no text
  bool normalized = false;   // looked for after normalisation instead of before
  bool lstrip = false;       // takes the white space on its left with it
  bool rstrip = false;       // … on its right
  bool single_word = false;  // only where no word character touches it
};

// Finds the leftmost, then longest token.
class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);  // those with an empty text are dropped

  bool empty() const { return tokens_.empty(); }
  const std::vector<AddedToken>& tokens() const { return tokens_; }

  struct Match {
    std::size_t begin = 0, end = 0;  // with the white space that it took
    Token id = -1;
  };
  // The first match that begins at or after `from`. Special tokens count only if `parse_special`.
  std::optional<Match> find(std::string_view text, std::size_t from, bool parse_special) const;

 private:
  const AddedToken* longest_at(std::string_view text, std::size_t at, bool parse_special) const;

  std::vector<AddedToken> tokens_;                                    // longest first
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> at_;  // first two bytes → tokens, longest first
  std::unique_ptr<std::bitset<65536>> starts_;                        // first two bytes of some token
  std::array<bool, 256> first_{};                                     // first byte of some token
  std::vector<std::uint32_t> single_;                                 // tokens of one byte
};

}  // namespace pareto
