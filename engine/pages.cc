#include "engine/pages.h"

#include <algorithm>
#include <functional>

namespace pareto {

PagePool::PagePool(int pages, int page_size)
    : page_size_(page_size), free_(pages), references_(static_cast<std::size_t>(pages), 0) {
  heap_.resize(static_cast<std::size_t>(pages));
  for (int i = 0; i < pages; ++i) heap_[static_cast<std::size_t>(i)] = i;  // ascending: already a min-heap
}

int PagePool::take() {
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
  const int page = heap_.back();
  heap_.pop_back();
  references_[static_cast<std::size_t>(page)] = 1;
  --free_;
  peak_ = std::max(peak_, used_pages());
  return page;
}

void PagePool::reference(int page) { ++references_[static_cast<std::size_t>(page)]; }

void PagePool::release(int page) {
  if (--references_[static_cast<std::size_t>(page)] > 0) return;
  heap_.push_back(page);
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  ++free_;
}

Sequence& Sequence::operator=(Sequence&& o) noexcept {
  if (this == &o) return *this;
  clear();
  pool_ = std::exchange(o.pool_, nullptr);
  slots_ = std::exchange(o.slots_, {});
  held_ = std::exchange(o.held_, {});
  open_ = std::exchange(o.open_, false);
  return *this;
}

std::int64_t Sequence::room() const {
  if (!open_ || held_.empty()) return 0;
  return pool_->page_size() - (length() - held_.back().begin);
}

int Sequence::pages_needed(std::int64_t tokens) const {
  const std::int64_t beyond = std::max<std::int64_t>(tokens - room(), 0);
  return static_cast<int>((beyond + pool_->page_size() - 1) / pool_->page_size());
}

bool Sequence::extend(std::int64_t tokens) {
  if (pages_needed(tokens) > pool_->free_pages()) return false;
  slots_.reserve(slots_.size() + static_cast<std::size_t>(tokens));
  while (tokens > 0) {
    if (room() == 0) {
      held_.push_back({pool_->take(), length()});
      open_ = true;
    }
    const Held& last = held_.back();
    const std::int64_t take = std::min(tokens, room());
    const auto first = static_cast<std::int32_t>(last.page * pool_->page_size() + (length() - last.begin));
    for (std::int32_t i = 0; i < take; ++i) slots_.push_back(first + i);
    tokens -= take;
  }
  return true;
}

Sequence Sequence::fork(std::int64_t length) const {
  Sequence child;
  child.pool_ = pool_;
  child.slots_.assign(slots_.begin(), slots_.begin() + length);
  for (const Held& held : held_) {
    if (held.begin >= length) break;
    pool_->reference(held.page);
    child.held_.push_back(held);
  }
  return child;
}

void Sequence::truncate(std::int64_t length) {
  if (length >= this->length()) return;
  slots_.resize(static_cast<std::size_t>(length));
  bool dropped = false;
  while (!held_.empty() && held_.back().begin >= length) {
    pool_->release(held_.back().page);
    held_.pop_back();
    dropped = true;
  }
  // The rest of a shared page may hold what a fork still reads; an earlier page may have been closed by a fork.
  open_ = open_ && !dropped && !held_.empty() && pool_->references(held_.back().page) == 1;
}

}  // namespace pareto
