#include "data/import.h"

#include <nlohmann/json.hpp>

#include "tests/data/data_support.h"

namespace pareto {
namespace {

using nlohmann::json;
using test::message;

const char* const kArticles =
    " \n = First title = \n \n Text of one . \n = = Section = = \n More . \n \n = Second = \n \n Text of two . \n \n";

TEST(Import, WikitextArticlesBeginAtTheirTitles) {
  EXPECT_EQ(wikitext_pages(kArticles),
            (std::vector<std::string>{" = First title = \n \n Text of one . \n = = Section = = \n More . \n ",
                                      " = Second = \n \n Text of two . \n \n"}));
  EXPECT_TRUE(wikitext_pages("").empty());
  EXPECT_TRUE(wikitext_pages("\n = = Section = = \n =  = \n= x =\n = x =\n").empty());
}

TEST(Import, WikitextRows) {
  const test::Folder originals, data;
  originals.write("wiki.test.raw", kArticles);
  const auto entries = import_set("wikitext", originals.path(), data.path());
  ASSERT_TRUE(entries) << entries.error().message;
  const std::string file = "EleutherAI__wikitext_document_level/wikitext-2-raw-v1/test.jsonl";
  EXPECT_EQ(entries->at(file).rows, 2);
  const std::string text = data.read(file);
  EXPECT_EQ(json::parse(text.substr(0, text.find('\n')))["page"], wikitext_pages(kArticles)[0]);
  EXPECT_TRUE(verify_files(data.path(), read_manifest(data.path()).value()).empty());
  EXPECT_FALSE(data.has(file + ".partial"));
  // A file by its own name.
  EXPECT_TRUE(import_set("wikitext", originals.path("wiki.test.raw"), data.path()));
}

TEST(Import, TheOfficialWikitextHas62Articles) {
  const std::string folder = PARETO_SHARED "/data/wikitext2";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs " << folder;
  const test::Folder data;
  const auto entries = import_set("wikitext", folder, data.path());
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->begin()->second.rows, 62);
}

TEST(Import, RowsAreCheckedAndKept) {
  const test::Folder originals, data;
  const std::string leval = R"({"instructions": ["q"], "outputs": ["A"], "input": "d", "evaluation": "exam"})";
  originals.write("coursera.jsonl", leval);  // no newline at the end
  originals.write("multi_news.jsonl",
                  R"({"input": "", "context": "c", "answers": ["a"], "length": 1, "all_classes": null})"
                  "\n");
  ASSERT_TRUE(import_set("leval", originals.path(), data.path()));
  ASSERT_TRUE(import_set("longbench", originals.path(), data.path()));
  EXPECT_EQ(data.read("L4NLP__LEval/coursera/test.jsonl"), leval + "\n");
  EXPECT_EQ(read_manifest(data.path())->size(), 2u);
}

TEST(Import, WhatIsNotTheSetIsRefused) {
  for (const auto& [set, file, row, why] : std::vector<std::tuple<const char*, const char*, const char*, const char*>>{
           {"leval", "coursera.jsonl", R"({"instructions": ["q"], "outputs": []})", ":1: no column 'input'"},
           {"leval", "coursera.jsonl", R"({"instructions": ["q"], "outputs": [], "input": "d"})",
            ":1: 1 instructions and 0 outputs"},
           {"leval", "coursera.jsonl", "{", ":1: column 1"},
           {"leval", "coursera.jsonl", "", ": no rows in it"},
           {"longbench", "trec.jsonl",
            R"({"input": "", "context": "", "answers": [], "length": 1, "all_classes": null})",
            ":1: column 'answers' is empty"},
           {"longbench", "trec.jsonl",
            R"({"input": "", "context": "", "answers": ["a"], "length": 1, "all_classes": [1]})",
            ":1: column 'all_classes' must be a list of strings"},
           {"wikitext", "wiki.test.raw", "no titles", ": no heading ' = Title = ' in it"},
           {"jieba", "dict.txt", "word 3 n\n", "/finalseg/prob_start.py"}}) {
    const test::Folder originals, data;
    originals.write(file, row);
    const auto got = import_set(set, originals.path(), data.path());
    ASSERT_FALSE(got) << why;
    EXPECT_NE(got.error().message.find(why), std::string::npos) << got.error().message;
    EXPECT_FALSE(data.has("manifest.json"));
  }
}

TEST(Import, NamesAndPlacesThatAreNotThere) {
  const test::Folder data;
  EXPECT_EQ(import_set("gsm8k", data.path(), data.path()).error().code, Code::kUsage);
  EXPECT_EQ(message(import_set("leval", "/nowhere", data.path())), "no file or folder /nowhere");
  EXPECT_NE(message(import_set("leval", data.path(), data.path())).find("nothing of leval there; it takes SET.jsonl"),
            std::string::npos);
}

}  // namespace
}  // namespace pareto
