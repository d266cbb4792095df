// RULER and its relatives on rows and lists of our own, counted by a tokenizer of our own.
#include "tasks/ruler.h"

#include <nlohmann/json.hpp>

#include "tasks/ruler_files.h"
#include "tasks/ruler_marks.h"
#include "tasks/ruler_prose.h"
#include "tasks/ruler_qa_files.h"
#include "tasks/ruler_words.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

// Four characters of a word are a token, and so is a line feed: what a text costs is the sum of its parts.
class QuarterTokenizer final : public Tokenizer {
 public:
  void encode(std::string_view text, bool, std::vector<Token>* ids) const override {
    int run = 0;
    for (const char c : text) {
      const bool ends = c == ' ' || c == '\n';
      if (c == '\n') ids->push_back(1);
      if (!ends && run % 4 == 0) ids->push_back(2);
      run = ends ? 0 : run + 1;
    }
  }
  std::string_view piece(Token) const override { return ""; }
  std::string decode(const std::vector<Token>&) const override { return ""; }
  const Info& info() const override { return info_; }
  Info info_;
};

const QuarterTokenizer& quarters() {
  static const QuarterTokenizer kTokenizer;
  return kTokenizer;
}

TaskOptions sized(int length, double limit) {
  TaskOptions options;
  options.length = length;
  options.limit = limit;
  options.tokenizer = &quarters();
  options.data_dir = "/nowhere";
  return options;
}

const std::vector<std::string>& own_tasks() {
  static const std::vector<std::string> kNames = {"ruler_niah_single_1",
                                                  "ruler_niah_single_2",
                                                  "ruler_niah_single_3",
                                                  "ruler_niah_multikey_1",
                                                  "ruler_niah_multikey_2",
                                                  "ruler_niah_multikey_3",
                                                  "ruler_niah_multiquery",
                                                  "ruler_niah_multivalue",
                                                  "ruler_vt",
                                                  "ruler_cwe",
                                                  "ruler_fwe",
                                                  "niah_grid",
                                                  "passkey"};
  return kNames;
}

int tokens_of(const std::string& text) {
  std::vector<Token> ids;
  quarters().encode(text, false, &ids);
  return static_cast<int>(ids.size());
}

std::string only_prompt(const std::string& name, const TaskOptions& options) {
  const auto task = test::load_task(name, options);
  return task == nullptr ? "" : *task->requests().back().context;
}

std::string load_error(const std::string& name, const TaskOptions& options) {
  const auto task = test::make_task(name);
  const Status loaded = task->load(options);
  return loaded ? "" : loaded.error().message;
}

// --- Profile pareto ---------------------------------------------------------------------------------------------

TEST(Ruler, OwnExamplesFillTheLength) {
  for (const std::string& name : own_tasks())
    for (const int length : {1200, 5000}) {
      const auto task = test::load_task(name, sized(length, 6));
      ASSERT_NE(task, nullptr);
      for (const Document& document : task->documents()) {
        const auto json = nlohmann::json::parse(document.doc);
        EXPECT_LE(json["length"].get<int>(), length) << name;
        EXPECT_GE(json["length"].get<int>(), length * 95 / 100) << name << " " << length;
      }
      for (const Request& request : task->requests())
        EXPECT_LE(tokens_of(*request.context) + request.max_tokens, length) << name;
    }
}

TEST(Ruler, OwnExamplesDependOnSeedTaskLengthAndNumberOnly) {
  for (const std::string& name : own_tasks()) {
    const std::string first = only_prompt(name, sized(1200, 1));
    EXPECT_EQ(first, only_prompt(name, sized(1200, 1))) << name;
    TaskOptions other = sized(1200, 1);
    other.seed = 1;
    EXPECT_NE(first, only_prompt(name, other)) << name;
    TaskOptions third = sized(1200, 1);
    third.limit.reset();
    third.samples = {3};
    const auto alone = test::load_task(name, third);
    const auto all = test::load_task(name, sized(1200, 4));
    EXPECT_EQ(alone->documents()[0].prompt_hash, all->documents()[3].prompt_hash) << name;
    EXPECT_EQ(alone->documents()[0].doc_hash, all->documents()[3].doc_hash) << name;
  }
}

TEST(Ruler, OwnAnswersStandInTheText) {
  for (const std::string& name : own_tasks()) {
    const auto task = test::load_task(name, sized(1200, 5));
    const auto requests = task->requests();
    const std::size_t parts = requests.size() / task->documents().size();
    for (std::size_t i = 0; i < task->documents().size(); ++i) {
      const std::string& text = *requests[i * parts].context;
      const auto document = nlohmann::json::parse(task->documents()[i].doc);
      for (const auto& answer : document["outputs"])
        EXPECT_NE(text.find(answer.get<std::string>()), std::string::npos) << name;
    }
  }
}

TEST(Ruler, OwnNeedlesDiffer) {
  const std::string text = only_prompt("ruler_niah_multikey_2", sized(20000, 1));
  std::set<std::string> keys, values;
  std::size_t lines = 0;
  for (std::size_t at = text.find("numbers for "); at != std::string::npos; at = text.find("numbers for ", at + 1)) {
    const std::size_t colon = text.find(" is: ", at);
    if (colon == std::string::npos) break;
    keys.insert(text.substr(at + 12, colon - at - 12));
    values.insert(text.substr(colon + 5, 7));
    ++lines;
  }
  EXPECT_GT(lines, 500u);
  EXPECT_EQ(keys.size(), lines);
  EXPECT_EQ(values.size(), lines);
}

// The ten common words are the ten most frequent, ten times as often as the others; at any length.
TEST(Ruler, OwnCommonWordsAreCommon) {
  for (const int length : {1200, 5000, 60000}) {
    const auto task = test::load_task("ruler_cwe", sized(length, 1));
    const std::string& text = *task->requests()[0].context;
    const std::size_t last = text.rfind("Below is a numbered list"), list = text.find('\n', last) + 1;
    std::istringstream in(text.substr(list, text.find("\nQuestion", list) - list));
    std::map<std::string, int> counts;
    for (std::string number, word; in >> number >> word;) ++counts[word];
    const auto answers = nlohmann::json::parse(task->documents()[0].doc)["outputs"];
    int least = 1 << 30, most = 0;
    for (const auto& [word, count] : counts) {
      const bool common = std::find(answers.begin(), answers.end(), word) != answers.end();
      if (common) least = std::min(least, count);
      if (!common) most = std::max(most, count);
    }
    EXPECT_EQ(answers.size(), 10u);
    EXPECT_EQ(least, length < 4096 ? 6 * most : 10 * most) << length;
  }
}

TEST(Ruler, GridStandsAtItsDepths) {
  const auto task = test::load_task("niah_grid", sized(3000, 22));
  for (const Document& document : task->documents()) {
    const auto json = nlohmann::json::parse(document.doc);
    EXPECT_EQ(json["depth"].get<int>(), 10 * (document.doc_id % 11));
    EXPECT_NEAR(json["depths"][0].get<double>() * 100, json["depth"].get<int>(), 3);
  }
  EXPECT_EQ(task->info().metrics.size(), 12u);
  Response right, wrong;
  right.text = " It is " + nlohmann::json::parse(task->documents()[3].doc)["outputs"][0].get<std::string>() + ".";
  const Response* one = &right;
  const auto marked = task->score(3, std::span(&one, 1));
  EXPECT_EQ(marked[0].metrics, (std::map<std::string, double>{{"string_match", 1}, {"string_match_at_30", 1}}));
  one = &wrong;
  EXPECT_EQ(task->score(3, std::span(&one, 1))[0].metrics.at("string_match"), 0);
}

TEST(Ruler, PasskeyTurnsContinueEachOther) {
  const auto task = test::load_task("passkey", sized(1000, 2));
  const auto requests = task->requests();
  ASSERT_EQ(requests.size(), 10u);
  const auto keys = nlohmann::json::parse(task->documents()[1].doc)["outputs"];
  std::vector<Response> responses(5);
  for (std::size_t turn = 0; turn < 5; ++turn) {
    const std::string& prompt = *requests[5 + turn].context;
    EXPECT_TRUE(prompt.ends_with("\nAnswer:"));
    if (turn < 4) {
      EXPECT_TRUE(requests[6 + turn].context->starts_with(prompt + " " + keys[turn].get<std::string>()));
    }
    responses[turn].text = turn == 2 ? "?" : " " + keys[turn].get<std::string>();
  }
  std::vector<const Response*> pointers;
  for (const Response& response : responses) pointers.push_back(&response);
  auto marked = task->score(1, pointers);
  EXPECT_DOUBLE_EQ(marked[0].metrics.at("string_match"), 0.8);
  EXPECT_EQ(marked[0].metrics.at("all_turns"), 0);
  responses[2].text = keys[2].get<std::string>();
  EXPECT_EQ(task->score(1, pointers)[0].metrics.at("all_turns"), 1);
}

TEST(Ruler, PasskeyTurnsAreTurnsOfAChat) {
  TaskOptions options = sized(1000, 1);
  options.chat_template = [](const std::vector<ChatMessage>& turns, const ChatRender&) -> Result<std::string> {
    std::string text;
    for (const ChatMessage& turn : turns) text += "<" + turn.role + ">" + turn.content;
    return text;
  };
  const auto task = test::load_task("passkey", options);
  const std::string& second = *task->requests()[1].context;
  EXPECT_TRUE(second.starts_with("<user>Five pass keys"));
  EXPECT_NE(second.find("<assistant>"), std::string::npos);
  EXPECT_NE(second.rfind("<user>What is the pass key"), std::string::npos);
}

// Our own texts stay as they are: a change of words, draws or templates shows here and raises kWordsVersion.
TEST(Ruler, OwnGoldens) {
  std::ifstream in(std::string(PARETO_GOLDEN) + "/tasks/ruler_own_hashes.json");
  const auto goldens = nlohmann::json::parse(in);
  for (const std::string& name : own_tasks())
    EXPECT_EQ(test::load_task(name, sized(1200, 1))->documents()[0].prompt_hash, goldens.value(name, "")) << name;
}

TEST(Ruler, WordsAreDistinct) {
  std::set<std::string_view> all;
  for (const auto list : {ruler::own_nouns(), ruler::own_adjectives()})
    for (const std::string_view word : list) {
      EXPECT_TRUE(all.insert(word).second) << word;
      EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), std::string_view::npos) << word;
    }
  EXPECT_GE(ruler::own_nouns().size(), 500u);
  EXPECT_GE(ruler::own_adjectives().size(), 400u);
  for (int i = 0; i < 2000; ++i) {
    const std::string sentence = ruler::prose_sentence(i);
    EXPECT_EQ(sentence.find_first_of("0123456789"), std::string::npos) << sentence;
    EXPECT_EQ(sentence.find("magic"), std::string::npos) << sentence;
    EXPECT_TRUE(sentence.ends_with('.'));
  }
}

// --- Bad input --------------------------------------------------------------------------------------------------

TEST(Ruler, LengthsThatDoNotFit) {
  for (const std::string& name : own_tasks())
    EXPECT_NE(load_error(name, sized(60, 1)).find(name + " at --length 60"), std::string::npos) << name;
  TaskOptions none = sized(0, 1);
  EXPECT_NE(load_error("ruler_vt", none).find("--length"), std::string::npos);
  TaskOptions uncounted = sized(1000, 1);
  uncounted.tokenizer = nullptr;
  EXPECT_NE(load_error("ruler_vt", uncounted).find("--tokenizer"), std::string::npos);
  TaskOptions unknown = sized(1000, 1);
  unknown.ruler_profile = "other";
  EXPECT_NE(load_error("ruler_vt", unknown).find("pareto, nvidia, lm-eval"), std::string::npos);
}

// Lists of our own in the layout of upstream's files.
class RulerUpstream : public ::testing::TestWithParam<const char*> {
 protected:
  RulerUpstream() {
    const auto list = [](std::span<const std::string_view> words) {
      std::string text;
      for (const std::string_view word : words) text += std::string(word) + "\n";
      return text;
    };
    dir_.write("ruler/wonderwords-1.2.0/nounlist.txt", list(ruler::own_nouns()));
    dir_.write("ruler/wonderwords-1.2.0/adjectivelist.txt", list(ruler::own_adjectives()));
    dir_.write("ruler/wonderwords-1.2.0/verblist.txt", list(ruler::own_verbs()));
    dir_.write("ruler/wonderwords-1.10.0/nounlist.txt", words(6000, "n"));
    dir_.write("ruler/wonderwords-1.10.0/adjectivelist.txt", "red\nred-hot\nblue\n");
    dir_.write("ruler/wonderwords-1.10.0/verblist.txt", "go\nstop\n");
    std::string essays;
    for (int i = 0; i < 3000; ++i) essays += ruler::prose_sentence(i) + (i % 7 == 0 ? "\n\n" : " ");
    dir_.write("ruler/PaulGrahamEssays.json", nlohmann::json{{"text", essays}}.dump());
    dir_.write("ruler/punkt_english/abbrev_types.txt", "mr\n");
    dir_.write("ruler/punkt_english/collocations.tab", "mr\tred\n");
    dir_.write("ruler/punkt_english/sent_starters.txt", "so\n");
    dir_.write("ruler/punkt_english/ortho_context.tab", "the\t66\n");
  }

  static std::string words(int n, const char* prefix) {
    std::string text;
    for (int i = 0; i < n; ++i) text += fmt::format("{}{:04}\n", prefix, i);
    return text;
  }

  TaskOptions options(int length, double limit) const {
    TaskOptions options = sized(length, limit);
    options.data_dir = dir_.path();
    options.ruler_profile = GetParam();
    return options;
  }

  test::DataDir dir_;
};

TEST_P(RulerUpstream, FitsAndRepeats) {
  for (const std::string& name : own_tasks()) {
    if (!name.starts_with("ruler_")) continue;
    const auto task = test::load_task(name, options(2000, 3)), again = test::load_task(name, options(2000, 3));
    ASSERT_NE(task, nullptr);
    ASSERT_EQ(task->documents().size(), 3u) << name;
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(task->documents()[i].prompt_hash, again->documents()[i].prompt_hash) << name;
      const std::string& text = *task->requests()[i].context;
      const auto document = nlohmann::json::parse(task->documents()[i].doc);
      for (const auto& answer : document["outputs"])
        EXPECT_NE(text.find(answer.get<std::string>()), std::string::npos) << name;
    }
    const std::string metric = task->info().metrics[0].name;
    EXPECT_EQ(metric, std::string(GetParam()) == "lm-eval" ? "2000" : "string_match");
  }
}

TEST_P(RulerUpstream, SeedsReachTheDraws) {
  TaskOptions seeded = options(2000, 1);
  seeded.seed = 7;
  EXPECT_NE(only_prompt("ruler_niah_multikey_2", seeded), only_prompt("ruler_niah_multikey_2", options(2000, 1)));
}

TEST_P(RulerUpstream, TasksOfOneCellShareLmEvalsStream) {
  std::any handed_on;
  TaskOptions shared = options(2000, 1);
  shared.handed_on = &handed_on;
  const std::string first = only_prompt("ruler_vt", shared), second = only_prompt("ruler_vt", shared);
  EXPECT_EQ(first, only_prompt("ruler_vt", options(2000, 1)));
  EXPECT_EQ(first == second, std::string(GetParam()) == "nvidia");
}

TEST_P(RulerUpstream, MissingFilesAreNamed) {
  for (const char* file :
       {"wonderwords-1.10.0/nounlist.txt", "PaulGrahamEssays.json", "punkt_english/sent_starters.txt"}) {
    const std::string path = dir_.path() + "/ruler/" + file;
    std::filesystem::rename(path, path + ".away");
    const std::string error = load_error("ruler_niah_single_2", options(2000, 1));
    EXPECT_NE(error.find(path), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos);
    std::filesystem::rename(path + ".away", path);
  }
  EXPECT_NE(load_error("ruler_qa_1", options(2000, 1)).find("dev-v2.0.json"), std::string::npos);
  EXPECT_NE(load_error("ruler_qa_2", options(2000, 1)).find("hotpot_dev_distractor_v1.json"), std::string::npos);
}

TEST_P(RulerUpstream, LengthsThatDoNotFit) {
  for (const std::string& name : own_tasks()) {
    if (!name.starts_with("ruler_")) continue;
    EXPECT_NE(load_error(name, options(100, 1)).find(name + " at --length 100"), std::string::npos) << name;
    // Where the search loops run and find next to nothing: an example, or one line that names the task.
    for (const int length : {300, 500, 600, 700}) {
      const std::unique_ptr<Task> task = find_task(name)->make();
      const Status status = task->load(options(length, 1));
      EXPECT_TRUE(status || status.error().message.find(name) != std::string::npos) << status.error().message;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, RulerUpstream, ::testing::Values("nvidia", "lm-eval"),
                         [](const auto& info) { return std::string(info.param) == "nvidia" ? "nvidia" : "lm_eval"; });

TEST(RulerFiles, NestedAdjectivesAreInOrder) {
  ruler::WordLists lists;
  lists.adjectives = {"red-hot", "red", "blue"};
  lists.nouns = {"sun", "hat", "ink"};
  const ruler::NeedleWords words(lists);
  std::vector<std::string> all, wanted;
  for (std::int64_t i = 0; i < words.size(); ++i) all.push_back(words.at(i));
  for (const std::string& adjective : lists.adjectives)
    for (const std::string& noun : lists.nouns) wanted.push_back(adjective + "-" + noun);
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(all, wanted);
}

// --- Questions --------------------------------------------------------------------------------------------------

std::string squad_rows() {
  nlohmann::json root;
  for (int article = 0; article < 6; ++article) {
    nlohmann::json paragraphs = nlohmann::json::array();
    for (int p = 0; p < 3; ++p) {
      const std::string place = fmt::format("town {}{}", article, p);
      paragraphs.push_back(
          {{"context", "The mill of " + place + " was built by a miller who liked bread and long walks."},
           {"qas",
            {{{"question", "Which mill is in " + place + "?"},
              {"is_impossible", false},
              {"answers", {{{"text", "The mill of " + place}}, {{"text", place}}}}},
             {{"question", "Who sold it?"}, {"is_impossible", true}, {"answers", nlohmann::json::array()}}}}});
    }
    root["data"].push_back({{"title", "t"}, {"paragraphs", paragraphs}});
  }
  return root.dump();
}

std::string hotpot_rows() {
  nlohmann::json root = nlohmann::json::array();
  for (int q = 0; q < 12; ++q) {
    nlohmann::json context = nlohmann::json::array();
    for (int p = 0; p < 2; ++p)
      context.push_back(
          {fmt::format("Lake {}{}", q, p), {"It is deep.", fmt::format(" Its fish weigh {} pounds.", q)}});
    root.push_back({{"question", fmt::format("How heavy are the fish of Lake {}0?", q)},
                    {"answer", fmt::format("{} pounds", q)},
                    {"context", context}});
  }
  return root.dump();
}

TEST(RulerQa, ReadsOriginals) {
  const auto squad = ruler::parse_qa(squad_rows(), "s.json", ruler::QaSet::kSquad);
  ASSERT_TRUE(squad) << squad.error().message;
  EXPECT_EQ(squad->documents.size(), 18u);
  ASSERT_EQ(squad->questions.size(), 18u);
  EXPECT_EQ(squad->questions[4].answers, (std::vector<std::string>{"The mill of town 11", "town 11"}));
  EXPECT_EQ(squad->questions[4].related.size(), 2u);
  EXPECT_NE(squad->documents[static_cast<std::size_t>(squad->questions[4].documents[0])].find("town 11"),
            std::string::npos);
  const auto hotpot = ruler::parse_qa(hotpot_rows(), "h.json", ruler::QaSet::kHotpot);
  ASSERT_TRUE(hotpot) << hotpot.error().message;
  EXPECT_EQ(hotpot->documents.size(), 24u);
  EXPECT_EQ(hotpot->documents[static_cast<std::size_t>(hotpot->questions[3].documents[1])],
            "Lake 31\nIt is deep. Its fish weigh 3 pounds.");
}

TEST(RulerQa, BadFilesAreNamed) {
  for (const char* text : {"", "[", "{}", R"({"data": 3})", R"({"data": []})", R"({"data": [{"paragraphs": [{}]}]})"}) {
    const auto file = ruler::parse_qa(text, "s.json", ruler::QaSet::kSquad);
    ASSERT_FALSE(file) << text;
    EXPECT_TRUE(file.error().message.starts_with("s.json: ")) << file.error().message;
  }
  for (const char* text : {"{}", "[]", "[3]", R"([{"question": "q", "answer": "a", "context": [["t"]]}])"})
    EXPECT_FALSE(ruler::parse_qa(text, "h.json", ruler::QaSet::kHotpot)) << text;
}

TEST(RulerQa, AsksInEveryProfile) {
  const test::DataDir dir;
  dir.write("ruler/dev-v2.0.json", squad_rows());
  dir.write("ruler/hotpot_dev_distractor_v1.json", hotpot_rows());
  for (const char* profile : {"pareto", "nvidia", "lm-eval"})
    for (const char* name : {"ruler_qa_1", "ruler_qa_2"}) {
      TaskOptions options = sized(600, 5);
      options.data_dir = dir.path();
      options.ruler_profile = profile;
      const auto task = test::load_task(name, options);
      ASSERT_NE(task, nullptr);
      ASSERT_EQ(task->documents().size(), 5u) << profile;
      const auto requests = task->requests();
      for (const Request& request : requests) {
        EXPECT_LE(tokens_of(*request.context), 600);
        EXPECT_TRUE(request.context->starts_with("Answer the question based on the given documents."));
        EXPECT_NE(request.context->find("\n\nDocument 2:\n"), std::string::npos);
        EXPECT_TRUE(request.context->ends_with(" Answer:"));
      }
      // One of two answers is enough, but for lm-eval, which takes the share.
      Response response;
      response.text = " town 00\n";
      const Response* one = &response;
      if (std::string(name) == "ruler_qa_1") {
        const double mark = task->score(0, std::span(&one, 1))[0].metrics.begin()->second;
        EXPECT_EQ(mark, std::string(profile) == "lm-eval" ? 0.5 : 1.0) << profile;
      }
    }
}

// --- Marks ------------------------------------------------------------------------------------------------------

TEST(RulerMarks, Rules) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(ruler::clean_prediction(" a\tb\x01 \n"), "a\nb");
  EXPECT_DOUBLE_EQ(ruler::string_match_all("the LEMON and a pear", Texts{"lemon", "pear", "fig"}), 2.0 / 3);
  EXPECT_EQ(ruler::string_match_any("the LEMON", Texts{"fig", "lemon"}), 1);
  EXPECT_EQ(ruler::string_match_any("the LEMON", Texts{"fig"}), 0);
  EXPECT_EQ(ruler::string_match_all("", Texts{""}), 1);
}

TEST(RulerMarks, EqualsUpstream) {
  const std::string path = std::string(PARETO_SHARED) + "/accept/data/answer_marking.jsonl";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs ../shared/accept/data/answer_marking.jsonl";
  std::ifstream in(path);
  int cases = 0;
  for (std::string line; std::getline(in, line);) {
    const auto row = nlohmann::json::parse(line);
    if (row["task"] == "ruler") {
      ++cases;
      const auto references = row["references"].get<std::vector<std::string>>();
      const std::string cleaned = ruler::clean_prediction(row["response"].get<std::string>());
      EXPECT_EQ(cleaned, row["postprocessed"].get<std::string>()) << line;
      const double all = ruler::string_match_all(cleaned, references);
      EXPECT_NEAR(all, row["lm_eval_string_match_all"].get<double>(), 1e-12) << line;
      EXPECT_NEAR(all, row["lm_eval_string_match_part"].get<double>(), 1e-12) << line;
      EXPECT_NEAR(all * 100, row["nvidia_string_match_all"].get<double>(), 0.005001) << line;
      EXPECT_EQ(ruler::string_match_any(cleaned, references) * 100, row["nvidia_string_match_part"].get<double>())
          << line;
    } else if (row["task"] == "ruler_set") {
      ++cases;
      double all = 0, any = 0;
      const std::size_t n = row["responses"].size();
      for (std::size_t i = 0; i < n; ++i) {
        const auto references = row["reference_lists"][i].get<std::vector<std::string>>();
        const std::string cleaned = ruler::clean_prediction(row["responses"][i].get<std::string>());
        all += ruler::string_match_all(cleaned, references) * 100 / static_cast<double>(n);
        any += ruler::string_match_any(cleaned, references) * 100 / static_cast<double>(n);
      }
      EXPECT_NEAR(all, row["nvidia_string_match_all"].get<double>(), 0.005001);
      EXPECT_NEAR(any, row["nvidia_string_match_part"].get<double>(), 0.005001);
    }
  }
  EXPECT_GE(cases, 20);
}

}  // namespace
}  // namespace pareto
