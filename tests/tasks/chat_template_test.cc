// Expected texts follow transformers 5's apply_chat_template: what it cuts off was checked against it by hand.
#include "tasks/chat_template.h"

#include <gtest/gtest.h>

#include "core/hash.h"

namespace pareto {
namespace {

constexpr std::string_view kChatml =
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
constexpr std::string_view kTrimming =
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content | trim }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}";
constexpr std::string_view kNoSystem =
    "{% if messages[0].role == 'system' %}{{ raise_exception('No system turn here') }}{% endif %}"
    "{% for m in messages %}{{ m.content }};{% endfor %}";

ChatTemplate make(std::string_view text) { return make_chat_template(text, "<s>", "</s>").value(); }

const ChatRender kPrompt{.add_generation_prompt = true, .continue_final_message = false};
const ChatRender kContinue{.add_generation_prompt = false, .continue_final_message = true};
const ChatRender kClosed{.add_generation_prompt = false, .continue_final_message = false};

TEST(ChatTemplate, Renders) {
  EXPECT_EQ(make(kChatml)({{"system", "S"}, {"user", "Hi\n"}}, kPrompt).value(),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi\n<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(make(kTrimming)({{"user", " Hi "}}, kPrompt).value(), "<s>[user] Hi</s>[assistant]");
  EXPECT_EQ(make(kTrimming)({{"user", " Hi "}}, kClosed).value(), "<s>[user] Hi</s>");
  EXPECT_EQ(make_chat_template("{{ bos_token is defined }} {{ tools is none }}", "", "").value()({}, kPrompt).value(),
            "False True");
}

TEST(ChatTemplate, ContinuesTheLastMessage) {
  const std::vector<ChatMessage> turns{{"user", "Q"}, {"assistant", "The answer is "}};
  EXPECT_EQ(make(kChatml)(turns, kContinue).value(),
            "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nThe answer is ");
  // Trimmed by the template: the blank before the mark goes with it.
  EXPECT_EQ(make(kTrimming)(turns, kContinue).value(), "<s>[user] Q</s>[assistant] The answer is");
  EXPECT_EQ(make(kTrimming)({{"user", "Q"}, {"assistant", ""}}, kContinue).value(), "<s>[user] Q</s>[assistant]");
  // The same words earlier in the text do not mislead it.
  EXPECT_EQ(make(kChatml)({{"user", "Yes"}, {"assistant", "Yes"}}, kContinue).value(),
            "<|im_start|>user\nYes<|im_end|>\n<|im_start|>assistant\nYes");
}

TEST(ChatTemplate, Errors) {
  const auto broken = make_chat_template("{% if %}", "", "");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message, "chat template: line 1: Expected an expression, got 'end of statement block'");
  const auto left_out = make_chat_template("{% include 'x' %}", "", "");
  ASSERT_FALSE(left_out);
  EXPECT_EQ(left_out.error().code, Code::kUnsupported);
  const auto raised = make(kNoSystem)({{"system", "S"}, {"user", "Q"}}, kPrompt);
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().message, "chat template: line 1: No system turn here");
  EXPECT_EQ(make(kNoSystem)({{"user", "Q"}}, kPrompt).value(), "Q;");
  EXPECT_FALSE(make("nothing of it")({{"user", "Q"}}, kContinue));
  EXPECT_FALSE(make(kChatml)({}, kContinue));
  EXPECT_FALSE(make(kChatml)({{"user", "Q"}}, {.add_generation_prompt = true, .continue_final_message = true}));
}

TEST(ChatTemplate, Sha) {
  EXPECT_EQ(chat_template_sha("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace pareto
