// The step API, the memory plan, and what open() refuses.
#include "engine/memory_plan.h"
#include "engine/rope.h"
#include "tests/engine/serving.h"

namespace pareto {
namespace {

ModelConfig small() { return model_shape("tiny").value(); }
constexpr std::int64_t kGiB = std::int64_t{1} << 30;

TEST(MemoryPlan, RefusesWithNumbers) {
  const auto plan = plan_memory(small(), {.weight_bytes = 10 * kGiB, .kv_dtype = DType::kBF16}, {}, 8 * kGiB);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::kOutOfMemory);
  EXPECT_NE(plan.error().message.find("weights 10.74 GB"), std::string::npos) << plan.error().message;
  EXPECT_NE(plan.error().message.find("8.59 GB are available"), std::string::npos) << plan.error().message;
  EXPECT_NE(plan.error().message.find("--max_length"), std::string::npos);
}

TEST(MemoryPlan, FitsWhatItSays) {
  for (const int batch : {0, 1, 64}) {
    const auto plan =
        plan_memory(small(), {.weight_bytes = kGiB, .kv_dtype = DType::kBF16}, {.batch = batch}, 2 * kGiB);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_LE(plan->total(), 2 * kGiB);
    EXPECT_GE(std::int64_t{plan->pages} * plan->page_size, plan->max_length);
    EXPECT_EQ(plan->kv, std::int64_t{plan->pages} * plan->page_size * kv_bytes_per_token(small(), DType::kBF16));
  }
}

TEST(MemoryPlan, AnUnaskedForContextShrinksAnAskedForOneIsRefused) {
  ModelConfig config = small();
  config.max_positions = 1 << 20;  // 1 GiB of bf16 KV
  const std::int64_t available = kGiB / 2;
  const auto shrunk = plan_memory(config, {.weight_bytes = 1000, .kv_dtype = DType::kBF16}, {}, available);
  ASSERT_TRUE(shrunk) << shrunk.error().message;
  EXPECT_LT(std::int64_t{shrunk->pages} * shrunk->page_size, 1 << 20);
  EXPECT_FALSE(
      plan_memory(config, {.weight_bytes = 1000, .kv_dtype = DType::kBF16}, {.max_length = 1 << 20}, available));
}

TEST(MemoryPlan, RejectsNumbersThatMakeNoSense) {
  const MemoryNeeds needs{.weight_bytes = 1000};
  EXPECT_FALSE(plan_memory(small(), needs, {.page = 12}, kGiB));
  EXPECT_FALSE(plan_memory(small(), needs, {.page = 0}, kGiB));
  EXPECT_FALSE(plan_memory(small(), needs, {.batch = -1}, kGiB));
  EXPECT_FALSE(plan_memory(small(), needs, {.chunk = -5}, kGiB));
  EXPECT_GT(available_memory(), 0);
}

// Frequencies against hand-computed ones.
TEST(Rope, Scalings) {
  RopeConfig plain{.theta = 10000};
  EXPECT_FLOAT_EQ(rope_frequencies(plain, 8)[1], 0.1f);
  EXPECT_EQ(rope_attention_factor(plain), 1);
  RopeConfig linear{.scaling = RopeConfig::Scaling::kLinear, .theta = 10000, .factor = 4};
  EXPECT_FLOAT_EQ(rope_frequencies(linear, 8)[1], 0.025f);
  RopeConfig llama3{
      .scaling = RopeConfig::Scaling::kLlama3, .theta = 10000, .factor = 8, .original_max_positions = 1000};
  const std::vector<float> f = rope_frequencies(llama3, 8);
  EXPECT_FLOAT_EQ(f[0], 1.0f);        // wave 6.3 < 250: kept
  EXPECT_FLOAT_EQ(f[3], 0.001f / 8);  // wave 6283 > 1000: divided
  const double smooth = (1000 * 0.01 / 6.283185307179586 - 1) / 3;
  EXPECT_NEAR(f[2], (1 - smooth) * 0.01 / 8 + smooth * 0.01, 1e-8);
  RopeConfig yarn{.scaling = RopeConfig::Scaling::kYarn, .theta = 10000, .factor = 4, .original_max_positions = 1000};
  EXPECT_NEAR(rope_attention_factor(yarn), 0.1 * std::log(4.0) + 1, 1e-12);
  const std::vector<float> y = rope_frequencies(yarn, 8);  // ramp from floor(.7) = 0 to ceil(2.2) = 3
  EXPECT_FLOAT_EQ(y[0], 1.0f);
  EXPECT_FLOAT_EQ(y[1], static_cast<float>(0.1 * (2.0 / 3) + 0.025 / 3));
  EXPECT_FLOAT_EQ(y[3], 0.001f / 4);
  plain.factors = {2, 1, 1, 1};
  EXPECT_FLOAT_EQ(rope_frequencies(plain, 8)[0], 0.5f);
}

TEST(Rope, TheTableGrowsWithoutChanging) {
  const RopeConfig config{.theta = 500000};
  RopeTable grown(config, 16), whole(config, 16);
  grown.ensure(10);
  grown.ensure(3000);
  whole.ensure(3000);
  EXPECT_EQ(0, std::memcmp(grown.cos(), whole.cos(), 3000 * 8 * sizeof(float)));
  EXPECT_FLOAT_EQ(grown.sin()[2999 * 8], static_cast<float>(std::sin(2999.0)));
}

TEST(Engine, StepsOfAnyShapeGiveTheSameLogits) {
  const TempFolder folder;
  const auto engine = open_engine({.model = write_tiny(folder, "tiny-qwen3"), .threads = 2, .max_length = 128});
  ASSERT_TRUE(engine);
  std::vector<Token> prompt;
  for (int i = 0; i < 40; ++i) prompt.push_back(static_cast<Token>(i * 5 % 250));
  std::vector<std::vector<float>> whole, pieces;
  {
    Step step;
    Sequence s = engine->sequence();
    ASSERT_TRUE(engine->append(step, s, prompt, {.logits = Logits::kAll}));
    engine->run(step, [&](const LogitRow& row) { whole.emplace_back(row.logits.begin(), row.logits.end()); });
  }
  ASSERT_EQ(whole.size(), 40u);
  // The parent's tokens 0-24 and, in the same step, a fork that goes on from token 10.
  Step step;
  Sequence parent = engine->sequence();
  const std::span<const Token> all(prompt);
  ASSERT_TRUE(engine->append(step, parent, all.first(25), {.logits = Logits::kLast}));
  Sequence child = parent.fork(10);
  const std::vector<std::int32_t> rows = {0, 7, 8};
  ASSERT_TRUE(engine->append(step, child, all.subspan(10), {.logit_rows = rows}));
  std::vector<std::pair<int, int>> places;
  engine->run(step, [&](const LogitRow& row) {
    places.emplace_back(row.part, row.row);
    pieces.emplace_back(row.logits.begin(), row.logits.end());
  });
  EXPECT_EQ(places, (std::vector<std::pair<int, int>>{{0, 24}, {1, 0}, {1, 7}, {1, 8}}));
  EXPECT_EQ(pieces[0], whole[24]);
  EXPECT_EQ(pieces[1], whole[10]);
  EXPECT_EQ(pieces[2], whole[17]);
  EXPECT_EQ(pieces[3], whole[18]);
}

TEST(Engine, RefusesWhatDoesNotFitAStep) {
  const TempFolder folder;
  const auto engine = open_engine({.model = write_tiny(folder, "tiny"), .threads = 1, .max_length = 64, .chunk = 48});
  ASSERT_TRUE(engine);
  Step step;
  Sequence s = engine->sequence();
  const std::vector<Token> many(49, 1), outside = {258};
  EXPECT_FALSE(engine->append(step, s, many, {}));
  EXPECT_FALSE(engine->append(step, s, outside, {}));
  ASSERT_TRUE(engine->append(step, s, std::span(many).first(40), {}));
  Step next;
  EXPECT_FALSE(engine->append(next, s, std::span(many).first(25), {}));  // 65 of 64
  EXPECT_EQ(s.length(), 40);
}

TEST(Engine, OpenExplainsItsRefusals) {
  const TempFolder folder;
  const std::string model = write_tiny(folder, "tiny");
  const auto dtype = Engine::open({.model = model, .dtype = "f8"});
  ASSERT_FALSE(dtype);
  EXPECT_EQ(dtype.error().code, Code::kUsage);
  EXPECT_EQ(dtype.error().message, "no dtype 'f8'; there are: auto f32 bf16");
  EXPECT_FALSE(Engine::open({.model = folder.file("nothing")}));
  const auto quantised = Engine::open({.model = write_tiny(folder, "tiny", DType::kQ8_0), .dtype = "bf16"});
  ASSERT_FALSE(quantised);
  EXPECT_EQ(quantised.error().code, Code::kUnsupported);
}

TEST(Engine, FactsNameTheFilesByTheirContents) {
  const TempFolder folder;
  const std::string model = write_tiny(folder, "tiny");
  const ModelFacts facts = open_engine({.model = model, .threads = 1})->facts();
  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_EQ(facts.dtype, "f32");
  EXPECT_EQ(facts.kv_bytes_per_token, 2 * 2 * 128 * 4);
  ASSERT_FALSE(facts.file_hashes.empty());
  EXPECT_EQ(facts.file_hashes, open_engine({.model = model, .threads = 1})->facts().file_hashes);
  std::filesystem::path weights;
  for (const auto& entry : std::filesystem::directory_iterator(model))
    if (entry.path().extension() == ".safetensors") weights = entry.path();
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(weights));
  {
    std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(size - 1);
    file.put('\x3f');
  }
  EXPECT_NE(facts.file_hashes, open_engine({.model = model, .threads = 1})->facts().file_hashes);
}

}  // namespace
}  // namespace pareto
