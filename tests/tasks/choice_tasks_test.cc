// openbookqa, piqa, commonsense_qa, hellaswag, winogrande, mmlu_continuation and mmlu_generative: prompts, requests,
// marks, rows that are wrong.
#include <gtest/gtest.h>

#include "core/hash.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

TaskOptions options_in(const test::DataDir& dir, std::optional<int> shots = {}) {
  TaskOptions options;
  options.data_dir = dir.path();
  options.num_fewshot = shots;
  return options;
}

std::vector<Marked> score_all(const Task& task, const std::vector<double>& loglikelihoods) {
  std::vector<Response> responses(loglikelihoods.size());
  std::vector<const Response*> pointers;
  for (std::size_t i = 0; i < responses.size(); ++i) {
    responses[i].loglikelihood = loglikelihoods[i];
    pointers.push_back(&responses[i]);
  }
  return task.score(0, pointers);
}

TEST(OpenBookQa, TheStemStandsAlone) {
  const test::DataDir dir;
  const std::string file = dir.write(
      "allenai__openbookqa/main/test.jsonl",
      R"({"id": "1", "question_stem": "Ice is", "choices": {"text": ["warm", "solid"], "label": ["A", "B"]}, "answerKey": " B"})");
  const auto task = test::load_task("openbookqa", options_in(dir));
  ASSERT_NE(task, nullptr);
  const auto requests = task->requests();
  EXPECT_EQ(*requests[0].context, "Ice is");
  EXPECT_EQ(requests[1].continuation, " solid");
  EXPECT_EQ(task->documents()[0].target, "1");  // the key's blank goes, as upstream's lstrip()
  EXPECT_EQ(score_all(*task, {-3, -4})[0].metrics, (std::map<std::string, double>{{"acc", 0.0}, {"acc_norm", 0.0}}));
  dir.write("allenai__openbookqa/main/test.jsonl",
            R"({"question_stem": "?", "choices": {"text": ["a"], "label": ["A"]}, "answerKey": "C"})");
  EXPECT_EQ(test::load_error("openbookqa", options_in(dir)), file + ":1: answerKey 'C' is none of the labels ['A']");
}

TEST(Piqa, PromptOfThePublishedHash) {
  PARETO_NEEDS_HUB();
  TaskOptions options;
  const auto task = test::load_task("piqa", options);
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->documents().size(), 1838u);
  // eval-tasks reference, golden hashes.
  EXPECT_EQ(task->documents()[0].prompt_hash, "14e2e90bdc64add59c76a88c2efb217a132b459947f9f2e3bbe8580b71beb533");
}

// No test split and no few-shot split: n + 1 shots are drawn, and the document itself dropped.
TEST(Piqa, ShotsAreNeverTheDocument) {
  const test::DataDir dir;
  const auto row = [](const std::string& goal) {
    return R"({"goal": ")" + goal + R"(", "sol1": "x", "sol2": "y", "label": 1})" + "\n";
  };
  dir.write("baber__piqa/default/validation.jsonl", row("one"));
  dir.write("baber__piqa/default/train.jsonl", row("one") + row("two"));
  const auto task = test::load_task("piqa", options_in(dir, 1));
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(*task->requests()[0].context, "Question: two\nAnswer: y\n\nQuestion: one\nAnswer:");
  EXPECT_NE(test::load_error("piqa", options_in(dir, 2)).find("3 few-shot examples are wanted, 2 are available"),
            std::string::npos);
}

TEST(CommonsenseQa, LettersAndKey) {
  const test::DataDir dir;
  const std::string file = dir.write(
      "tau__commonsense_qa/default/validation.jsonl",
      R"({"id": "1", "question": " Where? ", "choices": {"label": ["A","B","C","D","E"], "text": ["a","b","c","d","e"]}, "answerKey": "D"})");
  const auto task = test::load_task("commonsense_qa", options_in(dir));
  ASSERT_NE(task, nullptr);
  const auto requests = task->requests();
  ASSERT_EQ(requests.size(), 5u);
  EXPECT_EQ(*requests[0].context, "Question: Where?\nA. a\nB. b\nC. c\nD. d\nE. e\nAnswer:");
  EXPECT_EQ(requests[4].continuation, " E");
  EXPECT_EQ(task->documents()[0].target, "D");
  EXPECT_EQ(score_all(*task, {-5, -4, -3, -1, -2})[0].metrics, (std::map<std::string, double>{{"acc", 1.0}}));
  dir.write("tau__commonsense_qa/default/validation.jsonl",
            R"({"question": "?", "choices": {"label": [], "text": ["a","b","c","d","e"]}, "answerKey": ""})");
  EXPECT_EQ(test::load_error("commonsense_qa", options_in(dir)),
            file + ":1: column 'answerKey' is '', not one of A to E");
}

constexpr const char* kHellaswagRow =
    R"({"ind": 4, "activity_label": "Cooking", "ctx_a": "[header] How to [title] Cook [step] Take", "ctx_b": "A Pan OF oil", )"
    R"("ctx": "", "endings": [" [substeps] Heat  it.", "Eat it."], "label": "1"})";

TEST(HellaSwag, MarksOfWikiHowGoAndColumnsCome) {
  const test::DataDir dir;
  const std::string file = dir.write("Rowan__hellaswag/default/validation.jsonl", kHellaswagRow);
  const auto task = test::load_task("hellaswag", options_in(dir));
  ASSERT_NE(task, nullptr);
  // [header] leaves two blanks that become one; ctx_b loses its inner capitals.
  EXPECT_EQ(*task->requests()[0].context, "Cooking: How to. Cook Take A pan of oil");
  EXPECT_EQ(task->documents()[0].choices, (std::vector<std::string>{" Heat it.", "Eat it."}));
  EXPECT_EQ(task->requests()[0].continuation, "  Heat it.");
  const std::string& doc = task->documents()[0].doc;
  EXPECT_LT(doc.find("\"label\""), doc.find("\"query\"")) << "new columns stand behind the row's own";
  EXPECT_LT(doc.find("\"query\""), doc.find("\"choices\": ["));
  EXPECT_NE(doc.find("\"gold\": 1\n"), std::string::npos) << doc;
  dir.write("Rowan__hellaswag/default/validation.jsonl",
            R"({"activity_label": "", "ctx_a": "", "ctx_b": "", "endings": ["a"], "label": "1"})");
  EXPECT_EQ(test::load_error("hellaswag", options_in(dir)),
            file + ":1: column 'label' is '1', not the number of one of 1 endings");
}

TEST(WinoGrande, ContextsVaryAndTheContinuationIsOne) {
  const test::DataDir dir;
  const std::string row =
      R"({"sentence": "Ann saw Bob and _ waved.", "option1": "Ann", "option2": "Bob", "answer": "2"})";
  const std::string file = dir.write("allenai__winogrande/winogrande_xl/validation.jsonl", row);
  dir.write("allenai__winogrande/winogrande_xl/train.jsonl",
            R"({"sentence": "Up _ down.", "option1": "and", "option2": "or", "answer": "1"})"
            "\n" +
                row);
  const auto task = test::load_task("winogrande", options_in(dir, 1));
  ASSERT_NE(task, nullptr);
  const auto requests = task->requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(*requests[0].context, "Up and down.\n\nAnn saw Bob and Ann");
  EXPECT_EQ(*requests[1].context, "Up and down.\n\nAnn saw Bob and Bob");
  for (const Request& request : requests) EXPECT_EQ(request.continuation, " waved.");
  const Document& document = task->documents()[0];
  EXPECT_EQ(document.target, "waved.");
  EXPECT_EQ(document.gold, 1);
  EXPECT_EQ(document.prompt_hash, sha256_hex(*requests[0].context));
  EXPECT_EQ(score_all(*task, {-5, -4})[0].metrics, (std::map<std::string, double>{{"acc", 1.0}}));
  dir.write("allenai__winogrande/winogrande_xl/validation.jsonl",
            R"({"sentence": "none", "option1": "a", "option2": "b", "answer": "1"})");
  EXPECT_EQ(test::load_error("winogrande", options_in(dir)), file + ":1: column 'sentence' has no _");
}

void write_mmlu(const test::DataDir& dir) {
  dir.write("cais__mmlu/anatomy/test.jsonl",
            R"({"question": " Which? ", "subject": "anatomy", "choices": ["p", "q", "r", "s"], "answer": 2})");
  dir.write("cais__mmlu/anatomy/dev.jsonl",
            R"({"question": "One?", "subject": "anatomy", "choices": ["t", "u", "v", "w"], "answer": 0})");
}

TEST(MmluContinuation, ScoresTexts) {
  const test::DataDir dir;
  write_mmlu(dir);
  const auto task = test::load_task("mmlu_anatomy_continuation", options_in(dir, 1));
  ASSERT_NE(task, nullptr);
  const auto requests = task->requests();
  EXPECT_EQ(*requests[0].context,
            "The following are questions (with answers) about anatomy.\n\n"
            "Question: One?\nAnswer: t\n\nQuestion: Which?\nAnswer:");
  EXPECT_EQ(requests[2].continuation, " r");
  EXPECT_EQ(task->info().metrics.size(), 2u);
}

TEST(MmluGenerative, TakesTheLine) {
  const test::DataDir dir;
  write_mmlu(dir);
  const auto task = test::load_task("mmlu_anatomy_generative", options_in(dir, 1));
  ASSERT_NE(task, nullptr);
  const auto requests = task->requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(requests[0].context->ends_with("Answer: A\n\nWhich?\nA. p\nB. q\nC. r\nD. s\nAnswer:"));
  EXPECT_EQ(requests[0].until, (std::vector<std::string>{"</s>", "\n"}));
  const std::vector<std::pair<std::string, double>> marks = {{" C", 1}, {" c. ", 1}, {" C\nmore", 1},        {"\nC", 0},
                                                             {" B", 0}, {"", 0},     {" The answer is C", 0}};
  for (const auto& [text, mark] : marks) {
    const auto marked = test::score_text(*task, 0, text);
    EXPECT_EQ(marked[0].filter, "get_response");
    EXPECT_EQ(marked[0].metrics.at("exact_match"), mark) << text;
  }
}

TEST(MmluGroups, OfEveryVariant) {
  for (const auto& [name, leaf, metric, filters] :
       {std::tuple("mmlu_continuation", "mmlu_virology_continuation", "acc", 0u),
        std::tuple("mmlu_generative", "mmlu_virology_generative", "exact_match", 1u)}) {
    int leaves = 0;
    for (const GroupInfo& group : task_groups()) {
      if (!group.name.starts_with(std::string(name) + "::")) continue;
      ASSERT_EQ(group.metrics.size(), 1u);
      EXPECT_EQ(group.metrics[0].metric, metric);
      EXPECT_EQ(group.metrics[0].filters.size(), filters);
      leaves += static_cast<int>(group.members.size());
    }
    EXPECT_EQ(leaves, 57) << name;
    EXPECT_NE(find_task(leaf), nullptr);
  }
}

}  // namespace
}  // namespace pareto
