// The same bits whatever the batch, the chunk, the page size, the number of threads and the neighbours.
#include <cstring>

#include "tests/engine/serving.h"

namespace pareto {
namespace {

struct Shape {
  int batch, chunk, page, threads;
};
constexpr Shape kShapes[] = {{0, 0, 16, 1}, {1, 0, 16, 2}, {8, 0, 16, 2}, {32, 7, 4, 2}, {8, 64, 1, 1}, {32, 0, 64, 2}};

std::vector<Request> requests(int vocab) {
  std::vector<Request> list;
  const auto token = [&](int i, int step) { return static_cast<Token>(3 + (i * step + i / 3) % (vocab - 3)); };
  for (int doc = 0; doc < 6; ++doc) {
    std::vector<Token> context;
    for (int i = 0; i < 30 + 23 * doc; ++i) context.push_back(token(i, doc < 3 ? 5 : 11));  // two shared prefixes
    for (int choice = 0; choice < 3; ++choice)
      list.push_back(score_ids(context, {token(choice, 1), token(doc + choice, 3), token(choice, 2)}));
    list.push_back(generate_ids(context, 12));
    list.push_back(generate_ids({context.begin(), context.begin() + 20 + doc}, 9));
    list.back().sampling = {.temperature = 0.9, .top_p = 0.95, .seed = 17};
    list.back().doc = doc;
  }
  return list;
}

void expect_same_bits(const std::string& model, const std::string& dtype, int max_length = 0) {
  std::vector<Response> first;
  for (const Shape& shape : kShapes) {
    const auto engine = open_engine({.model = model,
                                     .dtype = dtype,
                                     .batch = shape.batch,
                                     .threads = shape.threads,
                                     .max_length = max_length,
                                     .chunk = shape.chunk,
                                     .page = shape.page});
    ASSERT_TRUE(engine);
    const std::vector<Request> list = requests(engine->config().vocab);
    const std::vector<Response> responses = serve_all(*engine, list, shape.batch);
    EXPECT_EQ(engine->pages().used_pages(), 0) << "pages leak";
    if (first.empty()) first = responses;
    for (std::size_t i = 0; i < list.size(); ++i) {
      ASSERT_EQ(responses[i].tokens, first[i].tokens) << "request " << i << " batch " << shape.batch;
      ASSERT_EQ(responses[i].logprobs.size(), first[i].logprobs.size());
      ASSERT_EQ(
          std::memcmp(responses[i].logprobs.data(), first[i].logprobs.data(), first[i].logprobs.size() * sizeof(float)),
          0)
          << "request " << i << " batch " << shape.batch << " chunk " << shape.chunk;
    }
  }
}

TEST(Invariance, HfTiny) {
  const std::string folder = std::string(PARETO_SHARED) + "/models/hf-tiny/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs ../shared/models/hf-tiny";
  for (const char* model : {"llama-rope3-untied", "mistral-sw32", "qwen3moe-top2of8", "qwen2-bias"})
    for (const char* dtype : {"f32", "auto", "bf16"}) expect_same_bits(folder + model, dtype);
}

TEST(Invariance, Stories15M) {
  const std::string model = std::string(PARETO_SHARED) + "/models/stories15M/stories15M.bin";
  if (!std::filesystem::exists(model)) GTEST_SKIP() << "needs ../shared/models/stories15M";
  for (const char* dtype : {"f32", "auto"}) expect_same_bits(model, dtype);
}

TEST(Invariance, QuantisedAndRandom) {
  const TempFolder folder;
  for (const DType dtype : {DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K})
    expect_same_bits(write_tiny(folder, "tiny-qwen3", dtype), "auto", 512);
}

}  // namespace
}  // namespace pareto
