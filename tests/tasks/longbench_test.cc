// LongBench's tasks on rows of our own: prompts, lengths, templates, marks, errors.
#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

const char* const kDict = "港口 9 n\n一月 8 t\n结冰 7 v\n海角 6 n\n";
const char* const kStart = "P={'B': -0.3, 'E': -3.14e+100, 'M': -3.14e+100, 'S': -1.5}";
const char* const kTrans =
    "P={'B': {'E': -0.5, 'M': -0.9}, 'E': {'B': -0.6, 'S': -0.8}, 'M': {'E': -0.3, 'M': -1.3}, 'S': {'B': -0.7, 'S': "
    "-0.7}}";
const char* const kEmit = "P={'B': {'\\u6d77': -1.0}, 'E': {}, 'M': {}, 'S': {}}";

// The rows of our own, and a dictionary of four words.
class LongBench : public testing::Test {
 protected:
  LongBench() {
    std::filesystem::copy(PARETO_GOLDEN "/data/Xnhyacinth__LongBench", dir_.path() + "/Xnhyacinth__LongBench",
                          std::filesystem::copy_options::recursive);
    dir_.write("jieba/dict.txt", kDict);
    dir_.write("jieba/finalseg/prob_start.py", kStart);
    dir_.write("jieba/finalseg/prob_trans.py", kTrans);
    dir_.write("jieba/finalseg/prob_emit.py", kEmit);
    options_.data_dir = dir_.path();
  }
  double score(const std::string& name, const std::string& reply) const {
    const auto task = test::load_task(name, options_);
    return task == nullptr ? -1 : test::score_text(*task, 0, reply)[0].metrics.at("score");
  }
  std::string prompt(const std::string& name) const { return *test::load_task(name, options_)->requests()[0].context; }

  test::DataDir dir_;
  TaskOptions options_;
};

TEST_F(LongBench, AllSetsAreThere) {
  int sets = 0, uniform = 0;
  for (const TaskEntry& entry : tasks()) {
    if (!entry.name.starts_with("longbench_")) continue;
    const auto task = test::load_task(entry.name, options_);
    ASSERT_NE(task, nullptr) << entry.name;
    EXPECT_TRUE(entry.cuts_prompts);
    const bool e = entry.name.ends_with("_e");
    ++(e ? uniform : sets);
    EXPECT_EQ(task->documents().size(), e ? 3u : 1u) << entry.name;
    for (const Request& request : task->requests()) {
      EXPECT_TRUE(request.until.empty());
      EXPECT_EQ(request.context->find("{context}"), std::string::npos);
      EXPECT_EQ(request.context->find("{input}"), std::string::npos);
    }
  }
  EXPECT_EQ(sets, 21);
  EXPECT_EQ(uniform, 13);
}

// sha256 of the prompts of our rows as upstream's templates (THUDM/LongBench 2e00731, config/dataset2prompt.json) give
// them, made with Python's str.format.
TEST_F(LongBench, PromptsAreUpstreams) {
  const std::vector<std::pair<const char*, const char*>> kPrompts = {
      {"narrativeqa", "f042e3f25d1869d173474a0724f44e3e06baa974d5ea5b2fe8a99cf0c70cf74a"},
      {"qasper", "867e3c5dff208807ed02212791df5dee12ee817c32a1b94d57d794a4d00fb6b5"},
      {"multifieldqa_en", "990885105a0216b98cc4997a1c6c7985824814293d8da472292f029cdfb2c008"},
      {"multifieldqa_zh", "21c6946cd4fdf34b7232d473cf94c8f0456822d3ea6e7eca0e4f9d776925d729"},
      {"hotpotqa", "6f6bc16110f888b56919a0db53d8f55277f612ba977028d0bc8b81c62b586cd5"},
      {"2wikimqa", "6f6bc16110f888b56919a0db53d8f55277f612ba977028d0bc8b81c62b586cd5"},
      {"musique", "6f6bc16110f888b56919a0db53d8f55277f612ba977028d0bc8b81c62b586cd5"},
      {"dureader", "ef8ef78d3db560382a3446b8a2f5f9e888a23dec00e86d9759520282ea2638c2"},
      {"gov_report", "9caee1afdd73e18ec262164d2e1205ba84da33f7bbe063f866d209a26fbbb0bc"},
      {"qmsum", "7292f31933650be69e334e829fd868f9161c5226407bdd49d8a467d30e1afb04"},
      {"multi_news", "95ddc6c78321cb098cda132f069211c9d5ab146bef2d637348fce64e30e7ac25"},
      {"vcsum", "2654c1915f46e3074b3dd46daabc1ecf1b0abfef30b4a7ac28314ef9049549b9"},
      {"trec", "a875d3077ed6477bfc0274958c7997798f99e64215aca9482d23596fadf2bd88"},
      {"triviaqa", "4ab9dcb85a9478cc8cc37ff5316138f9ff9e3f065a80843cfe12a6a1009205ed"},
      {"samsum", "09dce013d6f43da86bf49dc9d6434474a6e6a705306438c2caf63543df7a82b9"},
      {"lsht", "181c63cb6ceaac002e32f6e10d7ccba0ad0dd2d0c7d8f943b33a1aee552e9198"},
      {"passage_count", "2ad684b1d219c6514861d1a8c878ebe9fe9c4bfdcce6b355c0be992062cbbcb5"},
      {"passage_retrieval_en", "ece6a376766f95ff0a1d6fda24a3a1efcc01853e5e8023d59e43a244c63e3e07"},
      {"passage_retrieval_zh", "181abf0a5998814431283a70fd128e725a05be2153d60092581b532ede2b4fee"},
      {"lcc", "ebe9e93a9ea95cd8da89cba52826195a2adb02b111cc399d989be659ad05c678"},
      {"repobench-p", "778a22e73c83d444c6d4e02d8b15a31fa04fce4dfbc0cea2b0164c9c4e398a26"},
  };
  for (const auto& [set, hash] : kPrompts)
    EXPECT_EQ(sha256_hex(prompt(fmt::format("longbench_{}", set))), hash) << set << "\n"
                                                                          << prompt(fmt::format("longbench_{}", set));
}

TEST_F(LongBench, LengthsOfAnswers) {
  const auto longest = [&](const std::string& set) {
    return test::load_task("longbench_" + set, options_)->requests()[0].max_tokens;
  };
  for (const char* set : {"gov_report", "qmsum", "multi_news", "vcsum"}) EXPECT_EQ(longest(set), 512) << set;
  for (const char* set : {"narrativeqa", "qasper", "dureader", "samsum"}) EXPECT_EQ(longest(set), 128) << set;
  for (const char* set : {"multifieldqa_en", "multifieldqa_zh", "trec", "lsht", "lcc", "repobench-p"})
    EXPECT_EQ(longest(set), 64) << set;
  for (const char* set :
       {"hotpotqa", "2wikimqa", "musique", "triviaqa", "passage_count", "passage_retrieval_en", "passage_retrieval_zh"})
    EXPECT_EQ(longest(set), 32) << set;
}

TEST_F(LongBench, SixSetsHaveNoTemplate) {
  options_.chat_template = test::plain_chat;
  for (const char* set : {"trec", "triviaqa", "samsum", "lsht", "lcc", "repobench-p"})
    EXPECT_EQ(prompt(std::string("longbench_") + set).find("<|user|>"), std::string::npos) << set;
  EXPECT_TRUE(prompt("longbench_hotpotqa").starts_with("<|user|>Answer the question"));
}

TEST_F(LongBench, Marks) {
  EXPECT_EQ(score("longbench_narrativeqa", "A woman called Mira."), 1);  // the better of two references
  EXPECT_EQ(score("longbench_narrativeqa", "Nobody"), 0);
  EXPECT_NEAR(score("longbench_multi_news", "Mira paints the lighthouse every spring."), 1, 1e-8);
  EXPECT_EQ(score("longbench_trec", "\n\nPlace\nQuestion: next"), 1);
  EXPECT_EQ(score("longbench_trec", "Person or Place"), 0.5);
  EXPECT_EQ(score("longbench_triviaqa", "Mira\n\nPassage: more of Mira"), 1);
  EXPECT_NEAR(score("longbench_narrativeqa", "Mira\n\nPassage: more of Mira"), 1.0 / 3,
              1e-12);  // no first-line rule here
  EXPECT_EQ(score("longbench_passage_count", "2 of 3"), 0.5);
  EXPECT_EQ(score("longbench_passage_retrieval_en", "Paragraph 2"), 1);
  EXPECT_EQ(score("longbench_passage_retrieval_zh", "段落1，段落2"), 0.5);
  EXPECT_EQ(score("longbench_lcc", "\n```python\n# sum\n    return total"), 1);
  EXPECT_EQ(score("longbench_multifieldqa_zh", "海角。"), 1);
  EXPECT_NEAR(score("longbench_dureader", "在一月"), 1, 1e-8);
}

TEST_F(LongBench, UniformLengthsHaveBuckets) {
  const auto task = test::load_task("longbench_qasper_e", options_);
  ASSERT_NE(task, nullptr);
  for (const auto& [document, bucket] : {std::pair{0, "score_0-4k"}, {1, "score_4-8k"}, {2, "score_8k+"}})
    EXPECT_EQ(test::score_text(*task, document, "Yes")[0].metrics,
              (std::map<std::string, double>{{"score", 1}, {bucket, 1}}));
}

TEST_F(LongBench, ChineseWordsNeedTheirDictionary) {
  std::filesystem::remove(dir_.path() + "/jieba/finalseg/prob_emit.py");
  for (const char* set : {"multifieldqa_zh", "dureader", "vcsum"}) {
    const std::string error = test::load_error(std::string("longbench_") + set, options_);
    EXPECT_TRUE(error.starts_with(fmt::format("no file {}/jieba/finalseg/prob_emit.py: ", dir_.path()))) << error;
    EXPECT_NE(error.find("pareto data import jieba FOLDER"), std::string::npos) << error;
  }
  EXPECT_EQ(test::load_error("longbench_passage_retrieval_zh", options_), "");  // numbers need no words
  EXPECT_EQ(test::load_error("longbench_lsht", options_), "");
}

TEST_F(LongBench, BadRowsNameTheirLine) {
  const auto error = [&](const std::string& set, const std::string& row) {
    const std::string file = dir_.write(fmt::format("Xnhyacinth__LongBench/{}/test.jsonl", set), row);
    const std::string message = test::load_error("longbench_" + set, options_);
    return message.starts_with(file) ? message.substr(file.size()) : message;
  };
  EXPECT_EQ(error("lcc", R"({"input": "", "context": "c", "length": 1})"),
            ":1: no column 'answers'; it has: input, context, length");
  EXPECT_EQ(error("lcc", R"({"input": "", "context": "c", "length": 1, "answers": []})"),
            ":1: column 'answers' is empty");
  EXPECT_EQ(error("trec", R"({"input": "", "context": "c", "length": 1, "answers": ["a"], "all_classes": null})"),
            ":1: column 'all_classes' must be a list of strings, not NoneType None");
  EXPECT_EQ(error("passage_retrieval_en", R"({"input": "", "context": "c", "length": 1, "answers": ["7"]})"),
            ":1: answer '7' names no 'Paragraph N'");
}

TEST_F(LongBench, MissingDataSaysHowToGetIt) {
  options_.data_dir = "/nowhere";
  EXPECT_NE(test::load_error("longbench_lcc", options_).find("'pareto data fetch longbench' brings it"),
            std::string::npos);
}

TEST(LongBenchData, EveryRowOfMultiNewsLoads) {
  const std::string file = PARETO_SHARED "/data/longbench/multi_news.jsonl";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "needs " << file;
  const test::DataDir dir;
  std::filesystem::create_directories(dir.path() + "/Xnhyacinth__LongBench/multi_news");
  std::filesystem::copy(file, dir.path() + "/Xnhyacinth__LongBench/multi_news/test.jsonl");
  TaskOptions options;
  options.data_dir = dir.path();
  const auto task = test::load_task("longbench_multi_news", options);
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->documents().size(), 200u);
  const std::string answer = nlohmann::json::parse(task->documents()[3].doc)["answers"][0];
  EXPECT_NEAR(test::score_text(*task, 3, answer)[0].metrics.at("score"), 1, 1e-8);
}

}  // namespace
}  // namespace pareto
