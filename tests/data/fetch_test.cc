// Sets and models from a server that misbehaves: what is under its own name is whole.
#include "data/fetch.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "data/hub_rows.h"
#include "data/manifest.h"
#include "tests/data/data_support.h"
#include "tests/support/http_server.h"

namespace pareto {
namespace {

using nlohmann::ordered_json;
using test::cut;
using test::HttpRequest;
using test::HttpServer;
using test::message;
using test::ok;
using test::quick;
using test::serve_file;

long number_after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  return at == std::string::npos ? -1 : std::atol(text.c_str() + at + key.size());
}

ordered_json row_of(long i) { return {{"question", fmt::format("¿{}?", i)}, {"n", i}, {"x", 1.0}}; }

// A page as the hub's rows API gives it.
ordered_json page_of(long offset, long total) {
  ordered_json rows = ordered_json::array();
  for (long i = offset; i < std::min(offset + 100, total); ++i)
    rows.push_back({{"row_idx", i}, {"row", row_of(i)}, {"truncated_cells", ordered_json::array()}});
  return {{"features", ordered_json::array()},
          {"rows", rows},
          {"num_rows_total", total},
          {"num_rows_per_page", 100},
          {"partial", false}};
}

std::string rows_reply(const HttpRequest& request, long total) {
  return ok(page_of(number_after(request.target, "offset="), total).dump());
}

std::string jsonl_of(long total) {
  std::string text;
  for (long i = 0; i < total; ++i) text += fmt::format("{{\"question\": \"¿{}?\", \"n\": {}, \"x\": 1.0}}\n", i, i);
  return text;
}

const HubSplit kSplit{"own/set", "main", "test", ""};
const char* const kFile = "own__set/main/test.jsonl";

struct Rows {
  test::Folder folder;
  std::string path = folder.path(kFile);
  Result<FetchedRows> fetch(const HttpServer& server, std::int64_t expected = 0, int retries = 1) const {
    return fetch_hub_rows(HttpClient(quick(retries)), server.url(), kSplit, expected, path);
  }
};

TEST(HubRows, EveryPageInOrder) {
  const Rows r;
  const HttpServer server([](const HttpRequest& request) { return rows_reply(request, 250); });
  const auto fetched = r.fetch(server, 250);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(r.folder.read(kFile), jsonl_of(250));
  EXPECT_EQ(fetched->rows, 250);
  EXPECT_EQ(fetched->sha256, sha256_hex(jsonl_of(250)));
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.requests()[1].target, "/rows?dataset=own%2Fset&config=main&split=test&offset=100&length=100");
}

TEST(HubRows, ALaterRunGoesOnWithThePageThatFailed) {
  const Rows r;
  bool well = false;
  const HttpServer server([&](const HttpRequest& request) {
    return well || number_after(request.target, "offset=") < 100 ? rows_reply(request, 250) : std::string();
  });
  EXPECT_FALSE(r.fetch(server));
  EXPECT_FALSE(r.folder.has(kFile));
  // As a crash between the rows and their state would leave it.
  std::ofstream(r.path + ".part", std::ios::app) << "{\"half\": ";
  well = true;
  const std::size_t before = server.requests().size();
  ASSERT_TRUE(r.fetch(server));
  EXPECT_EQ(r.folder.read(kFile), jsonl_of(250));
  EXPECT_EQ(server.requests().size() - before, 2u);
  EXPECT_FALSE(r.folder.has(std::string(kFile) + ".part"));
  EXPECT_FALSE(r.folder.has(std::string(kFile) + ".part.json"));
}

// The same number of rows, of another commit of the set.
TEST(HubRows, ASplitThatChangesBetweenPagesIsRefused) {
  const Rows r;
  const HttpServer server([&](const HttpRequest& request) {
    std::string reply = rows_reply(request, 250);
    const char* revision =
        number_after(request.target, "offset=") < 200 ? "X-Revision: aaa\r\n" : "X-Revision: bbb\r\n";
    return reply.insert(reply.find("\r\n") + 2, revision);
  });
  EXPECT_NE(message(r.fetch(server)).find("the split is of revision 'bbb' now, 'aaa' before; remove "),
            std::string::npos);
  EXPECT_FALSE(r.folder.has(kFile));
}

TEST(HubRows, TwoAtOnceDoNotShareAPart) {
  const Rows r;
  const HttpServer server([](const HttpRequest& request) { return rows_reply(request, 250); });
  std::filesystem::create_directories(std::filesystem::path(r.path).parent_path());
  {
    const auto other = PartLock::take(r.path + ".part");
    ASSERT_TRUE(other);
    EXPECT_NE(message(r.fetch(server)).find("another program"), std::string::npos);
  }
  ASSERT_TRUE(r.fetch(server));
  EXPECT_EQ(r.folder.read(kFile), jsonl_of(250));
}

TEST(HubRows, WhatIsNotAWholePageIsRefused) {
  const auto changed = [](const std::function<void(ordered_json&)>& change) {
    ordered_json page = page_of(0, 50);
    change(page);
    return page.dump();
  };
  const std::string whole = page_of(0, 50).dump();
  for (const auto& [body, why] : std::vector<std::pair<std::string, std::string>>{
           {whole.substr(0, whole.size() / 2), "the reply is not JSON"},
           {"[]", "the reply is not an object"},
           {"<html>", "the reply is not JSON"},
           {changed([](auto& p) { p["rows"].erase(49); }), "49 rows from row 0 of 50 on, not 50"},
           {changed([](auto& p) { p["rows"].push_back(p["rows"][0]); }), "51 rows from row 0 of 50 on, not 50"},
           {changed([](auto& p) { p["rows"][7]["row_idx"] = 8; }), "row 8 where row 7 belongs"},
           {changed([](auto& p) { p["rows"][7].erase("row"); }), "row 7 has no object 'row'"},
           {changed([](auto& p) { p["rows"][7] = 3; }), "row 7 is not an object"},
           {changed([](auto& p) { p["rows"][3]["truncated_cells"] = {"question"}; }),
            "row 3: the server cut the cells"},
           {changed([](auto& p) { p["partial"] = true; }), "the server holds only a part of this split"},
           {changed([](auto& p) { p.erase("num_rows_total"); }), "'num_rows_total' must be a whole number"},
           {changed([](auto& p) { p["rows"] = "none"; }), "'rows' must be a list"},
           {page_of(0, 0).dump(), "the split has no rows"},
           {page_of(0, 40).dump(), "the split has 40 rows, not 50"}}) {
    const Rows r;
    const std::string text = body;
    const HttpServer server([&](const HttpRequest&) { return ok(text); });
    const auto got = r.fetch(server, 50);
    ASSERT_FALSE(got) << why;
    EXPECT_NE(got.error().message.find(why), std::string::npos) << got.error().message;
    EXPECT_EQ(got.error().message.find('\n'), std::string::npos);
    EXPECT_EQ(got.error().code, Code::kInvalid);
    EXPECT_FALSE(r.folder.has(kFile)) << why;
  }
}

TEST(HubRows, ASplitThatChangesMeanwhileIsRefused) {
  const Rows r;
  const HttpServer server([](const HttpRequest& request) {
    return rows_reply(request, number_after(request.target, "offset=") == 0 ? 250 : 251);
  });
  EXPECT_NE(message(r.fetch(server)).find("251 rows now, 250 before"), std::string::npos);
  EXPECT_FALSE(r.folder.has(kFile));
}

Endpoints all_at(const HttpServer& server) { return {server.url(), server.url(), server.url()}; }

TEST(FetchSet, FilesEnterTheManifest) {
  const test::Folder folder;
  const HttpServer server([](const HttpRequest& request) { return rows_reply(request, 20); });
  const DataSet set = resolve_data_set("rows:own/set:main:test").value();
  const auto count = fetch_set(HttpClient(quick()), all_at(server), set, folder.path(), false);
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(count->fetched, 1);
  const Manifest manifest = read_manifest(folder.path()).value();
  const ManifestEntry& entry = manifest.at(kFile);
  EXPECT_EQ(entry.sha256, sha256_hex(jsonl_of(20)));
  EXPECT_EQ(entry.rows, 20);
  EXPECT_EQ(entry.set, "rows:own/set:main:test");
  EXPECT_TRUE(verify_files(folder.path(), manifest).empty());

  // Nothing is asked for again; what another length shows to be damaged is.
  const std::size_t asked = server.requests().size();
  EXPECT_EQ(fetch_set(HttpClient(quick()), all_at(server), set, folder.path(), true)->present, 1);
  EXPECT_EQ(server.requests().size(), asked);
  folder.write(kFile, "{}\n");
  EXPECT_EQ(verify_files(folder.path(), manifest),
            std::vector<std::string>{fmt::format("{}: 3 bytes, not {}", folder.path(kFile), entry.bytes)});
  EXPECT_EQ(fetch_set(HttpClient(quick()), all_at(server), set, folder.path(), false)->fetched, 1);
  EXPECT_EQ(folder.read(kFile), jsonl_of(20));
}

TEST(FetchSet, AFileOfTheUsersOwnIsLeftAlone) {
  const test::Folder folder;
  folder.write(kFile, "mine\n");
  const HttpServer server([](const HttpRequest&) { return std::string(); });
  const DataSet set = resolve_data_set("rows:own/set:main:test").value();
  EXPECT_EQ(fetch_set(HttpClient(quick(0)), all_at(server), set, folder.path(), false)->present, 1);
  EXPECT_EQ(folder.read(kFile), "mine\n");
  EXPECT_FALSE(folder.has("manifest.json"));
}

TEST(FetchSet, OfflineOpensNoConnection) {
  const test::Folder folder;
  const HttpServer server([](const HttpRequest& request) { return rows_reply(request, 20); });
  const DataSet set = resolve_data_set("rows:own/set:main:test").value();
  const auto got = fetch_set(HttpClient(quick()), all_at(server), set, folder.path(), true);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kNotFound);
  EXPECT_NE(got.error().message.find("--offline fetches nothing"), std::string::npos);
  EXPECT_TRUE(server.requests().empty());
}

TEST(FetchSet, OriginalsAreCheckedAgainstTheirHash) {
  const test::Folder folder;
  std::string served = "{\"input\": \"x\"}\n";
  DataSet set;
  set.name = "own";
  set.originals = {{"own/rows.jsonl", "{github}/own/rows.jsonl", sha256_hex(served), true}};
  served = "{\"input\": \"y\"}\n";
  const HttpServer server([&](const HttpRequest& request) { return serve_file(request, served); });
  EXPECT_NE(message(fetch_set(HttpClient(quick()), all_at(server), set, folder.path(), false)).find("sha256 is"),
            std::string::npos);
  EXPECT_FALSE(folder.has("own/rows.jsonl"));
  EXPECT_TRUE(read_manifest(folder.path())->empty());
  served = "{\"input\": \"x\"}\n";
  ASSERT_TRUE(fetch_set(HttpClient(quick()), all_at(server), set, folder.path(), false));
  EXPECT_EQ(read_manifest(folder.path())->at("own/rows.jsonl").rows, 1);
}

TEST(Catalog, NamesAndTheirErrors) {
  EXPECT_EQ(resolve_data_set("gsm8k")->parts.size(), 2u);
  EXPECT_EQ(files_of(*resolve_data_set("longbench")).size(), 34u);
  EXPECT_NE(message(resolve_data_set("gsm8")).find("did you mean 'gsm8k'?"), std::string::npos);
  for (const char* bad : {"rows:", "rows:a:b:c", "rows:a/b:c", "rows:a/b:../x:c", "rows:../b:c:d", "rows:a/b:c:d/e"}) {
    const auto got = resolve_data_set(bad);
    ASSERT_FALSE(got) << bad;
    EXPECT_EQ(got.error().code, Code::kUsage) << bad;
  }
  for (const DataSet& set : data_sets()) {
    EXPECT_FALSE(set.licence.empty()) << set.name;
    EXPECT_FALSE(files_of(set).empty()) << set.name;
  }
}

// --- models -----------------------------------------------------------------------------------------------------

const std::string kCommit(40, 'c');

struct Repository {
  std::string weights = std::string(50000, 'w') + "end";
  std::map<std::string, std::string> files = {{"config.json", "hello\n"},
                                              {"model.safetensors", weights},
                                              {"README.md", "hello\n"},
                                              {"q4.gguf", weights},
                                              {"onnx/model.json", "{}"}};
  std::string sha256 = sha256_hex(weights);

  std::string info() const {
    ordered_json siblings = ordered_json::array();
    for (const auto& [name, text] : files) {
      ordered_json file = {{"rfilename", name},
                           {"size", text.size()},
                           {"blobId", "ce013625030ba8dba906f756967f9e9ca394464a"}};  // git's hash of "hello\n"
      if (text == weights) file["lfs"] = {{"sha256", sha256}, {"size", text.size()}};
      siblings.push_back(file);
    }
    return ordered_json{{"sha", kCommit}, {"cardData", {{"license", "apache-2.0"}}}, {"siblings", siblings}}.dump();
  }
  std::string answer(const HttpRequest& request) const {
    if (request.target.starts_with("/api/models/org/name/revision/main")) return ok(info());
    const std::string prefix = fmt::format("/org/name/resolve/{}/", kCommit);
    const auto file = files.find(request.target.substr(std::min(prefix.size(), request.target.size())));
    return file == files.end() ? test::reply("404 Not Found", "") : serve_file(request, file->second);
  }
};

Result<std::string> fetch_into(const test::Folder& hub, const HttpServer& server, const std::string& name,
                               int retries = 1) {
  return fetch_model(HttpClient(quick(retries)), all_at(server), parse_model_name(name).value(), hub.path());
}

TEST(FetchModel, LayoutOfTheHuggingFaceCache) {
  const test::Folder hub;
  const Repository repository;
  const HttpServer server([&](const HttpRequest& request) { return repository.answer(request); });
  const auto place = fetch_into(hub, server, "model:org/name");
  ASSERT_TRUE(place) << place.error().message;
  const std::string base = "models--org--name/";
  EXPECT_EQ(*place, hub.path(base + "snapshots/" + kCommit));
  EXPECT_EQ(hub.read(base + "refs/main"), kCommit);
  EXPECT_EQ(hub.read(base + "snapshots/" + kCommit + "/config.json"), "hello\n");
  EXPECT_EQ(hub.read(base + "snapshots/" + kCommit + "/model.safetensors"), repository.weights);
  EXPECT_TRUE(std::filesystem::is_symlink(*place + "/model.safetensors"));
  EXPECT_TRUE(hub.has(base + "blobs/" + repository.sha256));
  EXPECT_FALSE(std::filesystem::exists(*place + "/README.md"));
  EXPECT_FALSE(std::filesystem::exists(*place + "/q4.gguf"));

  const std::size_t asked = server.requests().size();
  ASSERT_TRUE(fetch_into(hub, server, "model:org/name"));
  EXPECT_EQ(server.requests().size(), asked + 1);  // only the list of files

  const auto gguf = fetch_into(hub, server, "model:org/name/q4.gguf");
  ASSERT_TRUE(gguf) << gguf.error().message;
  EXPECT_TRUE(gguf->ends_with("/q4.gguf"));
  EXPECT_TRUE(std::filesystem::exists(*gguf));

  const auto cached = [&](const char* name) { return cached_model(parse_model_name(name).value(), hub.path()); };
  EXPECT_EQ(cached("model:org/name").value(), *place);
  EXPECT_EQ(cached("model:org/name/q4.gguf").value(), *gguf);
  for (const char* none : {"model:org/name/q8.gguf", "model:org/name@v2", "model:org/other"})
    EXPECT_NE(message(cached(none)).find("--offline fetches nothing"), std::string::npos) << none;
}

TEST(FetchModel, AnInterruptedOneIsNoModel) {
  const test::Folder hub;
  const Repository repository;
  bool well = false;
  const HttpServer server([&](const HttpRequest& request) {
    const std::string whole = repository.answer(request);
    if (well || request.target.find("safetensors") == std::string::npos) return whole;
    return request.range_from() < 0 ? cut(whole, 20000) : std::string();
  });
  EXPECT_FALSE(fetch_into(hub, server, "model:org/name"));
  EXPECT_FALSE(hub.has("models--org--name/refs/main"));
  EXPECT_FALSE(hub.has("models--org--name/snapshots"));
  EXPECT_FALSE(hub.has("models--org--name/blobs/" + repository.sha256));
  well = true;
  ASSERT_TRUE(fetch_into(hub, server, "model:org/name"));
  EXPECT_EQ(server.requests().back().range_from(), 20000);
  EXPECT_EQ(hub.read("models--org--name/snapshots/" + kCommit + "/model.safetensors"), repository.weights);
}

TEST(FetchModel, AWrongChecksumIsNoModel) {
  const test::Folder hub;
  Repository repository;
  repository.sha256 = std::string(64, 'a');
  const HttpServer server([&](const HttpRequest& request) { return repository.answer(request); });
  EXPECT_NE(message(fetch_into(hub, server, "model:org/name")).find("sha256 is"), std::string::npos);
  EXPECT_FALSE(hub.has("models--org--name/snapshots"));
  EXPECT_FALSE(hub.has("models--org--name/blobs/" + repository.sha256));
}

TEST(FetchModel, NamesAndListsThatAreRefused) {
  for (const char* bad :
       {"model:", "model:org", "model:a/b/c/d", "model:../x", "model:a/..", "model:a/b@", "model:/b"}) {
    const auto got = parse_model_name(bad);
    ASSERT_FALSE(got) << bad;
    EXPECT_EQ(got.error().code, Code::kUsage);
  }
  EXPECT_EQ(parse_model_name("model:a/b/c.gguf@v1")->revision, "v1");
  for (const char* bad :
       {"", "[]", "{}", R"({"sha": "x"})", R"({"sha": "cccccccccccccccccccccccccccccccccccccccc"})",
        R"({"sha": "cccccccccccccccccccccccccccccccccccccccc", "siblings": [{"rfilename": "a"}]})",
        R"({"sha": "cccccccccccccccccccccccccccccccccccccccc", "siblings": [{"rfilename": "a\nb"}]})"}) {
    const auto got = parse_hub_model(bad, "u");
    ASSERT_FALSE(got) << bad;
    EXPECT_TRUE(got.error().message.starts_with("u: ")) << got.error().message;
    EXPECT_EQ(got.error().message.find('\n'), std::string::npos);
  }
  HubModel only_gguf{kCommit, "", {{"q4.gguf", {}, ""}, {"config.json", {}, ""}}};
  EXPECT_EQ(message(wanted_files(only_gguf, parse_model_name("model:org/name").value())),
            "org/name: no .safetensors file in it; weights that it has: q4.gguf; name one: model:ORG/NAME/FILE.gguf");
}

}  // namespace
}  // namespace pareto
