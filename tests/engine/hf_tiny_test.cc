// Whole models against transformers: greedy tokens equal, log-probabilities within 1e-3 (the reference's own distance
// from fp64 is 1.4e-5).
#include <cmath>

#include "tests/engine/serving.h"

namespace pareto {
namespace {

const std::string kFolder = std::string(PARETO_SHARED) + "/models/hf-tiny/";
constexpr const char* kModels[] = {"llama-headdim-mha", "llama-rope3-untied", "llama-tied",
                                   "mistral-sw32",      "mixtral-top2of4",    "qwen2-bias",
                                   "qwen2-yarn",        "qwen3-qknorm",       "qwen3moe-top2of8"};

struct Reference {
  std::vector<Request> scores, generations;
  std::vector<std::vector<double>> logprobs;
  std::vector<std::vector<Token>> greedy;
};

Reference read_reference(const std::string& model) {
  Reference reference;
  std::ifstream file(kFolder + model + "/reference.json");
  const nlohmann::json whole = nlohmann::json::parse(file);
  for (const nlohmann::json& c : whole.at("cases")) {
    const auto ids = c.at("ids").get<std::vector<Token>>();
    reference.greedy.push_back(c.at("greedy").get<std::vector<Token>>());
    reference.generations.push_back(generate_ids(ids, static_cast<int>(reference.greedy.back().size())));
    if (ids.size() < 2) continue;
    reference.logprobs.push_back(c.at("token_logprob").get<std::vector<double>>());
    reference.scores.push_back(score_ids({ids.front()}, {ids.begin() + 1, ids.end()}));
  }
  return reference;
}

class HfTiny : public testing::TestWithParam<const char*> {};

TEST_P(HfTiny, EqualsTransformers) {
  if (!std::filesystem::exists(kFolder)) GTEST_SKIP() << "needs ../shared/models/hf-tiny";
  const Reference reference = read_reference(GetParam());
  for (const std::string dtype : {"f32", "auto"}) {
    const auto engine = open_engine({.model = kFolder + GetParam(), .dtype = dtype, .threads = 2});
    ASSERT_TRUE(engine);
    const std::vector<Response> generated = serve_all(*engine, reference.generations);
    for (std::size_t i = 0; i < generated.size(); ++i)
      EXPECT_EQ(generated[i].tokens, reference.greedy[i]) << "case " << i;
    const std::vector<Response> scored = serve_all(*engine, reference.scores);
    double worst = 0;
    for (std::size_t i = 0; i < scored.size(); ++i) {
      ASSERT_EQ(scored[i].logprobs.size(), reference.logprobs[i].size());
      for (std::size_t t = 0; t < scored[i].logprobs.size(); ++t)
        worst = std::max(worst, std::abs(scored[i].logprobs[t] - reference.logprobs[i][t]));
    }
    EXPECT_LT(worst, 1e-3) << dtype;
    EXPECT_EQ(engine->pages().used_pages(), 0);
    RecordProperty("worst_" + dtype, std::to_string(worst));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, HfTiny, testing::ValuesIn(kModels), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace pareto
