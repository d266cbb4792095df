#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>

namespace pareto {
namespace {

TEST(ThreadPool, SplitCoversEveryIndexOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (std::int64_t n : {0, 1, 7, 64, 1000}) {
      for (std::int64_t grain : {1, 8, 100}) {
        std::vector<int> hits(n, 0);
        pool.split(n, grain, [&](std::int64_t begin, std::int64_t end, int) {
          EXPECT_EQ(begin % grain, 0);
          for (std::int64_t i = begin; i < end; ++i) ++hits[i];
        });
        for (int h : hits) ASSERT_EQ(h, 1) << threads << " threads, n " << n << ", grain " << grain;
      }
    }
  }
}

TEST(ThreadPool, WakesWorkersThatFellAsleep) {
  ThreadPool pool(3);
  std::atomic<int> ran{0};
  for (int round = 0; round < 4; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // longer than they spin and yield
    pool.run([&](int) { ++ran; });
  }
  EXPECT_EQ(ran, 12);
}

TEST(ThreadPool, ManySmallJobsInARow) {
  ThreadPool pool(4);
  std::atomic<std::int64_t> sum{0};
  for (int i = 0; i < 2000; ++i) pool.run([&](int thread) { sum += thread; });
  EXPECT_EQ(sum, 2000 * (0 + 1 + 2 + 3));
}

}  // namespace
}  // namespace pareto
