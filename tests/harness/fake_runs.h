// Runs in lm-evaluation-harness's file layout, written by tests: scores and costs of their choice.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/harness/program.h"

namespace pareto {

struct FakeRun {
  std::string task = "colours", version = "1.0", metric = "acc";
  std::vector<double> scores;  // of documents 0, 1, …
  std::size_t first_document = 0;
  double share_bytes = 0;  // of each item; 0: the file has no "pareto"
  std::string extra;       // further top-level keys of the results, ", " first
};

// FOLDER/model/results_… and samples_….
inline void write_run(const std::string& folder, const FakeRun& run) {
  std::filesystem::create_directories(folder + "/model");
  double sum = 0;
  std::string lines;
  for (std::size_t i = 0; i < run.scores.size(); ++i) {
    sum += run.scores[i];
    const std::size_t doc = run.first_document + i;
    lines += fmt::format(R"({{"doc_id": {}, "doc": {{"id": {}}}, "filter": "none", "doc_hash": "{:064x}", )"
                         R"("prompt_hash": "{:064x}", "{}": {:.17g})",
                         doc, doc, doc, doc, run.metric, run.scores[i]);
    if (run.share_bytes > 0)
      lines += fmt::format(
          R"(, "pareto": {{"prompt_tokens": 5, "output_tokens": 2, "work_share": {{"flops": 8, "bytes": {}}}}})",
          run.share_bytes);
    lines += "}\n";
  }
  const std::string time = "2026-01-01T00-00-00.000000";
  write_text(folder + "/model/samples_" + run.task + "_" + time + ".jsonl", lines);
  write_text(folder + "/model/results_" + time + ".json",
             fmt::format(R"({{"results": {{"{0}": {{"alias": "{0}", "{1},none": {2}, "{1}_stderr,none": 0.1}}}}, )"
                         R"("versions": {{"{0}": {3}}}, "higher_is_better": {{"{0}": {{"{1}": true}}}}{4}}})",
                         run.task, run.metric, sum / static_cast<double>(run.scores.size()), run.version, run.extra));
}

// n scores, every third wrong; then `lost` right ones made wrong and `gained` wrong ones right.
inline std::vector<double> scores_of(std::size_t n, std::size_t lost = 0, std::size_t gained = 0) {
  std::vector<double> scores;
  for (std::size_t i = 0; i < n; ++i) {
    bool right = i % 3 != 0;
    if (right && lost > 0) {
      right = false, --lost;
    } else if (!right && gained > 0) {
      right = true, --gained;
    }
    scores.push_back(right ? 1 : 0);
  }
  return scores;
}

}  // namespace pareto
