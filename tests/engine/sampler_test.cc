#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace pareto {
namespace {

const std::vector<float> kLogits = {1.0f, 0.2f, -0.5f, 2.0f, 0.9f, -3.0f, 1.4f, 0.0f};

// χ² of `draws` draws against probabilities ∝ exp(logit / temperature) over the tokens of `allowed`.
double chi_square(const Sampling& sampling, const std::vector<Token>& allowed, int draws) {
  std::map<Token, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[sample(kLogits, sampling, 99, static_cast<std::uint32_t>(i))];
  double sum = 0, statistic = 0;
  for (const Token t : allowed) sum += std::exp(kLogits[static_cast<std::size_t>(t)] / sampling.temperature);
  int seen = 0;
  for (const Token t : allowed) {
    const double expected = draws * std::exp(kLogits[static_cast<std::size_t>(t)] / sampling.temperature) / sum;
    statistic += (counts[t] - expected) * (counts[t] - expected) / expected;
    seen += counts[t];
  }
  EXPECT_EQ(seen, draws) << "a token that the filters forbid was drawn";
  return statistic;
}

// Bounds are the 99.9 % quantiles; the streams are fixed, so the test never flickers.
TEST(Sampler, DrawsFromTheSoftmax) {
  EXPECT_LT(chi_square({.temperature = 1}, {0, 1, 2, 3, 4, 5, 6, 7}, 20000), 24.3);  // 7 degrees of freedom
  EXPECT_LT(chi_square({.temperature = 0.5, .seed = 5}, {0, 1, 2, 3, 4, 5, 6, 7}, 20000), 24.3);
  // A wrong temperature is found at once.
  std::map<Token, int> counts;
  for (int i = 0; i < 20000; ++i) ++counts[sample(kLogits, {.temperature = 2}, 99, static_cast<std::uint32_t>(i))];
  EXPECT_LT(counts[3], 20000 * 0.3);
}

TEST(Sampler, TopKAndTopPKeepTheRightTokens) {
  EXPECT_LT(chi_square({.temperature = 1, .top_k = 3}, {3, 6, 0}, 20000), 13.9);  // 2
  // Probabilities of 3, 6, 0, 4 are .379, .208, .139, .126: .7 is reached with the third.
  EXPECT_LT(chi_square({.temperature = 1, .top_p = 0.7}, {3, 6, 0}, 20000), 13.9);
  EXPECT_LT(chi_square({.temperature = 1, .top_p = 0.75}, {3, 6, 0, 4}, 20000), 16.3);
  EXPECT_LT(chi_square({.temperature = 1, .top_p = 0.9, .top_k = 2}, {3, 6}, 20000), 10.9);
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(sample(kLogits, {.temperature = 1, .top_k = 1}, 1, i), 3);
    EXPECT_EQ(sample(kLogits, {.temperature = 1, .top_p = 1e-9}, 1, i), 3);
    EXPECT_EQ(sample(kLogits, {.temperature = 1e-4}, 1, i), 3);
  }
}

TEST(Sampler, TiesGoToTheLowerId) {
  const std::vector<float> flat(6, 1.0f);
  for (std::uint32_t i = 0; i < 200; ++i) EXPECT_LT(sample(flat, {.temperature = 1, .top_k = 2}, 3, i), 2);
}

TEST(Sampler, DependsOnSeedStreamAndPositionAlone) {
  Request a, b;
  a.doc = 1, b.doc = 1, b.task = 9;  // the task's place in the run is not part of the key
  EXPECT_EQ(sampling_stream(a), sampling_stream(b));
  b.part = 1;
  EXPECT_NE(sampling_stream(a), sampling_stream(b));
  const std::vector<float> flat(1000, 0.0f);
  const Sampling s{.temperature = 1, .seed = 3};
  EXPECT_EQ(sample(flat, s, 1, 2), sample(flat, s, 1, 2));
  EXPECT_NE(sample(flat, s, 1, 2), sample(flat, s, 1, 3));
  EXPECT_NE(sample(flat, s, 1, 2), sample(flat, s, 2, 2));
  EXPECT_NE(sample(flat, s, 1, 2), sample(flat, {.temperature = 1, .seed = 4}, 1, 2));
}

}  // namespace
}  // namespace pareto
