// Questions over many documents, profile pareto: a question's own documents and as many others as fit, in an order of
// their own. Example i asks question i; one whose own documents do not fit is left out.
#include <numeric>

#include "tasks/ruler_own.h"
#include "tasks/ruler_own_fill.h"
#include "tasks/ruler_qa_files.h"

namespace pareto::ruler {
namespace {

class OwnQa final : public Source {
 public:
  OwnQa(Setting setting, QaSet set) : setting_(std::move(setting)), set_(set), count_(setting_.tokenizer, true) {}

  bool sequential() const override { return false; }

  Status open() override {
    PARETO_TRY(file_, read_qa(setting_.folder, set_));
    tokens_.assign(file_.documents.size(), 0);
    return {};
  }

  Result<std::optional<Example>> example(int index) override {
    if (index >= std::ssize(file_.questions)) return std::nullopt;
    const QaQuestion& question = file_.questions[static_cast<std::size_t>(index)];
    const std::vector<int> documents = draw_documents(question, index);
    const auto compose = [&](int n) { return ask(question, documents, n, index); };
    const auto cost = [&](int i) { return tokens(documents[static_cast<std::size_t>(i)]); };
    const int own = static_cast<int>(question.documents.size());
    auto example = fill(setting_, count_, own, static_cast<int>(documents.size()), RunningSums(cost), compose);
    if (!example) return std::nullopt;
    return *std::move(example);
  }

 private:
  // The question's own, the others of its article, then all the rest.
  std::vector<int> draw_documents(const QaQuestion& question, int index) const {
    Draws draws(setting_, index, "documents");
    std::vector<int> documents = question.documents, related = question.related, rest;
    std::vector<char> taken(file_.documents.size(), 0);
    for (const int i : documents) taken[static_cast<std::size_t>(i)] = 1;
    std::erase_if(related, [&](int i) { return std::exchange(taken[static_cast<std::size_t>(i)], 1) != 0; });
    for (int i = 0; i < std::ssize(taken); ++i)
      if (taken[static_cast<std::size_t>(i)] == 0) rest.push_back(i);
    draws.shuffle(&related);
    draws.shuffle(&rest);
    documents.insert(documents.end(), related.begin(), related.end());
    documents.insert(documents.end(), rest.begin(), rest.end());
    return documents;
  }

  int tokens(int document) {
    int& known = tokens_[static_cast<std::size_t>(document)];
    if (known == 0)
      known = added_tokens(count_, "It was late.",
                           "\n\nDocument 100:\n" + file_.documents[static_cast<std::size_t>(document)]);
    return known;
  }

  Example ask(const QaQuestion& question, const std::vector<int>& documents, int n, int index) const {
    std::vector<int> shown(documents.begin(), documents.begin() + n);
    Draws(setting_, index, "order").shuffle(&shown);
    std::string context;
    for (std::size_t i = 0; i < shown.size(); ++i) {
      fmt::format_to(std::back_inserter(context), "{}Document {}:\n{}", i > 0 ? "\n\n" : "", i + 1,
                     file_.documents[static_cast<std::size_t>(shown[i])]);
    }
    Prompt prompt = qa_prompt(context, question.text);
    Example example;
    example.input = std::move(prompt.input);
    example.delimiter = " ";
    example.prefix = std::move(prompt.prefix);
    example.answers = question.answers;
    return example;
  }

  Setting setting_;
  QaSet set_;
  TokenCounter count_;
  QaFile file_;
  std::vector<int> tokens_;  // of each document; 0: not counted yet
};

}  // namespace

std::unique_ptr<Source> own_qa(const Setting& setting, QaSet set) { return std::make_unique<OwnQa>(setting, set); }

}  // namespace pareto::ruler
