// tokenizer.json: ids equal Hugging Face's on tokenizers of our own (ci/peers/tokenizer_goldens.py) and on real ones;
// malformed files are refused with a line that says why.
#include <nlohmann/json.hpp>

#include "tests/engine/tokenizer_test_support.h"

namespace pareto {
namespace {

using namespace testing_tokenizers;  // NOLINT
using nlohmann::json;

const std::filesystem::path kGolden = std::filesystem::path(PARETO_GOLDEN) / "tokenizers";

Result<std::unique_ptr<Tokenizer>> load_text(const std::string& text, const std::string& config = "") {
  const TempFolder folder;
  if (!config.empty()) folder.write("tokenizer_config.json", config);
  return load_tokenizer(folder.write("tokenizer.json", text));
}

TEST(TokenizerJson, IdsEqualHuggingFace) {
  const json cases = json::parse(slurp(kGolden / "cases.json"));
  ASSERT_GE(cases.size(), 30u);
  for (const json& golden : cases) {
    json file = json::parse(slurp(kGolden / (golden["base"].get<std::string>() + ".json")));
    file.merge_patch(golden["patch"]);
    const auto tokenizer = load_text(file.dump());
    ASSERT_TRUE(tokenizer) << golden["name"] << ": " << tokenizer.error().message;
    for (std::size_t i = 0; i < golden["texts"].size(); ++i) {
      const auto text = golden["texts"][i].get<std::string>();
      EXPECT_EQ(encode(**tokenizer, text, true), golden["ids"][i].get<std::vector<Token>>())
          << golden["name"] << " [" << text << ']';
      EXPECT_EQ(encode(**tokenizer, text, false), golden["plain"][i].get<std::vector<Token>>())
          << golden["name"] << " plain [" << text << ']';
    }
  }
}

TEST(TokenizerJson, GgmlCasesOfQwen2) { expect_ggml_cases("qwen2", models() / "qwen2.5-tokenizer" / "tokenizer.json"); }
TEST(TokenizerJson, GgmlCasesOfMptWithItsOwnTokenizer) { expect_ggml_cases("mpt", models() / "gpt-neox-tokenizer"); }
TEST(TokenizerJson, GgmlCasesOfGpt2WithVocabAndMerges) { expect_ggml_cases("gpt-2", models() / "gpt2-tokenizer"); }

TEST(TokenizerJson, FactsOfQwen) {
  const auto path = models() / "qwen2.5-tokenizer";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs ../shared/models/qwen2.5-tokenizer";
  const auto tokenizer = load_tokenizer(path.string());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const Tokenizer::Info& info = (*tokenizer)->info();
  EXPECT_EQ(info.vocab, 151665);
  EXPECT_EQ(info.bos, -1);
  EXPECT_EQ(info.eos, 151645);
  EXPECT_EQ(info.eos_ids, (std::vector<Token>{151645, 151643}));
  EXPECT_EQ(info.eos_text, "<|im_end|>");
  EXPECT_FALSE(info.add_bos);
  EXPECT_NE(info.chat_template.find("<|im_start|>"), std::string::npos);
  EXPECT_EQ((*tokenizer)->decode({9707, 1879, 151645}), "Hello world");
}

// A small byte-level model: a, b, space, "ab" and " ab".
json small() {
  return json::parse(R"({
    "added_tokens": [{"id": 5, "content": "<s>", "special": true}, {"id": 6, "content": "</s>", "special": true}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
    "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ġab": 4}, "merges": ["a b", ["Ġ", "ab"]]}})");
}

TEST(TokenizerJson, BosByPostProcessorAndByConfig) {
  const auto plain = load_text(small().dump());
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_TRUE((*plain)->info().add_bos);
  EXPECT_EQ((*plain)->info().bos, 5);
  EXPECT_EQ((*plain)->info().eos, 6);
  EXPECT_EQ(encode(**plain, " ab<s>ba"), (std::vector<Token>{4, 5, 1, 0}));
  const auto told =
      load_text(small().dump(), R"({"add_bos_token": false, "eos_token": {"content": "<s>"}, "bos_token": "</s>",
      "chat_template": [{"name": "tool", "template": "T"}, {"name": "default", "template": "D"}],
      "added_tokens_decoder": {"7": {"content": "<x>", "special": false}}})");
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_FALSE((*told)->info().add_bos);
  EXPECT_EQ((*told)->info().bos_text, "</s>");
  EXPECT_EQ((*told)->info().eos, 5);
  EXPECT_EQ((*told)->info().chat_template, "D");
  EXPECT_EQ((*told)->info().vocab, 8);
  EXPECT_EQ(encode(**told, "<x>a", false), (std::vector<Token>{7, 0}));
  EXPECT_EQ((*told)->piece(7), "<x>");
  EXPECT_NE((*told)->info().hash, (*plain)->info().hash);
}

TEST(TokenizerJson, JinjaFileGoesBeforeTheConfig) {
  const TempFolder folder;
  folder.write("tokenizer_config.json", R"({"chat_template": "old"})");
  folder.write("chat_template.jinja", "new");
  const auto tokenizer = load_tokenizer(folder.write("tokenizer.json", small().dump()));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->info().chat_template, "new");
}

struct Bad {
  const char* patch;  // over small()
  const char* says;
};

class TokenizerJsonRefuses : public ::testing::TestWithParam<Bad> {};

TEST_P(TokenizerJsonRefuses, WithALineThatSaysWhy) {
  json file = small();
  file.merge_patch(json::parse(GetParam().patch));
  const auto tokenizer = load_text(file.dump());
  ASSERT_FALSE(tokenizer) << GetParam().patch;
  EXPECT_NE(tokenizer.error().message.find(GetParam().says), std::string::npos) << tokenizer.error().message;
  EXPECT_NE(tokenizer.error().message.find("tokenizer.json"), std::string::npos) << tokenizer.error().message;
  EXPECT_EQ(tokenizer.error().message.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    All, TokenizerJsonRefuses,
    ::testing::Values(
        Bad{R"({"model": null})", "model"}, Bad{R"({"model": {"type": "Unigram"}})", "Unigram"},
        Bad{R"({"model": {"type": "WordPiece"}})", "WordPiece"}, Bad{R"({"model": {"vocab": null}})", "vocab"},
        Bad{R"({"model": {"vocab": {"c": -1}}})", "id -1"}, Bad{R"({"model": {"vocab": {"c": 99999999}}})", "99999999"},
        Bad{R"({"model": {"vocab": {"c": 18446744073709551615}}})", "'c'"},
        Bad{R"({"model": {"vocab": {"c": 1.5}}})", "'c'"}, Bad{R"({"model": {"vocab": {"c": {}}}})", "id"},
        Bad{R"({"model": {"vocab": {"c": 3}}})", "two tokens have id 3"},
        Bad{R"({"model": {"merges": ["a c"]}})", "names 'c'"}, Bad{R"({"model": {"merges": ["b a"]}})", "gives 'ba'"},
        Bad{R"({"model": {"merges": ["ab"]}})", "not two tokens"}, Bad{R"({"model": {"merges": [["a"]]}})", "1 parts"},
        Bad{R"({"model": {"merges": [3]}})", "merge 0"}, Bad{R"({"model": {"merges": [{}]}})", "container"},
        Bad{R"({"model": {"unk_token": "?"}})", "unk_token"}, Bad{R"({"model": {"dropout": 0.1}})", "dropout"},
        Bad{R"({"model": {"end_of_word_suffix": "</w>"}})", "</w>"},
        Bad{R"({"added_tokens": [{"id": 0, "content": "<x>"}]})", "both 'a' and added token '<x>'"},
        Bad{R"({"added_tokens": [{"id": 99999999, "content": "<x>"}]})", "99999999"},
        Bad{R"({"added_tokens": [{"id": -7, "content": "<x>"}]})", "-7"},
        Bad{R"({"added_tokens": [{"content": "<x>"}]})", "needs an id"}, Bad{R"({"added_tokens": 3})", "not a list"},
        Bad{R"({"normalizer": {"type": "Precompiled"}})", "Precompiled"},
        Bad{R"({"normalizer": {"type": "Replace"}})", "pattern"},
        Bad{R"({"normalizer": {"type": "Sequence"}})", "normalizers"},
        Bad{R"({"pre_tokenizer": {"type": "BertPreTokenizer"}})", "BertPreTokenizer"},
        Bad{R"json({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a(?=b)"}}})json", "a(?=b)"},
        Bad{R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a++"}}})", "a++"},
        Bad{R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a[bc]]"}}})", "[a[bc]]"},
        Bad{R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a\\"}}})", "backslash"},
        Bad{R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Sideways"}})", "Sideways"},
        Bad{R"({"pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "last"}})", "last"}));

TEST(TokenizerJson, NoJsonAtAll) {
  for (const char* text : {"", "{", "[]", "{\"model\": {\"vocab\": {\"a\": 0", "{\"a\": \"\xFF\"}", "nul"}) {
    const auto tokenizer = load_text(text);
    ASSERT_FALSE(tokenizer) << text;
    EXPECT_NE(tokenizer.error().message.find("tokenizer.json"), std::string::npos);
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
  const auto tokenizer = load_text(deep);
  ASSERT_FALSE(tokenizer);
  EXPECT_NE(tokenizer.error().message.find("deeper"), std::string::npos);
}

TEST(TokenizerJson, SideFilesThatAreMalformed) {
  for (const char* config :
       {"{", "[]", R"({"added_tokens_decoder": {"x": {"content": "y"}}})", R"({"added_tokens_decoder": {"5": 3}})",
        R"({"added_tokens_decoder": {"999999999": {"content": "y"}}})"}) {
    const auto tokenizer = load_text(small().dump(), config);
    ASSERT_FALSE(tokenizer) << config;
    EXPECT_NE(tokenizer.error().message.find("tokenizer_config.json"), std::string::npos) << tokenizer.error().message;
  }
}

}  // namespace
}  // namespace pareto
