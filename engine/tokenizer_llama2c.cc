#include "engine/tokenizer_llama2c.h"

#include <cmath>
#include <cstring>

#include "core/hash.h"
#include "engine/bpe_model.h"

namespace pareto {
namespace {

constexpr Token kUnknown = 0, kBos = 1, kEos = 2, kFirstByte = 3, kFirstPiece = kFirstByte + 256;

struct Entry {
  float score;
  std::string_view text;
};

Result<std::vector<Entry>> read_entries(std::string_view bytes, const std::string& path) {
  std::vector<Entry> entries;
  std::size_t at = sizeof(std::int32_t);  // max_token_length only sizes llama2.c's buffers
  while (at < bytes.size()) {
    float score;
    std::int32_t size;
    if (bytes.size() - at < sizeof score + sizeof size)
      return fail(Code::kInvalid, "{}: ends inside the header of token {}", path, entries.size());
    std::memcpy(&score, bytes.data() + at, sizeof score);
    std::memcpy(&size, bytes.data() + at + sizeof score, sizeof size);
    at += sizeof score + sizeof size;
    if (size < 0 || static_cast<std::size_t>(size) > bytes.size() - at)
      return fail(Code::kInvalid, "{}: token {} claims {} bytes where {} are left", path, entries.size(), size,
                  bytes.size() - at);
    if (std::isnan(score))
      return fail(Code::kInvalid, "{}: the score of token {} is not a number", path, entries.size());
    entries.push_back({score, bytes.substr(at, size)});
    at += size;
  }
  if (entries.size() <= kFirstPiece)
    return fail(Code::kInvalid, "{}: {} tokens; a llama2.c tokenizer has 3 special ones, 256 bytes and pieces", path,
                entries.size());
  return entries;
}

}  // namespace

Result<TokenizerParts> read_llama2c_tokenizer(std::string_view bytes, const std::string& path) {
  PARETO_TRY(const std::vector<Entry> entries, read_entries(bytes, path));
  if (entries.size() > kMaxVocab) return fail(Code::kInvalid, "{}: more than {} tokens", path, kMaxVocab);
  TokenizerParts parts;
  BpeRules rules;
  rules.symbols = BpeRules::Symbols::kCharacters;
  rules.merges = BpeRules::Merges::kSpans;
  rules.tokens.reserve(entries.size());
  rules.orders.assign(entries.size(), Merge::kNone);
  for (Token id = 0; id < static_cast<Token>(entries.size()); ++id) {
    const bool byte = id >= kFirstByte && id < kFirstPiece;
    if (byte) rules.byte_ids[id - kFirstByte] = id;
    if (id < kFirstPiece) {
      parts.pieces.emplace_back(byte ? std::string(1, static_cast<char>(id - kFirstByte)) : "");
      continue;
    }
    parts.pieces.emplace_back(entries[id].text);
    rules.orders[id] = order_of_score(entries[id].score);
    rules.tokens.insert(entries[id].text, id);  // of two equal pieces, the first
  }
  rules.unk = kUnknown;
  rules.normalizer.add_prepend(std::string(1, ' '));
  rules.space.assign(1, ' ');
  parts.added = {{"<unk>", kUnknown}, {"<s>", kBos}, {"</s>", kEos}};
  parts.drop_leading_space = true;
  parts.info.kind = "llama2.c";
  parts.info.bos = kBos;
  parts.info.eos = kEos;
  parts.info.add_bos = true;
  parts.info.hash = sha256_hex(bytes);
  parts.model = make_bpe_model(std::move(rules));
  return parts;
}

}  // namespace pareto
