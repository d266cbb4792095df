// Samplers and document choice: draws of CPython and of lm-evaluation-harness 0.4.13's samplers.
#include "tasks/fewshot.h"

#include <gtest/gtest.h>

#include "tasks/common.h"

namespace pareto {
namespace {

using Indices = std::vector<std::int64_t>;

TEST(Fewshot, OneStreamPerTaskInDocumentOrder) {
  FewshotSampler gsm8k("gsm8k", Sampler::kDefault, 7473, 1234);
  EXPECT_EQ(gsm8k.sample(5).value(), (Indices{6374, 3610, 957, 61, 742}));
  EXPECT_EQ(gsm8k.sample(0).value(), Indices{});  // draws nothing
  EXPECT_EQ(gsm8k.sample(5).value(), (Indices{7462, 6610, 4769, 286, 5501}));
  EXPECT_EQ(gsm8k.sample(5).value(), (Indices{5677, 687, 806, 6279, 2905}));
  EXPECT_EQ(FewshotSampler("arc", Sampler::kDefault, 1119, 1234).sample(25).value(),
            (Indices{902, 239, 15,  185, 71,  171, 201, 726,  484, 35,  63,  32,  708,
                     991, 949, 304, 186, 374, 234, 29,  1030, 996, 511, 132, 1108}));
}

TEST(Fewshot, OneMoreIsDrawnWhereTheDocumentMayBeInThePool) {
  const auto never = [](std::int64_t) { return false; };
  const auto is_957 = [](std::int64_t i) { return i == 957; };
  EXPECT_EQ(FewshotSampler("hellaswag", Sampler::kDefault, 39905, 1234).sample(10, never).value(),
            (Indices{28883, 7657, 490, 5940, 38156, 2288, 5500, 6450, 23241, 15519}));
  EXPECT_EQ(FewshotSampler("x", Sampler::kDefault, 7473, 1234).sample(4, is_957).value(),
            (Indices{6374, 3610, 61, 742}));
}

// lm_eval.api.samplers over a pool with duplicates, ContextSampler.set_rnd(1234), three shots for documents 0 1 2 9 0.
TEST(Fewshot, DuplicatesOfTheDocumentAreDrawnAgain) {
  const std::vector<int> pool = {0, 0, 0, 1, 2, 3, 0, 4};
  FewshotSampler sampler("x", Sampler::kDefault, std::ssize(pool), 1234);
  const std::vector<std::pair<int, std::vector<int>>> goldens = {
      {0, {1, 3, 4}}, {1, {0, 0, 0}}, {2, {0, 4, 0}}, {9, {4, 2, 1}}, {0, {1, 3, 2}}};
  for (const auto& [document, want] : goldens) {
    std::vector<int> got;
    const auto is_document = [&](std::int64_t i) { return pool[i] == document; };
    const Indices drawn = sampler.sample(3, is_document).value();
    for (const std::int64_t i : drawn) got.push_back(pool[i]);
    EXPECT_EQ(got, want) << document;
  }
}

TEST(Fewshot, FirstN) {
  FewshotSampler sampler("x", Sampler::kFirstN, 5, 1234);
  EXPECT_EQ(sampler.sample(3).value(), (Indices{0, 1, 2}));
  EXPECT_EQ(sampler.sample(3, [](std::int64_t i) { return i == 1; }).value(), (Indices{0, 2, 3}));
}

TEST(Fewshot, TooSmallAPool) {
  for (const Sampler kind : {Sampler::kDefault, Sampler::kFirstN}) {
    const auto drawn = FewshotSampler("tiny", kind, 5, 1234).sample(6);
    ASSERT_FALSE(drawn);
    EXPECT_NE(drawn.error().message.find("tiny: 6 few-shot examples are wanted, 5 are available"), std::string::npos);
  }
}

TEST(Fewshot, NumberOfShots) {
  EXPECT_EQ(resolve_num_fewshot(5, std::nullopt)->n, 5);
  EXPECT_EQ(resolve_num_fewshot(std::nullopt, std::nullopt)->n, 0);
  EXPECT_EQ(resolve_num_fewshot(5, 2)->n, 2);
  EXPECT_EQ(resolve_num_fewshot(std::nullopt, 25)->n, 25);
  EXPECT_EQ(resolve_num_fewshot(0, 5)->n, 0);
  EXPECT_NE(resolve_num_fewshot(0, 5)->warning.find("--num_fewshot 5 is ignored"), std::string::npos);
  EXPECT_TRUE(resolve_num_fewshot(0, 0)->warning.empty());
  EXPECT_EQ(resolve_num_fewshot(5, -1).error().code, Code::kUsage);
}

TEST(Documents, LimitAndSamples) {
  const auto chosen = [](int n, std::optional<double> limit, std::vector<int> samples) {
    TaskOptions options;
    options.limit = limit;
    options.samples = std::move(samples);
    return choose_documents("x", n, options);
  };
  EXPECT_EQ(chosen(3, {}, {}).value(), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(chosen(3, 2, {}).value(), (std::vector<int>{0, 1}));
  EXPECT_EQ(chosen(3, 9, {}).value().size(), 3u);
  EXPECT_EQ(chosen(1319, 0.0123, {}).value().size(), 17u);  // ⌈16.2…⌉
  EXPECT_EQ(chosen(3, 1.9, {}).value().size(), 1u);
  EXPECT_EQ(chosen(9, {}, {7, 2, 7}).value(), (std::vector<int>{2, 7}));
  EXPECT_NE(chosen(9, {}, {9}).error().message.find("documents are numbered 0 to 8"), std::string::npos);
  EXPECT_FALSE(chosen(9, {}, {-1}));
  EXPECT_EQ(chosen(9, 1, {1}).error().code, Code::kUsage);
  EXPECT_FALSE(chosen(9, 0, {}));
  EXPECT_FALSE(chosen(9, -1, {}));
  EXPECT_FALSE(chosen(0, {}, {}));
}

}  // namespace
}  // namespace pareto
