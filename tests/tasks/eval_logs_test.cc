// Other harnesses' logs in ../shared/data/eval_logs: every answer in them, marked here and compared with the log's own
// mark. A disagreement must have a reason from the list beside it, and their number is pinned.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "tasks/declared.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

using nlohmann::json;

std::string logs() { return std::string(PARETO_SHARED) + "/data/eval_logs/"; }
#define PARETO_NEEDS_LOGS() \
  if (!std::filesystem::exists(logs())) GTEST_SKIP() << "needs ../shared/data/eval_logs"

json read(const std::string& path) {
  std::ifstream file(logs() + path);
  return json::parse(file, nullptr, false);
}

struct Answer {
  std::string response, reference;
  bool right = false;      // as the log says
  std::string prediction;  // as the log has it, if it does
};

struct Mark {
  bool right = false;
  std::string extracted;
};

// The mark of one answer by a task's filter, its first metric.
Mark mark_by(const Task& task, const std::string& filter, const Answer& answer) {
  const std::vector<std::string> responses = {answer.response};
  const auto marks = task.mark({answer.reference, {}}, responses);
  for (const Marked& mark : *marks)
    if (mark.filter == filter) return {mark.metrics.at("exact_match") == 1, mark.extracted.value_or(mark.filtered)};
  ADD_FAILURE() << "no filter " << filter;
  return {};
}

// Marks all, explains each disagreement, and returns how many there were for each reason.
using Reason = std::function<std::string(const Answer&, const Mark&)>;  // "": none
std::map<std::string, int> disagreements(const Task& task, const std::string& filter,
                                         const std::vector<Answer>& answers, const Reason& reason) {
  std::map<std::string, int> counts;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Mark mark = mark_by(task, filter, answers[i]);
    if (mark.right == answers[i].right) continue;
    const std::string why = reason(answers[i], mark);
    std::printf("  answer %zu: we %s (%s), the log %s (%s), reference %s: %s\n", i, mark.right ? "right" : "wrong",
                mark.extracted.substr(0, 40).c_str(), answers[i].right ? "right" : "wrong",
                answers[i].prediction.c_str(), answers[i].reference.c_str(), why.c_str());
    EXPECT_NE(why, "") << "a disagreement without a reason";
    ++counts[why];
  }
  return counts;
}

std::vector<Answer> details(const std::string& path) {
  std::vector<Answer> answers;
  const json log = read(path);
  for (const json& d : log["details"])
    answers.push_back({d["generated"], d["reference"], d["correct"], d["prediction"]});
  return answers;
}

// 1319 chains of thought that end in \boxed{…}: math500's extraction and equality.
TEST(EvalLogs, Gsm8kOfABoxedPrompt) {
  PARETO_NEEDS_LOGS();
  const auto answers = details("icml_kd/gsm8k__Qwen2.5-0.5B-Instruct.json");
  ASSERT_EQ(answers.size(), 1319u);
  const auto counts = disagreements(*test::make_task("math500"), "flexible-extract", answers,
                                    [](const Answer& answer, const Mark& mark) -> std::string {
                                      if (mark.extracted == "[invalidanswer]")
                                        return "no boxed answer: the log takes a number from the text";
                                      if (answer.prediction == "-" + answer.reference) return "the log drops the sign";
                                      if (answer.prediction == answer.reference + "\\%")
                                        return "the log drops the percent sign";
                                      return "";
                                    });
  EXPECT_EQ(counts, (std::map<std::string, int>{{"no boxed answer: the log takes a number from the text", 6},
                                                {"the log drops the percent sign", 4},
                                                {"the log drops the sign", 4}}));
}

// Letters after "answer is": a declared task says how to find them.
class LetterLogs : public ::testing::Test {
 protected:
  void SetUp() override {
    PARETO_NEEDS_LOGS();
    dir_.write("letters.yaml",
               "task: letters\ndataset_path: json\ndataset_kwargs: {data_files: {test: none.jsonl}}\ntest_split: test\n"
               "doc_to_text: q\ndoc_to_target: a\nfilter_list:\n- name: letter\n  filter:\n"
               "  - {function: regex, group_select: -1, regex_pattern: 'answer is:?\\s*\\**\\[?\\(?([A-Z])[^A-Za-z]'}\n"
               "  - {function: take_first}\n");
  }
  std::map<std::string, int> of(const std::string& path) {
    auto declared = declare_tasks(dir_.path());
    auto answers = details(path);
    for (Answer& answer : answers) answer.response += "\n";  // so that a letter at the end is followed by something
    return disagreements(*declared->tasks.at(0).make(), "letter", answers, [](const Answer&, const Mark& mark) {
      return mark.extracted == "[invalid]" ? "no letter after 'answer is': the log looks elsewhere"
                                           : "another letter stands after 'answer is' last";
    });
  }
  test::DataDir dir_;
};

TEST_F(LetterLogs, ArcOfQwen) {
  const auto counts = of("icml_kd/arc_challenge__Qwen2.5-0.5B-Instruct.json");
  EXPECT_EQ(counts, (std::map<std::string, int>{{"no letter after 'answer is': the log looks elsewhere", 33}}));
}

TEST_F(LetterLogs, ArcOfGemma) {
  const auto counts = of("icml_kd/arc_challenge__gemma-3-270m-it.json");
  EXPECT_EQ(counts, (std::map<std::string, int>{{"no letter after 'answer is': the log looks elsewhere", 1}}));
}

// "<p>Correct Answer: 70</p>": what stands behind the label.
std::string labelled(const std::string& html, const std::string& label) {
  const std::size_t begin = html.find("<p>" + label + ": ");
  if (begin == std::string::npos) return "";
  const std::size_t text = begin + label.size() + 5;
  return html.substr(text, html.find("</p>", text) - text);
}

TEST(EvalLogs, Aime25OfLlamaCpp) {
  PARETO_NEEDS_LOGS();
  const json log = read("llama_cpp_bench/aime25_gpt-oss-120b_allresults.json");
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < log["convos"].size(); ++i) {
    const std::string html = log["htmls"][i];
    answers.push_back({log["convos"][i].back()["content"], labelled(html, "Correct Answer"),
                       labelled(html, "Score") == "1.0", labelled(html, "Extracted Answer")});
  }
  ASSERT_EQ(answers.size(), 240u);
  const auto counts =
      disagreements(*test::make_task("aime25"), "none", answers, [](const Answer& answer, const Mark& mark) {
        const bool equation = mark.extracted == "n=" + answer.reference && answer.prediction == "None";
        return equation ? "an equation between dollars: lm-eval takes its right side, the log finds no number" : "";
      });
  EXPECT_EQ(counts, (std::map<std::string, int>{
                        {"an equation between dollars: lm-eval takes its right side, the log finds no number", 2}}));
}

// HELM's joint multiple choice: one letter is generated.
TEST(EvalLogs, HelmLetters) {
  PARETO_NEEDS_LOGS();
  int marked = 0;
  for (const char* run :
       {"mmlu-subject-philosophy__method-multiple_choice_joint__model-openai_gpt2",
        "commonsense-dataset-hellaswag__method-multiple_choice_joint__model-eleutherai_pythia-1b-v0"}) {
    const std::string folder = "every_eval_ever/helm/" + std::string(run);
    std::map<std::string, double> scores;
    const json stats = read(folder + "/per_instance_stats.json"), scenario = read(folder + "/scenario_state.json");
    for (const json& instance : stats)
      for (const json& stat : instance["stats"])
        if (stat["name"]["name"] == "quasi_exact_match") scores[instance["instance_id"]] = stat["sum"];
    std::vector<Answer> answers;
    for (const json& state : scenario["request_states"]) {
      std::string right;
      for (const json& reference : state["instance"]["references"])
        if (!reference["tags"].empty())
          for (const auto& [letter, text] : state["output_mapping"].items())
            if (text == reference["output"]["text"]) right = letter;
      const std::string id = state["instance"]["id"];
      answers.push_back({state["result"]["completions"][0]["text"], right, scores.at(id) == 1, id});
    }
    const auto counts = disagreements(*test::make_task("mmlu_philosophy_generative"), "get_response", answers,
                                      [](const Answer&, const Mark&) { return ""; });
    EXPECT_TRUE(counts.empty());
    marked += static_cast<int>(answers.size());
  }
  EXPECT_EQ(marked, 20);
}

TEST(EvalLogs, SamplesOfLmEval) {
  PARETO_NEEDS_LOGS();
  std::ifstream file(logs() + "every_eval_ever/lm_eval/samples_math_perturbed_full_2026-01-21T03-44-18.458309.jsonl");
  std::vector<Answer> answers;
  for (std::string line; std::getline(file, line);) {
    const json row = json::parse(line);
    // lm-eval writes str() of a list of one text: what stands between its brackets and quotes is enough for these.
    answers.push_back({row["filtered_resps"].is_string() ? row["filtered_resps"].get<std::string>()
                                                         : row["filtered_resps"][0].get<std::string>(),
                       row["target"], row["exact_match"] == 1.0, ""});
  }
  ASSERT_EQ(answers.size(), 10u);
  const auto counts = disagreements(*test::make_task("math500"), "flexible-extract", answers,
                                    [](const Answer&, const Mark&) { return ""; });
  EXPECT_TRUE(counts.empty());
}

}  // namespace
}  // namespace pareto
