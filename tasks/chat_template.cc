#include "tasks/chat_template.h"

#include "core/hash.h"
#include "tasks/jinja.h"
#include "tasks/python.h"
#include "tasks/value.h"

namespace pareto {
namespace {

// Appended to the last message's content to find where that content ends. The blank at its end is part of the search:
// a template that trims the content takes it away.
constexpr std::string_view kMark = "PARETO_CONTINUES_HERE ";

// `text` up to where the last message's content ends.
Result<std::string> cut_after(std::string text, const std::string& content) {
  const auto at = text.rfind(python::strip(kMark));
  if (at == std::string::npos || text.find(python::strip(content)) == std::string::npos) {
    return fail(Code::kInvalid, "the chat template does not show the last message, so that it cannot be continued");
  }
  const bool trimmed = text.compare(at, kMark.size(), kMark) != 0;
  text.resize(at);
  return trimmed ? std::string(python::rstrip(text)) : text;
}

Value variables(const std::vector<ChatMessage>& messages, const ChatRender& how, const std::string& bos,
                const std::string& eos) {
  std::vector<Value> turns;
  for (const ChatMessage& message : messages) {
    std::string content = message.content;
    if (how.continue_final_message && &message == &messages.back()) content += kMark;
    turns.push_back(Value::dict({{"role", Value(message.role)}, {"content", Value(std::move(content))}}));
  }
  Value all = Value::dict({{"messages", Value::list(std::move(turns))},
                           {"tools", Value()},
                           {"documents", Value()},
                           {"add_generation_prompt", Value(how.add_generation_prompt)}});
  if (!bos.empty()) all.set("bos_token", Value(bos));
  if (!eos.empty()) all.set("eos_token", Value(eos));
  return all;
}

}  // namespace

Result<ChatTemplate> make_chat_template(std::string_view template_text, std::string bos_text, std::string eos_text) {
  auto parsed = jinja::Template::parse(template_text, jinja::chat_options());
  if (!parsed) return fail(parsed.error().code, "chat template: {}", parsed.error().message);
  return ChatTemplate([parsed = std::move(*parsed), bos = std::move(bos_text), eos = std::move(eos_text)](
                          const std::vector<ChatMessage>& messages, const ChatRender& how) -> Result<std::string> {
    if (how.continue_final_message && how.add_generation_prompt) {
      return fail(Code::kInvalid, "chat template: a prompt cannot both continue the last message and begin a new one");
    }
    if (how.continue_final_message && messages.empty()) {
      return fail(Code::kInvalid, "chat template: there is no last message to continue");
    }
    auto text = parsed.render(variables(messages, how, bos, eos));
    if (!text) return fail(text.error().code, "chat template: {}", text.error().message);
    if (!how.continue_final_message) return text;
    return cut_after(std::move(*text), messages.back().content);
  });
}

std::string chat_template_sha(std::string_view template_text) { return sha256_hex(template_text); }

}  // namespace pareto
