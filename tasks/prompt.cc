#include "tasks/prompt.h"

#include <algorithm>

#include "tasks/python.h"

namespace pareto {
namespace {

bool starts_with_space(std::string_view text) {
  return !text.empty() && python::is_space(python::decode(text, 0).value);
}

bool ends_with_space(std::string_view text) {
  if (text.empty()) return false;
  std::size_t last = text.size() - 1;
  while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
  return python::is_space(python::decode(text, last).value);
}

}  // namespace

std::string join_delimited(std::string_view prefix, std::string_view suffix, std::string_view delimiter) {
  std::string joined(prefix);
  const bool seam = !prefix.empty() && !suffix.empty() && !ends_with_space(prefix) && !starts_with_space(suffix);
  if (seam) joined += delimiter;
  joined += suffix;
  return joined;
}

PromptBuilder::PromptBuilder(PromptStyle style, const TaskOptions& options)
    : style_(std::move(style)),
      options_(&options),
      system_(join_delimited(options.system_instruction, style_.description, style_.fewshot_delimiter)) {}

Result<PromptBuilder> PromptBuilder::make(PromptStyle style, const TaskOptions& options) {
  if (options.fewshot_as_multiturn.value_or(false) && !options.chat_template) {
    return fail(Code::kUsage, "--fewshot_as_multiturn true needs --apply_chat_template");
  }
  return PromptBuilder(std::move(style), options);
}

void PromptBuilder::append_question(std::string_view question, std::string* out) const {
  *out += question;
  if (style_.gen_prefix.empty()) return;
  const bool seam = !question.empty() && !ends_with_space(question) && !starts_with_space(style_.gen_prefix);
  if (seam) *out += style_.target_delimiter;
  *out += style_.gen_prefix;
}

void PromptBuilder::append_example(const Example& example, std::string* out) const {
  // Upstream builds no answer turn of an empty answer, so the delimiters go with it.
  if (example.answer.empty()) return append_question(example.question, out);
  *out += example.question;
  if (style_.gen_prefix.empty()) {
    *out += style_.target_delimiter;
    *out += example.answer;
  } else {
    const bool seam =
        !example.question.empty() && !ends_with_space(example.question) && !starts_with_space(style_.gen_prefix);
    if (seam) *out += style_.target_delimiter;
    *out += join_delimited(style_.gen_prefix, example.answer, " ");
  }
  *out += style_.fewshot_delimiter;
}

std::string PromptBuilder::build_text(std::span<const Example* const> shots, std::string_view question) const {
  std::size_t size = system_.size() + question.size() + style_.target_delimiter.size() + style_.gen_prefix.size();
  for (const Example* shot : shots) {
    size += shot->question.size() + shot->answer.size() + style_.target_delimiter.size() +
            style_.fewshot_delimiter.size() + style_.gen_prefix.size() + 1;
  }
  std::string text;
  text.reserve(size);
  text += system_;
  for (const Example* shot : shots) append_example(*shot, &text);
  append_question(question, &text);
  return text;
}

std::vector<ChatMessage> PromptBuilder::build_turns(std::span<const Example* const> shots,
                                                    std::string_view question) const {
  std::vector<ChatMessage> turns;
  if (!system_.empty()) turns.push_back({"system", system_});
  if (options_->fewshot_as_multiturn.value_or(true)) {
    for (const Example* shot : shots) {
      turns.push_back({"user", shot->question});
      const std::string answer = join_delimited(style_.gen_prefix, shot->answer, " ");
      if (!answer.empty()) turns.push_back({"assistant", answer});
    }
    turns.push_back({"user", std::string(question)});
  } else {
    std::string all;
    for (const Example* shot : shots) append_example(*shot, &all);
    all += question;
    turns.push_back({"user", std::move(all)});
  }
  if (!style_.gen_prefix.empty()) turns.push_back({"assistant", style_.gen_prefix});
  return turns;
}

Result<std::string> PromptBuilder::build(std::span<const Example* const> shots, std::string_view question) const {
  if (!options_->chat_template) return build_text(shots, question);
  const bool open_turn = !style_.gen_prefix.empty();
  const ChatRender render{.add_generation_prompt = !open_turn, .continue_final_message = open_turn};
  std::vector<ChatMessage> turns = build_turns(shots, question);
  auto text = options_->chat_template(turns, render);
  if (text || system_.empty()) return text;
  turns.erase(turns.begin());
  auto without_system = options_->chat_template(turns, render);
  return without_system ? without_system : text;
}

std::string_view PromptBuilder::choice_delimiter() const {
  if (!options_->chat_template) return style_.target_delimiter;
  return !style_.gen_prefix.empty() && !ends_with_space(style_.gen_prefix) ? style_.target_delimiter
                                                                           : std::string_view();
}

}  // namespace pareto
