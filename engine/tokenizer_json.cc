#include "engine/tokenizer_json.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "core/hash.h"
#include "engine/bpe_vocabulary.h"
#include "engine/tokenizer_json_parse.h"
#include "engine/tokenizer_json_steps.h"
#include "engine/tokenizer_utf8.h"

namespace pareto {
namespace {

using nlohmann::json;

const json& section(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto at = object.find(key);
  return at == object.end() ? kNull : *at;
}

Status check_model(const json& model, const JsonVocabulary& vocabulary, const std::string& path) {
  if (!model.is_object()) return fail(Code::kInvalid, "{}: no \"model\"", path);
  const std::string type = text_of(model, "type", "BPE");
  if (type != "BPE")
    return fail(Code::kUnsupported, "{}: model '{}' is not supported; supported: BPE (and SentencePiece's own files)",
                path, type);
  if (vocabulary.tokens.empty()) return fail(Code::kInvalid, "{}: model.vocab is missing or empty", path);
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (const std::string text = text_of(model, key, ""); !text.empty())
      return fail(Code::kUnsupported, "{}: model.{} '{}' is not supported", path, key, text);
  }
  const json& dropout = section(model, "dropout");
  if (dropout.is_number() && dropout.get<double>() != 0)
    return fail(Code::kUnsupported, "{}: model.dropout {} would make ids random", path, dropout.dump());
  return {};
}

Result<std::vector<AddedToken>> read_added(const json& list, std::size_t vocabulary, const std::string& path) {
  std::vector<AddedToken> added;
  if (list.is_null()) return added;
  if (!list.is_array()) return fail(Code::kInvalid, "{}: added_tokens is not a list", path);
  const auto limit = std::min<std::int64_t>(kMaxVocab, 4 * static_cast<std::int64_t>(vocabulary + list.size()) + 1024);
  for (const json& entry : list) {
    const json &id = section(entry, "id"), &content = section(entry, "content");
    if (!id.is_number_integer() || !content.is_string())
      return fail(Code::kInvalid, "{}: an added token needs an id and a content: {}", path, entry.dump());
    const bool fits = id.is_number_unsigned() && id.get<std::uint64_t>() < static_cast<std::uint64_t>(limit);
    if (!fits)
      return fail(Code::kInvalid, "{}: added token '{}' has id {}; ids are 0 to {}", path, content.get<std::string>(),
                  id.dump(), limit - 1);
    added.push_back({content.get<std::string>(), id.get<Token>(), flag_of(entry, "special", false),
                     flag_of(entry, "normalized", !flag_of(entry, "special", false)), flag_of(entry, "lstrip", false),
                     flag_of(entry, "rstrip", false), flag_of(entry, "single_word", false)});
  }
  return added;
}

// Added tokens stand for their text. One whose id belongs to another token is an error.
Status place_added(const std::vector<AddedToken>& added, const JsonVocabulary& vocabulary, const std::string& path,
                   std::vector<std::string>* pieces) {
  std::vector<const std::string*> owners(pieces->size(), nullptr);
  for (const auto& [text, id] : vocabulary.tokens) owners[id] = &text;
  for (const AddedToken& token : added) {
    if (static_cast<std::size_t>(token.id) >= owners.size()) owners.resize(token.id + 1, nullptr);
    const std::string*& owner = owners[token.id];
    if (owner != nullptr && *owner != token.text)
      return fail(Code::kInvalid, "{}: id {} is both '{}' and added token '{}'", path, token.id, *owner, token.text);
    owner = &token.text;
    PARETO_CHECK_OK(put_piece(pieces, token.id, token.text, path));
  }
  return {};
}

// The steps of a decoder, a Sequence laid out flat.
std::vector<const json*> decoder_steps(const json& decoder) {
  std::vector<const json*> steps;
  if (type_of(decoder) == "Sequence" && section(decoder, "decoders").is_array()) {
    for (const json& step : section(decoder, "decoders")) steps.push_back(&step);
  } else if (decoder.is_object()) {
    steps.push_back(&decoder);
  }
  return steps;
}

struct Decoding {
  bool marked_spaces = false, drop_leading_space = false;
};

Decoding read_decoder(const json& decoder) {
  Decoding decoding;
  for (const json* step : decoder_steps(decoder)) {
    const std::string type = type_of(*step);
    if (type == "Metaspace") {
      decoding.marked_spaces = true;
      const char* absent = flag_of(*step, "add_prefix_space", true) ? "always" : "never";
      decoding.drop_leading_space |= text_of(*step, "prepend_scheme", absent) != "never";
    }
    if (type == "Replace" || type == "ByteFallback") decoding.marked_spaces = true;
    if (type == "Strip" && section(*step, "start").is_number_unsigned())
      decoding.drop_leading_space |=
          section(*step, "start").get<unsigned>() > 0 && text_of(*step, "content", "") == " ";
  }
  return decoding;
}

// The token that a post-processor puts in front of a single text, or nothing.
std::optional<std::string> token_in_front(const json& processor) {
  const std::string type = type_of(processor);
  if (type == "Sequence" && section(processor, "processors").is_array()) {
    for (const json& step : section(processor, "processors"))
      if (auto token = token_in_front(step)) return token;
  }
  if (type == "TemplateProcessing") {
    const json& single = section(processor, "single");
    if (single.is_array() && !single.empty()) {
      const std::string name = text_of(section(single[0], "SpecialToken"), "id", "");
      if (!name.empty()) return name;
    }
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {  // ["[CLS]", 101]
    const json& cls = section(processor, "cls");
    if (cls.is_array() && !cls.empty() && cls[0].is_string()) return cls[0].get<std::string>();
  }
  return std::nullopt;
}

Status read_model(const json& model, const std::string& path, BpeRules* rules) {
  rules->fuse_unk = flag_of(model, "fuse_unk", false);
  if (flag_of(model, "ignore_merges", false)) rules->whole = BpeRules::Whole::kLookUp;
  const std::string unk = text_of(model, "unk_token", "");
  if (!unk.empty()) {
    rules->unk = rules->tokens.find(unk);
    if (rules->unk < 0) return fail(Code::kInvalid, "{}: unk_token '{}' is no token", path, unk);
  }
  if (rules->symbols == BpeRules::Symbols::kCharacters && flag_of(model, "byte_fallback", false)) {
    for (int byte = 0; byte < 256; ++byte) rules->byte_ids[byte] = rules->tokens.find(fmt::format("<0x{:02X}>", byte));
  }
  return {};
}

}  // namespace

Result<TokenizerParts> read_tokenizer_json(std::string_view text, const std::string& path) {
  JsonVocabulary vocabulary;
  PARETO_TRY(const json document, parse_tokenizer_json(text, path, &vocabulary));
  const json& model = section(document, "model");
  PARETO_CHECK_OK(check_model(model, vocabulary, path));

  TokenizerParts parts;
  BpeRules rules;
  bool byte_level = false;
  PARETO_CHECK_OK(read_normalizer(section(document, "normalizer"), path, &rules.normalizer));
  PARETO_CHECK_OK(read_pretokenizer(section(document, "pre_tokenizer"), path, &rules.pretokenizer, &byte_level));
  const Decoding decoding = read_decoder(section(document, "decoder"));
  rules.symbols = byte_level ? BpeRules::Symbols::kBytes : BpeRules::Symbols::kCharacters;
  const Spelling spelling = byte_level               ? Spelling::kByteCharacters
                            : decoding.marked_spaces ? Spelling::kMarkedSpaces
                                                     : Spelling::kPlain;
  if (!byte_level) rules.space = kSpaceMark;
  PARETO_TRY(parts.pieces, fill_tokens(std::span<const std::pair<std::string, std::int64_t>>(vocabulary.tokens),
                                       spelling, path, &rules));
  PARETO_CHECK_OK(
      fill_merges(std::span<const std::pair<std::string, std::string>>(vocabulary.merges), spelling, path, &rules));
  PARETO_CHECK_OK(read_model(model, path, &rules));

  PARETO_TRY(parts.added, read_added(section(document, "added_tokens"), vocabulary.tokens.size(), path));
  PARETO_CHECK_OK(place_added(parts.added, vocabulary, path, &parts.pieces));
  std::vector<AddedToken> normalized;
  for (AddedToken token : parts.added) {
    if (!token.normalized) continue;
    std::string buffer;
    token.text = rules.normalizer.apply(token.text, &buffer);
    normalized.push_back(std::move(token));
  }
  rules.normalized_added = AddedTokens(std::move(normalized));
  parts.drop_leading_space = decoding.drop_leading_space;
  parts.info.kind = "bpe";
  parts.info.hash = sha256_hex(text);
  if (const auto front = token_in_front(section(document, "post_processor"))) {
    for (const AddedToken& token : parts.added)
      if (token.text == *front) parts.info.bos = token.id;
    parts.info.add_bos = parts.info.bos >= 0;
  }
  parts.model = make_bpe_model(std::move(rules));
  return parts;
}

}  // namespace pareto
