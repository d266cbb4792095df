// What a server is asked and what its replies mean: bodies, events, and which echoed tokens are scored.
#include "backends/openai_protocol.h"

#include <gtest/gtest.h>

#include "backends/sse.h"

namespace pareto {
namespace {

std::vector<std::string> events_of(std::string_view stream, std::size_t piece) {
  SseParser parser;
  std::vector<std::string> events;
  for (std::size_t at = 0; at < stream.size(); at += piece)
    EXPECT_TRUE(parser.feed(stream.substr(at, piece), [&](std::string_view event) -> Status {
      events.emplace_back(event);
      return {};
    }));
  return events;
}

TEST(Sse, SplitsTheStreamWhereverItIsCut) {
  const std::string stream =
      ": hello\r\n\r\ndata: {\"a\": 1}\r\n\r\nevent: x\ndata:one\ndata: two\n\ndata\n\nid: 3\rdata: last\r\rdata: torn";
  const std::vector<std::string> want = {"{\"a\": 1}", "one\ntwo", "", "last"};
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) EXPECT_EQ(events_of(stream, piece), want) << piece;
}

TEST(Sse, RefusesAnEventWithoutEnd) {
  SseParser parser;
  const std::string chunk = "data: " + std::string(1 << 20, 'x') + "\n";
  Status status;
  for (int i = 0; i < 20 && status; ++i) status = parser.feed(chunk, [](std::string_view) { return Status(); });
  EXPECT_FALSE(status);
}

Request score_request(const std::string& context, const std::string& continuation) {
  Request request;
  request.kind = Request::Kind::kScore;
  request.context = make_text(context);
  request.continuation = continuation;
  return request;
}

TEST(Protocol, AsksForWhatTheRequestSays) {
  Request request;
  request.context = make_text("2 + 2 =");
  request.until = {"\n", "Q:"};
  request.max_tokens = 7;
  EXPECT_EQ(remote_body({.name = "m", .stream = false}, request).value(),
            R"({"model":"m","prompt":"2 + 2 =","max_tokens":7,"temperature":0.0,"stop":["\n","Q:"]})");
  request.sampling = {.temperature = 0.5, .top_p = 0.9, .top_k = 4, .seed = 10};
  request.part = 2;
  request.until.clear();
  EXPECT_EQ(
      remote_body({.name = "m", .chat = true}, request).value(),
      R"({"model":"m","messages":[{"role":"user","content":"2 + 2 ="}],"max_tokens":7,"temperature":0.5,"top_p":0.9,)"
      R"("top_k":4,"seed":12,"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(remote_path({.chat = true}, request), "chat/completions");
  request.context = make_text(R"([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "I"}])");
  const std::string body = remote_body({.name = "m", .chat = true, .conversations = true}, request).value();
  EXPECT_NE(body.find(R"("messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"I"}])"),
            std::string::npos);
  EXPECT_NE(body.find("\"continue_final_message\":true"), std::string::npos);
  EXPECT_EQ(remote_body({.name = "m"}, score_request("a", " b")).value(),
            R"({"model":"m","prompt":"a b","max_tokens":1,"temperature":0,"echo":true,"logprobs":1})");
}

std::string echo(const std::string& tokens, const std::string& offsets, const std::string& logprobs,
                 const std::string& top, const std::string& usage = R"({"prompt_tokens": 4, "completion_tokens": 1})") {
  return R"({"choices": [{"text": "", "logprobs": {"tokens": )" + tokens + R"(, "text_offset": )" + offsets +
         R"(, "token_logprobs": )" + logprobs + R"(, "top_logprobs": )" + top + R"(}}], "usage": )" + usage + "}";
}

// Offsets from 0, shifted by a BOS (vLLM), absent (SGLang's -1): the same scores.
TEST(Protocol, ScoresTheContinuationsTokens) {
  const Request request = score_request("Q: é", " big cat");
  const std::string logprobs = "[null, -0.5, -1.25, -2.5, -3]";
  const std::string top = R"([null, {"x": -0.5}, {" big": -1.25}, {" dog": -2.0, " cat": -2.5}, {"!": -3}])";
  for (const char* offsets : {"[0, 2, 4, 8, 12]", "[3, 5, 7, 11, 15]", "[-1, -1, -1, -1, -1]"}) {
    const auto scores = parse_scores(echo(R"(["Q:", " é", " big", " cat", "!"])", offsets, logprobs, top), {}, request);
    ASSERT_TRUE(scores) << scores.error().message;
    EXPECT_EQ(scores->logprobs, (std::vector<float>{-1.25, -2.5}));
    EXPECT_DOUBLE_EQ(scores->loglikelihood, -3.75);
    EXPECT_FALSE(scores->greedy);
  }
  // Nothing was generated, and the usage says so.
  const auto scores = parse_scores(echo(R"(["Q:", " é", " big", " cat"])", "[0, 2, 4, 8]", "[null, -0.5, -1.25, -2.5]",
                                        R"([null, {"x": -0.5}, {" big": -1.25}, {" cat": -2.5}])",
                                        R"({"prompt_tokens": 4, "completion_tokens": 0})"),
                                   {}, request);
  ASSERT_TRUE(scores) << scores.error().message;
  EXPECT_DOUBLE_EQ(scores->loglikelihood, -3.75);
  EXPECT_TRUE(scores->greedy);
}

TEST(Protocol, RefusesScoresThatAreNone) {
  const Request request = score_request("a", " b");
  const auto message = [&](const std::string& reply) {
    const auto scores = parse_scores(reply, {}, request);
    return scores ? std::string("taken") : scores.error().message;
  };
  EXPECT_NE(message(R"({"choices": [{"text": "x", "logprobs": null}]})").find("no logprobs"), std::string::npos);
  EXPECT_NE(message(R"({"choices": [{"text": "x"}, {"text": "y"}]})").find("2 choices"), std::string::npos);
  EXPECT_NE(message(echo("[\"a\"]", "[0]", "[null, -1]", "[null]")).find("1 tokens, 2 token_logprobs"),
            std::string::npos);
  EXPECT_NE(message(echo(R"(["a b", "!"])", "[0, 3]", "[null, -1]", R"([null, {"!": -1}])")).find("reaches over"),
            std::string::npos);
  EXPECT_NE(message(echo(R"(["a", " b", "!"])", "[0, 1, 3]", "[null, 3, -1]", R"([null, {"b": 3}, {"!": -1}])"))
                .find("no log-probability"),
            std::string::npos);
  const auto first =
      parse_scores(echo(R"([" b", "!"])", "[0, 2]", "[null, -1]", R"([null, {"!": -1}])"), {}, score_request("", " b"));
  ASSERT_FALSE(first);
  EXPECT_NE(first.error().message.find("prefix=TEXT"), std::string::npos);
}

TEST(Protocol, MessagesAreOneLineWithoutTheSecret) {
  EXPECT_EQ(server_message(R"({"error": {"message": "a\n\u0007 b"}})", ""), "a b");
  EXPECT_EQ(server_message("<html>", ""), "");
  EXPECT_EQ(server_message("bad key KEY", "KEY"), "bad key ***");
  EXPECT_LE(server_message(std::string(5000, 'x'), "").size(), 200U);
}

}  // namespace
}  // namespace pareto
