// GGUF vocabularies, Llama-3's tiktoken file, llama2.c's tokenizer.bin, vocab.json with merges.txt: ids of the ggml
// cases, facts, and files that are refused.
#include <cmath>
#include <cstring>

#include "tests/engine/tokenizer_test_support.h"

namespace pareto {
namespace {

using namespace testing_tokenizers;  // NOLINT

std::filesystem::path gguf(const std::string& name) {
  return models() / "ggml-vocabs" / ("ggml-vocab-" + name + ".gguf");
}

class GgufVocabulary : public ::testing::TestWithParam<const char*> {};
TEST_P(GgufVocabulary, GgmlCases) { expect_ggml_cases(GetParam(), gguf(GetParam())); }
INSTANTIATE_TEST_SUITE_P(All, GgufVocabulary,
                         ::testing::Values("llama-spm", "phi-3", "gpt-2", "falcon", "mpt", "starcoder", "refact",
                                           "deepseek-coder", "deepseek-llm"));

TEST(TokenizerGguf, WordPieceIsRefusedByName) {
  if (!std::filesystem::exists(gguf("bert-bge"))) GTEST_SKIP() << "needs ../shared/models/ggml-vocabs";
  const auto tokenizer = load_tokenizer(gguf("bert-bge").string());
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, Code::kUnsupported);
  EXPECT_NE(tokenizer.error().message.find("'bert'"), std::string::npos) << tokenizer.error().message;
}

TEST(TokenizerGguf, Facts) {
  if (!std::filesystem::exists(gguf("phi-3"))) GTEST_SKIP() << "needs ../shared/models/ggml-vocabs";
  const auto phi = load_tokenizer(gguf("phi-3").string());
  ASSERT_TRUE(phi) << phi.error().message;
  EXPECT_TRUE((*phi)->info().add_bos);
  EXPECT_EQ((*phi)->info().bos_text, "<s>");
  EXPECT_EQ((*phi)->info().eos_ids, (std::vector<Token>{32000, 32007}));
  EXPECT_FALSE((*phi)->info().chat_template.empty());
  EXPECT_EQ(encode(**phi, "<|end|>\n  Hi", true), (std::vector<Token>{32007, 6324}));
  const auto gpt2 = load_tokenizer(gguf("gpt-2").string());
  ASSERT_TRUE(gpt2) << gpt2.error().message;
  EXPECT_FALSE((*gpt2)->info().add_bos);
  EXPECT_EQ((*gpt2)->info().eos, 50256);
  EXPECT_EQ((*gpt2)->decode(encode(**gpt2, " naïve\n 😀")), " naïve\n 😀");
}

TEST(TokenizerGguf, TruncatedFilesAreRefused) {
  if (!std::filesystem::exists(gguf("gpt-2"))) GTEST_SKIP() << "needs ../shared/models/ggml-vocabs";
  const std::string bytes = slurp(gguf("gpt-2"));
  const TempFolder folder;
  for (const std::size_t size : {std::size_t{4}, std::size_t{30}, bytes.size() / 3, bytes.size() / 2}) {
    const auto tokenizer = load_tokenizer(folder.write("cut.gguf", std::string_view(bytes).substr(0, size)));
    ASSERT_FALSE(tokenizer) << size;
    EXPECT_NE(tokenizer.error().message.find("cut.gguf"), std::string::npos);
  }
}

TEST(TokenizerTiktoken, GgmlCasesOfLlamaBpe) {
  expect_ggml_cases("llama-bpe", models() / "llama3-tokenizer" / "tokenizer.model");
}

TEST(TokenizerTiktoken, SpecialTokensOfLlama3) {
  const auto path = models() / "llama3-tokenizer";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs ../shared/models/llama3-tokenizer";
  const auto tokenizer = load_tokenizer(path.string());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(encode(**tokenizer, "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|eom_id|>"),
            (std::vector<Token>{128000, 128006, 882, 128007, 271, 13347, 128009, 128008}));
  EXPECT_GT(encode(**tokenizer, "<|eot_id|>", false).size(), 1u);
  const Tokenizer::Info& info = (*tokenizer)->info();
  EXPECT_EQ(info.vocab, 128256);
  EXPECT_TRUE(info.add_bos);
  EXPECT_EQ(info.bos, 128000);
  EXPECT_EQ(info.eos_ids, (std::vector<Token>{128001, 128009, 128008}));
}

TEST(TokenizerTiktoken, BadLinesAreNamed) {
  const TempFolder folder;
  const std::pair<const char*, const char*> kBad[] = {
      {"IQ== 0\nIg=! 1\n", "line 2"}, {"IQ== 0\nIg==\n", "line 2"},        {"IQ== 0\nIQ== 1\n", "line 2"},
      {"IQ== 0\nIg== 0\n", "line 2"}, {"IQ== 0\nIg== 200000\n", "200000"}, {"IQ== 0\nIg== 1\n", "2 ranks"}};
  for (const auto& [text, says] : kBad) {
    const auto tokenizer = load_tokenizer(folder.write("tokenizer.model", text));
    ASSERT_FALSE(tokenizer) << text;
    EXPECT_NE(tokenizer.error().message.find(says), std::string::npos) << tokenizer.error().message;
  }
}

// A llama2.c tokenizer: 3 specials, 256 bytes, then `pieces` with their scores.
std::string llama2c(const std::vector<std::pair<std::string, float>>& pieces) {
  std::string out;
  const auto put = [&](const auto& v) { out.append(reinterpret_cast<const char*>(&v), sizeof v); };
  const auto entry = [&](const std::string& text, float score) {
    put(score);
    put(static_cast<std::int32_t>(text.size()));
    out += text;
  };
  put(std::int32_t{8});
  for (const char* text : {"<unk>", "<s>", "</s>"}) entry(text, 0);
  for (int byte = 0; byte < 256; ++byte) entry("<byte>", 0);
  for (const auto& [text, score] : pieces) entry(text, score);
  return out;
}

TEST(TokenizerLlama2c, MergesTheBestScoreFirst) {
  const TempFolder folder;
  const auto tokenizer = load_tokenizer(folder.write(
      "tokenizer.bin", llama2c({{" ", -9}, {"a", -9}, {"b", -9}, {"ab", -2}, {"ba", -1}, {" a", -3}, {"aba", -4}})));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(encode(**tokenizer, "aba"), (std::vector<Token>{264, 263}));  // " a" "ba", not " " "aba"
  EXPECT_EQ(encode(**tokenizer, "a\xFF"), (std::vector<Token>{264, 3 + 255}));
  EXPECT_EQ(encode(**tokenizer, ""), std::vector<Token>{});
  EXPECT_EQ((*tokenizer)->decode({264, 263}), "aba");
  EXPECT_TRUE((*tokenizer)->info().add_bos);
}

TEST(TokenizerLlama2c, BadFilesAreRefused) {
  const TempFolder folder;
  const std::string good = llama2c({{" ", -1}, {"a", -2}});
  std::string huge = good, negative = good, nan = good;
  const std::int32_t kHuge = INT32_MAX, kNegative = -1;
  const float kNan = NAN;
  std::memcpy(huge.data() + 8, &kHuge, 4);
  std::memcpy(negative.data() + 8, &kNegative, 4);
  std::memcpy(nan.data() + 4, &kNan, 4);
  for (const std::string& bytes : {std::string(), std::string("\1\0", 2), good.substr(0, 20),
                                   good.substr(0, good.size() - 1), huge, negative, nan, llama2c({})}) {
    const auto tokenizer = load_tokenizer(folder.write("tokenizer.bin", bytes));
    ASSERT_FALSE(tokenizer);
    EXPECT_NE(tokenizer.error().message.find("tokenizer.bin"), std::string::npos) << tokenizer.error().message;
  }
}

TEST(TokenizerFiles, VocabAndMerges) {
  const TempFolder folder;
  folder.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})");
  folder.write("merges.txt", "#version: 0.2\na b\r\n\n");
  const auto tokenizer = load_tokenizer(folder.path().string());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(encode(**tokenizer, "abba<|endoftext|>"), (std::vector<Token>{2, 1, 0, 3}));
  folder.write("merges.txt", "a b\na x\n");
  const auto bad = load_tokenizer(folder.path().string());
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("merges.txt"), std::string::npos) << bad.error().message;
}

TEST(TokenizerFiles, MissingOnes) {
  const TempFolder folder;
  const auto empty = load_tokenizer(folder.path().string());
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, Code::kNotFound);
  const auto missing = load_tokenizer((folder.path() / "nothing").string());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_NE(missing.error().message.find("nothing"), std::string::npos);
}

}  // namespace
}  // namespace pareto
