// A prompt from its parts, as text or through a chat template: lm-evaluation-harness's fewshot_context.
//
//   text   {system}{description}{q1} {a1}\n\n{q2} {a2}\n\n{q}          system and description joined by \n\n, if need
//   be chat   system: {system}{description} · user: {q1} · assistant: {a1} · … · user: {q}      (fewshot_as_multiturn)
//          system: … · user: {q1} {a1}\n\n{q2} {a2}\n\n{q}                                   (else)
//
// Definitions: lm_eval 0.4.13, api/task.py (fewshot_context, build_qa_turn, construct_requests), api/utils.py.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/task.h"

namespace pareto {

// A solved question, as a shot shows it.
struct Example {
  std::string question, answer;
};

struct PromptStyle {
  std::string description;
  std::string target_delimiter = " ";      // between question and answer
  std::string fewshot_delimiter = "\n\n";  // after each shot
  std::string gen_prefix;                  // how the answer begins, given to the model; in shots too
};

// prefix + delimiter + suffix; no delimiter where one side has white space at the seam or is empty.
std::string join_delimited(std::string_view prefix, std::string_view suffix, std::string_view delimiter);

class PromptBuilder {
 public:
  // Uses the options' chat_template, system_instruction and fewshot_as_multiturn (unset: true). Keeps a reference.
  // Errors: kUsage for fewshot_as_multiturn without a template.
  static Result<PromptBuilder> make(PromptStyle style, const TaskOptions& options);

  // The whole context of one document. Errors: those of the chat template; a template that refuses the system message
  // is asked again without it, as upstream does.
  Result<std::string> build(std::span<const Example* const> shots, std::string_view question) const;

  // What stands between the context and a choice that is scored: nothing under a chat template, unless the model's turn
  // was begun by a gen_prefix without white space at its end.
  std::string_view choice_delimiter() const;

 private:
  PromptBuilder(PromptStyle style, const TaskOptions& options);
  std::string build_text(std::span<const Example* const> shots, std::string_view question) const;
  std::vector<ChatMessage> build_turns(std::span<const Example* const> shots, std::string_view question) const;
  void append_example(const Example& example, std::string* out) const;
  void append_question(std::string_view question, std::string* out) const;  // with its gen_prefix

  PromptStyle style_;
  const TaskOptions* options_;
  std::string system_;  // system instruction and description
};

}  // namespace pareto
