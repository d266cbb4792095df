// SentencePiece models: the library is the reference for every id.
#include <sentencepiece_processor.h>

#include <thread>

#include "tests/engine/tokenizer_test_support.h"

namespace pareto {
namespace {

using namespace testing_tokenizers;  // NOLINT

class Llama2 : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = models() / "llama2-tokenizer" / "tokenizer.model";
    if (!std::filesystem::exists(path_)) GTEST_SKIP() << "needs ../shared/models/llama2-tokenizer";
    auto loaded = load_tokenizer(path_.string());
    ASSERT_TRUE(loaded) << loaded.error().message;
    tokenizer_ = std::move(*loaded);
    ASSERT_TRUE(library_.Load(path_.string()).ok());
  }
  std::vector<Token> reference(const std::string& text) const {
    std::vector<int> ids;
    EXPECT_TRUE(library_.Encode(text, &ids).ok());
    return ids;
  }
  std::filesystem::path path_;
  std::unique_ptr<Tokenizer> tokenizer_;
  sentencepiece::SentencePieceProcessor library_;
};

TEST_F(Llama2, LeadingSpaceIsATokenOfItsOwn) {
  EXPECT_EQ(encode(*tokenizer_, " A"), (std::vector<Token>{29871, 319}));
  EXPECT_EQ(encode(*tokenizer_, "A"), (std::vector<Token>{319}));
}

TEST_F(Llama2, RandomTextEqualsTheLibrary) {
  RandomText random(7);
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random.next(1 + random.number(40));
    ASSERT_EQ(encode(*tokenizer_, text, false), reference(text)) << '[' << text << ']';
  }
}

TEST_F(Llama2, InvalidUtf8EqualsTheLibrary) {
  RandomText random(11, true);
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random.next(1 + random.number(20));
    ASSERT_EQ(encode(*tokenizer_, text, false), reference(text)) << "text " << i;
  }
}

TEST_F(Llama2, SpecialTokensAreFoundOnlyWhereAskedFor) {
  EXPECT_EQ(encode(*tokenizer_, "<s>A</s>", true), (std::vector<Token>{1, 319, 2}));
  EXPECT_EQ(encode(*tokenizer_, "<s>A</s>", false), reference("<s>A</s>"));
  EXPECT_NE(encode(*tokenizer_, "<s>", false), (std::vector<Token>{1}));
}

TEST_F(Llama2, Facts) {
  const Tokenizer::Info& info = tokenizer_->info();
  EXPECT_EQ(info.vocab, 32000);
  EXPECT_EQ(info.bos, 1);
  EXPECT_EQ(info.eos, 2);
  EXPECT_EQ(info.eos_ids, (std::vector<Token>{2}));
  EXPECT_TRUE(info.add_bos);
  EXPECT_EQ(info.bos_text, "<s>");
  EXPECT_EQ(info.hash.size(), 64u);
}

TEST_F(Llama2, PiecesAreBytes) {
  EXPECT_EQ(tokenizer_->piece(3 + 0xE2), "\xE2");
  EXPECT_EQ(tokenizer_->piece(319), " A");
  EXPECT_EQ(tokenizer_->piece(1), "");
  EXPECT_EQ(tokenizer_->piece(-1), "");
  EXPECT_EQ(tokenizer_->piece(32000), "");
}

TEST_F(Llama2, DecodingGivesTheTextBack) {
  RandomText random(5);
  for (int i = 0; i < 500; ++i) {
    std::string text = random.next(1 + random.number(30));
    while (text.find("\xE2\x96\x81") != std::string::npos) text.replace(text.find("\xE2\x96\x81"), 3, "_");
    ASSERT_EQ(tokenizer_->decode(encode(*tokenizer_, text, false)), text);
  }
}

TEST_F(Llama2, FromSeveralThreadsAtOnce) {
  RandomText random(3);
  std::vector<std::string> texts;
  std::vector<std::vector<Token>> want;
  for (int i = 0; i < 200; ++i) {
    texts.push_back(random.next(60));
    want.push_back(reference(texts.back()));
  }
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < texts.size(); ++i) wrong[t] += encode(*tokenizer_, texts[i], false) != want[i];
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST_F(Llama2, TruncatedModelsAreRefused) {
  const std::string bytes = slurp(path_);
  TempFolder folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}, bytes.size() / 2}) {
    const auto loaded = load_tokenizer(folder.write("tokenizer.model", std::string_view(bytes).substr(0, size)));
    ASSERT_FALSE(loaded) << size;
    EXPECT_NE(loaded.error().message.find("tokenizer.model"), std::string::npos);
  }
}

TEST(TokenizerSentencePiece, GgmlCasesOfLlamaSpm) {
  expect_ggml_cases("llama-spm", models() / "llama2-tokenizer" / "tokenizer.model");
}

TEST(TokenizerLlama2c, GgmlCasesOfLlamaSpm) {
  expect_ggml_cases("llama-spm", models() / "llama2-tokenizer" / "tokenizer.bin");
}

}  // namespace
}  // namespace pareto
