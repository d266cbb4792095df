// Models that speak: the golden texts of llama2.c.
#include "tests/engine/serving.h"

namespace pareto {
namespace {

const std::string kModels = std::string(PARETO_SHARED) + "/models/";

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// llama2.c prints at most 256 positions from BOS on, the prompt included.
void expect_golden(BackendOptions options, const std::string& prompt, const std::string& golden) {
  options.max_length = 300;
  const auto engine = open_engine(options);
  ASSERT_TRUE(engine);
  Request request;
  request.context = make_text(prompt);
  std::vector<Token> ids;
  engine->tokenizer()->encode(prompt, true, &ids);
  request.max_tokens = 256 - static_cast<int>(ids.size());
  const std::vector<Response> responses = serve_all(*engine, {request});
  const std::string text = read(golden);
  ASSERT_FALSE(text.empty());
  // llama2.c stops at the first BOS, which ends a story; we only stop at EOS, so more may follow.
  EXPECT_EQ((prompt + responses[0].text).substr(0, text.size()), text);
}

TEST(Stories, GoldenTexts) {
  if (!std::filesystem::exists(kModels + "stories260K")) GTEST_SKIP() << "needs ../shared/models/stories260K";
  for (const std::string dtype : {"f32", "auto"}) {
    const std::string small = kModels + "stories260K/", large = kModels + "stories15M/";
    std::string tok512 = small + "tok512.bin";
    if (!std::filesystem::exists(tok512)) tok512 = "";
    expect_golden({.model = small + "stories260K.bin", .tokenizer = tok512, .dtype = dtype}, "",
                  small + "expected_greedy_256.txt");
    const std::string tokenizer = kModels + "llama2-tokenizer/tokenizer.model";
    expect_golden({.model = large + "stories15M.bin", .tokenizer = tokenizer, .dtype = dtype}, "",
                  large + "expected_greedy_256.txt");
    expect_golden({.model = large + "stories15M.bin", .tokenizer = tokenizer, .dtype = dtype},
                  "One day, Tom found a shiny key", large + "expected_greedy_256_prompt.txt");
  }
}

}  // namespace
}  // namespace pareto
