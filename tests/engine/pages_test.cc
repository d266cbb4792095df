#include "engine/pages.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace pareto {
namespace {

TEST(Pages, AForkSharesTokensAndStartsItsOwnPage) {
  PagePool pool(8, 4);
  Sequence parent(pool);
  ASSERT_TRUE(parent.extend(6));
  EXPECT_EQ(std::vector<std::int32_t>(parent.slots().begin(), parent.slots().end()),
            (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5}));
  Sequence child = parent.fork(5);
  EXPECT_EQ(pool.used_pages(), 2);
  EXPECT_EQ(pool.references(0), 2);
  EXPECT_EQ(child.pages_needed(1), 1);   // its last page belongs to the parent
  EXPECT_EQ(parent.pages_needed(2), 0);  // which still has room in it
  ASSERT_TRUE(child.extend(2));
  ASSERT_TRUE(parent.extend(2));
  EXPECT_EQ(child.slots()[4], 4);
  EXPECT_EQ(child.slots()[5], 8);
  EXPECT_EQ(parent.slots()[6], 6);
  parent.clear();
  EXPECT_EQ(pool.used_pages(), 3);  // the child holds its prefix
  child.clear();
  EXPECT_EQ(pool.used_pages(), 0);
}

TEST(Pages, TruncateNeverOverwritesWhatAForkReads) {
  PagePool pool(4, 4);
  Sequence a(pool);
  ASSERT_TRUE(a.extend(4));
  Sequence b = a.fork(3);
  a.truncate(1);
  ASSERT_TRUE(a.extend(1));
  EXPECT_EQ(a.slots()[1], 4);  // not slot 1, which b still reads
  b.clear();
  a.clear();
  EXPECT_EQ(pool.used_pages(), 0);
}

TEST(Pages, RefusesWhatDoesNotFitAndChangesNothing) {
  PagePool pool(2, 4);
  Sequence a(pool);
  ASSERT_TRUE(a.extend(3));
  EXPECT_FALSE(a.extend(6));
  EXPECT_EQ(a.length(), 3);
  EXPECT_EQ(pool.used_pages(), 1);
  EXPECT_TRUE(a.extend(5));
  EXPECT_EQ(pool.free_pages(), 0);
}

TEST(Pages, LowPagesAreReusedFirst) {
  PagePool pool(100, 1);
  Sequence a(pool), b(pool);
  ASSERT_TRUE(a.extend(3));
  ASSERT_TRUE(b.extend(3));
  a.clear();
  ASSERT_TRUE(b.extend(1));
  EXPECT_EQ(b.slots()[3], 0);
  EXPECT_EQ(pool.peak_pages(), 6);
}

// Random forks, growth and truncation against a model of what every sequence must still see.
TEST(Pages, EverySequenceKeepsItsContents) {
  for (const int page : {1, 2, 16}) {
    std::mt19937 random(static_cast<unsigned>(page));
    PagePool pool(600 / page + 40, page);
    std::vector<int> memory(static_cast<std::size_t>(pool.pages() * page), -1);
    std::vector<Sequence> sequences;
    std::vector<std::vector<int>> contents;
    int value = 0;
    for (int step = 0; step < 3000; ++step) {
      const std::size_t pick = sequences.empty() ? 0 : random() % sequences.size();
      const unsigned what = random() % 10;
      if (sequences.empty() || (what == 0 && sequences.size() < 12)) {
        sequences.emplace_back(pool);
        contents.emplace_back();
      } else if (what < 5) {
        const auto old = static_cast<std::size_t>(sequences[pick].length());
        const int grow = static_cast<int>(random() % 20);
        const bool fits = sequences[pick].pages_needed(grow) <= pool.free_pages();
        ASSERT_EQ(sequences[pick].extend(grow), fits);
        if (!fits) continue;
        for (std::size_t p = old; p < old + static_cast<std::size_t>(grow); ++p) {
          memory[static_cast<std::size_t>(sequences[pick].slots()[p])] = value;
          contents[pick].push_back(value++);
        }
      } else if (what < 7 && sequences.size() < 12) {
        const auto length = static_cast<std::int64_t>(random() % (contents[pick].size() + 1));
        sequences.push_back(sequences[pick].fork(length));
        contents.emplace_back(contents[pick].begin(), contents[pick].begin() + length);
      } else if (what < 8) {
        const auto length = static_cast<std::int64_t>(random() % (contents[pick].size() + 1));
        sequences[pick].truncate(length);
        contents[pick].resize(static_cast<std::size_t>(length));
      } else if (what == 9) {
        sequences.erase(sequences.begin() + static_cast<std::ptrdiff_t>(pick));
        contents.erase(contents.begin() + static_cast<std::ptrdiff_t>(pick));
      }
      for (std::size_t s = 0; s < sequences.size(); ++s) {
        ASSERT_EQ(sequences[s].length(), static_cast<std::int64_t>(contents[s].size()));
        for (std::size_t p = 0; p < contents[s].size(); ++p)
          ASSERT_EQ(memory[static_cast<std::size_t>(sequences[s].slots()[p])], contents[s][p]) << "page " << page;
      }
    }
    sequences.clear();
    EXPECT_EQ(pool.used_pages(), 0);
    for (int p = 0; p < pool.pages(); ++p) EXPECT_EQ(pool.references(p), 0);
  }
}

}  // namespace
}  // namespace pareto
