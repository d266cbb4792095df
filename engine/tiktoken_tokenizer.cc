#include "engine/tiktoken_tokenizer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/hash.h"
#include "engine/bpe_model.h"

namespace pareto {
namespace {

constexpr std::size_t kRanks = 128000, kSpecials = 256;
constexpr std::array<std::string_view, 11> kNamedSpecials = {"<|begin_of_text|>",
                                                             "<|end_of_text|>",
                                                             "<|reserved_special_token_0|>",
                                                             "<|reserved_special_token_1|>",
                                                             "<|finetune_right_pad_id|>",
                                                             "<|step_id|>",
                                                             "<|start_header_id|>",
                                                             "<|end_header_id|>",
                                                             "<|eom_id|>",
                                                             "<|eot_id|>",
                                                             "<|python_tag|>"};
constexpr std::size_t kReservedNamed = 2;  // of them, numbered 0 and 1

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held >= 8) bytes.push_back(static_cast<char>(bits >> (held -= 8)));
  }
  return bytes;
}

struct Line {
  std::string token;
  std::uint32_t rank;
};

std::optional<Line> parse_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  auto token = from_base64(line.substr(0, space));
  const std::string_view digits = line.substr(space + 1);
  std::uint32_t rank = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
  if (!token || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return Line{std::move(*token), rank};
}

std::string special_text(std::size_t index) {
  if (index < kNamedSpecials.size()) return std::string(kNamedSpecials[index]);
  return fmt::format("<|reserved_special_token_{}|>", index - kNamedSpecials.size() + kReservedNamed);
}

}  // namespace

bool looks_like_tiktoken(std::string_view bytes) {
  return parse_line(bytes.substr(0, bytes.substr(0, 1024).find('\n'))).has_value();
}

Result<TokenizerParts> read_tiktoken(std::string_view bytes, const std::string& path) {
  TokenizerParts parts;
  BpeRules rules;
  rules.merges = BpeRules::Merges::kSpans;
  rules.whole = BpeRules::Whole::kLookUp;
  rules.tokens.reserve(kRanks);
  std::vector<bool> taken(kRanks, false);
  parts.pieces.resize(kRanks);
  std::size_t count = 0, line_number = 1;
  for (std::size_t at = 0; at < bytes.size(); ++line_number) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view text = bytes.substr(at, end - at);
    at = end + 1;
    if (text.empty()) continue;
    auto line = parse_line(text);
    if (!line) return fail(Code::kInvalid, "{}: line {} is not a base64 token and a rank", path, line_number);
    if (line->rank >= kRanks)
      return fail(Code::kUnsupported, "{}: line {} has rank {}; only Llama-3's file of {} ranks is known", path,
                  line_number, line->rank, kRanks);
    if (taken[line->rank] || !rules.tokens.insert(line->token, static_cast<Token>(line->rank)))
      return fail(Code::kInvalid, "{}: line {} repeats a rank or a token", path, line_number);
    taken[line->rank] = true;
    ++count;
    if (line->token.size() == 1)
      rules.byte_ids[static_cast<std::uint8_t>(line->token[0])] = static_cast<Token>(line->rank);
    parts.pieces[line->rank] = std::move(line->token);
  }
  if (count != kRanks)
    return fail(Code::kUnsupported, "{}: {} ranks; only Llama-3's file of {} is known", path, count, kRanks);
  if (std::count(rules.byte_ids.begin(), rules.byte_ids.end(), -1) > 0)
    return fail(Code::kInvalid, "{}: some byte is no token", path);
  rules.orders.resize(kRanks);
  for (std::size_t i = 0; i < kRanks; ++i) rules.orders[i] = static_cast<std::uint32_t>(i);
  PARETO_CHECK_OK(rules.pretokenizer.add_regex(kLlama3Split, Pretokenizer::Behaviour::kIsolated));
  for (std::size_t i = 0; i < kSpecials; ++i) {
    parts.added.push_back({special_text(i), static_cast<Token>(kRanks + i)});
    parts.pieces.emplace_back();
  }
  parts.info.kind = "tiktoken";
  parts.info.bos = kRanks;
  parts.info.eos = kRanks + 1;
  parts.info.add_bos = true;
  parts.info.hash = sha256_hex(bytes);
  parts.model = make_bpe_model(std::move(rules));
  return parts;
}

}  // namespace pareto
