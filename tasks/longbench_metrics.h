// LongBench v1's marks of one prediction against one reference, each in [0, 1].
//
// Definitions: THUDM/LongBench 2e00731, LongBench/metrics.py and eval.py, over rouge 1.0.1, fuzzywuzzy 0.18.0 on
// Python's difflib, jieba 0.42.1. Where upstream raises, the reason stands at the function.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pareto::longbench {

// What eval.py keeps of a reply to trec, triviaqa, samsum and lsht: the first line that is not empty.
std::string_view first_line(std::string_view prediction);

// F1 over the words that are left of both texts in lower case, without ASCII punctuation and the words a, an, the.
double qa_f1(std::string_view prediction, std::string_view reference);
// F1 over words (jieba's), each in lower case and without punctuation, ASCII and Chinese; empty ones dropped.
double qa_f1_zh(std::span<const std::string> prediction, std::span<const std::string> reference);

// rouge-l, summary level: both texts are cut into sentences at ".", the longest common subsequence of each pair of
// sentences gives a set of words, and the union of the sets is set against the two vocabularies. `frames`: how deep
// Python may recurse there; a pair of sentences that needs more raises in upstream, and so do texts without a sentence:
// 0. kRougeFrames and kRougeZhFrames are what eval.py leaves of Python's limit of 1000.
inline constexpr int kRougeFrames = 991, kRougeZhFrames = 990;
double rouge_l(std::string_view prediction, std::string_view reference, int frames = kRougeFrames);
// The words joined by spaces first.
double rouge_l_zh(std::span<const std::string> prediction, std::span<const std::string> reference);

// 1/n if the reference is among the n class names that the prediction holds, else 0. Names that are part of the
// reference are dropped first, and the name after a dropped one is not looked at: upstream changes the list that it
// walks.
double classification(std::string_view prediction, std::string_view reference, std::span<const std::string> classes);

// Which share of the numbers (\d+, Unicode) in the prediction is written as the reference is; 0 of none.
double count(std::string_view prediction, std::string_view reference);
// The same against the number after `word` ("Paragraph ", "段落") in the reference. A reference without one raises in
// upstream: 0 here, and has_number() tells.
double retrieval(std::string_view prediction, std::string_view reference, std::string_view word);
bool has_number(std::string_view reference, std::string_view word);

// fuzz.ratio / 100 of the prediction's first line that holds none of `, #, //: twice the characters that difflib's
// SequenceMatcher finds in common, over both lengths, in whole percent. Texts of 200 characters and more lose their
// frequent ones (autojunk).
double code_similarity(std::string_view prediction, std::string_view reference);

}  // namespace pareto::longbench
