// Which tokens a set of prompts has in common, at token granularity.
//
// Sorted, prompts that share a prefix are neighbours, so a walk in that order computes every common prefix once: each
// item starts where it departs from the item before it.
//
//   prompts   a b c d        items   0: a b c d   shared 0   rows 0-3     segments  s0 = a b   users 3
//             a b x                  1: a b x     shared 2   row  2                 s1 = c d   users 1   parent s0
//             a b x y                2: a b x y   shared 3   row  3                 s2 = x     users 2   parent s0
//                                                                                   s3 = y     users 1   parent s2
// The segments are the edges of the radix tree: they say who pays for which row.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/types.h"

namespace pareto {

struct PrefixInput {
  std::span<const Token> tokens;
  int users = 1;      // requests that read exactly this input
  int least_own = 0;  // rows at its end that it computes itself, whoever else has them (1: it needs logits of its own)
};

struct PrefixItem {
  int input = 0;   // index into the inputs
  int shared = 0;  // tokens that the item before it (or the cached path, for the first) has computed
  int leaf = -1;   // its last segment; -1: everything was cached
};

struct PrefixSegment {
  int parent = -1;
  int begin = 0, end = 0;  // positions
  int users = 0;           // Σ users of the inputs that pass through it
};

struct PrefixPlan {
  std::vector<PrefixItem> items;  // in the order in which they must be computed
  std::vector<PrefixSegment> segments;
  // The item's segments, first position first.
  std::vector<int> path(const PrefixItem& item) const;
};

// `cached`: tokens that are in the cache already, of which the first `cached_limit` may be used.
PrefixPlan plan_prefixes(std::span<const PrefixInput> inputs, std::span<const Token> cached, int cached_limit);

// Length of the longest common prefix.
int common_prefix(std::span<const Token> a, std::span<const Token> b);

}  // namespace pareto
