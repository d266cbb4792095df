#include "engine/tokenizer_added.h"

#include <utf8proc.h>

#include <algorithm>

#include "engine/tokenizer_utf8.h"

namespace pareto {
namespace {

bool is_word(std::uint32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

// Where the code point before `end` starts.
std::size_t previous(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  while (at > 0 && end - at < 4 && (static_cast<std::uint8_t>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

bool word_before(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  const CodePoint c = decode_utf8(text, previous(text, at));
  return c.valid && is_word(c.value);
}

bool word_after(std::string_view text, std::size_t at) {
  if (at >= text.size()) return false;
  const CodePoint c = decode_utf8(text, at);
  return c.valid && is_word(c.value);
}

std::uint32_t first_two(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]) << 8 | static_cast<std::uint8_t>(text[at + 1]);
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& t) { return t.text.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.text.size() > b.text.size(); });
  if (tokens_.empty()) return;
  starts_ = std::make_unique<std::bitset<65536>>();
  for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
    const std::string& text = tokens_[i].text;
    first_[static_cast<std::uint8_t>(text[0])] = true;
    if (text.size() == 1) {
      single_.push_back(i);
      for (int second = 0; second < 256; ++second) starts_->set(static_cast<std::uint8_t>(text[0]) << 8 | second);
    } else {
      starts_->set(first_two(text, 0));
      at_[first_two(text, 0)].push_back(i);
    }
  }
}

const AddedToken* AddedTokens::longest_at(std::string_view text, std::size_t at, bool parse_special) const {
  const std::string_view rest = text.substr(at);
  if (rest.size() >= 2) {
    const auto bucket = at_.find(first_two(text, at));
    if (bucket != at_.end()) {
      for (const std::uint32_t i : bucket->second)
        if ((parse_special || !tokens_[i].special) && rest.starts_with(tokens_[i].text)) return &tokens_[i];
    }
  }
  for (const std::uint32_t i : single_)
    if ((parse_special || !tokens_[i].special) && rest[0] == tokens_[i].text[0]) return &tokens_[i];
  return nullptr;
}

std::optional<AddedTokens::Match> AddedTokens::find(std::string_view text, std::size_t from, bool parse_special) const {
  if (tokens_.empty()) return std::nullopt;
  std::size_t at = from;
  while (at < text.size()) {
    while (at < text.size() && !first_[static_cast<std::uint8_t>(text[at])]) ++at;
    if (at >= text.size()) break;
    if (at + 1 < text.size() && !starts_->test(first_two(text, at))) {
      ++at;
      continue;
    }
    const AddedToken* token = longest_at(text, at, parse_special);
    if (token == nullptr) {
      ++at;
      continue;
    }
    Match match{at, at + token->text.size(), token->id};
    if (token->single_word && (word_before(text, match.begin) || word_after(text, match.end))) {
      at = match.end;
      continue;
    }
    while (token->lstrip && match.begin > from) {
      const std::size_t p = previous(text, match.begin);
      if (p < from || !is_white_space(decode_utf8(text, p).value)) break;
      match.begin = p;
    }
    while (token->rstrip && match.end < text.size()) {
      const CodePoint c = decode_utf8(text, match.end);
      if (!is_white_space(c.value)) break;
      match.end += c.bytes;
    }
    return match;
  }
  return std::nullopt;
}

}  // namespace pareto
