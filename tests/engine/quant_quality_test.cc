// What quantisation costs a model that speaks: the mean KL divergence of stories15M's next-token distributions from its
// f32 ones, over text that it drew itself, in fast numerics (int8 activations) and in reference numerics.
#include <cmath>
#include <random>

#include "tests/engine/serving.h"

namespace pareto {
namespace {

constexpr int kTexts = 2, kTokens = 200;

using Distributions = std::vector<std::vector<float>>;  // log-probabilities, one row a position

// Token drawn from softmax(row.logits) at `u` in [0, 1).
Token draw(const LogitRow& row, double u) {
  double below = 0;
  for (std::size_t t = 0; t < row.logits.size(); ++t) {
    below += std::exp(static_cast<double>(row.logits[t]) - row.lse);
    if (below > u) return static_cast<Token>(t);
  }
  return row.argmax;
}

std::vector<std::vector<Token>> drawn_texts(Engine& engine) {
  std::mt19937_64 random(1);
  std::vector<std::vector<Token>> texts;
  for (int i = 0; i < kTexts; ++i) {
    Sequence sequence = engine.sequence();
    std::vector<Token> text = {engine.prefix_token()};
    while (text.size() < kTokens) {
      Step step;
      EXPECT_TRUE(engine.append(step, sequence, std::span(text).last(1), {.logits = Logits::kLast}));
      const double u = static_cast<double>(random() >> 11) * 0x1p-53;
      engine.run(step, [&](const LogitRow& row) { text.push_back(draw(row, u)); });
    }
    texts.push_back(text);
  }
  return texts;
}

Distributions distributions(Engine& engine, const std::vector<std::vector<Token>>& texts) {
  Distributions all;
  for (const std::vector<Token>& text : texts) {
    Sequence sequence = engine.sequence();
    Step step;
    EXPECT_TRUE(engine.append(step, sequence, text, {.logits = Logits::kAll}));
    engine.run(step, [&](const LogitRow& row) {
      all.emplace_back(row.logits.begin(), row.logits.end());
      for (float& x : all.back()) x -= row.lse;
    });
  }
  return all;
}

double mean_divergence(const Distributions& from, const Distributions& to) {
  double sum = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    for (std::size_t t = 0; t < from[i].size(); ++t)
      sum += std::exp(static_cast<double>(from[i][t])) * (static_cast<double>(from[i][t]) - to[i][t]);
  }
  return sum / static_cast<double>(from.size());
}

TEST(QuantQuality, Stories15M) {
  const std::string model = std::string(PARETO_SHARED) + "/models/stories15M/stories15M.bin";
  if (!std::filesystem::exists(model)) GTEST_SKIP() << "needs ../shared/models/stories15M";
  const auto exact = open_engine({.model = model, .dtype = "f32", .max_length = 256});
  ASSERT_TRUE(exact);
  const std::vector<std::vector<Token>> texts = drawn_texts(*exact);
  const Distributions want = distributions(*exact, texts);
  struct Case {
    DType dtype;
    double most;
  };
  const TempFolder folder;
  for (const Case& c : {Case{DType::kQ8_0, .001}, Case{DType::kQ6_K, .005}, Case{DType::kQ5_K, .02},
                        Case{DType::kQ4_K, .05}, Case{DType::kQ4_0, .08}, Case{DType::kQ4_1, .08}}) {
    const std::string path = folder.file(std::string(dtype_name(c.dtype)) + ".gguf");
    ASSERT_TRUE(write_gguf(*file_source(exact->file()), {.path = path, .dtype = c.dtype}));
    const auto fast = open_engine({.model = path, .dtype = "auto", .max_length = 256});
    const auto reference = open_engine({.model = path, .dtype = "f32", .max_length = 256});
    ASSERT_TRUE(fast && reference);
    const double with_reference = mean_divergence(want, distributions(*reference, texts));
    const double with_fast = mean_divergence(want, distributions(*fast, texts));
    std::printf("%s: mean KL to f32 %.6f fast, %.6f reference\n", dtype_name(c.dtype), with_fast, with_reference);
    // The weights' own loss depends on who quantised them; int8 activations may add no more than this to it.
    EXPECT_LT(with_fast, 1.05 * with_reference + .0006) << dtype_name(c.dtype);
    if (with_reference < c.most) {
      EXPECT_LT(with_fast, c.most) << dtype_name(c.dtype);
    }
  }
}

}  // namespace
}  // namespace pareto
