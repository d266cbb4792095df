#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "engine/prefix_tree.h"

namespace pareto {
namespace {

std::vector<PrefixInput> inputs_of(const std::vector<std::vector<Token>>& texts) {
  std::vector<PrefixInput> inputs;
  for (const auto& text : texts) inputs.push_back({.tokens = text});
  return inputs;
}

TEST(PrefixTree, TheExampleOfTheHeader) {
  const std::vector<std::vector<Token>> texts = {{1, 2, 9, 8}, {1, 2, 3, 4}, {1, 2, 9}};
  const PrefixPlan plan = plan_prefixes(inputs_of(texts), {}, 0);
  ASSERT_EQ(plan.items.size(), 3u);
  EXPECT_EQ(plan.items[0].input, 1);
  EXPECT_EQ(plan.items[1].input, 2);
  EXPECT_EQ(plan.items[2].input, 0);
  EXPECT_EQ(plan.items[1].shared, 2);
  EXPECT_EQ(plan.items[2].shared, 3);
  std::vector<std::vector<int>> seen;  // begin, end, users
  for (const int s : plan.path(plan.items[2])) {
    const PrefixSegment& segment = plan.segments[static_cast<std::size_t>(s)];
    seen.push_back({segment.begin, segment.end, segment.users});
  }
  EXPECT_EQ(seen, (std::vector<std::vector<int>>{{0, 2, 3}, {2, 3, 2}, {3, 4, 1}}));
}

TEST(PrefixTree, OwnRowsAreKeptWhereLogitsAreNeeded) {
  const std::vector<std::vector<Token>> texts = {{1, 2, 3}, {1, 2, 3}};
  std::vector<PrefixInput> inputs = inputs_of(texts);
  for (PrefixInput& input : inputs) input.least_own = 1;
  const PrefixPlan plan = plan_prefixes(inputs, {}, 0);
  EXPECT_EQ(plan.items[1].shared, 2);
  EXPECT_EQ(plan_prefixes(inputs_of(texts), {}, 0).items[1].shared, 3);
}

TEST(PrefixTree, CachedTokensAreUsedUpToTheLimit) {
  const std::vector<std::vector<Token>> texts = {{1, 2, 3, 4}};
  const std::vector<Token> cached = {1, 2, 3, 9};
  EXPECT_EQ(plan_prefixes(inputs_of(texts), cached, 4).items[0].shared, 3);
  const PrefixPlan limited = plan_prefixes(inputs_of(texts), cached, 2);
  EXPECT_EQ(limited.items[0].shared, 2);
  EXPECT_EQ(limited.segments[static_cast<std::size_t>(limited.items[0].leaf)].begin, 2);
}

// Over random texts of a small alphabet: every distinct prefix is computed exactly once, users count those who read it.
TEST(PrefixTree, EveryDistinctPrefixOnce) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::set<std::vector<Token>> texts;
    while (texts.size() < 1 + random() % 25) {
      std::vector<Token> text;
      for (std::size_t n = 1 + random() % 7; text.size() < n;) text.push_back(static_cast<Token>(random() % 3));
      texts.insert(text);
    }
    std::map<std::vector<Token>, int> users;
    for (const auto& text : texts)
      for (std::size_t n = 1; n <= text.size(); ++n) ++users[{text.begin(), text.begin() + static_cast<long>(n)}];
    std::vector<std::vector<Token>> list(texts.begin(), texts.end());
    std::shuffle(list.begin(), list.end(), random);
    const PrefixPlan plan = plan_prefixes(inputs_of(list), {}, 0);
    std::size_t rows = 0;
    for (const PrefixItem& item : plan.items) {
      const std::vector<Token>& text = list[static_cast<std::size_t>(item.input)];
      rows += text.size() - static_cast<std::size_t>(item.shared);
      int at = 0;
      for (const int s : plan.path(item)) {
        const PrefixSegment& segment = plan.segments[static_cast<std::size_t>(s)];
        ASSERT_EQ(segment.begin, at);
        ASSERT_LT(segment.begin, segment.end);
        for (int end = segment.begin + 1; end <= segment.end; ++end)
          ASSERT_EQ(segment.users, (users[{text.begin(), text.begin() + end}]));
        at = segment.end;
      }
      ASSERT_EQ(at, static_cast<int>(text.size()));
    }
    ASSERT_EQ(rows, users.size());
  }
}

}  // namespace
}  // namespace pareto
