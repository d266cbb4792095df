// Frequent words, as upstream draws them: coded words of six letters, the word of rank k about k⁻² times as often as
// the first, which is written "...".
//
// NVIDIA/RULER c3f5e3b, freq_words_extraction.py: the answer's 50 tokens are taken off the length first, and the sizes
// follow from what is left. lm_eval 0.4.13, tasks/ruler/fwe_utils.py: they are not.
#include <algorithm>

#include "tasks/ruler.h"

namespace pareto::ruler {
namespace {

constexpr int kLetters = 6, kAnswers = 3;

class UpstreamFwe final : public Source {
 public:
  UpstreamFwe(Setting setting, Streams* streams)
      : setting_(std::move(setting)),
        nvidia_(setting_.profile == Profile::kNvidia),
        streams_(streams),
        count_(setting_.tokenizer, !nvidia_),
        limit_(setting_.length - (nvidia_ ? setting_.reserve : 0)),
        step_(limit_ / 32) {}

  Status open() override {
    vocabulary_size_ = limit_ / 50;
    if (vocabulary_size_ <= kAnswers || step_ < 1) return setting_.too_short();
    if (!nvidia_) skip_first_word(streams_);
    const std::vector<std::string> vocabulary = draw_vocabulary();
    size_ = limit_ / kLetters;
    while (tokens(text_of(vocabulary, size_)) < limit_) size_ += step_;
    size_ -= step_;
    return {};
  }

  Result<std::optional<Example>> example(int) override {
    const std::vector<std::string> vocabulary = draw_vocabulary();
    int size = size_;
    if (size <= 0) return setting_.too_short();
    Prompt prompt = text_of(vocabulary, size);
    int n = tokens(prompt);
    for (; n > limit_; n = tokens(prompt)) {
      size -= step_;
      if (size <= 0) return setting_.too_short();
      prompt = text_of(vocabulary, size);
    }
    Example example;
    example.input = std::move(prompt.input);
    example.delimiter = " ";
    example.prefix = std::move(prompt.prefix);
    example.answers.assign(vocabulary.begin() + 1, vocabulary.begin() + 1 + kAnswers);
    example.length = n + setting_.reserve;
    return example;
  }

 private:
  std::string draw_word() {
    std::string word;
    for (const std::int64_t i : streams_->random.choices(26, kLetters)) word += static_cast<char>('a' + i);
    return word;
  }

  std::vector<std::string> draw_vocabulary() {
    std::vector<std::string> words;
    const auto wanted = static_cast<std::size_t>(vocabulary_size_);
    for (std::size_t i = 0; i < wanted; ++i) words.push_back(draw_word());
    const auto sort_unique = [&] {
      std::sort(words.begin(), words.end());
      words.erase(std::unique(words.begin(), words.end()), words.end());
    };
    for (sort_unique(); words.size() < wanted; sort_unique()) words.push_back(draw_word());
    python::Random(setting_.shuffle_seed()).shuffle(&words);
    words[0] = "...";
    return words;
  }

  Prompt text_of(const std::vector<std::string>& vocabulary, int size) const {
    const std::vector<int> counts = zeta_counts(size, vocabulary_size_);
    std::vector<std::string> words;
    for (std::size_t i = 0; i < vocabulary.size(); ++i)
      words.insert(words.end(), static_cast<std::size_t>(counts[i]), vocabulary[i]);
    python::Random(setting_.shuffle_seed()).shuffle(&words);
    return fwe_prompt(python::join(" ", words));
  }

  int tokens(const Prompt& prompt) const { return count_(prompt.input + " " + prompt.prefix); }

  Setting setting_;
  bool nvidia_;
  Streams* streams_;
  TokenCounter count_;
  int limit_, step_;
  int vocabulary_size_ = 0, size_ = 0;
};

}  // namespace

std::unique_ptr<Source> upstream_fwe(const Setting& setting, Streams* streams) {
  return std::make_unique<UpstreamFwe>(setting, streams);
}

}  // namespace pareto::ruler
