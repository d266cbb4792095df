#include "engine/bpe.h"

#include <bit>
#include <utility>

#include "core/hash.h"

namespace pareto {

void TokenTable::reserve(std::size_t tokens) {
  entries_.reserve(tokens);
  texts_.reserve(8 * tokens);
  rebuild(tokens * 8 / 5 + 1);
}

void TokenTable::rebuild(std::size_t slots) {
  slots = std::bit_ceil(std::max<std::size_t>(slots, 16));
  if (slots <= slots_.size()) return;
  slots_.assign(slots, {});
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    const std::uint64_t hash = xxh3(text_of(entries_[i]));
    std::size_t at = hash & (slots - 1);
    while (slots_[at].entry != kEmpty) at = (at + 1) & (slots - 1);
    slots_[at] = {static_cast<std::uint32_t>(hash >> 32), i};
  }
}

bool TokenTable::insert(std::string_view text, Token id) {
  if (find(text) >= 0) return false;
  if (slots_.size() * 5 / 8 <= entries_.size()) rebuild(2 * slots_.size());
  const std::uint64_t hash = xxh3(text);
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].entry != kEmpty) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(entries_.size())};
  entries_.push_back({static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(text.size()), id});
  texts_ += text;
  return true;
}

Token TokenTable::find(std::string_view text) const {
  if (slots_.empty()) return -1;
  const std::uint64_t hash = xxh3(text);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t at = hash & (slots_.size() - 1); slots_[at].entry != kEmpty; at = (at + 1) & (slots_.size() - 1)) {
    const Entry& entry = entries_[slots_[at].entry];
    if (slots_[at].tag == tag && text_of(entry) == text) return entry.id;
  }
  return -1;
}

void PairTable::reserve(std::size_t pairs) {
  const std::size_t slots = std::bit_ceil(std::max<std::size_t>(pairs * 8 / 5 + 1, 16));
  if (slots <= slots_.size()) return;
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots));
  shift_ = 64 - std::countr_zero(slots);
  size_ = 0;
  for (const Slot& slot : old)
    if (slot.key != kEmpty)
      insert(static_cast<Token>(slot.key >> 32), static_cast<Token>(slot.key & 0xFFFFFFFFu), slot.merge);
}

void PairTable::insert(Token left, Token right, Merge merge) {
  if (slots_.size() * 5 / 8 <= size_) reserve(std::max<std::size_t>(2 * size_, 8));
  const std::uint64_t key = key_of(left, right);
  std::size_t at = hash(key) >> shift_;
  while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
  if (slots_[at].key == kEmpty) ++size_;
  slots_[at] = {key, merge};
}

}  // namespace pareto
