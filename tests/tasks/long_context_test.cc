// The cut of a prompt to the model's window, and what of it reaches a request.
#include "tasks/long_context.h"

#include "tasks/python.h"
#include "tests/tasks/tasks_support.h"

namespace pareto {
namespace {

// One token a byte, and a BOS.
class ByteTokenizer final : public Tokenizer {
 public:
  ByteTokenizer() {
    info_.bos = 256;
    info_.add_bos = true;
    for (int i = 0; i < 256; ++i) bytes_[static_cast<std::size_t>(i)] = static_cast<char>(i);
  }
  void encode(std::string_view text, bool, std::vector<Token>* ids) const override {
    for (const char c : text) ids->push_back(static_cast<unsigned char>(c));
  }
  std::string_view piece(Token id) const override {
    return id >= 256 ? "" : std::string_view(bytes_).substr(static_cast<std::size_t>(id), 1);
  }
  std::string decode(const std::vector<Token>& ids) const override {
    std::string text;
    for (const Token id : ids) text += piece(id);
    return text;
  }
  const Info& info() const override { return info_; }

 private:
  Info info_;
  std::string bytes_ = std::string(256, '\0');
};

const ByteTokenizer kBytes;

TEST(LongContext, TheMiddleOfAPromptGoes) {
  std::string prompt = "0123456789";  // eleven tokens
  EXPECT_EQ(cut_middle(kBytes, 11, &prompt), 0);
  EXPECT_EQ(prompt, "0123456789");
  EXPECT_EQ(cut_middle(kBytes, 7, &prompt), 5);  // halves of three, the BOS in the first
  EXPECT_EQ(prompt, "01789");
}

TEST(LongContext, HalfACharacterAtTheSeamIsReplaced) {
  std::string prompt = "aü0123456é";
  ASSERT_GT(cut_middle(kBytes, 6, &prompt), 0);  // BOS a C3 | 6 C3 A9
  EXPECT_EQ(prompt, "a\uFFFD6é");
}

TEST(LongContext, TheEndOfADocumentGoesByWords) {
  std::string document;
  for (int i = 0; i < 1000; ++i) document += i == 0 ? "w" : " w";
  std::string whole = document;
  EXPECT_EQ(cut_document_end(kBytes, 2000, &whole), 0);
  EXPECT_EQ(whole, document);
  // 700 words have 1400 tokens, 450 have 900, 200 have 400.
  EXPECT_EQ(cut_document_end(kBytes, 700, &document), 2000 - 400);
  EXPECT_EQ(document.size(), 399u);
  std::string one = std::string(5000, 'x');  // no words to take: upstream would not end
  EXPECT_EQ(cut_document_end(kBytes, 100, &one), 0);
}

TaskOptions own_rows() {
  TaskOptions options;
  options.data_dir = PARETO_GOLDEN "/data";
  return options;
}

TEST(LongContext, WhatWasCutIsCounted) {
  TaskOptions options = own_rows();
  options.tokenizer = &kBytes;
  options.max_length = 596 + 100;
  const auto task = test::load_task("longbench_hotpotqa", options);
  ASSERT_NE(task, nullptr);
  const Request request = task->requests()[0];
  EXPECT_EQ(request.context->size(), 99u);  // and the BOS
  EXPECT_TRUE(request.context->starts_with("Answer the question based on the given pas"));
  EXPECT_TRUE(request.context->ends_with("\nAnswer:"));
  const auto whole = test::load_task("longbench_hotpotqa", own_rows());
  EXPECT_EQ(request.cut_tokens, static_cast<int>(whole->requests()[0].context->size()) + 1 - 100);
  EXPECT_EQ(whole->requests()[0].cut_tokens, 0);

  options.prompt_length = 200;
  EXPECT_EQ(test::load_task("longbench_hotpotqa", options)->requests()[0].context->size(), 199u);
}

TEST(LongContext, OnlyTheDocumentIsCutInLEval) {
  const test::DataDir dir;
  std::string document = "w";
  for (int i = 1; i < 1000; ++i) document += " w";
  dir.write("L4NLP__LEval/tpo/test.jsonl",
            fmt::format(R"({{"input": "{}", "instructions": ["one", "two"], "outputs": ["A", "B"]}})", document));
  TaskOptions options;
  options.data_dir = dir.path();
  options.tokenizer = &kBytes;
  options.prompt_length = 700;
  const auto task = test::load_task("leval_tpo", options);
  ASSERT_NE(task, nullptr);
  for (const Request& request : task->requests()) {
    EXPECT_EQ(request.cut_tokens, 2000 - 400);
    EXPECT_NE(request.context->find("Document is as follows. w w"), std::string::npos);
    EXPECT_TRUE(request.context->ends_with(
        ".  Please directly give answer without any additonal output or explanation \nAnswer:"));
  }
}

TEST(LongContext, AWindowThatIsTooSmallIsOneLine) {
  TaskOptions options = own_rows();
  options.tokenizer = &kBytes;
  options.max_length = 256;
  EXPECT_EQ(
      test::load_error("longbench_trec", options),
      "longbench_trec: a window of 256 tokens less 596 for the answer leaves 0 for the prompt; set --prompt_length "
      "to at least 64");
}

TEST(LongContext, TheTemplateComesAfterTheCut) {
  TaskOptions options = own_rows();
  options.tokenizer = &kBytes;
  options.prompt_length = 80;
  options.chat_template = test::plain_chat;
  const std::string prompt = *test::load_task("longbench_hotpotqa", options)->requests()[0].context;
  EXPECT_EQ(prompt.size(), 79 + std::string("<|user|><|end|>\n<|assistant|>").size());
  EXPECT_TRUE(prompt.starts_with("<|user|>Answer the"));
}

TEST(LongContext, ExamplesAreNotAskedFor) {
  TaskOptions options = own_rows();
  options.num_fewshot = 3;
  const auto task = test::load_task("longbench_lcc", options);
  EXPECT_EQ(task->info().warnings, std::vector<std::string>{"--num_fewshot 3 is ignored, the task has no examples"});
}

}  // namespace
}  // namespace pareto
