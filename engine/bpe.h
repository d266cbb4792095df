// Byte-pair encoding of one word: neighbouring symbols are merged, best pair first, until no pair is in the table.
//
// Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), §3.2. Two kinds of tables:
//   PairTable  (left id, right id) → order, id     GPT-2 style merges: the order is the line in the merges file
//   spans      text of both symbols → order, id    tiktoken ranks, and scores of SentencePiece-like vocabularies
// Lower orders go first; of equal ones, the leftmost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"

namespace pareto {

// Text → id. Built once, then read by any number of threads.
class TokenTable {
 public:
  TokenTable() = default;
  void reserve(std::size_t tokens);
  // False, changing nothing, if the text is there already. REQUIRES: all texts together stay below 4 GiB.
  bool insert(std::string_view text, Token id);
  Token find(std::string_view text) const;  // -1: not there
  std::size_t size() const { return entries_.size(); }

  // Every text with its id, in order of insertion.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Entry& e : entries_) visit(text_of(e), e.id);
  }

 private:
  struct Entry {
    std::uint32_t begin, size;
    Token id;
  };
  struct Slot {
    std::uint32_t tag = 0, entry = kEmpty;
  };
  static constexpr std::uint32_t kEmpty = ~0u;
  std::string_view text_of(const Entry& e) const { return {texts_.data() + e.begin, e.size}; }
  void rebuild(std::size_t slots);

  std::string texts_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;  // a power of two, at most 5/8 full
};

struct Merge {
  static constexpr std::uint32_t kNone = ~0u;
  std::uint32_t order = kNone;  // kNone: no such merge
  Token id = -1;
};

// (left id, right id) → merge.
class PairTable {
 public:
  void reserve(std::size_t pairs);
  // A pair that is there already gets the new merge.
  void insert(Token left, Token right, Merge merge);
  Merge find(Token left, Token right) const {
    if (slots_.empty()) return {};
    const std::uint64_t key = key_of(left, right);
    for (std::size_t at = hash(key) >> shift_;; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].key == key) return slots_[at].merge;
      if (slots_[at].key == kEmpty) return {};
    }
  }
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge;
  };
  static constexpr std::uint64_t kEmpty = ~0ull;
  static std::uint64_t key_of(Token left, Token right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  }
  static std::uint64_t hash(std::uint64_t key) { return (key ^ key >> 29) * 0x9E3779B97F4A7C15ull; }

  std::vector<Slot> slots_;
  int shift_ = 64;
  std::size_t size_ = 0;
};

// A float as an order: higher scores come first.
inline std::uint32_t order_of_score(float score) {
  std::uint32_t bits;
  const float s = score == 0 ? 0.0f : score;  // -0 and 0 are equal
  std::memcpy(&bits, &s, sizeof bits);
  const std::uint32_t ascending = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return ~ascending == Merge::kNone ? Merge::kNone - 1 : ~ascending;
}

struct BpeSymbol {
  std::uint32_t begin = 0, size = 0;  // bytes of the word
  Token id = -1;                      // -1: not in the vocabulary
  int next = -1, prev = -1;           // neighbours; used while merging
};

// Merges `symbols` (in text order) in place. `find(left, right)` gives the merge of two neighbouring symbols.
// Words of up to kScan symbols are scanned for the best pair each time, longer ones use a heap: O(n log n).
class BpeMerger {
 public:
  static constexpr std::size_t kScan = 40;

  template <class Find>
  void run(std::vector<BpeSymbol>* symbols, const Find& find) {
    if (symbols->size() < 2) return;
    if (symbols->size() <= kScan) {
      scan(symbols, find);
    } else {
      heap(symbols, find);
    }
  }

 private:
  template <class Find>
  void scan(std::vector<BpeSymbol>* symbols, const Find& find) {
    std::vector<BpeSymbol>& s = *symbols;
    const auto merge_at = [&](std::size_t i) { return i + 1 < s.size() ? find(s[i], s[i + 1]) : Merge{}; };
    merges_.resize(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) merges_[i] = merge_at(i);
    for (;;) {
      std::size_t best = 0;
      for (std::size_t i = 1; i < s.size(); ++i)
        if (merges_[i].order < merges_[best].order) best = i;
      if (merges_[best].order == Merge::kNone) return;
      s[best].size += s[best + 1].size;
      s[best].id = merges_[best].id;
      s.erase(s.begin() + best + 1);
      merges_.erase(merges_.begin() + best + 1);
      merges_[best] = merge_at(best);
      if (best > 0) merges_[best - 1] = merge_at(best - 1);
    }
  }

  template <class Find>
  void heap(std::vector<BpeSymbol>* symbols, const Find& find) {
    std::vector<BpeSymbol>& s = *symbols;
    const int n = static_cast<int>(s.size());
    queue_.clear();
    const auto later = [](const Candidate& a, const Candidate& b) {
      return a.order != b.order ? a.order > b.order : a.left > b.left;
    };
    const auto offer = [&](int left) {
      const int right = left < 0 ? -1 : s[left].next;
      if (right < 0) return;
      const Merge merge = find(s[left], s[right]);
      if (merge.order == Merge::kNone) return;
      queue_.push_back({merge.order, left, s[left].size + s[right].size, merge.id});
      std::push_heap(queue_.begin(), queue_.end(), later);
    };
    for (int i = 0; i < n; ++i) {
      s[i].prev = i - 1;
      s[i].next = i + 1 < n ? i + 1 : -1;
    }
    for (int i = 0; i + 1 < n; ++i) offer(i);
    while (!queue_.empty()) {
      std::pop_heap(queue_.begin(), queue_.end(), later);
      const Candidate best = queue_.back();
      queue_.pop_back();
      BpeSymbol& left = s[best.left];
      // Symbols only grow, so equal sizes mean that both are still what they were when the pair was offered.
      if (left.size == 0 || left.next < 0 || left.size + s[left.next].size != best.size) continue;
      BpeSymbol& right = s[left.next];
      left.size = best.size;
      left.id = best.id;
      right.size = 0;
      left.next = right.next;
      if (left.next >= 0) s[left.next].prev = best.left;
      offer(left.prev);
      offer(best.left);
    }
    std::erase_if(s, [](const BpeSymbol& x) { return x.size == 0; });
  }

  struct Candidate {
    std::uint32_t order;
    int left;
    std::uint32_t size;
    Token id;
  };
  std::vector<Candidate> queue_;
  std::vector<Merge> merges_;
};

}  // namespace pareto
