// Words and their ids, remembered: text repeats itself, and few-shot prompts repeat all of it.
//
// Entries are added and never changed or removed, so readers take no lock. Once `kMaxBytes` are held, or a word's
// neighbourhood is full, new words are simply not remembered.
//   word ──hash──▶ segment (allocated when first needed) ──▶ slot ──▶ {hash, sizes, ids…, bytes…}
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "core/types.h"

namespace pareto {

class WordCache {
 public:
  static constexpr std::size_t kMaxWord = 256;         // bytes; longer words are not remembered
  static constexpr std::size_t kMaxBytes = 48u << 20;  // of entries

  WordCache() = default;
  WordCache(const WordCache&) = delete;
  WordCache& operator=(const WordCache&) = delete;

  static std::uint64_t hash(std::string_view word);

  // Appends the word's ids; false if it is not here.
  bool append(std::string_view word, std::uint64_t hash, std::vector<Token>* ids) const {
    const Slot* segment = segments_[hash >> (64 - kSegmentBits)].load(std::memory_order_acquire);
    if (segment == nullptr) return false;
    const std::size_t home = hash % kSlots;
    for (std::size_t i = 0; i < kProbes; ++i) {
      const Entry* entry = segment[(home + i) % kSlots].load(std::memory_order_acquire);
      if (entry == nullptr) return false;
      if (entry->hash == hash && entry->bytes == word.size() &&
          std::memcmp(entry->text(), word.data(), word.size()) == 0) {
        if (entry->count == 1) {
          ids->push_back(entry->ids()[0]);
        } else {
          ids->insert(ids->end(), entry->ids(), entry->ids() + entry->count);
        }
        return true;
      }
    }
    return false;
  }

  // Remembers the word, if there is room.
  void insert(std::string_view word, std::uint64_t hash, std::span<const Token> ids) const;

 private:
  struct Entry {
    std::uint64_t hash;
    std::uint32_t bytes, count;
    const Token* ids() const { return reinterpret_cast<const Token*>(this + 1); }
    const char* text() const { return reinterpret_cast<const char*>(ids() + count); }
  };
  using Slot = std::atomic<const Entry*>;
  static constexpr int kSegmentBits = 9;
  static constexpr std::size_t kSlots = 512, kProbes = 8;
  static constexpr std::size_t kBlock = 64u << 10;

  Entry* allocate(std::size_t bytes) const;

  mutable std::array<std::atomic<Slot*>, 1u << kSegmentBits> segments_{};
  mutable std::mutex mutex_;  // of everything below, and of all writing
  mutable std::vector<std::unique_ptr<Slot[]>> owned_;
  mutable std::vector<std::unique_ptr<std::uint64_t[]>> blocks_;
  mutable std::size_t block_used_ = kBlock, held_ = 0;
};

}  // namespace pareto
