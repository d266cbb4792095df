// The text of a generation as it grows, and the first stop string in it.
#pragma once

#include <string>
#include <vector>

#include "core/tokenizer.h"
#include "core/types.h"

namespace pareto {

// Stop strings are searched in the decoded bytes, so one that begins in the middle of a token or spans several is
// found; each byte is looked at about once however long the text grows.
class StopText {
 public:
  // `tokenizer` may be null: then there is no text and nothing stops.
  StopText(const Tokenizer* tokenizer, std::vector<std::string> stops);
  // True when the text now holds a stop string; text() is then cut before the one that begins first.
  bool add(Token token);
  const std::string& text() const { return text_; }

 private:
  const Tokenizer* tokenizer_;
  std::vector<std::string> stops_;
  std::size_t longest_ = 0;
  std::vector<Token> head_;  // the tokens so far, until the first that shows: the tokenizer may drop its leading space
  std::string text_;
};

}  // namespace pareto
