// L-Eval's exact match on its closed-ended sets.
//
// Definition: OpenLMLab/LEval cd34b05, Evaluation/auto_eval.py (process_*) and em.py.
#pragma once

#include <string>
#include <string_view>

namespace pareto::leval {

// The letters that a reply to a question with options names: "None" of an empty one; with `several` (coursera) all of
// them, sorted; else the first capital A to D; "A" where there is none, a guess.
std::string letters(std::string_view reply, bool several);
// The letters of a reference: of its first word, else "A".
std::string reference_letters(std::string_view reference);
// 1 for the same letters; 0.25 if `reply` names only some of the right ones; else 0.
double mark_letters(std::string_view reply, std::string_view reference);

// The digits of the number that a solution ends in: the word after "The answer is ", else the last word with a digit in
// the first paragraph; up to its decimal point. "" of none.
std::string number(std::string_view solution);
double mark_number(std::string_view reply, std::string_view reference);  // of two numbers as number() gives them

// "true" or "false", by the first word that holds one; else "<error>".
std::string judgement(std::string_view reply);

// "True [fact: False]": what the document says, and what is so.
struct Judgements {
  std::string loyalty, fact;  // lower case
};
Judgements reference_judgements(std::string_view reference);  // without "[fact:": fact is ""

}  // namespace pareto::leval
