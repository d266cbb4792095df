#include "engine/bpe_cache.h"

#include <algorithm>

#include "core/hash.h"

namespace pareto {

std::uint64_t WordCache::hash(std::string_view word) { return xxh3(word); }

WordCache::Entry* WordCache::allocate(std::size_t bytes) const {
  bytes = (bytes + 7) / 8 * 8;
  if (held_ + bytes > kMaxBytes || bytes > kBlock) return nullptr;
  if (block_used_ + bytes > kBlock) {
    blocks_.push_back(std::make_unique_for_overwrite<std::uint64_t[]>(kBlock / 8));
    block_used_ = 0;
  }
  void* at = blocks_.back().get() + block_used_ / 8;
  block_used_ += bytes;
  held_ += bytes;
  return static_cast<Entry*>(at);
}

void WordCache::insert(std::string_view word, std::uint64_t hash, std::span<const Token> ids) const {
  if (word.size() > kMaxWord) return;
  const std::lock_guard lock(mutex_);
  std::atomic<Slot*>& where = segments_[hash >> (64 - kSegmentBits)];
  Slot* segment = where.load(std::memory_order_relaxed);
  if (segment == nullptr) {
    segment = owned_.emplace_back(std::make_unique<Slot[]>(kSlots)).get();
    where.store(segment, std::memory_order_release);
  }
  const std::size_t home = hash % kSlots;
  for (std::size_t i = 0; i < kProbes; ++i) {
    Slot& slot = segment[(home + i) % kSlots];
    if (slot.load(std::memory_order_relaxed) != nullptr) continue;
    Entry* entry = allocate(sizeof(Entry) + ids.size_bytes() + word.size());
    if (entry == nullptr) return;
    *entry = {hash, static_cast<std::uint32_t>(word.size()), static_cast<std::uint32_t>(ids.size())};
    std::copy(ids.begin(), ids.end(), reinterpret_cast<Token*>(entry + 1));  // a word may have no ids at all
    std::copy(word.begin(), word.end(), reinterpret_cast<char*>(entry + 1) + ids.size_bytes());
    slot.store(entry, std::memory_order_release);
    return;
  }
}

}  // namespace pareto
