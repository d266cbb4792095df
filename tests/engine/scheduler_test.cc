// The scheduler on tiny random models: every request ends once, pages come back, errors stay with their request.
#include <cmath>
#include <random>
#include <thread>

#include "tests/engine/serving.h"

namespace pareto {
namespace {

class SchedulerTest : public testing::Test {
 protected:
  std::unique_ptr<Engine> engine(BackendOptions options) {
    if (model_.empty()) model_ = write_tiny(folder_, "tiny");
    options.model = model_;
    if (options.threads == 0) options.threads = 1;  // more threads only wait for each other on a busy machine
    if (options.max_length == 0) options.max_length = 256;
    return open_engine(options);
  }
  TempFolder folder_;
  std::string model_;
};

std::vector<Token> tokens(int count, int seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::vector<Token> ids;
  for (int i = 0; i < count; ++i) ids.push_back(static_cast<Token>(random() % 250));
  return ids;
}

std::vector<Request> mixed(int count) {
  std::mt19937 random(1);
  std::vector<Request> list;
  for (int i = 0; i < count; ++i) {
    const std::vector<Token> context = tokens(1 + static_cast<int>(random() % 90), static_cast<int>(random() % 7));
    if (random() % 3 == 0) {
      list.push_back(generate_ids(context, 1 + static_cast<int>(random() % 20)));
    } else if (random() % 5 == 0) {
      list.push_back({});
      list.back().kind = Request::Kind::kScoreRolling;
      list.back().context_ids = tokens(300, i);
    } else {
      list.push_back(score_ids(context, tokens(1 + static_cast<int>(random() % 9), i % 5)));
    }
  }
  return list;
}

TEST_F(SchedulerTest, EveryRequestEndsOnceAndPagesComeBack) {
  for (const int batch : {0, 1, 5}) {
    const auto e = engine({.batch = batch, .threads = batch == 5 ? 2 : 1, .chunk = 48});
    const std::vector<Request> list = mixed(batch == 5 ? 40 : 120);
    const std::vector<Response> responses = serve_all(*e, list, batch);
    for (std::size_t i = 0; i < list.size(); ++i) {
      EXPECT_FALSE(responses[i].error);
      if (list[i].kind == Request::Kind::kGenerate) {
        EXPECT_EQ(static_cast<int>(responses[i].tokens.size()), list[i].max_tokens);
        EXPECT_EQ(responses[i].token_times.size(), responses[i].tokens.size());
        EXPECT_EQ(responses[i].finish, Finish::kLength);
      }
      EXPECT_LE(responses[i].start, responses[i].first_token);
      EXPECT_LE(responses[i].first_token, responses[i].end);
      for (const float logprob : responses[i].logprobs) EXPECT_LE(logprob, 0);
    }
    EXPECT_EQ(e->pages().used_pages(), 0);
  }
}

TEST_F(SchedulerTest, RollingWindowsEqualTheirScores) {
  const auto e = engine({.max_length = 64});
  Request rolling;
  rolling.kind = Request::Kind::kScoreRolling;
  rolling.context_ids = tokens(150, 3);
  const std::vector<Token>& t = *rolling.context_ids;
  const Token prefix = e->prefix_token();
  // Windows 0-63, 64-127, 128-149; the last one sees 42 tokens of context.
  const std::vector<Request> list = {rolling, score_ids({prefix}, {t.begin(), t.begin() + 64}),
                                     score_ids({t[63]}, {t.begin() + 64, t.begin() + 128}),
                                     score_ids({t.begin() + 85, t.begin() + 128}, {t.begin() + 128, t.end()})};
  const std::vector<Response> r = serve_all(*e, list);
  std::vector<float> joined;
  for (int i = 1; i < 4; ++i) joined.insert(joined.end(), r[i].logprobs.begin(), r[i].logprobs.end());
  EXPECT_EQ(r[0].logprobs, joined);
  EXPECT_DOUBLE_EQ(r[0].loglikelihood, r[1].loglikelihood + r[2].loglikelihood + r[3].loglikelihood);
}

TEST_F(SchedulerTest, IdenticalInputsShareOneForward) {
  const auto e = engine({});
  const std::vector<Token> context = tokens(50, 1);
  std::vector<Request> list;
  for (Token letter = 10; letter < 14; ++letter) list.push_back(score_ids(context, {letter}));
  Scheduler scheduler(*e, 0);
  const std::vector<Response> r = serve_all(scheduler, list);
  EXPECT_EQ(e->work().tokens(Phase::kScore), 50);
  EXPECT_EQ(e->work().total(Phase::kScore, OpClass::kLogSoftmax).bytes.activations, 4 * (258 + 2));  // one row
  int cached = 0, greedy = 0;
  double probability = 0;
  for (const Response& response : r) {
    cached += response.cached_prompt_tokens;
    greedy += response.greedy;
    probability += std::exp(response.loglikelihood);
  }
  EXPECT_EQ(cached, 3 * 50);
  EXPECT_LE(greedy, 1);
  EXPECT_LT(probability, 1);
  EXPECT_EQ(scheduler.shared().flops, 3 * e->work().total().flops);
}

TEST_F(SchedulerTest, SharedPrefixesAreComputedOnce) {
  const auto e = engine({.chunk = 32});
  const std::vector<Token> context = tokens(100, 1);
  std::vector<Request> list;
  for (int i = 0; i < 10; ++i) {
    std::vector<Token> prompt = context;
    prompt.push_back(static_cast<Token>(200 + i));
    list.push_back(generate_ids(prompt, 4));
    list.push_back(score_ids(prompt, {1, 2}));
  }
  serve_all(*e, list);
  EXPECT_EQ(e->work().tokens(Phase::kPrefill), 100 + 10);
  EXPECT_EQ(e->work().tokens(Phase::kScore), 100 + 10 * 2);
}

TEST_F(SchedulerTest, AFullCacheMakesRequestsWaitNotFail) {
  // Room for one sequence of 256 and little more: generations take turns, scores go between them.
  const auto e = engine({.max_length = 256});
  Sequence hog = e->sequence();
  ASSERT_TRUE(hog.extend(std::int64_t{e->pages().free_pages() - 17} * e->pages().page_size()));
  const int used = e->pages().used_pages();
  std::vector<Request> list;
  for (int i = 0; i < 6; ++i) {
    list.push_back(generate_ids(tokens(100 + i, i), 100));
    list.push_back(score_ids(tokens(200, i), tokens(30, i)));
    list.push_back(score_ids(tokens(200, i), tokens(31, i + 1)));
  }
  for (const Response& response : serve_all(*e, list)) EXPECT_FALSE(response.error);
  EXPECT_EQ(e->pages().used_pages(), used);
}

TEST_F(SchedulerTest, BadRequestsAreAnsweredGoodOnesServed) {
  const auto e = engine({});
  std::vector<Request> list = {score_ids({1, 2}, {3}), score_ids({1, 999}, {3}), generate_ids({1}, 0),
                               score_ids({1}, tokens(300, 1)), score_ids({1, 2}, {})};
  list.push_back({});
  list.back().context = make_text("text, but there is no tokenizer");
  list.back().max_tokens = 5;
  const std::vector<Response> r = serve_all(*e, list);
  EXPECT_FALSE(r[0].error);
  EXPECT_NE(r[1].error->message.find("999"), std::string::npos);
  EXPECT_NE(r[2].error->message.find("max_tokens is 0"), std::string::npos);
  EXPECT_NE(r[3].error->message.find("300 tokens does not fit max_length 256"), std::string::npos);
  EXPECT_EQ(r[4].loglikelihood, 0);
  EXPECT_TRUE(r[4].greedy);
  EXPECT_NE(r[5].error->message.find("tokenizer"), std::string::npos);
}

TEST_F(SchedulerTest, MoreTokensThanTheContextEndsTheRun) {
  const auto e = engine({});
  const std::vector<Request> list = {generate_ids({1}, 256)};
  ListSource source(list);
  MapSink sink;
  const Status status = Scheduler(*e, 0).serve(source, sink);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("max_gen_toks 256"), std::string::npos);
  EXPECT_NE(status.error().message.find("max_length 256"), std::string::npos);
  EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
}

TEST_F(SchedulerTest, StopsWhenTheSinkSaysSo) {
  const auto e = engine({.chunk = 16});
  const std::vector<Request> list = mixed(60);
  ListSource source(list);
  MapSink sink;
  sink.stop_after = 5;
  Scheduler scheduler(*e, 0);
  ASSERT_TRUE(scheduler.serve(source, sink));
  EXPECT_GE(sink.responses.size(), 5u);
  EXPECT_LT(sink.responses.size(), 60u);
  EXPECT_EQ(e->pages().used_pages(), 0);
  EXPECT_EQ(serve_all(scheduler, list).size(), list.size());  // and can serve again
}

TEST_F(SchedulerTest, EosEndsUnlessIgnored) {
  const auto e = engine({});
  Request request = generate_ids(tokens(40, 2), 60);
  const std::vector<Response> all = serve_all(*e, {request});
  request.ignore_eos = false;
  const std::vector<Response> some = serve_all(*e, {request});
  const Token eos = e->eos_ids().front();
  const auto at = std::find(all[0].tokens.begin(), all[0].tokens.end(), eos);
  const std::vector<Token> expected(all[0].tokens.begin(), at == all[0].tokens.end() ? at : at + 1);
  EXPECT_EQ(some[0].tokens, expected);
}

// A source whose requests become due over time, from another thread's point of view of nothing: the clock decides.
class TimedSource final : public RequestSource {
 public:
  explicit TimedSource(const std::vector<Request>& requests) : requests_(requests) {}
  Nanos due(const Request& request) const { return start_ + 2'000'000 * (&request - requests_.data()); }
  const Request* next(Nanos now) override {
    return at_ < requests_.size() && due(requests_[at_]) <= now ? &requests_[at_++] : nullptr;
  }
  bool exhausted() const override { return at_ == requests_.size(); }
  bool timed() const override { return true; }

 private:
  const std::vector<Request>& requests_;
  Nanos start_ = now_ns();
  std::size_t at_ = 0;
};

TEST_F(SchedulerTest, OpenLoopArrivalsAreServedAfterTheyAreDue) {
  const auto e = engine({});
  const std::vector<Request> list = mixed(25);
  TimedSource source(list);
  MapSink sink;
  ASSERT_TRUE(Scheduler(*e, 4).serve(source, sink));
  ASSERT_EQ(sink.responses.size(), list.size());
  for (const auto& [request, response] : sink.responses) {
    EXPECT_GE(response.start, source.due(*request));
  }
}

TEST_F(SchedulerTest, StopTextSpansTokens) {
  class Letters final : public Tokenizer {
   public:
    void encode(std::string_view, bool, std::vector<Token>*) const override {}
    std::string_view piece(Token id) const override { return kPieces[static_cast<std::size_t>(id)]; }
    std::string decode(const std::vector<Token>& ids) const override {
      std::string text;
      for (const Token id : ids) text += piece(id);
      return text.starts_with(' ') ? text.substr(1) : text;
    }
    const Info& info() const override { return info_; }
    std::vector<std::string> kPieces = {" Q", "uest", "ion:", "x", "", "\n\nQ"};
    Info info_;
  } letters;
  StopText text(&letters, {"Question:", "\n\n"});
  EXPECT_FALSE(text.add(4));  // a special token shows nothing
  EXPECT_FALSE(text.add(3));
  EXPECT_FALSE(text.add(0));
  EXPECT_FALSE(text.add(1));
  EXPECT_TRUE(text.add(2));
  EXPECT_EQ(text.text(), "x ");
  StopText middle(&letters, {"Question:", "\n\n"});
  EXPECT_FALSE(middle.add(0));
  EXPECT_EQ(middle.text(), "Q");  // the leading space is dropped as the tokenizer does
  EXPECT_TRUE(middle.add(5));
  EXPECT_EQ(middle.text(), "Q");
}

}  // namespace
}  // namespace pareto
