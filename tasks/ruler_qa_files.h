// The originals behind RULER's qa tasks, as NVIDIA/RULER's scripts/data/synthetic/qa.py reads them.
//
//   dev-v2.0.json                       SQuAD 2.0: data[].paragraphs[].{context, qas[].{question, is_impossible,
//   answers[].text}} hotpot_dev_distractor_v1.json       HotpotQA: [].{question, answer, context[][title, [sentence]]}
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "tasks/ruler.h"

namespace pareto::ruler {

struct QaQuestion {
  std::string text;
  std::vector<std::string> answers;
  std::vector<int> documents;  // that it is asked about: indices into QaFile::documents
  std::vector<int> related;    // SQuAD: the other paragraphs of its article
};

struct QaFile {
  std::vector<std::string> documents;  // sorted, each once
  std::vector<QaQuestion> questions;
};

// Errors: kNotFound (names the file and where it comes from), kInvalid.
Result<QaFile> read_qa(const std::string& folder, QaSet set);
// From text; `name` is what messages call it.
Result<QaFile> parse_qa(std::string_view text, const std::string& name, QaSet set);

}  // namespace pareto::ruler
