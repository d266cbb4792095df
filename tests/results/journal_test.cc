#include "results/journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "results/json_text.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("pareto_journal_" + std::to_string(::getpid()) + "_" +
                                           testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
    path_ = (folder_ / "journal.jsonl").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string read() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path folder_;
  std::string path_;
};

Request request(int doc, int part) {
  Request r;
  r.kind = Request::Kind::kScore;
  r.doc = doc;
  r.part = part;
  r.context = make_text("Question: what is wet?\nAnswer:");
  r.continuation = " water";
  return r;
}

Response response() {
  Response r;
  r.text = "a \"quoted\"\nline \xC3\xA9";
  r.tokens = {5, 7, 2};
  r.unnamed_tokens = 4;
  r.logprobs = {-0.1f, -1.0f / 3.0f, -12345.678f};
  r.loglikelihood = -1.0 / 3.0;
  r.greedy = true;
  r.prompt_tokens = 11;
  r.truncated_prompt_tokens = 2;
  r.cached_prompt_tokens = 3;
  r.finish = Finish::kLength;
  r.due = 0, r.start = 10, r.first_token = 500, r.end = 1500;
  r.token_times = {500, 1000, 1500};
  r.work = {100, 200, 3, 4, 5};
  r.share_flops = 0.1, r.share_bytes = 1e18 / 3;
  return r;
}

std::string line_of(const std::string& key, const Response& r) {
  std::string line;
  append_journal_line(&line, key, "arc_easy", request(3, 1), r);
  return line;
}

TEST_F(JournalTest, EveryFieldComesBack) {
  const JournalContent content = parse_journal(line_of("k", response()));
  ASSERT_EQ(content.responses.size(), 1u);
  const Response& got = content.responses.at("k");
  const Response want = response();
  EXPECT_EQ(got.text, want.text);
  EXPECT_EQ(got.tokens, want.tokens);
  EXPECT_EQ(got.output_tokens(), 7);
  EXPECT_EQ(got.logprobs, want.logprobs);  // bit for bit: the shortest digits that read back
  EXPECT_EQ(got.loglikelihood, want.loglikelihood);
  EXPECT_EQ(got.greedy, want.greedy);
  EXPECT_EQ(got.prompt_tokens, 11);
  EXPECT_EQ(got.truncated_prompt_tokens, 2);
  EXPECT_EQ(got.cached_prompt_tokens, 3);
  EXPECT_EQ(got.finish, Finish::kLength);
  EXPECT_EQ(got.due, 0);
  EXPECT_EQ(got.start, 10);
  EXPECT_EQ(got.first_token, 500);
  EXPECT_EQ(got.end, 1500);
  EXPECT_EQ(got.token_times, (std::vector<Nanos>{500, 1000, 1500}));
  EXPECT_EQ(got.work.flops, 100);
  EXPECT_EQ(got.work.cached_tokens, 5);
  EXPECT_EQ(got.share_flops, want.share_flops);
  EXPECT_EQ(got.share_bytes, want.share_bytes);
}

// A choice of probability 0 must not become the first NaN, which would be picked.
TEST_F(JournalTest, WhatJsonCannotWriteSurvives) {
  Response r = response();
  r.loglikelihood = -HUGE_VAL;
  r.logprobs = {-HUGE_VALF, HUGE_VALF, std::nanf(""), -1.5F};
  const JournalContent content = parse_journal(line_of("k", r));
  ASSERT_EQ(content.responses.size(), 1u);
  const Response& got = content.responses.at("k");
  EXPECT_EQ(got.loglikelihood, -HUGE_VAL);
  ASSERT_EQ(got.logprobs.size(), 4u);
  EXPECT_EQ(got.logprobs[0], -HUGE_VALF);
  EXPECT_EQ(got.logprobs[1], HUGE_VALF);
  EXPECT_TRUE(std::isnan(got.logprobs[2]));
  EXPECT_EQ(got.logprobs[3], -1.5F);
}

TEST_F(JournalTest, TornLastLineIsDroppedAndCutOff) {
  const std::string whole = line_of("a", response()) + line_of("b", response());
  const std::string torn = line_of("c", response());
  for (const std::size_t cut : {std::size_t{1}, torn.size() / 2, torn.size() - 1}) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole << torn.substr(0, cut);
    auto journal = Journal::open(path_, Journal::Mode::kResume);
    ASSERT_TRUE(journal) << journal.error().message;
    EXPECT_EQ(journal->size(), 2u);
    EXPECT_EQ(journal->find("c"), nullptr);
    ASSERT_TRUE(journal->append(line_of("d", response())));
    EXPECT_EQ(read(), whole + line_of("d", response()));
  }
}

TEST_F(JournalTest, ADamagedLineInTheMiddleCostsOnlyItself) {
  const std::string text = line_of("a", response()) + "{\"key\": 3}\nnonsense\n" + line_of("b", response());
  const JournalContent content = parse_journal(text);
  EXPECT_EQ(content.responses.size(), 2u);
  EXPECT_EQ(content.bad_lines, 2);
  EXPECT_EQ(content.whole_bytes, text.size());
}

TEST_F(JournalTest, RestartForgets) {
  std::ofstream(path_, std::ios::binary) << line_of("a", response());
  auto journal = Journal::open(path_, Journal::Mode::kRestart);
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->find("a"), nullptr);
  EXPECT_EQ(read(), "");
}

TEST_F(JournalTest, SecondRunIsRefused) {
  auto first = Journal::open(path_, Journal::Mode::kResume);
  ASSERT_TRUE(first);
  const auto second = Journal::open(path_, Journal::Mode::kResume);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another run"), std::string::npos);
}

TEST_F(JournalTest, UnwritableFolderIsOneLine) {
  const auto journal = Journal::open("/proc/nowhere/journal.jsonl", Journal::Mode::kResume);
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, Code::kIo);
  EXPECT_NE(journal.error().message.find("/proc/nowhere/journal.jsonl"), std::string::npos);
}

TEST_F(JournalTest, FullDiskIsReported) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full";
  fs::create_symlink("/dev/full", path_);
  auto journal = Journal::open(path_, Journal::Mode::kResume);
  ASSERT_TRUE(journal) << journal.error().message;
  const Status status = journal->append("x\n");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, path_ + ": No space left on device");
}

// Whatever changes the answer changes the key; what does not, does not.
TEST(RequestKey, CoversTheQuestion) {
  const Request base = request(3, 1);
  const std::string key = request_key("run", "arc_easy", base);
  EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(key, request_key("run", "arc_easy", request(3, 1)));
  EXPECT_NE(key, request_key("other", "arc_easy", base));
  EXPECT_NE(key, request_key("run", "arc_challenge", base));
  const auto differs = [&](auto change) {
    Request r = request(3, 1);
    change(r);
    return request_key("run", "arc_easy", r) != key;
  };
  EXPECT_TRUE(differs([](Request& r) { r.doc = 4; }));
  EXPECT_TRUE(differs([](Request& r) { r.part = 2; }));
  EXPECT_TRUE(differs([](Request& r) { r.kind = Request::Kind::kGenerate; }));
  EXPECT_TRUE(differs([](Request& r) { r.context = make_text("x"); }));
  EXPECT_TRUE(differs([](Request& r) { r.continuation = "x"; }));
  EXPECT_TRUE(differs([](Request& r) { r.context_ids = std::vector<Token>{}; }));
  EXPECT_FALSE(differs([](Request& r) { r.sampling.seed = 5; }));  // greedy: no draw
}

TEST(RequestKey, TextsDoNotRunIntoEachOther) {
  Request a = request(0, 0), b = request(0, 0);
  a.context = make_text("ab"), a.continuation = "c";
  b.context = make_text("a"), b.continuation = "bc";
  EXPECT_NE(request_key("r", "t", a), request_key("r", "t", b));
}

TEST(JsonText, StringsAreAlwaysValid) {
  std::string out;
  append_json(&out, std::string_view("a\"\\\n\x01\xC3\xA9\xFF\xE2\x82"));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\u0001\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"
                       "x"),
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx");
}

TEST(JsonText, NumbersAsPythonWritesThem) {
  EXPECT_EQ(python_float(1), "1.0");
  EXPECT_EQ(python_float(-41.9024658203125), "-41.9024658203125");
  EXPECT_EQ(python_float(0.1), "0.1");
  EXPECT_EQ(python_float(1e-5), "1e-05");
  EXPECT_EQ(python_float(1e16), "1e+16");
  EXPECT_EQ(python_float(123456789012345.0), "123456789012345.0");
  EXPECT_EQ(python_float(-HUGE_VAL), "-inf");
}

TEST(JsonText, PrettyJsonOnOneLine) {
  EXPECT_EQ(json_on_one_line("{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": \"x  y\\n\"\n}"),
            "{\"a\": [1, 2], \"b\": \"x  y\\n\"}");
}

}  // namespace
}  // namespace pareto
