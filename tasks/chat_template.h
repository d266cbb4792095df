// A model's chat template as core/task.h's ChatTemplate: messages → the text that the model gets, as transformers'
// apply_chat_template(…, tokenize=False) makes it.
//
//   PARETO_TRY(ChatTemplate chat, make_chat_template(text, "<s>", "</s>"));
//   chat({{"user", "hi"}}, {.add_generation_prompt = true})
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "core/task.h"

namespace pareto {

// `bos_text` and `eos_text` are the tokens' texts, bos_token and eos_token to the template; empty: the name is
// undefined there. Templates see messages, tools and documents (both none), add_generation_prompt.
//
// Errors of making: kInvalid and kUnsupported, as jinja::Template::parse gives them. Errors of a render: what
// jinja::Template::render gives. A template that calls raise_exception (for a system message it does not know, say) is
// such an error: lm-evaluation-harness then renders again without the system message.
//
// continue_final_message leaves the last message open: what the template puts after its content is cut off, and
// trailing white space too if the template trims the content. Errors: kInvalid if the text does not hold the last
// message, or if add_generation_prompt is set as well.
Result<ChatTemplate> make_chat_template(std::string_view template_text, std::string bos_text, std::string eos_text);

// sha256 of the template's text, for the record's chat_template_sha.
std::string chat_template_sha(std::string_view template_text);

}  // namespace pareto
