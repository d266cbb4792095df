// Questions over many documents, as upstream draws them: a question's own documents (SQuAD: then others of its
// article), then any others, shuffled by Random(42) and numbered. Example i asks question i.
//
// NVIDIA/RULER c3f5e3b, qa.py; lm_eval 0.4.13, tasks/ruler/qa_utils.py.
#include <algorithm>
#include <numeric>

#include "tasks/ruler_fit.h"
#include "tasks/ruler_qa_files.h"

namespace pareto::ruler {
namespace {

constexpr int kDocumentStep = 10;

class UpstreamQa final : public Source {
 public:
  UpstreamQa(Setting setting, QaSet set, Streams* streams)
      : setting_(std::move(setting)),
        nvidia_(setting_.profile == Profile::kNvidia),
        set_(set),
        streams_(streams),
        count_(setting_.tokenizer, !nvidia_) {}

  Status open() override {
    PARETO_TRY(file_, read_qa(setting_.folder, set_));
    order_.resize(file_.documents.size());
    std::iota(order_.begin(), order_.end(), 0);
    return nvidia_ ? fit_nvidia() : fit_lm_eval();
  }

  Result<std::optional<Example>> example(int index) override {
    if (index >= std::ssize(file_.questions)) return std::nullopt;
    const auto attempt_at = [&](int size) { return make(index, size); };
    PARETO_TRY(Attempt attempt, shrink(setting_, size_, kDocumentStep, setting_.reserve, attempt_at));
    Example example;
    example.input = std::move(attempt.prompt.input);
    example.delimiter = " ";
    example.prefix = std::move(attempt.prompt.prefix);
    example.answers = std::move(attempt.answers);
    example.length = attempt.tokens + setting_.reserve;
    return example;
  }

 private:
  Status fit_nvidia() {
    PARETO_TRY(const std::optional<Attempt> first, make(0, kDocumentStep));
    if (!first) return setting_.too_short();
    const int upper = std::max(three_times(setting_.length, first->tokens, kDocumentStep), kDocumentStep * 2);
    PARETO_TRY(const std::optional<int> best,
               halve(setting_, kDocumentStep, upper, setting_.reserve, [&](int size) { return make(0, size); }));
    size_ = best.value_or(kDocumentStep);
    return {};
  }

  Status fit_lm_eval() {
    size_ = kDocumentStep;
    for (int tokens = 0; tokens + setting_.reserve < setting_.length;) {
      PARETO_TRY(const std::optional<Attempt> attempt, make(0, size_));
      if (!attempt) return setting_.too_short();
      tokens = count_(attempt->prompt.input + " " +
                      python::str(Value::list({attempt->answers.begin(), attempt->answers.end()})));
      if (tokens + setting_.reserve > setting_.length) {
        size_ -= kDocumentStep;
        break;
      }
      size_ += kDocumentStep;
      if (size_ > std::ssize(file_.documents)) {
        size_ = static_cast<int>(file_.documents.size());
        break;
      }
    }
    return {};
  }

  // `count` items of `from`, drawn. Nothing: random.sample() raises.
  std::optional<std::vector<int>> sample(const std::vector<int>& from, int count) {
    if (count < 0 || count > std::ssize(from)) return std::nullopt;
    std::vector<int> drawn;
    for (const std::int64_t i : streams_->random.sample(std::ssize(from), count))
      drawn.push_back(from[static_cast<std::size_t>(i)]);
    return drawn;
  }

  // Which documents stand in a haystack of `size`, before they are shuffled.
  std::optional<std::vector<int>> choose(const QaQuestion& question, int size) {
    std::vector<int> chosen = question.documents;
    const int others = size - static_cast<int>(question.documents.size());
    std::optional<std::vector<int>> drawn;
    if (others > std::ssize(question.related)) {
      chosen.insert(chosen.end(), question.related.begin(), question.related.end());
      std::vector<char> taken(file_.documents.size(), 0);
      for (const int document : chosen) taken[static_cast<std::size_t>(document)] = 1;
      std::vector<int> rest;
      for (int i = 0; i < std::ssize(file_.documents); ++i)
        if (taken[static_cast<std::size_t>(i)] == 0) rest.push_back(i);
      drawn = sample(rest, others - static_cast<int>(question.related.size()));
    } else {
      drawn = sample(question.related, others);
    }
    if (!drawn) return std::nullopt;
    chosen.insert(chosen.end(), drawn->begin(), drawn->end());
    return chosen;
  }

  // All documents and more: NVIDIA begins again with the first; lm-eval takes its list itself, and shuffling it in
  // place moves the documents that questions mean.
  std::vector<int> choose_all(int size) const {
    if (!nvidia_) return order_;
    std::vector<int> all(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i % file_.documents.size());
    return all;
  }

  Result<std::optional<Attempt>> make(int index, int size) {
    const QaQuestion& question = file_.questions[static_cast<std::size_t>(index)];
    const bool all = size >= std::ssize(file_.documents);
    std::optional<std::vector<int>> chosen = all ? choose_all(size) : choose(question, size);
    if (!chosen) return std::nullopt;
    if (!all)
      for (int& document : *chosen) document = order_[static_cast<std::size_t>(document)];
    python::Random(setting_.shuffle_seed()).shuffle(&*chosen);
    if (all && !nvidia_) order_ = *chosen;
    std::string context;
    for (std::size_t i = 0; i < chosen->size(); ++i) {
      fmt::format_to(std::back_inserter(context), "{}Document {}:\n{}", i > 0 ? "\n\n" : "", i + 1,
                     file_.documents[static_cast<std::size_t>((*chosen)[i])]);
    }
    Attempt attempt;
    attempt.prompt = qa_prompt(context, question.text);
    attempt.answers = question.answers;
    attempt.tokens =
        nvidia_ ? count_(attempt.prompt.input + " " + attempt.prompt.prefix) : count_(attempt.prompt.input);
    return attempt;
  }

  Setting setting_;
  bool nvidia_;
  QaSet set_;
  Streams* streams_;
  TokenCounter count_;
  QaFile file_;
  std::vector<int> order_;  // place of each document: lm-eval's shuffles move them
  int size_ = 0;
};

}  // namespace

std::unique_ptr<Source> upstream_qa(const Setting& setting, QaSet set, Streams* streams) {
  return std::make_unique<UpstreamQa>(setting, set, streams);
}

}  // namespace pareto::ruler
