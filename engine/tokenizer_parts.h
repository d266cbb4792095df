// What a vocabulary file gives, whatever its format, and how a Tokenizer is put together from it.
//
//   file ──reader──▶ TokenizerParts {model, pieces, added tokens, facts} ──assemble()──▶ Tokenizer
//   text ──added tokens cut out──▶ fragments ──TextModel::encode()──▶ ids
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/tokenizer.h"
#include "engine/tokenizer_added.h"

namespace pareto {

enum class TextPosition { kStart, kInside };  // of a fragment in the text that encode() was given
enum class SpecialText { kPlain, kParse };    // encode()'s parse_special

// Ids of text in which no added token is left but those that count after normalisation. Thread-safe.
class TextModel {
 public:
  virtual ~TextModel() = default;
  virtual void encode(std::string_view fragment, TextPosition position, SpecialText special,
                      std::vector<Token>* ids) const = 0;
};

struct TokenizerParts {
  std::unique_ptr<TextModel> model;
  std::vector<std::string> pieces;  // by id: the bytes that it stands for, "" for special ones
  std::vector<AddedToken> added;    // cut out of the text before `model` sees it, but for the normalized ones
  bool drop_leading_space = false;  // decode() drops one space at the start: the encoder put it there
  Tokenizer::Info info;             // kind, hash (of the vocabulary); bos, eos, add_bos, template as far as known
};

// What stands beside a vocabulary file. Absent files leave everything unset.
//   tokenizer_config.json   {"bos_token": "<s>" | {"content": …}, "eos_token": …, "add_bos_token": true,
//                            "chat_template": "…" | [{"name": "default", "template": "…"}, …],
//                            "added_tokens_decoder": {"32000": {"content": …, "special": true, …}}}
//   special_tokens_map.json {"bos_token": …, "eos_token": …}
//   added_tokens.json       {"<extra>": 32000}
//   chat_template.jinja     goes before the config's
struct SideFiles {
  std::optional<std::string> bos, eos;
  std::optional<bool> add_bos;
  std::string chat_template;
  std::vector<AddedToken> added;
};
// kInvalid, with the file's name, if one of them is malformed.
Result<SideFiles> read_side_files(const std::string& folder);

// Applies the side files, fills in what Info can be told from the tokens' texts, and checks that ids fit.
// `path` is named in errors.
Result<std::unique_ptr<Tokenizer>> assemble(TokenizerParts parts, const SideFiles& side, const std::string& path);

// Ids are below this: a vocabulary that says more is refused before memory is asked for.
inline constexpr Token kMaxVocab = 1 << 20;

// Sets pieces[id], growing the table. kInvalid if the id is out of range.
Status put_piece(std::vector<std::string>* pieces, std::int64_t id, std::string bytes, const std::string& path);

// Whether a token of this text ends a document or a turn ("</s>", "<|im_end|>", …).
bool is_text_end(std::string_view text);

// "<0x0A>" → 10, else -1.
int byte_token(std::string_view text);

}  // namespace pareto
