// Transfers against a server that misbehaves: resumed, or refused, and never a file that looks whole and is not.
#include "data/http.h"

#include <chrono>
#include <filesystem>
#include <utility>

#include "core/hash.h"
#include "tests/data/data_support.h"
#include "tests/support/http_server.h"

namespace pareto {
namespace {

using test::cut;
using test::HttpRequest;
using test::HttpServer;
using test::message;
using test::ok;
using test::quick;
using test::reply;
using test::serve_file;

// Bytes that differ from place to place.
std::string content_of(std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; text.size() < bytes; ++i) text += fmt::format("{} ", i * 2654435761u);
  text.resize(bytes);
  return text;
}

TEST(Http, TriesAgainWhatPasses) {
  for (const std::string& first : {reply("500 Internal Server Error", "oops"), reply("503 Service Unavailable", ""),
                                   reply("429 Too Many", ""), std::string(), cut(ok("all of it"), 3)}) {
    int asked = 0;
    const HttpServer server([&](const HttpRequest&) { return ++asked == 1 ? first : ok("all of it"); });
    const auto text = HttpClient(quick()).get(server.url() + "/x");
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(text->body, "all of it");
    EXPECT_EQ(asked, 2);
  }
}

TEST(Http, WaitsAsLongAsTheServerAsks) {
  int asked = 0;
  const HttpServer server([&](const HttpRequest&) {
    return ++asked == 1 ? reply("429 Too Many Requests", "", "Retry-After: 1\r\n") : ok("now");
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(HttpClient(quick()).get(server.url() + "/x")->body, "now");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900));
}

TEST(Http, GivesUpWithOneLine) {
  int asked = 0;
  const HttpServer server([&](const HttpRequest&) {
    ++asked;
    return reply("500 Internal Server Error", R"({"error": "the disk\nis full"})");
  });
  const std::string url = server.url() + "/x";
  EXPECT_EQ(message(HttpClient(quick(2)).get(url)),
            url + ": HTTP 500: the disk is full; 3 attempts failed, the same command goes on from there");
  EXPECT_EQ(asked, 3);
}

TEST(Http, AnswersAreNotAskedTwice) {
  for (const auto& [status, code, end] : std::vector<std::tuple<std::string, Code, std::string>>{
           {"404 Not Found", Code::kNotFound, "HTTP 404"},
           {"401 Unauthorized", Code::kInvalid, "HTTP 401; it needs the consent of its owner and a token in $HF_TOKEN"},
           {"400 Bad Request", Code::kInvalid, "HTTP 400"}}) {
    int asked = 0;
    const std::string answer = status;
    const HttpServer server([&](const HttpRequest&) { return ++asked, reply(answer, ""); });
    const auto got = HttpClient(quick()).get(server.url() + "/x");
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, code);
    EXPECT_EQ(got.error().message, server.url() + "/x: " + end);
    EXPECT_EQ(asked, 1);
  }
}

TEST(Http, AReplyWithoutAnEndIsRefused) {
  const HttpServer server([](const HttpRequest&) { return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf"; });
  EXPECT_NE(message(HttpClient(quick()).get(server.url() + "/x")).find("so it may be cut"), std::string::npos);
}

TEST(Http, ASilentServerIsLeft) {
  HttpOptions options = quick(0);
  options.stall_s = 1;
  const HttpServer server([](const HttpRequest&) {
    std::this_thread::sleep_for(std::chrono::seconds(4));
    return ok("late");
  });
  const auto got = HttpClient(options).get(server.url() + "/x");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kIo);
}

// Ten bytes a second are never silent; the whole reply would take three hours.
TEST(Http, ADrippingServerIsLeft) {
  HttpOptions options = quick(0);
  options.stall_s = 1;
  const HttpServer server([](const HttpRequest&) { return ok(content_of(100'000)); },
                          {.bytes = 1, .pause = std::chrono::milliseconds(100)});
  const auto got = HttpClient(options).get(server.url() + "/x");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kIo);
}

TEST(Http, StopsWhenAsked) {
  HttpOptions options = quick();
  options.retry_wait_s = 100;
  int asked = 0;
  const HttpServer server([&](const HttpRequest&) { return ++asked, std::string(); });
  options.stopped = [&] { return asked > 0; };
  const auto got = HttpClient(options).get(server.url() + "/x");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kInterrupted);
}

TEST(Http, TheTokenStaysWithItsHost) {
  const HttpServer other([](const HttpRequest&) { return ok("elsewhere"); });
  HttpServer hub([&](const HttpRequest& request) {
    return request.target == "/moved" ? reply("302 Found", "", "Location: " + other.url("localhost") + "/x\r\n")
                                      : ok("here");
  });
  HttpOptions options = quick();
  options.token = "hf_secret";
  options.token_origins = {origin_of(hub.url())};
  const HttpClient http(options);
  EXPECT_EQ(http.get(hub.url() + "/x")->body, "here");
  EXPECT_EQ(http.get(hub.url() + "/moved")->body, "elsewhere");
  EXPECT_EQ(http.get(other.url() + "/direct")->body, "elsewhere");
  for (const HttpRequest& request : hub.requests()) EXPECT_EQ(request.header("authorization"), "Bearer hf_secret");
  EXPECT_EQ(other.requests().size(), 2u);
  for (const HttpRequest& request : other.requests()) EXPECT_EQ(request.header("authorization"), "");
}

TEST(Http, Origins) {
  EXPECT_EQ(origin_of("https://huggingface.co/a?b"), "https://huggingface.co");
  EXPECT_EQ(origin_of("http://127.0.0.1:80"), "http://127.0.0.1:80");
  EXPECT_EQ(origin_of("ftp://x/y"), "");
  EXPECT_EQ(origin_of("huggingface.co"), "");
  EXPECT_EQ(url_encoded("a/b c+ü", ""), "a%2Fb%20c%2B%C3%BC");
}

struct Download {
  test::Folder folder;
  std::string content = content_of(100000), path = folder.path("sub/file.bin");
  Expected expected{.bytes = 100000, .sha256 = sha256_hex(content), .git_sha1 = ""};

  // The file, whole, and nothing else.
  void expect_whole() const {
    EXPECT_EQ(folder.read("sub/file.bin"), content);
    EXPECT_FALSE(folder.has("sub/file.bin.part"));
    EXPECT_FALSE(folder.has("sub/file.bin.part.json"));
  }
};

TEST(Http, DownloadGoesOnWhereItWasCut) {
  Download d;
  int asked = 0;
  const HttpServer server([&](const HttpRequest& request) {
    const std::string whole = serve_file(request, d.content, "ETag: \"v1\"\r\n");
    return ++asked < 4 ? cut(whole, 30000) : whole;
  });
  const auto done = HttpClient(quick(1)).download(server.url() + "/f", d.path, d.expected);
  ASSERT_TRUE(done) << done.error().message;  // each attempt brings more, so one retry at a time is enough
  d.expect_whole();
  std::vector<long> ranges;
  for (const HttpRequest& request : server.requests()) ranges.push_back(request.range_from());
  EXPECT_EQ(ranges, (std::vector<long>{-1, 30000, 60000, 90000}));
  EXPECT_EQ(server.requests()[1].header("if-range"), "\"v1\"");
}

TEST(Http, ALaterRunGoesOnToo) {
  Download d;
  bool whole = false;
  const HttpServer server([&](const HttpRequest& request) {
    if (whole) return serve_file(request, d.content);
    return request.range_from() < 0 ? cut(serve_file(request, d.content), 40000) : std::string();
  });
  EXPECT_FALSE(HttpClient(quick(1)).download(server.url() + "/f", d.path, d.expected));
  EXPECT_FALSE(d.folder.has("sub/file.bin"));
  EXPECT_EQ(d.folder.read("sub/file.bin.part").size(), 40000u);
  whole = true;
  ASSERT_TRUE(HttpClient(quick(1)).download(server.url() + "/f", d.path, d.expected));
  d.expect_whole();
  EXPECT_EQ(server.requests().back().range_from(), 40000);
}

TEST(Http, AServerWithoutRangesStartsOver) {
  Download d;
  int asked = 0;
  const HttpServer server([&](const HttpRequest&) { return ++asked == 1 ? cut(ok(d.content), 30000) : ok(d.content); });
  ASSERT_TRUE(HttpClient(quick()).download(server.url() + "/f", d.path, d.expected));
  d.expect_whole();
}

TEST(Http, AServerWithoutRangesThatAlwaysCutsIsGivenUp) {
  Download d;
  int asked = 0;
  const HttpServer server([&](const HttpRequest&) { return ++asked, cut(ok(d.content), 30000); });
  EXPECT_FALSE(HttpClient(quick(2)).download(server.url() + "/f", d.path, d.expected));
  EXPECT_FALSE(d.folder.has("sub/file.bin"));
  EXPECT_LE(asked, 4);
}

TEST(Http, AFileThatChangedMeanwhileStartsOver) {
  Download d;
  const std::string old = content_of(90000) + "old";
  int asked = 0;
  const HttpServer server([&](const HttpRequest& request) {
    if (++asked == 1) return cut(ok(old, "ETag: \"old\"\r\n"), 50000);
    return request.header("if-range") == "\"new\"" ? serve_file(request, d.content)
                                                   : ok(d.content, "ETag: \"new\"\r\n");
  });
  ASSERT_TRUE(HttpClient(quick()).download(server.url() + "/f", d.path, d.expected));
  d.expect_whole();
}

TEST(Http, APartOfAnotherFileIsNotUsed) {
  Download d;
  d.folder.write("sub/file.bin.part", std::string(200000, 'x'));
  const HttpServer server([&](const HttpRequest& request) { return serve_file(request, d.content); });
  d.folder.write("sub/file.bin.part.json", R"({"url": "http://elsewhere/f", "etag": ""})");
  ASSERT_TRUE(HttpClient(quick()).download(server.url() + "/f", d.path, d.expected));
  d.expect_whole();
}

TEST(Http, APartLongerThanTheFileStartsOver) {
  Download d;
  d.folder.write("sub/file.bin.part", std::string(200000, 'x'));
  const HttpServer server([&](const HttpRequest& request) { return serve_file(request, d.content); });
  d.folder.write("sub/file.bin.part.json", fmt::format(R"({{"url": "{}/f", "etag": ""}})", server.url()));
  ASSERT_TRUE(HttpClient(quick()).download(server.url() + "/f", d.path, d.expected));
  d.expect_whole();
}

TEST(Http, MoreThanTheFileIsRefused) {
  Download d;
  const HttpServer server([&](const HttpRequest&) { return ok(d.content + "x"); });
  const auto done = HttpClient(quick()).download(server.url() + "/f", d.path, d.expected);
  EXPECT_NE(message(done).find("more than the 100000 bytes"), std::string::npos);
  EXPECT_FALSE(d.folder.has("sub/file.bin"));
  EXPECT_FALSE(d.folder.has("sub/file.bin.part"));
}

// As a program that was killed in its first attempt leaves it.
TEST(Http, ThePartIsKnownBeforeItsFirstByte) {
  Download d;
  std::string state;
  bool first = true;
  const HttpServer server([&](const HttpRequest& request) {
    if (!std::exchange(first, false)) {
      if (state.empty()) state = d.folder.read("sub/file.bin.part.json");
      return serve_file(request, d.content, "ETag: \"v1\"\r\n");
    }
    return cut(serve_file(request, d.content, "ETag: \"v1\"\r\n"), 30000);
  });
  ASSERT_TRUE(HttpClient(quick()).download(server.url() + "/f", d.path, d.expected));
  EXPECT_NE(state.find(server.url() + "/f"), std::string::npos) << state;
  EXPECT_NE(state.find("v1"), std::string::npos) << state;
}

TEST(Http, TwoAtOnceDoNotShareAPart) {
  Download d;
  const HttpServer server([&](const HttpRequest& request) { return serve_file(request, d.content); });
  std::filesystem::create_directories(d.folder.path("sub"));
  {
    const auto other = PartLock::take(d.path + ".part");
    ASSERT_TRUE(other);
    EXPECT_NE(message(HttpClient(quick()).download(server.url() + "/f", d.path, d.expected)).find("another program"),
              std::string::npos);
  }
  ASSERT_TRUE(HttpClient(quick()).download(server.url() + "/f", d.path, d.expected));
  d.expect_whole();
}

TEST(Http, AWrongRangeIsRefused) {
  Download d;
  int asked = 0;
  const HttpServer server([&](const HttpRequest& request) {
    if (++asked == 1) return cut(ok(d.content), 30000);
    HttpRequest other = request;
    other.headers["range"] = "bytes=20000-";
    return serve_file(other, d.content);
  });
  EXPECT_NE(message(HttpClient(quick()).download(server.url() + "/f", d.path, d.expected))
                .find("asked for the bytes from 30000 on"),
            std::string::npos);
  EXPECT_FALSE(d.folder.has("sub/file.bin"));
}

TEST(Http, AWrongChecksumIsRefused) {
  for (const Expected& wrong :
       {Expected{.bytes = -1, .sha256 = std::string(64, '0'), .git_sha1 = ""}, Expected{.bytes = 99999},
        Expected{.bytes = -1, .sha256 = "", .git_sha1 = std::string(40, '0')}}) {
    Download d;
    const HttpServer server([&](const HttpRequest& request) { return serve_file(request, d.content); });
    const auto done = HttpClient(quick()).download(server.url() + "/f", d.path, wrong);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::kInvalid);
    EXPECT_EQ(done.error().message.find('\n'), std::string::npos);
    EXPECT_FALSE(d.folder.has("sub/file.bin"));
    EXPECT_FALSE(d.folder.has("sub/file.bin.part"));  // nothing to go on from
  }
}

TEST(Http, GitHashes) {
  test::Folder folder;
  const std::string path = folder.write("f", "hello\n");
  EXPECT_TRUE(
      check_file(path, "f", {.bytes = 6, .sha256 = "", .git_sha1 = "ce013625030ba8dba906f756967f9e9ca394464a"}));
  EXPECT_EQ(message(check_file(folder.path("none"), "none", {})), "none: No such file or directory");
}

}  // namespace
}  // namespace pareto
