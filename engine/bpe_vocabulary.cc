#include "engine/bpe_vocabulary.h"

#include <algorithm>
#include <optional>

#include "core/hash.h"
#include "engine/tokenizer_json_parse.h"
#include "engine/tokenizer_utf8.h"

namespace pareto {
namespace {

// What the token table holds, or nothing for a token that merges cannot give.
std::optional<std::string> table_text(std::string_view token, Spelling spelling) {
  if (spelling != Spelling::kByteCharacters) return std::string(token);
  std::string bytes;
  if (!from_byte_characters(token, &bytes)) return std::nullopt;
  return bytes;
}

std::string piece_text(std::string_view token, Spelling spelling) {
  if (spelling == Spelling::kByteCharacters) {
    std::string bytes;
    return from_byte_characters(token, &bytes) ? bytes : std::string(token);
  }
  if (spelling == Spelling::kPlain) return std::string(token);
  const int byte = byte_token(token);
  if (byte >= 0) return std::string(1, static_cast<char>(byte));
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const bool space = token.substr(at).starts_with(kSpaceMark);
    bytes += space ? ' ' : token[at];
    at += space ? kSpaceMark.size() : 1;
  }
  return bytes;
}

}  // namespace

template <class Text>
Result<std::vector<std::string>> fill_tokens(std::span<const std::pair<Text, std::int64_t>> tokens, Spelling spelling,
                                             const std::string& path, BpeRules* rules) {
  const std::int64_t limit = std::min<std::int64_t>(kMaxVocab, 4 * static_cast<std::int64_t>(tokens.size()) + 1024);
  std::int64_t size = 0, bytes = 0;
  for (const auto& [text, id] : tokens) {
    if (id < 0 || id >= limit)
      return fail(Code::kInvalid, "{}: token '{}' has id {}; with {} tokens ids are 0 to {}", path, text, id,
                  tokens.size(), limit - 1);
    size = std::max(size, id + 1);
    bytes += static_cast<std::int64_t>(text.size());
  }
  if (bytes > INT32_MAX) return fail(Code::kInvalid, "{}: tokens of {} bytes", path, bytes);
  std::vector<std::string> pieces(size);
  std::vector<bool> taken(size, false);
  rules->tokens.reserve(tokens.size());
  for (const auto& [text, id] : tokens) {
    if (taken[id]) return fail(Code::kInvalid, "{}: two tokens have id {}; one is '{}'", path, id, text);
    taken[id] = true;
    pieces[id] = piece_text(text, spelling);
    const auto entry = table_text(text, spelling);
    if (entry && !rules->tokens.insert(*entry, static_cast<Token>(id)))
      return fail(Code::kInvalid, "{}: token '{}' comes twice", path, text);
    if (entry && spelling == Spelling::kByteCharacters && entry->size() == 1)
      rules->byte_ids[static_cast<std::uint8_t>((*entry)[0])] = static_cast<Token>(id);
  }
  return pieces;
}

template <class Text>
Status fill_merges(std::span<const std::pair<Text, Text>> merges, Spelling spelling, const std::string& path,
                   BpeRules* rules) {
  rules->pairs.reserve(merges.size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const auto left = table_text(merges[i].first, spelling), right = table_text(merges[i].second, spelling);
    const Token left_id = left ? rules->tokens.find(*left) : -1;
    const Token right_id = right ? rules->tokens.find(*right) : -1;
    const Token whole = left_id < 0 || right_id < 0 ? -1 : rules->tokens.find(*left + *right);
    if (whole < 0) {
      const auto& unknown = left_id < 0 ? merges[i].first : merges[i].second;
      if (left_id < 0 || right_id < 0)
        return fail(Code::kInvalid, "{}: merge {} names '{}', which is no token", path, i, unknown);
      return fail(Code::kInvalid, "{}: merge {} gives '{}{}', which is no token", path, i, merges[i].first,
                  merges[i].second);
    }
    rules->pairs.insert(left_id, right_id, {static_cast<std::uint32_t>(i), whole});
  }
  return {};
}

using TextTokens = std::span<const std::pair<std::string, std::int64_t>>;
using ViewTokens = std::span<const std::pair<std::string_view, std::int64_t>>;
using TextMerges = std::span<const std::pair<std::string, std::string>>;
using ViewMerges = std::span<const std::pair<std::string_view, std::string_view>>;
template Result<std::vector<std::string>> fill_tokens(TextTokens, Spelling, const std::string&, BpeRules*);
template Result<std::vector<std::string>> fill_tokens(ViewTokens, Spelling, const std::string&, BpeRules*);
template Status fill_merges(TextMerges, Spelling, const std::string&, BpeRules*);
template Status fill_merges(ViewMerges, Spelling, const std::string&, BpeRules*);

Result<TokenizerParts> read_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt,
                                             const std::string& vocab_path, const std::string& merges_path) {
  JsonVocabulary vocabulary;
  PARETO_CHECK_OK(parse_vocab_json(vocab_json, vocab_path, &vocabulary));
  for (std::size_t at = 0, line_number = 1; at < merges_txt.size(); ++line_number) {
    const std::size_t end = std::min(merges_txt.find('\n', at), merges_txt.size());
    std::string_view line = merges_txt.substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    std::pair<std::string, std::string> merge;
    if (!split_merge(line, &merge))
      return fail(Code::kInvalid, "{}: line {} is not two tokens: '{}'", merges_path, line_number, line);
    vocabulary.merges.push_back(std::move(merge));
  }
  TokenizerParts parts;
  BpeRules rules;
  PARETO_TRY(parts.pieces, fill_tokens(TextTokens(vocabulary.tokens), Spelling::kByteCharacters, vocab_path, &rules));
  PARETO_CHECK_OK(fill_merges(TextMerges(vocabulary.merges), Spelling::kByteCharacters, merges_path, &rules));
  PARETO_CHECK_OK(rules.pretokenizer.add_regex(kGpt2Split, Pretokenizer::Behaviour::kIsolated));
  for (const auto& [text, id] : vocabulary.tokens)
    if (text == "<|endoftext|>") parts.added.push_back({text, static_cast<Token>(id)});
  parts.info.kind = "bpe";
  parts.info.hash = sha256_hex(fmt::format("{}|{}", sha256_hex(vocab_json), sha256_hex(merges_txt)));
  if (!parts.added.empty()) parts.info.bos = parts.info.eos = parts.added[0].id;
  parts.model = make_bpe_model(std::move(rules));
  return parts;
}

}  // namespace pareto
