// Feeds the rows of many prompts to steps, each common prefix once, and keeps what every row cost.
//
// plan() sorts the prompts into a prefix tree; take() appends rows of the next one to a step. The sequence of the
// prompt before stays alive (the path), so that the next can fork from it, also into the same step. Pages go back as
// soon as nobody needs them: a prompt's own rows when the caller and the path have moved on.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "engine/engine.h"
#include "engine/item_cost.h"
#include "engine/prefix_tree.h"

namespace pareto {

class PrefixStream {
 public:
  explicit PrefixStream(Engine& engine) : engine_(&engine) {}

  // REQUIRES: done(). An input's tokens must stay valid until its last row is taken; of the path that is still cached
  // at most `cached_limit` tokens are reused.
  void plan(std::vector<PrefixInput> inputs, int cached_limit);
  std::span<const Token> cached() const { return path_tokens_; }

  bool done() const { return at_ == static_cast<int>(plan_.items.size()); }
  int items() const { return static_cast<int>(plan_.items.size()); }
  int item() const { return at_; }  // the next item to take from
  const PrefixItem& item(int index) const { return plan_.items[static_cast<std::size_t>(index)]; }
  const PrefixInput& input(int index) const { return inputs_[static_cast<std::size_t>(item(index).input)]; }
  int position() const { return position_; }  // of the next row
  int rows_left() const;                      // of the item
  bool begins() const { return !begun_; }     // none of its rows was taken
  int pages_needed(std::int64_t rows) const;  // to take so many more

  struct Taken {
    int item = 0, part = 0;              // part: of the step
    std::int64_t begin = 0, end = 0;     // positions
    bool last = false;                   // the item's last rows
    std::shared_ptr<Sequence> sequence;  // keep it until the step has run
  };
  // Appends `rows` rows of the next item. REQUIRES: !done(), 1 ≤ rows ≤ rows_left(), the pages are free.
  Result<Taken> take(Step& step, int rows, const AppendOptions& options);
  // Lets go of the cached path: the next item is computed from its first token.
  void drop_path();

  // Adds the cost of an executed part to the segments that it belongs to.
  void charge(const CostModel& cost, const Taken& taken, std::span<const std::int32_t> head_rows,
              const CostModel::StepTotals& totals);
  // What one user of the item pays for its rows, all of which were charged.
  CostShare share(int index) const;
  // Σ over segments of (users - 1) · cost: what would have been computed again without sharing.
  CostShare saved() const;

 private:
  void advance();

  Engine* engine_;
  std::vector<PrefixInput> inputs_;
  PrefixPlan plan_;
  std::vector<CostShare> segment_cost_;  // per segment
  std::vector<CostShare> item_cost_;     // per item: rows computed again although another item had them
  int at_ = 0, position_ = 0;
  bool begun_ = false;
  std::shared_ptr<Sequence> path_;
  std::vector<Token> path_tokens_;  // what path_ holds between plans
};

}  // namespace pareto
