// The page table of the KV cache: integers only, no memory, no device.
//
// The cache is a row of pages of `page_size` slots. A sequence is a list position → slot; the pages that it touches are
// counted references. Prefixes are shared at token granularity: a fork takes the first `length` entries of its parent's
// list and starts a page of its own for what follows, so nothing is ever copied:
//
//   parent  slots 0 1 2 3 4 5 | 16 17 …          page 0 holds 0 … 15
//   fork(4) slots 0 1 2 3 | 32 33 …              page 0 is now referenced twice
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace pareto {

// Gives out pages, lowest numbers first, and counts references.
class PagePool {
 public:
  // REQUIRES: page_size is a power of two; pages · page_size < 2³¹.
  PagePool(int pages, int page_size);

  int page_size() const { return page_size_; }
  int pages() const { return static_cast<int>(references_.size()); }
  int free_pages() const { return free_; }
  int used_pages() const { return pages() - free_; }
  int peak_pages() const { return peak_; }

  int take();                // a page with one reference; REQUIRES: free_pages() > 0
  void reference(int page);  // REQUIRES: the page is taken
  void release(int page);    // frees it with the last reference
  int references(int page) const { return references_[static_cast<std::size_t>(page)]; }

 private:
  int page_size_, free_, peak_ = 0;
  std::vector<int> references_;  // per page; 0: free
  std::vector<int> heap_;        // free pages, a min-heap: low pages are reused, so that high ones stay untouched
};

// One sequence's cache. Releases its pages when it goes out of scope.
class Sequence {
 public:
  Sequence() = default;
  explicit Sequence(PagePool& pool) : pool_(&pool) {}
  ~Sequence() { clear(); }
  Sequence(Sequence&& o) noexcept { *this = std::move(o); }
  Sequence& operator=(Sequence&& o) noexcept;
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  std::int64_t length() const { return static_cast<std::int64_t>(slots_.size()); }
  std::span<const std::int32_t> slots() const { return slots_; }  // [length]
  // Pages that `tokens` more would take from the pool.
  int pages_needed(std::int64_t tokens) const;

  // Appends `tokens` slots. False, and nothing changed, when the pool has too few pages.
  [[nodiscard]] bool extend(std::int64_t tokens);
  // A sequence that shares the first `length` positions. REQUIRES: length ≤ this->length().
  Sequence fork(std::int64_t length) const;
  // Forgets the positions from `length` on.
  void truncate(std::int64_t length);
  void clear() { truncate(0); }

 private:
  struct Held {
    int page = 0;
    std::int64_t begin = 0;  // the first position that it holds
  };
  std::int64_t room() const;  // slots left in the last page that this sequence may still write

  PagePool* pool_ = nullptr;
  std::vector<std::int32_t> slots_;
  std::vector<Held> held_;
  bool open_ = false;  // the last page's rest is this sequence's own
};

}  // namespace pareto
