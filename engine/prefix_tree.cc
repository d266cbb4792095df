#include "engine/prefix_tree.h"

#include <algorithm>
#include <numeric>

namespace pareto {

int common_prefix(std::span<const Token> a, std::span<const Token> b) {
  return static_cast<int>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

std::vector<int> PrefixPlan::path(const PrefixItem& item) const {
  std::vector<int> path;
  for (int s = item.leaf; s >= 0; s = segments[static_cast<std::size_t>(s)].parent) path.push_back(s);
  std::reverse(path.begin(), path.end());
  return path;
}

PrefixPlan plan_prefixes(std::span<const PrefixInput> inputs, std::span<const Token> cached, int cached_limit) {
  PrefixPlan plan;
  std::vector<int> order(inputs.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    const auto x = inputs[static_cast<std::size_t>(a)].tokens, y = inputs[static_cast<std::size_t>(b)].tokens;
    const auto [at_x, at_y] = std::mismatch(x.begin(), x.end(), y.begin(), y.end());
    if (at_x != x.end() && at_y != y.end()) return *at_x < *at_y;
    if (x.size() != y.size()) return x.size() < y.size();
    return a < b;
  });

  std::vector<PrefixSegment>& segments = plan.segments;
  std::vector<int> open;  // the segments of the item before, first position first
  std::span<const Token> before = cached.first(std::min(cached.size(), static_cast<std::size_t>(cached_limit)));
  for (const int index : order) {
    const PrefixInput& input = inputs[static_cast<std::size_t>(index)];
    const int length = static_cast<int>(input.tokens.size());
    const int shared = std::min(common_prefix(before, input.tokens), std::max(length - input.least_own, 0));
    while (!open.empty() && segments[static_cast<std::size_t>(open.back())].begin >= shared) open.pop_back();
    if (!open.empty() && segments[static_cast<std::size_t>(open.back())].end > shared) {
      // Departs inside a segment: its head becomes a segment of its own, the old number keeps the tail, so that those
      // who end in it still do.
      const int tail = open.back(), head = static_cast<int>(segments.size());
      PrefixSegment split = segments[static_cast<std::size_t>(tail)];
      split.end = shared;
      segments.push_back(split);
      segments[static_cast<std::size_t>(tail)].begin = shared;
      segments[static_cast<std::size_t>(tail)].parent = head;
      open.back() = head;
    }
    if (length > shared) {
      segments.push_back({.parent = open.empty() ? -1 : open.back(), .begin = shared, .end = length});
      open.push_back(static_cast<int>(segments.size()) - 1);
    }
    plan.items.push_back({.input = index, .shared = shared, .leaf = open.empty() ? -1 : open.back()});
    before = input.tokens;
  }
  for (const PrefixItem& item : plan.items)
    for (int s = item.leaf; s >= 0; s = segments[static_cast<std::size_t>(s)].parent)
      segments[static_cast<std::size_t>(s)].users += inputs[static_cast<std::size_t>(item.input)].users;
  return plan;
}

}  // namespace pareto
