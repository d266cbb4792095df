#include "engine/tokenizer_parts.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "core/hash.h"

namespace pareto {
namespace {

// Texts that end a document, in the order in which one is taken for "the" EOS where no file names it.
constexpr std::array<std::string_view, 6> kDocumentEnds = {
    "<|end_of_text|>", "</s>", "<|endoftext|>", "<eos>", "<｜end▁of▁sentence｜>", "<|im_end|>"};
// Special tokens after which a chat model has nothing more to say.
constexpr std::array<std::string_view, 10> kTurnEnds = {
    "<|eot_id|>", "<|eom_id|>",    "<|im_end|>",      "<|endoftext|>", "<|end_of_text|>",
    "<|end|>",    "<end_of_turn>", "<|end_of_turn|>", "<|EOT|>",       "<｜end▁of▁sentence｜>"};

class AssembledTokenizer final : public Tokenizer {
 public:
  explicit AssembledTokenizer(TokenizerParts parts)
      : model_(std::move(parts.model)),
        pieces_(std::move(parts.pieces)),
        added_(before_normalisation(std::move(parts.added))),
        drop_leading_space_(parts.drop_leading_space),
        info_(std::move(parts.info)) {}

  void encode(std::string_view text, bool parse_special, std::vector<Token>* ids) const override {
    std::size_t at = 0;
    while (const auto match = added_.find(text, at, parse_special)) {
      encode_fragment(text, at, match->begin, parse_special, ids);
      ids->push_back(match->id);
      at = match->end;
    }
    encode_fragment(text, at, text.size(), parse_special, ids);
  }

  std::string_view piece(Token id) const override {
    if (id < 0 || static_cast<std::size_t>(id) >= pieces_.size()) return {};
    return pieces_[id];
  }

  std::string decode(const std::vector<Token>& ids) const override {
    std::string text;
    bool at_start = drop_leading_space_;
    for (const Token id : ids) {
      std::string_view bytes = piece(id);
      if (at_start && bytes.starts_with(' ')) bytes.remove_prefix(1);
      if (!piece(id).empty()) at_start = false;
      text += bytes;
    }
    return text;
  }

  const Info& info() const override { return info_; }

 private:
  static std::vector<AddedToken> before_normalisation(std::vector<AddedToken> added) {
    std::erase_if(added, [](const AddedToken& t) { return t.normalized; });
    return added;
  }

  void encode_fragment(std::string_view text, std::size_t begin, std::size_t end, bool parse_special,
                       std::vector<Token>* ids) const {
    if (begin == end) return;
    model_->encode(text.substr(begin, end - begin), begin == 0 ? TextPosition::kStart : TextPosition::kInside,
                   parse_special ? SpecialText::kParse : SpecialText::kPlain, ids);
  }

  std::unique_ptr<TextModel> model_;
  std::vector<std::string> pieces_;
  AddedTokens added_;
  bool drop_leading_space_;
  Info info_;
};

const AddedToken* find_text(const std::vector<AddedToken>& added, std::string_view text) {
  const auto at = std::find_if(added.begin(), added.end(), [&](const AddedToken& t) { return t.text == text; });
  return at == added.end() ? nullptr : &*at;
}

const AddedToken* find_id(const std::vector<AddedToken>& added, Token id) {
  const auto at = std::find_if(added.begin(), added.end(), [&](const AddedToken& t) { return t.id == id; });
  return at == added.end() ? nullptr : &*at;
}

// Tokens that only the side files know of: added behind the vocabulary, or ordinary ones made special.
Status add_from_side_files(TokenizerParts* parts, const SideFiles& side, const std::string& path) {
  for (const AddedToken& token : side.added) {
    if (find_text(parts->added, token.text) != nullptr) continue;
    const std::string bytes = token.special ? "" : token.text;
    PARETO_CHECK_OK(put_piece(&parts->pieces, token.id, bytes, path));
    parts->added.push_back(token);
    parts->info.hash += fmt::format("|{}={}", token.id, token.text);
  }
  return {};
}

// The id of a token that a side file names by its text, else what the vocabulary itself said.
Token named_token(const TokenizerParts& parts, const std::optional<std::string>& text, Token otherwise) {
  if (!text) return otherwise;
  if (const AddedToken* token = find_text(parts.added, *text)) return token->id;
  const auto at = std::find(parts.pieces.begin(), parts.pieces.end(), *text);
  return at == parts.pieces.end() || text->empty() ? otherwise : static_cast<Token>(at - parts.pieces.begin());
}

std::string token_text(const TokenizerParts& parts, Token id) {
  if (id < 0) return "";
  const AddedToken* token = find_id(parts.added, id);
  return token != nullptr ? token->text : parts.pieces[id];
}

void fill_ends(TokenizerParts* parts) {
  Tokenizer::Info& info = parts->info;
  for (const std::string_view text : kDocumentEnds) {
    const AddedToken* token = find_text(parts->added, text);
    if (info.eos < 0 && token != nullptr && token->special) info.eos = token->id;
  }
  std::vector<Token>& ends = info.eos_ids;
  if (info.eos >= 0) ends.insert(ends.begin(), info.eos);
  for (const std::string_view text : kTurnEnds) {
    const AddedToken* token = find_text(parts->added, text);
    if (token != nullptr && token->special) ends.push_back(token->id);
  }
  std::unordered_set<Token> seen;
  std::erase_if(ends, [&](Token id) { return !seen.insert(id).second; });
}

}  // namespace

Status put_piece(std::vector<std::string>* pieces, std::int64_t id, std::string bytes, const std::string& path) {
  if (id < 0 || id >= kMaxVocab)
    return fail(Code::kInvalid, "{}: token id {} is out of range; ids are 0 to {}", path, id, kMaxVocab - 1);
  if (static_cast<std::size_t>(id) >= pieces->size()) pieces->resize(id + 1);
  (*pieces)[id] = std::move(bytes);
  return {};
}

bool is_text_end(std::string_view text) {
  return std::find(kDocumentEnds.begin(), kDocumentEnds.end(), text) != kDocumentEnds.end() ||
         std::find(kTurnEnds.begin(), kTurnEnds.end(), text) != kTurnEnds.end();
}

int byte_token(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  int value = 0;
  for (const char c : text.substr(3, 2)) {
    if (c >= '0' && c <= '9') {
      value = 16 * value + (c - '0');
    } else if (c >= 'A' && c <= 'F') {
      value = 16 * value + (c - 'A' + 10);
    } else {
      return -1;
    }
  }
  return value;
}

Result<std::unique_ptr<Tokenizer>> assemble(TokenizerParts parts, const SideFiles& side, const std::string& path) {
  PARETO_CHECK_OK(add_from_side_files(&parts, side, path));
  Tokenizer::Info& info = parts.info;
  const auto vocab = static_cast<std::int64_t>(parts.pieces.size());
  for (const AddedToken& token : parts.added) {
    if (token.id < 0 || token.id >= vocab)
      return fail(Code::kInvalid, "{}: token '{}' has id {}, outside the vocabulary of {}", path, token.text, token.id,
                  vocab);
    if (token.special) parts.pieces[token.id].clear();
  }
  info.vocab = static_cast<int>(vocab);
  info.bos = named_token(parts, side.bos, info.bos);
  info.eos = named_token(parts, side.eos, info.eos);
  if (info.bos >= vocab || info.eos >= vocab)
    return fail(Code::kInvalid, "{}: BOS {} or EOS {} lies outside the vocabulary of {}", path, info.bos, info.eos,
                vocab);
  fill_ends(&parts);
  info.add_bos = side.add_bos.value_or(info.add_bos) && info.bos >= 0;
  info.bos_text = token_text(parts, info.bos);
  info.eos_text = token_text(parts, info.eos);
  if (!side.chat_template.empty()) info.chat_template = side.chat_template;
  info.hash = sha256_hex(fmt::format("{}|{}|{}|{}", info.kind, info.hash, info.add_bos, info.bos));
  return std::make_unique<AssembledTokenizer>(std::move(parts));
}

}  // namespace pareto
