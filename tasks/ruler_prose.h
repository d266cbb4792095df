// The prose of our own haystacks: plain sentences about people and things, put together from ruler_words.h. It holds no
// digit and none of the words of a needle.
#pragma once

#include <string>
#include <vector>

namespace pareto::ruler {

// How many different sentences there are; longer texts go round.
inline constexpr int kProseSentences = 16384;

// Sentence i of them all: the same in every run.
std::string prose_sentence(int i);

}  // namespace pareto::ruler
