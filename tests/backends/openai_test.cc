// The backend `openai` against servers that misbehave: what passes is asked again, what does not is that request's
// error, every request is answered once, and the key is seen nowhere.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "core/backend.h"
#include "tests/support/openai_server.h"

namespace pareto {
namespace {

using test::OpenAiRequest;
using test::OpenAiServer;
using test::say;
using test::Script;
using test::stream;

constexpr const char* kKey = "sk-secret-0123456789";
const std::string kAnswer = R"({"choices": [{"index": 0, "text": "four", "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 3, "completion_tokens": 2}})";

class AllAtOnce final : public RequestSource {
 public:
  explicit AllAtOnce(const std::vector<Request>& requests) : requests_(requests) {}
  const Request* next(Nanos) override { return exhausted() ? nullptr : &requests_[at_++]; }
  bool exhausted() const override { return at_ == requests_.size(); }

 private:
  const std::vector<Request>& requests_;
  std::size_t at_ = 0;
};

class Collect final : public ResponseSink {
 public:
  void done(const Request& request, Response&& response) override {
    EXPECT_TRUE(got.emplace(request.doc, std::move(response)).second) << "answered twice: " << request.doc;
  }
  bool stopped() const override { return stop_after > 0 && got.size() >= stop_after; }
  std::map<int, Response> got;
  std::size_t stop_after = 0;
};

std::vector<Request> questions(int n) {
  std::vector<Request> requests(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    requests[static_cast<std::size_t>(i)].doc = i;
    requests[static_cast<std::size_t>(i)].context = make_text(fmt::format("{}: 2 + 2 is", i));
    requests[static_cast<std::size_t>(i)].until = {"\n"};
  }
  return requests;
}

// Quick to give up; `more` over that.
OptionMap options_for(const std::string& url, const OptionMap& more = {}) {
  OptionMap given = {{"base_url", url}, {"model", "m"}, {"retry_wait", "0.01"}, {"retries", "3"}};
  for (const auto& [name, value] : more) given[name] = value;
  OptionMap options = check_options(given, find_backend("openai")->options, "openai").value();
  EXPECT_TRUE(find_backend("openai")->complete(&options));
  return options;
}

std::map<int, Response> ask(const OptionMap& spec, const std::vector<Request>& requests, std::size_t stop_after = 0) {
  const std::unique_ptr<Backend> backend = find_backend("openai")->make();
  BackendOptions options;
  options.spec = spec;
  const Status opened = backend->open(options);
  EXPECT_TRUE(opened) << opened.error().message;
  AllAtOnce source(requests);
  Collect sink;
  sink.stop_after = stop_after;
  EXPECT_TRUE(backend->serve(source, sink));
  EXPECT_EQ(backend->describe().work.total().calls, 0);
  return std::move(sink.got);
}

// The answer to one request.
Response ask_one(const OpenAiServer& server, const OptionMap& more = {}) {
  const std::vector<Request> requests = questions(1);
  auto got = ask(options_for(server.url(), more), requests);
  EXPECT_EQ(got.size(), 1U);
  return std::move(got[0]);
}

const std::vector<std::string> kEvents = {R"({"choices": [{"index": 0, "text": "fo", "finish_reason": null}]})",
                                          R"({"choices": [{"index": 0, "text": "ur", "finish_reason": null}]})",
                                          R"({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})",
                                          R"({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}})",
                                          "[DONE]"};

TEST(OpenAi, StreamsAnAnswer) {
  const OpenAiServer server([](const OpenAiRequest&) { return stream(kEvents, std::chrono::milliseconds(5)); });
  const Response r = ask_one(server);
  ASSERT_FALSE(r.error) << r.error->message;
  EXPECT_EQ(r.text, "four");
  EXPECT_EQ(r.output_tokens(), 3);
  EXPECT_EQ(r.prompt_tokens, 5);
  ASSERT_EQ(r.token_times.size(), 2U);
  EXPECT_EQ(r.first_token, r.token_times[0]);
  // Never earlier than the server's clock allows: that is no matter of load.
  EXPECT_GE(r.first_token - r.start, 5'000'000);
  EXPECT_GT(r.token_times[1], r.token_times[0]);
  EXPECT_GE(r.end - r.start, 15'000'000);
  EXPECT_NE(server.requests()[0].head.find("POST /v1/completions "), std::string::npos);
}

TEST(OpenAi, TakesAWholeReplyInPlaceOfAStream) {
  const OpenAiServer server([](const OpenAiRequest&) { return say("200 OK", kAnswer); });
  for (const char* streams : {"true", "false"}) {
    const Response r = ask_one(server, {{"stream", streams}});
    ASSERT_FALSE(r.error) << r.error->message;
    EXPECT_EQ(r.text, "four");
    EXPECT_EQ(r.output_tokens(), 2);
    EXPECT_TRUE(r.token_times.empty());
  }
}

TEST(OpenAi, AsksAgainWhereThatHelps) {
  Script cut = say("200 OK", kAnswer);
  cut.steps[0].bytes.resize(cut.steps[0].bytes.size() - 10);
  Script hang = stream({kEvents[0]});
  hang.then = Script::Then::kHang;
  Script silence;
  silence.then = Script::Then::kHang;
  Script drip = stream({});
  for (int i = 0; i < 200; ++i) drip.steps.push_back({std::chrono::milliseconds(20), ":"});
  const std::vector<std::pair<std::string, Script>> firsts = {
      {"500", say("500 Internal Server Error", "oops")},
      {"503", say("503 Service Unavailable", "")},
      {"429", say("429 Too Many Requests", "", "Retry-After: 0\r\n")},
      {"408", say("408 Request Timeout", "")},
      {"closed", Script{}},
      {"cut", cut},
      {"cut stream", stream({kEvents[0]})},
      {"hang", hang},
      {"silence", silence},
      {"drip", drip},
      {"bad JSON", say("200 OK", "{\"choices\": [")},
      {"bad event", stream({"{\"choices\": ["})},
      {"a page", say("200 OK", "<html>busy</html>")},
      {"an error in the stream", stream({R"({"error": {"message": "out of memory"}})"})}};
  for (const auto& [name, first] : firsts) {
    const OpenAiServer server(
        [&](const OpenAiRequest& request) { return request.number == 0 ? first : say("200 OK", kAnswer); });
    const Response r = ask_one(server, {{"stall", "0.3"}, {"timeout", "1"}});
    ASSERT_FALSE(r.error) << name << ": " << r.error->message;
    EXPECT_EQ(r.text, "four") << name;
    EXPECT_EQ(server.requests().size(), 2U) << name;
  }
}

TEST(OpenAi, FailsAtOnceWhereAskingAgainWouldNotHelp) {
  const std::string two = R"({"choices": [{"text": "a"}, {"text": "b"}]})";
  const std::vector<std::pair<Script, std::string>> cases = {
      {say("400 Bad Request", R"({"error": {"message": "too\nlong\u001b[2J"}})"), "HTTP 400: too long [2J"},
      {say("401 Unauthorized", R"({"detail": "no key"})"), "HTTP 401: no key; the key is what $PARETO_TEST_KEY holds"},
      {say("404 Not Found", R"({"error": "no model m"})"), "HTTP 404: no model m"},
      {say("301 Moved", "", "Location: http://127.0.0.1:1/\r\n"), "redirects are not followed"},
      {say("200 OK", two), "the reply has 2 choices; 1 was asked for"},
      {say("200 OK", R"({"choices": []})"), "the reply has 0 choices"},
      {say("200 OK", R"([1])"), "not JSON|not an object"},
      {stream({two}), "the reply has 2 choices"}};
  ::setenv("PARETO_TEST_KEY", kKey, 1);
  for (const auto& [script, want] : cases) {
    const OpenAiServer server([&script = script](const OpenAiRequest&) { return script; });
    const Response r = ask_one(server, {{"api_key_env", "PARETO_TEST_KEY"}, {"retries", "0"}});
    ASSERT_TRUE(r.error) << want;
    const std::string& message = r.error->message;
    const bool either = message.find(want.substr(0, want.find('|'))) != std::string::npos ||
                        message.find(want.substr(want.find('|') + 1)) != std::string::npos;
    EXPECT_TRUE(either) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
    EXPECT_EQ(r.finish, Finish::kError);
  }
}

TEST(OpenAi, GivesUpAfterItsRetriesAndTheOthersGoOn) {
  const OpenAiServer server([](const OpenAiRequest& request) {
    return request.body.find("\"3: 2") != std::string::npos ? say("500 Oops", "") : say("200 OK", kAnswer);
  });
  const std::vector<Request> requests = questions(20);
  const auto got = ask(options_for(server.url(), {{"concurrency", "4"}}), requests);
  ASSERT_EQ(got.size(), 20U);
  for (const auto& [doc, response] : got) EXPECT_EQ(response.error.has_value(), doc == 3) << doc;
  EXPECT_NE(got.at(3).error->message.find("HTTP 500; 4 attempts failed"), std::string::npos)
      << got.at(3).error->message;
  EXPECT_EQ(server.requests().size(), 23U);
}

TEST(OpenAi, SaysThatThereIsNoServer) {
  std::string url;
  {
    url = OpenAiServer([](const OpenAiRequest&) { return Script{}; }).url();
  }
  const std::vector<Request> requests = questions(40);
  const auto got = ask(options_for(url), requests);
  ASSERT_EQ(got.size(), 40U);
  for (const auto& [doc, response] : got) EXPECT_TRUE(response.error) << doc;
}

// The server says the key back wherever it can.
TEST(OpenAi, NeverShowsTheKey) {
  ::setenv("PARETO_TEST_KEY", kKey, 1);
  const std::string text = fmt::format(R"({{"choices": [{{"text": "your key is {}"}}]}})", kKey);
  const std::string escaped = R"({"error": {"message": "bad key \u0073k-secret-0123456789"}})";
  std::vector<Script> scripts = {say("200 OK", text),
                                 stream({text, "[DONE]"}),
                                 say("401 No", escaped),
                                 say("500 No", fmt::format("{0}{1}{0}", std::string(190, 'x'), kKey)),
                                 say("200 OK", std::string("no JSON: ") + kKey),
                                 stream({fmt::format(R"({{"error": "{}"}})", kKey)})};
  for (const Script& script : scripts) {
    const OpenAiServer server([&](const OpenAiRequest&) { return script; });
    const Response r = ask_one(server, {{"api_key_env", "PARETO_TEST_KEY"}, {"retries", "0"}});
    EXPECT_NE(server.requests()[0].head.find(std::string("Authorization: Bearer ") + kKey), std::string::npos);
    EXPECT_EQ(r.text.find("sk-secret"), std::string::npos) << r.text;
    const std::string message = r.error.value_or(Error()).message;
    EXPECT_EQ(message.find("sk-"), std::string::npos) << message;
  }
}

TEST(OpenAi, StopsAtOnce) {
  Script hang;
  hang.then = Script::Then::kHang;
  const OpenAiServer server([&](const OpenAiRequest& r) { return r.number < 2 ? say("200 OK", kAnswer) : hang; });
  const std::vector<Request> requests = questions(10);
  EXPECT_EQ(ask(options_for(server.url()), requests, 2).size(), 2U);  // else it would wait for 300 s
}

TEST(OpenAi, ChecksItsOptions) {
  const auto message = [](const OptionMap& given) {
    OptionMap options = check_options(given, find_backend("openai")->options, "openai").value();
    const Status status = find_backend("openai")->complete(&options);
    return status ? options["base_url"] : status.error().message;
  };
  EXPECT_EQ(message({{"base_url", "http://h/v1/completions/"}, {"model", "m"}}), "http://h/v1");
  EXPECT_NE(message({{"base_url", "h:80"}, {"model", "m"}}).find("must begin with http://"), std::string::npos);
  EXPECT_NE(message({{"base_url", "http://h/v1"}}).find("needs model=NAME"), std::string::npos);
  const std::string password = message({{"base_url", "http://me:secret@h/v1"}, {"model", "m"}});
  EXPECT_NE(password.find("environment only"), std::string::npos);
  EXPECT_EQ(password.find("secret"), std::string::npos);
  const std::string key = message({{"base_url", "http://h"}, {"model", "m"}, {"api_key_env", kKey}});
  EXPECT_EQ(key.find(kKey), std::string::npos);
  EXPECT_NE(key.find("not the key"), std::string::npos);
}

}  // namespace
}  // namespace pareto
