// LongBench's marks: the reference outputs of the upstream code where they are at hand, and the quirks one by one.
#include "tasks/longbench_metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "tasks/jieba.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

using nlohmann::json;

const char* const kGoldens = PARETO_SHARED "/accept/data/longbench_metrics.jsonl";

// jieba's own files are not in this repository: $PARETO_DATA/jieba, where they were imported.
std::shared_ptr<const Jieba> real_jieba() {
  const char* data = std::getenv("PARETO_DATA");
  const auto loaded = Jieba::load(data == nullptr ? "" : data);
  return loaded ? *loaded : nullptr;
}

double mark(const json& row, const std::string& answer, const Jieba* jieba) {
  const std::string metric = row["metric"], prediction = row["prediction_scored"];
  if (metric == "qa_f1_score") return longbench::qa_f1(prediction, answer);
  if (metric == "rouge_score") return longbench::rouge_l(prediction, answer);
  if (metric == "count_score") return longbench::count(prediction, answer);
  if (metric == "retrieval_score") return longbench::retrieval(prediction, answer, "Paragraph ");
  if (metric == "retrieval_zh_score") return longbench::retrieval(prediction, answer, "段落");
  if (metric == "code_sim_score") return longbench::code_similarity(prediction, answer);
  if (metric == "qa_f1_zh_score") return longbench::qa_f1_zh(jieba->cut(prediction), jieba->cut(answer));
  if (metric == "rouge_zh_score") return longbench::rouge_l_zh(jieba->cut(prediction), jieba->cut(answer));
  if (metric == "classification_score")
    return longbench::classification(prediction, answer, row["all_classes"].get<std::vector<std::string>>());
  ADD_FAILURE() << metric;
  return -1;
}

bool has_first_line_rule(const std::string& dataset) {
  return dataset == "trec" || dataset == "triviaqa" || dataset == "samsum" || dataset == "lsht";
}

// Python's round(100 * x, 2).
double percent(double score) { return std::stod(fmt::format("{:.2f}", 100 * score)); }

// Marks every golden that needs jieba, or every one that does not. Returns how many.
int check_goldens(bool chinese, const Jieba* jieba) {
  std::ifstream file(kGoldens);
  std::map<std::pair<std::string, int>, double> scores;
  int checked = 0;
  for (std::string line; std::getline(file, line);) {
    const json row = json::parse(line);
    const std::string metric = row["metric"];
    if (metric == "dataset_mean") {
      double total = 0;
      bool known = true;
      for (const json& which : row["cases"]) {
        const auto found = scores.find({which[0], which[1]});
        known = known && found != scores.end();
        if (known) total += found->second;
      }
      if (!known) continue;
      EXPECT_EQ(percent(total / static_cast<double>(row["cases"].size())), row["dataset_score"].get<double>()) << line;
      ++checked;
      continue;
    }
    if ((metric.find("_zh_") != std::string::npos && metric != "retrieval_zh_score") != chinese) continue;
    const std::string prediction = row["prediction"], scored = row["prediction_scored"];
    const bool rule = has_first_line_rule(row["dataset"]);
    EXPECT_EQ(rule ? std::string(longbench::first_line(prediction)) : prediction, scored) << line;
    double best = 0;
    for (std::size_t i = 0; i < row["answers"].size(); ++i) {
      const json& wanted = row["scores"][i];
      const double score = mark(row, row["answers"][i], jieba);
      if (wanted.is_number()) {
        EXPECT_EQ(score, wanted.get<double>()) << line;
      }
      best = std::max(best, score);
    }
    if (row["score"].is_number()) {
      EXPECT_EQ(best, row["score"].get<double>()) << line;
    }
    scores[{metric, row["case"]}] = best;
    ++checked;
  }
  return checked;
}

TEST(LongBenchMetrics, EqualUpstreams) {
  if (!std::ifstream(kGoldens)) GTEST_SKIP() << "needs " << kGoldens;
  EXPECT_GE(check_goldens(false, nullptr), 150);
}

TEST(LongBenchMetrics, ChineseOnesEqualUpstreams) {
  const auto jieba = real_jieba();
  if (!std::ifstream(kGoldens)) GTEST_SKIP() << "needs " << kGoldens;
  if (jieba == nullptr) GTEST_SKIP() << "needs jieba's dictionary in $PARETO_DATA: pareto data import jieba FOLDER";
  EXPECT_GE(check_goldens(true, jieba.get()), 42);
}

}  // namespace
}  // namespace pareto
