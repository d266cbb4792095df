#include "engine/gguf_vocab.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/hash.h"
#include "engine/bpe_vocabulary.h"
#include "engine/gguf.h"
#include "engine/tokenizer_json_parse.h"
#include "engine/tokenizer_utf8.h"
#include "engine/tokenizer_words.h"

namespace pareto {
namespace {

enum TokenType : std::int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct Vocabulary {
  std::string model, pre;
  std::vector<std::string_view> tokens;
  std::vector<std::int64_t> types;
  std::vector<double> scores;
  bool space_prefix = true;
};

Result<Vocabulary> read_tables(const Gguf& file, const std::string& path) {
  Vocabulary v;
  const auto model = file.text("tokenizer.ggml.model");
  if (!model) return fail(Code::kNotFound, "{}: holds no vocabulary (tokenizer.ggml.model); name one", path);
  v.model = *model;
  if (v.model != "llama" && v.model != "gpt2")
    return fail(Code::kUnsupported, "{}: tokenizer.ggml.model '{}' is not supported; supported: llama gpt2", path,
                v.model);
  v.pre = file.text("tokenizer.ggml.pre").value_or("default");
  v.space_prefix = file.flag("tokenizer.ggml.add_space_prefix").value_or(true);
  v.tokens = file.texts("tokenizer.ggml.tokens");
  if (v.tokens.empty() || v.tokens.size() > kMaxVocab)
    return fail(Code::kInvalid, "{}: tokenizer.ggml.tokens has {} tokens; 1 to {} are possible", path, v.tokens.size(),
                kMaxVocab);
  v.types = file.integers("tokenizer.ggml.token_type");
  if (v.types.empty()) v.types.assign(v.tokens.size(), kNormal);
  v.scores = file.reals("tokenizer.ggml.scores");
  if (v.types.size() != v.tokens.size())
    return fail(Code::kInvalid, "{}: {} tokens but {} token types", path, v.tokens.size(), v.types.size());
  if (v.model == "llama" && v.scores.size() != v.tokens.size())
    return fail(Code::kInvalid, "{}: {} tokens but {} scores", path, v.tokens.size(), v.scores.size());
  return v;
}

// Tokens that are cut out of the text first. Those of Phi-3 take the white space behind them, as its own tokenizer
// says; GGUF has no field for that, so llama.cpp goes by the model's name, and so do we.
std::vector<AddedToken> added_tokens(const Vocabulary& v, const Gguf& file) {
  std::string name(file.text("general.name").value_or(""));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool phi3 = name.find("phi-3") != std::string::npos || name.find("phi3") != std::string::npos;
  std::vector<AddedToken> added;
  for (std::size_t id = 0; id < v.tokens.size(); ++id) {
    const std::int64_t type = v.types[id];
    if (type != kControl && type != kUserDefined && type != kUnknown) continue;
    AddedToken token{std::string(v.tokens[id]), static_cast<Token>(id)};
    // Some converters mark what ends a text as user-defined; it is special all the same.
    token.special = type != kUserDefined || is_text_end(token.text);
    token.rstrip = phi3 && token.text != "<unk>" && token.text != "<s>" && token.text != "<|endoftext|>";
    added.push_back(std::move(token));
  }
  return added;
}

std::string marks_to_spaces(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const bool space = text.substr(at).starts_with(kSpaceMark);
    out += space ? ' ' : text[at];
    at += space ? kSpaceMark.size() : 1;
  }
  return out;
}

// "llama": characters are merged by score; what is no token becomes bytes.
Status read_scored(const Vocabulary& v, const Gguf& file, const std::string& path, TokenizerParts* parts) {
  BpeRules rules;
  rules.symbols = BpeRules::Symbols::kCharacters;
  rules.merges = BpeRules::Merges::kSpans;
  rules.tokens.reserve(v.tokens.size());
  rules.orders.assign(v.tokens.size(), Merge::kNone);
  parts->pieces.resize(v.tokens.size());
  for (std::size_t id = 0; id < v.tokens.size(); ++id) {
    const int byte = v.types[id] == kByte ? byte_token(v.tokens[id]) : -1;
    if (v.types[id] == kByte && byte < 0)
      return fail(Code::kInvalid, "{}: byte token {} is '{}', not <0x..>", path, id, v.tokens[id]);
    if (std::isnan(v.scores[id])) return fail(Code::kInvalid, "{}: the score of token {} is not a number", path, id);
    if (byte >= 0) {
      rules.byte_ids[byte] = static_cast<Token>(id);
      parts->pieces[id].assign(1, static_cast<char>(byte));
    } else if (v.types[id] != kControl && v.types[id] != kUnknown) {
      rules.tokens.insert(v.tokens[id], static_cast<Token>(id));
      rules.orders[id] = order_of_score(static_cast<float>(v.scores[id]));
      parts->pieces[id] = marks_to_spaces(v.tokens[id]);
    }
  }
  rules.unk = static_cast<Token>(file.integer("tokenizer.ggml.unknown_token_id").value_or(0));
  if (v.space_prefix) rules.normalizer.add_prepend(std::string(kSpaceMark));
  rules.normalizer.add_replace(std::string(kPlainSpace), std::string(kSpaceMark));
  rules.space = kSpaceMark;
  parts->model = make_bpe_model(std::move(rules));
  parts->drop_leading_space = v.space_prefix;
  parts->info.kind = "gguf llama";
  parts->info.bos = 1;
  parts->info.eos = 2;
  parts->info.add_bos = true;
  return {};
}

// "gpt2": byte-level merges.
Status read_merged(const Vocabulary& v, const Gguf& file, const std::string& path, TokenizerParts* parts) {
  BpeRules rules;
  std::vector<std::pair<std::string_view, std::int64_t>> tokens;
  for (std::size_t id = 0; id < v.tokens.size(); ++id) tokens.emplace_back(v.tokens[id], static_cast<std::int64_t>(id));
  PARETO_TRY(parts->pieces, fill_tokens(std::span<const std::pair<std::string_view, std::int64_t>>(tokens),
                                        Spelling::kByteCharacters, path, &rules));
  std::vector<std::pair<std::string, std::string>> merges;
  for (const std::string_view line : file.texts("tokenizer.ggml.merges")) {
    std::pair<std::string, std::string> merge;
    if (!split_merge(line, &merge))
      return fail(Code::kInvalid, "{}: merge {} is not two tokens: '{}'", path, merges.size(), line);
    merges.push_back(std::move(merge));
  }
  if (merges.empty()) return fail(Code::kInvalid, "{}: tokenizer.ggml.merges is missing", path);
  PARETO_CHECK_OK(fill_merges(std::span<const std::pair<std::string, std::string>>(merges), Spelling::kByteCharacters,
                              path, &rules));
  const auto split = add_named_split(v.pre, &rules.pretokenizer);
  if (!split) return fail(split.error().code, "{}: {}", path, split.error().message);
  if (split->whole_words) rules.whole = BpeRules::Whole::kLookUp;
  parts->model = make_bpe_model(std::move(rules));
  parts->info.kind = "gguf gpt2";
  parts->info.add_bos = split->add_bos;
  return {};
}

std::string hash_of(const Gguf& file) {
  Sha256 hash;
  for (const auto& [key, value] : file.pairs) {
    if (!key.starts_with("tokenizer.ggml.")) continue;
    hash.update(fmt::format("{}|{}|", key, value.bytes.size()));
    hash.update({reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
  }
  return hash.hex();
}

}  // namespace

Result<TokenizerParts> read_gguf_vocabulary(std::string_view bytes, const std::string& path) {
  PARETO_TRY(const Gguf file, parse_gguf(std::as_bytes(std::span<const char>(bytes)), path));
  PARETO_TRY(const Vocabulary vocabulary, read_tables(file, path));
  TokenizerParts parts;
  const bool scored = vocabulary.model == "llama";
  PARETO_CHECK_OK(scored ? read_scored(vocabulary, file, path, &parts) : read_merged(vocabulary, file, path, &parts));
  parts.added = added_tokens(vocabulary, file);
  for (const AddedToken& token : parts.added)
    parts.pieces[token.id] = token.special ? "" : scored ? marks_to_spaces(token.text) : token.text;
  const auto id = [&](std::string_view name, Token absent) {
    const auto value = file.integer(fmt::format("tokenizer.ggml.{}", name));
    const bool fits = value && *value >= 0 && *value < static_cast<std::int64_t>(vocabulary.tokens.size());
    return fits ? static_cast<Token>(*value) : absent;
  };
  Tokenizer::Info& info = parts.info;
  info.bos = id("bos_token_id", info.bos);
  info.eos = id("eos_token_id", info.eos);
  for (const char* name : {"eot_token_id", "eom_token_id"})
    if (const Token end = id(name, -1); end >= 0) info.eos_ids.push_back(end);
  info.add_bos = file.flag("tokenizer.ggml.add_bos_token").value_or(info.add_bos);
  info.chat_template = file.text("tokenizer.chat_template").value_or("");
  info.hash = hash_of(file);
  return parts;
}

}  // namespace pareto
