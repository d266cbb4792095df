// The merge loop, its tables and the word cache, against plain definitions.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <thread>

#include "engine/bpe.h"
#include "engine/bpe_cache.h"

namespace pareto {
namespace {

// The definition: of all neighbouring pairs in the table, merge the one of lowest order, leftmost first; repeat.
std::vector<Token> plain_merge(std::vector<Token> ids, const std::map<std::pair<Token, Token>, Merge>& table) {
  for (;;) {
    Merge best;
    std::size_t where = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto at = table.find({ids[i], ids[i + 1]});
      if (at != table.end() && at->second.order < best.order) {
        best = at->second;
        where = i;
      }
    }
    if (best.order == Merge::kNone) return ids;
    ids[where] = best.id;
    ids.erase(ids.begin() + where + 1);
  }
}

TEST(BpeMerger, EqualsTheDefinitionOnRandomTables) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const int alphabet = 2 + random() % 4;
    std::map<std::pair<Token, Token>, Merge> table;
    PairTable pairs;
    for (int m = 0, count = 1 + random() % 30; m < count; ++m) {
      const Token left = random() % (alphabet + m), right = random() % (alphabet + m);
      const Merge merge{static_cast<std::uint32_t>(random() % 40), alphabet + m};
      table[{left, right}] = merge;
      pairs.insert(left, right, merge);
    }
    EXPECT_EQ(pairs.size(), table.size());
    // Below kScan symbols the pairs are scanned, above they come from a heap.
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{7}, BpeMerger::kScan, BpeMerger::kScan + 1, std::size_t{300}}) {
      std::vector<Token> ids(size);
      std::vector<BpeSymbol> symbols;
      for (std::size_t i = 0; i < size; ++i) {
        ids[i] = random() % alphabet;
        symbols.push_back({static_cast<std::uint32_t>(i), 1, ids[i]});
      }
      BpeMerger merger;
      merger.run(&symbols, [&](const BpeSymbol& a, const BpeSymbol& b) { return pairs.find(a.id, b.id); });
      std::vector<Token> got;
      std::uint32_t covered = 0;
      for (const BpeSymbol& symbol : symbols) {
        EXPECT_EQ(symbol.begin, covered);
        covered += symbol.size;
        got.push_back(symbol.id);
      }
      EXPECT_EQ(covered, size);
      ASSERT_EQ(got, plain_merge(ids, table)) << "round " << round << ", " << size << " symbols";
    }
  }
}

TEST(TokenTable, FindsWhatWasInserted) {
  TokenTable table;
  EXPECT_EQ(table.find("x"), -1);
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(table.insert(std::to_string(i * 7), i));
  EXPECT_TRUE(table.insert(std::string_view("a\0b", 3), 9999));
  EXPECT_FALSE(table.insert("7", 3));
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(table.find(std::to_string(i * 7)), i);
  EXPECT_EQ(table.find(std::string_view("a\0b", 3)), 9999);
  EXPECT_EQ(table.find("a"), -1);
  EXPECT_EQ(table.find("1"), -1);
  EXPECT_EQ(table.size(), 5001u);
}

TEST(OrderOfScore, HigherScoresComeFirst) {
  const float scores[] = {INFINITY, 3.0f, 1e-30f, 0.0f, -1e-30f, -1.0f, -2.5f, -1e9f, -INFINITY};
  for (std::size_t i = 0; i + 1 < std::size(scores); ++i)
    EXPECT_LT(order_of_score(scores[i]), order_of_score(scores[i + 1])) << scores[i];
  EXPECT_EQ(order_of_score(0.0f), order_of_score(-0.0f));
  for (const float score : scores) EXPECT_NE(order_of_score(score), Merge::kNone);
}

TEST(WordCache, RemembersAndStaysBounded) {
  WordCache cache;
  const auto insert = [&](const std::string& word, const std::vector<Token>& ids) {
    cache.insert(word, WordCache::hash(word), ids);
  };
  const auto find = [&](const std::string& word) {
    std::vector<Token> ids{-7};
    return cache.append(word, WordCache::hash(word), &ids) ? ids : std::vector<Token>{};
  };
  EXPECT_TRUE(find("word").empty());
  insert("word", {1, 2, 3});
  insert(" one", {4});
  insert("none", {});
  EXPECT_EQ(find("word"), (std::vector<Token>{-7, 1, 2, 3}));
  EXPECT_EQ(find(" one"), (std::vector<Token>{-7, 4}));
  EXPECT_EQ(find("none"), (std::vector<Token>{-7}));
  insert(std::string(WordCache::kMaxWord + 1, 'x'), {5});
  EXPECT_TRUE(find(std::string(WordCache::kMaxWord + 1, 'x')).empty());
  int kept = 0;
  for (int i = 0; i < 400000; ++i) insert("w" + std::to_string(i), {i});
  for (int i = 0; i < 400000; ++i) {
    const auto ids = find("w" + std::to_string(i));
    if (ids.empty()) continue;
    ASSERT_EQ(ids, (std::vector<Token>{-7, i}));
    ++kept;
  }
  EXPECT_GT(kept, 100000);
  EXPECT_LT(kept, 400000);  // some neighbourhood was full: the cache does not grow without bound
}

TEST(WordCache, ReadersAndWritersAtOnce) {
  WordCache cache;
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20000; ++i) {
        const std::string word = "w" + std::to_string((i * (t + 1)) % 3000);
        const Token want = static_cast<Token>(word.size() * 1000 + word.back());
        std::vector<Token> ids;
        if (cache.append(word, WordCache::hash(word), &ids)) {
          wrong[t] += ids != std::vector<Token>{want};
        } else {
          cache.insert(word, WordCache::hash(word), std::vector<Token>{want});
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace pareto
