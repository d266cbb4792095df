// Common words, as upstream draws them: ten words that stand 30 times in a numbered list, the others 3 times (6 and 1
// below 4096 tokens), after a worked example.
//
//   1. liquid 2. sheep 3. globe …     Random(42) shuffles the list of all words once, and each list of an example
//
// NVIDIA/RULER c3f5e3b, common_words_extraction.py. lm_eval 0.4.13, tasks/ruler/cwe_utils.py: the worked example is
// counted while sizing but not shown, and one Random(42) of the whole process shuffles everything.
#include <algorithm>
#include <cmath>

#include "tasks/ruler_files.h"
#include "tasks/ruler_fit.h"

namespace pareto::ruler {
namespace {

constexpr int kStep = 10, kCommon = 10;

struct ListShape {
  int words = 0, common = 0, uncommon = 0;  // distinct words; how often each kind stands there
};

class UpstreamCwe final : public Source {
 public:
  UpstreamCwe(Setting setting, Streams* streams)
      : setting_(std::move(setting)),
        nvidia_(setting_.profile == Profile::kNvidia),
        streams_(streams),
        count_(setting_.tokenizer, !nvidia_) {}

  Status open() override {
    if (nvidia_ || streams_->shuffled_words.empty()) {
      PARETO_TRY(const WordLists lists, WordLists::read(setting_.folder));
      python::Random shuffles(setting_.shuffle_seed());
      streams_->shuffled_words = lists.all();
      shuffles.shuffle(&streams_->shuffled_words);
      streams_->list_shuffles = shuffles;
    }
    if (!nvidia_) skip_first_word(streams_);
    return nvidia_ ? fit_nvidia() : fit_lm_eval();
  }

  Result<std::optional<Example>> example(int) override { return nvidia_ ? nvidia_example() : lm_eval_example(); }

 private:
  struct List {
    Prompt prompt;
    std::vector<std::string> common;
  };

  const std::vector<std::string>& words() const { return streams_->shuffled_words; }

  // NVIDIA's longer list, read when a list first needs more words than there are.
  Result<const std::vector<std::string>*> words_for(int n) {
    if (n <= std::ssize(words())) return &words();
    if (english_.empty()) {
      PARETO_TRY(english_, read_english_words(setting_.folder));
    }
    if (n > std::ssize(english_)) {
      return fail(Code::kInvalid, "{}: needs {} different words, the lists have {}", setting_.owner(), n,
                  english_.size());
    }
    return &english_;
  }

  Result<List> draw_list(const ListShape& shape) {
    PARETO_TRY(const auto* from, words_for(shape.words));
    std::vector<std::string> drawn;
    for (const std::int64_t i : streams_->random.sample(std::ssize(*from), shape.words))
      drawn.push_back((*from)[static_cast<std::size_t>(i)]);
    const auto common_end = drawn.begin() + std::min<std::ptrdiff_t>(kCommon, std::ssize(drawn));
    List list;
    list.common.assign(drawn.begin(), common_end);
    std::vector<std::string> all;
    for (int i = 0; i < shape.common; ++i) all.insert(all.end(), drawn.begin(), common_end);
    for (int i = 0; i < shape.uncommon; ++i) all.insert(all.end(), common_end, drawn.end());
    if (nvidia_) {
      python::Random(setting_.shuffle_seed()).shuffle(&all);
    } else {
      streams_->list_shuffles->shuffle(&all);
    }
    list.prompt = cwe_prompt(numbered(all));
    return list;
  }

  struct Pair {
    List shown, asked;
  };
  Result<Pair> draw_pair(int words) {
    const bool small = setting_.length < 4096;
    Pair pair;
    PARETO_TRY(pair.shown, draw_list(small ? ListShape{20, 3, 1} : ListShape{40, 10, 3}));
    PARETO_TRY(pair.asked, draw_list(small ? ListShape{words, 6, 1} : ListShape{words, 30, 3}));
    return pair;
  }

  static std::string whole(const Prompt& prompt) { return prompt.input + " " + prompt.prefix; }

  // --- NVIDIA ---------------------------------------------------------------------------------------------------

  Result<Attempt> make(int words) {
    PARETO_TRY(Pair pair, draw_pair(words));
    Attempt attempt;
    attempt.prompt = std::move(pair.asked.prompt);
    attempt.prompt.input.insert(0, whole(pair.shown.prompt) + " " + numbered(pair.shown.common) + "\n");
    attempt.answers = std::move(pair.asked.common);
    attempt.tokens = count_(whole(attempt.prompt));
    return attempt;
  }

  Status fit_nvidia() {
    constexpr int kProbe = 4096;
    PARETO_TRY(const Attempt probe, make(kProbe));
    const double tokens_per_word = static_cast<double>(probe.tokens) / kProbe;
    const double whole_words = (setting_.length - std::fmod(setting_.length, tokens_per_word)) / tokens_per_word;
    const int estimate = static_cast<int>(std::round(whole_words)) * 2;  // Python's int(length // tokens_per_word)
    PARETO_TRY(const std::optional<int> best, halve(setting_, kStep, std::max(estimate, kStep * 2), setting_.reserve,
                                                    [&](int words) { return make(words); }));
    size_ = best.value_or(kStep);
    return {};
  }

  Result<std::optional<Example>> nvidia_example() {
    PARETO_TRY(Attempt attempt,
               shrink(setting_, size_, kStep, setting_.reserve, [&](int words) { return make(words); }));
    Example example;
    example.input = std::move(attempt.prompt.input);
    example.delimiter = " ";
    example.prefix = std::move(attempt.prompt.prefix);
    example.answers = std::move(attempt.answers);
    example.length = attempt.tokens + setting_.reserve;
    return example;
  }

  // --- lm-eval --------------------------------------------------------------------------------------------------

  // The worked example as it is counted: without a space before its first word.
  static std::string shown_text(const Pair& pair) { return whole(pair.shown.prompt) + numbered(pair.shown.common); }

  Status fit_lm_eval() {
    size_ = kStep;
    for (int tokens = 0; tokens + setting_.reserve < setting_.length;) {
      PARETO_TRY(const Pair pair, draw_pair(size_));
      tokens = count_(shown_text(pair) + "\n" + whole(pair.asked.prompt) + " " + numbered(pair.asked.common));
      if (tokens + setting_.reserve > setting_.length) {
        size_ -= kStep;
        break;
      }
      size_ += kStep;
      if (size_ > std::ssize(words())) {
        size_ = static_cast<int>(words().size());
        break;
      }
    }
    return {};
  }

  Result<std::optional<Example>> lm_eval_example() {
    for (int words = std::max(1, size_);;) {
      PARETO_TRY(Pair pair, draw_pair(words));
      const int tokens = count_(whole(pair.asked.prompt)) + setting_.reserve;
      if (tokens <= setting_.length) {
        Example example;
        example.shown_example = shown_text(pair);
        example.input = std::move(pair.asked.prompt.input);
        example.delimiter = "\n\n";
        example.prefix = std::move(pair.asked.prompt.prefix);
        example.answers = std::move(pair.asked.common);
        example.length = tokens;
        return example;
      }
      if (words <= 1) return std::nullopt;
      words = std::max(1, words - kStep);
    }
  }

  Setting setting_;
  bool nvidia_;
  Streams* streams_;
  TokenCounter count_;
  std::vector<std::string> english_;
  int size_ = 0;
};

}  // namespace

std::unique_ptr<Source> upstream_cwe(const Setting& setting, Streams* streams) {
  return std::make_unique<UpstreamCwe>(setting, streams);
}

}  // namespace pareto::ruler
