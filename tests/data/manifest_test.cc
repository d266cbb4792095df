#include "data/manifest.h"

#include <thread>

#include "core/hash.h"
#include "tests/data/data_support.h"

namespace pareto {
namespace {

using test::message;

ManifestEntry entry_of(const std::string& text) {
  return {.sha256 = sha256_hex(text),
          .bytes = std::ssize(text),
          .rows = 1,
          .set = "own",
          .source = "here",
          .licence = "MIT",
          .date = "2026-01-01"};
}

TEST(Manifest, ReadsWhatItWrites) {
  const Manifest manifest = {{"a/b.jsonl", entry_of("x")}, {"ü.txt", entry_of("")}};
  const std::string text = manifest_text(manifest);
  const auto again = parse_manifest(text, "m");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(manifest_text(*again), text);
}

TEST(Manifest, ErrorsNameThePlace) {
  const std::string good = manifest_text({{"a", entry_of("x")}});
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  for (const auto& [text, want] : std::vector<std::pair<std::string, std::string>>{
           {"{", "m: "},
           {"[]", "m: not a manifest of schema 1"},
           {with("\"schema\": 1", "\"schema\": 2"), "m: not a manifest of schema 1"},
           {R"({"schema": 1})", "m: 'files' must be an object"},
           {R"({"schema": 1, "files": {"a": 3}})", "m: 'a': must be an object"},
           {with("\"a\":", "\"../a\":"), "m: '../a': a path must stay below the folder"},
           {with("\"a\":", "\"/a\":"), "m: '/a': a path must stay below the folder"},
           {with("\"bytes\": 1", "\"bytes\": -1"), "m: 'a': 'bytes' must be a whole number of at least 0"},
           {with("\"rows\": 1", "\"rows\": \"1\""), "m: 'a': 'rows' must be a whole number of at least -1"},
           {with("\"set\"", "\"sets\""), "m: 'a': 'set' must be a text"},
           {with(sha256_hex("x"), "abc"), "m: 'a': 'sha256' must be 64 hexadecimal digits"}}) {
    const auto got = parse_manifest(text, "m");
    ASSERT_FALSE(got) << text;
    EXPECT_TRUE(got.error().message.starts_with(want)) << got.error().message;
    EXPECT_EQ(got.error().message.find('\n'), std::string::npos);
  }
}

TEST(Manifest, VerifyNamesWhatIsWrong) {
  const test::Folder folder;
  const std::string good = folder.write("good", "x"), changed = folder.write("changed", "y"),
                    longer = folder.write("longer", "xx");
  const Manifest manifest = {
      {"good", entry_of("x")}, {"changed", entry_of("x")}, {"longer", entry_of("x")}, {"gone", entry_of("x")}};
  const auto wrong = verify_files(folder.path(), manifest);
  ASSERT_EQ(wrong.size(), 3u);
  EXPECT_TRUE(wrong[0].starts_with(changed + ": sha256 is ")) << wrong[0];
  EXPECT_EQ(wrong[1], folder.path("gone") + ": No such file or directory");
  EXPECT_EQ(wrong[2], longer + ": 2 bytes, not 1");
}

TEST(Manifest, WritersAtOnceLoseNothing) {
  const test::Folder folder;
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i)
    writers.emplace_back([&, i] {
      for (int j = 0; j < 5; ++j) {
        const Status added = add_to_manifest(folder.path(), {{fmt::format("{}-{}", i, j), entry_of("x")}});
        EXPECT_TRUE(added) << added.error().message;
      }
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(read_manifest(folder.path())->size(), 40u);
}

TEST(Manifest, NoneIsEmpty) { EXPECT_TRUE(read_manifest("/nowhere")->empty()); }

}  // namespace
}  // namespace pareto
