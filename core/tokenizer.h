// Text to token ids and back.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/types.h"

namespace pareto {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Appends the ids of `text` (UTF-8; invalid bytes are encoded as bytes where the vocabulary can). No BOS or EOS is
  // added. `parse_special`: the strings of special tokens become their ids (as Hugging Face does); otherwise they are
  // ordinary text.
  virtual void encode(std::string_view text, bool parse_special, std::vector<Token>* ids) const = 0;
  // The bytes that `id` stands for in running text ("" for special tokens and ids out of range). Decoding is
  // concatenation, but for the leading space that SentencePiece-like tokenizers drop at the start of a text: decode().
  virtual std::string_view piece(Token id) const = 0;
  virtual std::string decode(const std::vector<Token>& ids) const = 0;

  struct Info {
    std::string kind;                // "sentencepiece", "bpe", "tiktoken", …
    int vocab = 0;                   // ids are in [0, vocab)
    Token bos = -1, eos = -1;        // -1: none
    std::vector<Token> eos_ids;      // every id that ends a text, as far as the tokenizer's files say
    bool add_bos = false;            // a text gets a BOS in front (Hugging Face's add_special_tokens default)
    std::string hash;                // of everything that changes ids: sha256 hex
    std::string bos_text, eos_text;  // as a chat template sees them
    std::string chat_template;       // empty: none
  };
  virtual const Info& info() const = 0;
};

}  // namespace pareto
