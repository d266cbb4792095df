// Any bytes as SQuAD's or HotpotQA's file: what is read refers to documents that are there.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tasks/ruler_qa_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto set : {pareto::ruler::QaSet::kSquad, pareto::ruler::QaSet::kHotpot}) {
    const auto file = pareto::ruler::parse_qa(text, "qa.json", set);
    if (!file) {
      if (file.error().message.find('\n') != std::string::npos) __builtin_trap();
      continue;
    }
    const auto known = [&](int i) { return i >= 0 && i < static_cast<int>(file->documents.size()); };
    for (const auto& question : file->questions) {
      if (question.answers.empty()) __builtin_trap();
      for (const int i : question.documents)
        if (!known(i)) __builtin_trap();
      for (const int i : question.related)
        if (!known(i)) __builtin_trap();
    }
  }
  return 0;
}
