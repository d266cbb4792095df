// lambada_openai, wikitext and wikitext_llamacpp: what is scored after what, and how it is counted.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "core/tokenizer.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

using nlohmann::json;

Marked score_one(const Task& task, int index, double loglikelihood, bool greedy = false) {
  Response response;
  response.loglikelihood = loglikelihood;
  response.greedy = greedy;
  const Response* const one[] = {&response};
  return task.score(index, one)[0];
}

TEST(Lambada, TheLastWordAfterTheRest) {
  const test::DataDir dir;
  dir.write("EleutherAI__lambada_openai/default/test.jsonl", R"({"text": "I don't care  about signs"})"
                                                             "\n"
                                                             R"({"text": "word"})");
  TaskOptions options;
  options.data_dir = dir.path();
  const auto task = test::load_task("lambada_openai", options);
  ASSERT_NE(task, nullptr);
  const auto requests = task->requests();
  EXPECT_EQ(*requests[0].context, "I don't care  about");
  EXPECT_EQ(requests[0].continuation, " signs");
  EXPECT_EQ(*requests[1].context, "");
  EXPECT_EQ(requests[1].continuation, " word");
  const Marked mark = score_one(*task, 0, -2.5, true);
  EXPECT_EQ(mark.metrics, (std::map<std::string, double>{{"acc", 1.0}, {"perplexity", -2.5}}));
  EXPECT_EQ(mark.filtered, "(-2.5, True)");
  EXPECT_FALSE(task->info().metrics[0].higher_is_better);
  EXPECT_EQ(task->info().metrics[0].aggregation, Aggregation::kPerplexity);
}

std::unique_ptr<Task> wikitext_of(const std::string& page) {
  const test::DataDir dir;
  dir.write("EleutherAI__wikitext_document_level/wikitext-2-raw-v1/test.jsonl", json{{"page", page}}.dump());
  TaskOptions options;
  options.data_dir = dir.path();
  return test::load_task("wikitext", options);
}

TEST(Wikitext, Detokenised) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {" = Title = \n \n A 1 @,@ 000 @.@ 5 well @-@ known \" film \" ( 2000 ) , it 's N °",
       " = Title =\n\nA 1,000.5 well-known \"film\" (2000), it's 1 °"},
      {"dogs ' [ a ] { b } : c ; d . e ! f ? g", "dogs' [a] {b}: c; d. e! f? g"},
      {"= = = Part = = = \n 5 N 6 ° C", "=== Part ===\n5 1 6°C"},
      {"it ' s ' x", "it's' x"},
  };
  for (const auto& [page, want] : cases) {
    const auto task = wikitext_of(page);
    ASSERT_NE(task, nullptr);
    EXPECT_EQ(*task->requests()[0].context, want);
    EXPECT_EQ(task->requests()[0].kind, Request::Kind::kScoreRolling);
  }
}

TEST(Wikitext, CountsThePageAsItWas) {
  const auto task = wikitext_of(" a , b \n");
  ASSERT_NE(task, nullptr);
  const Marked mark = score_one(*task, 0, -7);
  EXPECT_EQ(mark.metrics.at("word_perplexity"), -7);
  EXPECT_EQ(mark.weights.at("word_perplexity"), 5);  // re.split gives an empty text at both ends
  EXPECT_EQ(mark.weights.at("byte_perplexity"), 8);
  EXPECT_EQ(mark.weights.at("bits_per_byte"), 8);
}

// Rows of the raw file by the rule of the reference: a page begins at a heading of the first level.
std::string wikitext_rows() {
  std::ifstream file(std::string(PARETO_SHARED) + "/data/wikitext2/wiki.test.raw", std::ios::binary);
  std::ostringstream raw;
  raw << file.rdbuf();
  std::vector<std::string> pages;
  std::istringstream lines(raw.str());
  static const std::regex kHeading("^ = [^=].* = $");
  bool first = true;
  for (std::string line; std::getline(lines, line);) {
    const bool heading = std::regex_match(line, kHeading);
    if (pages.empty() || (heading && !first)) pages.emplace_back();
    first = first && !heading;
    pages.back() += line + "\n";
  }
  std::string rows;
  for (const std::string& page : pages) rows += json{{"page", page}}.dump() + "\n";
  return rows;
}

TEST(Wikitext, TheWholeTestSet) {
  const std::string rows = wikitext_rows();
  if (rows.empty()) GTEST_SKIP() << "needs ../shared/data/wikitext2/wiki.test.raw";
  const test::DataDir dir;
  dir.write("EleutherAI__wikitext_document_level/wikitext-2-raw-v1/test.jsonl", rows);
  TaskOptions options;
  options.data_dir = dir.path();
  const auto task = test::load_task("wikitext", options);
  ASSERT_NE(task, nullptr);
  ASSERT_EQ(task->documents().size(), 62u);
  double bytes = 0;
  for (int i = 0; i < 62; ++i) {
    bytes += score_one(*task, i, -1).weights.at("byte_perplexity");
    const std::string& text = *task->requests()[static_cast<std::size_t>(i)].context;
    EXPECT_EQ(text.find(" @-@ "), std::string::npos) << i;
  }
  EXPECT_EQ(bytes, 1'290'590);
}

// One token per byte.
class ByteTokenizer final : public Tokenizer {
 public:
  explicit ByteTokenizer(bool add_bos) {
    info_.vocab = 257;
    info_.bos = 256;
    info_.add_bos = add_bos;
  }
  void encode(std::string_view text, bool, std::vector<Token>* ids) const override {
    for (const char c : text) ids->push_back(static_cast<unsigned char>(c));
  }
  std::string_view piece(Token) const override { return ""; }
  std::string decode(const std::vector<Token>&) const override { return ""; }
  const Info& info() const override { return info_; }

 private:
  Info info_;
};

TEST(WikitextLlamaCpp, ChunksOf512WhoseSecondHalfIsScored) {
  const test::DataDir dir;
  std::string page;
  for (int i = 0; i < 1100; ++i) page += static_cast<char>('a' + i % 26);
  dir.write("EleutherAI__wikitext_document_level/wikitext-2-raw-v1/test.jsonl",
            json{{"page", page.substr(0, 700)}}.dump() + "\n" + json{{"page", page.substr(700)}}.dump());
  TaskOptions options;
  options.data_dir = dir.path();
  for (const bool add_bos : {false, true}) {
    const ByteTokenizer tokenizer(add_bos);
    options.tokenizer = &tokenizer;
    const auto task = test::load_task("wikitext_llamacpp", options);
    ASSERT_NE(task, nullptr);
    const auto requests = task->requests();
    ASSERT_EQ(requests.size(), 2u);  // 76 or 77 tokens are left over
    for (std::size_t chunk = 0; chunk < 2; ++chunk) {
      const std::size_t begin = chunk * 512 - (add_bos ? 1 : 0);  // in `page`, of the chunk's first token
      ASSERT_EQ(requests[chunk].context_ids->size(), 257u);
      ASSERT_EQ(requests[chunk].continuation_ids->size(), 255u);
      EXPECT_EQ(requests[chunk].context_ids->front(), add_bos ? 256 : page[begin]);
      EXPECT_EQ((*requests[chunk].context_ids)[1], page[begin + 1]);
      EXPECT_EQ(requests[chunk].continuation_ids->front(), page[begin + 257]);
      EXPECT_EQ(requests[chunk].continuation_ids->back(), page[begin + 511]);
    }
    EXPECT_EQ(score_one(*task, 0, -9).weights.at("perplexity"), 255);
  }
  options.tokenizer = nullptr;
  EXPECT_EQ(test::load_error("wikitext_llamacpp", options),
            "task 'wikitext_llamacpp' needs a model or --tokenizer PATH");
}

}  // namespace
}  // namespace pareto
