// L-Eval's closed-ended tasks on rows of our own: prompts and marks.
#include "tasks/leval_marking.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

TaskOptions leval_rows() {
  TaskOptions options;
  options.data_dir = PARETO_GOLDEN "/data";
  return options;
}

std::vector<Request> requests_of(const std::string& name) { return test::load_task(name, leval_rows())->requests(); }

constexpr const char* kDocument =
    "Mira keeps the lighthouse at Tarn Point. She paints it every spring. The harbour freezes in January.";

TEST(LEval, Prompts) {
  EXPECT_EQ(
      *requests_of("leval_coursera")[1].context,
      std::string("Now you are given a very long document. Please follow the instruction based on this document. For "
                  "multi-choice questions, there could be a sinlge correct option or multiple correct options. Please "
                  "only provide the letter corresponding to the answer (like A or AB) when answering. \n\nDocument is "
                  "as follows. ") +
          kDocument +
          " \nQuestion: Question 2. When does it freeze?\nA. January\nB. May.  Please directly give answer without any "
          "additonal output or explanation \nAnswer:");
  EXPECT_EQ(
      *requests_of("leval_gsm100")[0].context,
      "Given several question answer pairs, you need to follow a similar format to answer the last question. Make sure "
      "the response is end with The answer is _ . \n\nQuestion: 2 lamps and 2 lamps?\nLet's think step by step\n2 + 2 "
      "= 4.\nThe answer is 4\n\nQuestion: Mira has 3 pots of paint and buys 1200 more. How many has she?\nLet's think "
      "step by step\n");
  EXPECT_NE(requests_of("leval_quality")[0].context->find("there is only a sinlge correct option"), std::string::npos);
  for (const Request& request : requests_of("leval_tpo")) {
    EXPECT_EQ(request.max_tokens, 512);
    EXPECT_TRUE(request.until.empty());
  }
}

TEST(LEval, SciFiAsksTwice) {
  const auto requests = requests_of("leval_sci_fi");
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(requests[0].context->starts_with("Now you are given a scientific fiction."));
  EXPECT_EQ(*requests[1].context,
            "1. Harbours can freeze, True or False? Answer this question based on the real-world knowledge and facts "
            "up until "
            "your last training\nAnswer:");
  const auto task = test::load_task("leval_sci_fi", leval_rows());
  using Marks = std::map<std::string, double>;
  EXPECT_EQ(test::score_text(*task, 0, " It's TRUE.")[0].metrics, (Marks{{"exact_match", 1}, {"loyalty", 1}}));
  EXPECT_EQ(test::score_text(*task, 1, "False")[0].metrics, (Marks{{"exact_match", 0}, {"fact", 0}}));
}

TEST(LEval, SystemTurn) {
  TaskOptions options = leval_rows();
  options.chat_template = test::plain_chat;
  const std::string prompt = *test::load_task("leval_tpo", options)->requests()[0].context;
  EXPECT_TRUE(prompt.starts_with("<|system|>Now you are given a very long document.")) << prompt;
  EXPECT_NE(prompt.find("<|user|>Document is as follows. Mira"), std::string::npos);
}

TEST(LEval, Letters) {
  using leval::letters;
  EXPECT_EQ(letters("", false), "None");
  EXPECT_EQ(letters("B", false), "B");
  EXPECT_EQ(letters("BC", false), "BC");  // a part of "ABCD"
  EXPECT_EQ(letters("The answer is (C) or D", false), "C");
  EXPECT_EQ(letters("none of them", false), "A");  // a guess, as upstream's
  EXPECT_EQ(letters("DA", true), "AD");
  EXPECT_EQ(letters("A, C", true), "A");  // no capital before white space, '.' or ')' but the leading one
  EXPECT_EQ(letters("A. C. E.", true), "AC");
  EXPECT_EQ(letters("(B) and (D).", true), "BD");
  EXPECT_EQ(letters("A) Question 2 B) x", true), "A");
  EXPECT_EQ(letters("it is BD, C", true), "BD");  // the first run
}

TEST(LEval, MarksOfLetters) {
  EXPECT_EQ(leval::mark_letters("AC", leval::reference_letters("AC")), 1);
  EXPECT_EQ(leval::mark_letters("A", leval::reference_letters("AC")), 0.25);
  EXPECT_EQ(leval::mark_letters("AB", leval::reference_letters("AC")), 0);
  EXPECT_EQ(leval::mark_letters("None", "A"), 0);
  EXPECT_EQ(leval::reference_letters("(B) Their subconscious knew"), "B");
  EXPECT_EQ(leval::reference_letters("nothing"), "A");
}

TEST(LEval, Numbers) {
  using leval::number;
  EXPECT_EQ(number("3 + 1200 = 1203. The answer is 1,203.50"), "1203");
  EXPECT_EQ(number("The answer is $18 a day"), "18");
  EXPECT_EQ(number("So 5 apples\nand 7 pears\n\nThen 9"), "7");
  EXPECT_EQ(number("none"), "");
  EXPECT_EQ(leval::mark_number("018", "18"), 1);
  EXPECT_EQ(leval::mark_number("", "18"), 0);
  const auto task = test::load_task("leval_gsm100", leval_rows());
  EXPECT_EQ(test::score_text(*task, 0, "3 + 1200\nThe answer is 1203.")[0].metrics.at("exact_match"), 1);
}

TEST(LEval, Judgements) {
  EXPECT_EQ(leval::judgement("I think this is FALSE, not true"), "false");
  EXPECT_EQ(leval::judgement("maybe"), "<error>");
  const auto gold = leval::reference_judgements("True [fact: False]");
  EXPECT_EQ(gold.loyalty, "true");
  EXPECT_EQ(gold.fact, "false");
}

TEST(LEvalData, EveryQuestionLoads) {
  const std::string folder = PARETO_SHARED "/data/leval";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs " << folder;
  const test::DataDir dir;
  TaskOptions options;
  options.data_dir = dir.path();
  for (const auto& [set, questions] :
       {std::pair{"coursera", 172}, {"gsm100", 100}, {"quality", 202}, {"sci_fi", 128}, {"tpo", 269}}) {
    std::filesystem::create_directories(fmt::format("{}/L4NLP__LEval/{}", dir.path(), set));
    std::filesystem::copy(fmt::format("{}/{}.jsonl", folder, set),
                          fmt::format("{}/L4NLP__LEval/{}/test.jsonl", dir.path(), set));
    const auto task = test::load_task(fmt::format("leval_{}", set), options);
    ASSERT_NE(task, nullptr);
    EXPECT_EQ(static_cast<int>(task->documents().size()), questions) << set;
    // A reference is right by its own mark.
    for (int i = 0; i < questions; ++i)
      EXPECT_EQ(test::score_text(*task, i, task->documents()[static_cast<std::size_t>(i)].target)[0].metrics.at(
                    "exact_match"),
                1)
          << set << " " << i;
  }
}

}  // namespace
}  // namespace pareto
