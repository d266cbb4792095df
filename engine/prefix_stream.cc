#include "engine/prefix_stream.h"

#include <algorithm>

namespace pareto {

void PrefixStream::plan(std::vector<PrefixInput> inputs, int cached_limit) {
  inputs_ = std::move(inputs);
  plan_ = plan_prefixes(inputs_, path_ ? std::span<const Token>(path_tokens_) : std::span<const Token>(), cached_limit);
  segment_cost_.assign(plan_.segments.size(), {});
  item_cost_.assign(plan_.items.size(), {});
  at_ = -1;
  advance();
}

void PrefixStream::advance() {
  ++at_;
  begun_ = false;
  position_ = done() ? 0 : item(at_).shared;
  if (!done() && (!path_ || path_->length() < position_)) position_ = 0;
}

int PrefixStream::rows_left() const { return static_cast<int>(input(at_).tokens.size()) - position_; }

int PrefixStream::pages_needed(std::int64_t rows) const {
  if (begun_) return path_->pages_needed(rows);
  const int page = engine_->pages().page_size();
  return static_cast<int>((rows + page - 1) / page);  // a fork starts on a page of its own
}

Result<PrefixStream::Taken> PrefixStream::take(Step& step, int rows, const AppendOptions& options) {
  const std::span<const Token> tokens = input(at_).tokens;
  if (!begun_) {
    path_ = std::make_shared<Sequence>(position_ > 0 ? path_->fork(position_) : engine_->sequence());
    begun_ = true;
  }
  Taken taken{.item = at_, .begin = position_, .end = position_ + rows, .sequence = path_};
  PARETO_TRY(
      taken.part,
      engine_->append(step, *path_, tokens.subspan(static_cast<std::size_t>(position_), static_cast<std::size_t>(rows)),
                      options));
  position_ += rows;
  taken.last = rows_left() == 0;
  if (taken.last) {
    if (at_ + 1 == static_cast<int>(plan_.items.size())) path_tokens_.assign(tokens.begin(), tokens.end());
    advance();
  }
  return taken;
}

void PrefixStream::drop_path() {
  path_.reset();
  path_tokens_.clear();
  position_ = 0;
  begun_ = false;
}

void PrefixStream::charge(const CostModel& cost, const Taken& taken, std::span<const std::int32_t> head_rows,
                          const CostModel::StepTotals& totals) {
  CostModel::Rows rows{.part_begin = taken.begin, .part_end = taken.end};
  if (!head_rows.empty()) {
    rows.kept_begin = taken.begin + head_rows.front();
    rows.kept_end = taken.begin + head_rows.back() + 1;
  }
  const auto charge_range = [&](std::int64_t begin, std::int64_t end, CostShare* to) {
    begin = std::max(begin, taken.begin), end = std::min(end, taken.end);
    if (begin >= end) return;
    rows.begin = begin, rows.end = end;
    rows.head_rows = std::count_if(head_rows.begin(), head_rows.end(), [&](std::int32_t row) {
      return taken.begin + row >= begin && taken.begin + row < end;
    });
    *to += cost.share(rows, totals);
  };
  const PrefixItem& done = item(taken.item);
  charge_range(0, done.shared, &item_cost_[static_cast<std::size_t>(taken.item)]);
  for (int s = done.leaf; s >= 0; s = plan_.segments[static_cast<std::size_t>(s)].parent) {
    const PrefixSegment& segment = plan_.segments[static_cast<std::size_t>(s)];
    charge_range(std::max(segment.begin, done.shared), segment.end, &segment_cost_[static_cast<std::size_t>(s)]);
  }
}

CostShare PrefixStream::share(int index) const {
  CostShare sum = item_cost_[static_cast<std::size_t>(index)] * (1.0 / input(index).users);
  for (int s = item(index).leaf; s >= 0; s = plan_.segments[static_cast<std::size_t>(s)].parent)
    sum += segment_cost_[static_cast<std::size_t>(s)] * (1.0 / plan_.segments[static_cast<std::size_t>(s)].users);
  return sum;
}

CostShare PrefixStream::saved() const {
  CostShare sum;
  for (std::size_t s = 0; s < segment_cost_.size(); ++s) sum += segment_cost_[s] * (plan_.segments[s].users - 1);
  return sum;
}

}  // namespace pareto
