#include "tasks/punkt.h"

#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "tasks/python.h"
#include "tasks/ruler_files.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

std::vector<std::string> split(const PunktTables& tables, const std::string& text) {
  std::vector<std::string> sentences;
  for (const std::string_view sentence : split_sentences(tables, text)) sentences.emplace_back(sentence);
  return sentences;
}

using Sentences = std::vector<std::string>;

TEST(Punkt, WithoutTables) {
  const PunktTables none;
  EXPECT_EQ(split(none, ""), Sentences());
  EXPECT_EQ(split(none, "one two"), Sentences({"one two"}));
  EXPECT_EQ(split(none, "First. Second!  Third?"), Sentences({"First.", "Second!", "Third?"}));
  EXPECT_EQ(split(none, "It costs 3.50. Then"), Sentences({"It costs 3.50.", "Then"}));
  EXPECT_EQ(split(none, "\"Go!\" (now.) [all.] end"), Sentences({"\"Go!\"", "(now.)", "[all.]", "end"}));
  EXPECT_EQ(split(none, "acting!!! I do"), Sentences({"acting!!!", "I do"}));
  EXPECT_EQ(split(none, "wait... and see"), Sentences({"wait... and see"}));
  EXPECT_EQ(split(none, "a b.c do. Each"), Sentences({"a b.c do.", "Each"}));
}

TEST(Punkt, TablesDecide) {
  PunktTables tables;
  tables.abbreviations = {"dr"};
  tables.sentence_starters = {"moreover"};
  tables.collocations = {"b\tsmith"};
  tables.ortho_contexts = {{"the", 2 | 64}};
  EXPECT_EQ(split(tables, "I met Dr. Who today."), Sentences({"I met Dr. Who today."}));
  EXPECT_EQ(split(tables, "He is a dr. Moreover he reads."), Sentences({"He is a dr.", "Moreover he reads."}));
  EXPECT_EQ(split(tables, "He is a dr. The end."), Sentences({"He is a dr.", "The end."}));
  EXPECT_EQ(split(tables, "by b. smith"), Sentences({"by b. smith"}));
  EXPECT_EQ(split(tables, "by J. Bach now"), Sentences({"by J. Bach now"}));
}

TEST(Punkt, MissingTable) {
  const test::DataDir dir;
  const auto tables = PunktTables::read(dir.path());
  ASSERT_FALSE(tables);
  EXPECT_EQ(tables.error().code, Code::kNotFound);
  EXPECT_NE(tables.error().message.find("abbrev_types.txt"), std::string::npos);
  dir.write("abbrev_types.txt", "a\n");
  dir.write("sent_starters.txt", "a\n");
  dir.write("collocations.tab", "a\tb\n");
  dir.write("ortho_context.tab", "a\t2\nb\tx\n");
  const auto bad = PunktTables::read(dir.path());
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kInvalid);
  EXPECT_NE(bad.error().message.find("ortho_context.tab:2"), std::string::npos);
}

std::string resources_path() { return std::string(PARETO_SHARED) + "/accept/data/ruler_resources.json"; }

// What nltk 3.10.4 makes of short texts, and of the first n words of the essays.
TEST(Punkt, EqualsNltk) {
  if (!std::filesystem::exists(resources_path())) GTEST_SKIP() << "needs ../shared/accept/data/ruler_resources.json";
  std::ifstream in(resources_path());
  const auto resources = nlohmann::json::parse(in);
  const auto tables = PunktTables::read(test::hub() + "/ruler/punkt_english");
  ASSERT_TRUE(tables) << tables.error().message;
  for (const auto& item : resources["sent_tokenize"])
    EXPECT_EQ(split(*tables, item["text"]), item["sentences"].get<Sentences>()) << item["text"];
  auto essays = ruler::Essays::read(test::hub() + "/ruler");
  ASSERT_TRUE(essays) << essays.error().message;
  EXPECT_EQ(essays->words(), resources["essays"]["words"].get<int>());
  for (const auto& item : resources["sent_tokenize of the first n words"]) {
    const auto& sentences = essays->sentences(item["words"], false);
    EXPECT_EQ(std::ssize(sentences), item["sentences"].get<std::int64_t>()) << item["words"];
    std::vector<std::string> texts(sentences.begin(), sentences.end());
    EXPECT_EQ(sha256_hex(python::join("\n", texts)), item["sha256"].get<std::string>()) << item["words"];
  }
}

TEST(RulerFiles, EqualsWonderwords) {
  if (!std::filesystem::exists(resources_path())) GTEST_SKIP() << "needs ../shared/accept/data/ruler_resources.json";
  std::ifstream in(resources_path());
  const auto wanted = nlohmann::json::parse(in)["wonderwords 3.0.1"];
  const auto lists = ruler::WordLists::read(test::hub() + "/ruler");
  ASSERT_TRUE(lists) << lists.error().message;
  EXPECT_EQ(lists->version, "3.0.1");
  EXPECT_EQ(sha256_hex(python::join("\n", lists->nouns)), wanted["nouns"][1].get<std::string>());
  const ruler::NeedleWords words(*lists);
  ASSERT_EQ(words.size(), wanted["niah_words_sorted"]["count"].get<std::int64_t>());
  Sha256 hash;
  for (std::int64_t i = 0; i < words.size(); ++i) hash.update((i > 0 ? "\n" : "") + words.at(i));
  EXPECT_EQ(hash.hex(), wanted["niah_words_sorted"]["sha256"].get<std::string>());
  EXPECT_EQ(sha256_hex(python::join("\n", lists->all())), wanted["cwe_words_sorted"]["sha256"].get<std::string>());
}

}  // namespace
}  // namespace pareto
