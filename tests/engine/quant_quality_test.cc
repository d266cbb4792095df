// What quantisation costs a model that speaks: the mean KL divergence of stories15M's next-token distributions from its
// f32 ones, over text that it drew itself (tests/golden/quant), in fast numerics (int8 activations) and in reference
// numerics.
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/engine/serving.h"

namespace pareto {
namespace {

using Distributions = std::vector<std::vector<float>>;  // log-probabilities, one row a position

std::vector<std::vector<Token>> texts_of_golden() {
  std::ifstream in(PARETO_GOLDEN "/quant/stories15M_texts.json");
  return nlohmann::json::parse(in)["texts"].get<std::vector<std::vector<Token>>>();
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

// The most that fast numerics may cost, or what llama.cpp costs on the same file and the same texts if that is more:
// ci/peers/llama_kl.py with llama-cpp-python 0.3.36 on files that make_model wrote.
struct Bar {
  DType dtype;
  double most, llama_cpp;
};
constexpr Bar kBars[] = {
    {DType::kQ8_0, .001, .001026}, {DType::kQ6_K, .005, .002506}, {DType::kQ5_K, .02, .005473},
    {DType::kQ4_K, .05, .016872},  {DType::kQ4_0, .08, .091624},  {DType::kQ4_1, .08, .064838},
};

TEST(QuantQuality, Stories15M) {
  const std::string model = std::string(PARETO_SHARED) + "/models/stories15M/stories15M.bin";
  if (!std::filesystem::exists(model)) GTEST_SKIP() << "needs ../shared/models/stories15M";
  const auto exact = open_engine({.model = model, .dtype = "f32", .max_length = 256});
  ASSERT_TRUE(exact);
  const std::vector<std::vector<Token>> texts = texts_of_golden();
  const Distributions want = distributions(*exact, texts);
  const TempFolder folder;
  for (const Bar& c : kBars) {
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
    EXPECT_LE(with_fast, std::max(c.most, c.llama_cpp)) << dtype_name(c.dtype);
  }
}

}  // namespace
}  // namespace pareto
