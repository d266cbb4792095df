// Variable tracking, common words and frequent words, profile pareto.
//
//   vt    as NVIDIA's, with a worked example; statements and the prefix without a space at their end
//   cwe   as NVIDIA's: ten words 30 times and the others 3 times (6 and 1 below 4096 tokens). Where our list has too
//   few
//         words for a length, both are repeated more often, still ten to one.
//   fwe   as NVIDIA's: rank k about k⁻² as often, "..." the first
#include <map>
#include <numeric>
#include <set>

#include "tasks/ruler_own.h"
#include "tasks/ruler_own_fill.h"

namespace pareto::ruler {
namespace {

constexpr int kMostSize = 1 << 26;

Example to_example(Prompt prompt, std::vector<std::string> answers) {
  Example example;
  example.input = std::move(prompt.input);
  example.delimiter = " ";
  example.prefix = std::string(python::rstrip(prompt.prefix));
  example.answers = std::move(answers);
  return example;
}

// --- Variable tracking ------------------------------------------------------------------------------------------

class OwnVt final : public Source {
 public:
  explicit OwnVt(Setting setting) : setting_(std::move(setting)), count_(setting_.tokenizer, true) {}

  bool sequential() const override { return false; }

  Status open() override {
    noise_tokens_ = added_tokens(count_, kNoise, "\n" + std::string(kNoise));
    if (noise_tokens_ < 1) return setting_.no_tokens();
    return {};
  }

  Result<std::optional<Example>> example(int index) override {
    constexpr int kShownLines = 12;
    Draws draws(setting_, index, "chains");
    const Chain shown = draw_chain(3, &draws);
    Chain asked = draw_chain(5, &draws);
    while (asked.value == shown.value) asked = draw_chain(5, &draws);  // else ten names would be right
    const Example first = question(shown, kShownLines);
    const std::string before = first.prompt() + " " + python::join(" ", first.answers) + "\n\n";
    const auto compose = [&](int n) {
      Example example = question(asked, n);
      example.input.insert(0, before);
      return example;
    };
    return fill(
        setting_, count_, kNames, kMostSize, [&](int n) { return std::int64_t{n} * noise_tokens_; }, compose);
  }

 private:
  static constexpr int kNames = 5;
  struct Chain {
    std::vector<std::string> names;
    std::string value;
    std::vector<double> places;  // of the statements, as shares of the noise, ascending
  };

  static Chain draw_chain(int length, Draws* draws) {
    Chain chain;
    while (std::ssize(chain.names) < kNames) {
      std::string name = draws->letters(length, 'A');
      if (std::find(chain.names.begin(), chain.names.end(), name) == chain.names.end())
        chain.names.push_back(std::move(name));
    }
    chain.value = fmt::format("{}", 10000 + draws->below(90000));
    for (int i = 0; i < kNames; ++i) chain.places.push_back(draws->unit());
    std::sort(chain.places.begin(), chain.places.end());
    return chain;
  }

  static Example question(const Chain& chain, int noises) {
    std::vector<std::string> lines;
    std::size_t next = 0;
    for (int i = 0; i <= noises; ++i) {
      for (; next < chain.names.size() && static_cast<int>(chain.places[next] * (noises + 1)) <= i; ++next) {
        lines.push_back(next == 0 ? fmt::format("VAR {} = {}", chain.names[0], chain.value)
                                  : fmt::format("VAR {} = VAR {}", chain.names[next], chain.names[next - 1]));
      }
      if (i < noises) lines.emplace_back(kNoise);
    }
    return to_example(vt_prompt(python::join("\n", lines), chain.value, kNames, Profile::kPareto), chain.names);
  }

  Setting setting_;
  TokenCounter count_;
  int noise_tokens_ = 0;
};

// --- Common words -----------------------------------------------------------------------------------------------

class OwnCwe final : public Source {
 public:
  explicit OwnCwe(Setting setting) : setting_(std::move(setting)), count_(setting_.tokenizer, true) {
    for (const auto list : {own_nouns(), own_adjectives(), own_verbs()})
      for (const std::string_view word : list) words_.emplace_back(word);
    std::sort(words_.begin(), words_.end());
    words_.erase(std::unique(words_.begin(), words_.end()), words_.end());
  }

  bool sequential() const override { return false; }

  Status open() override {
    item_tokens_ = added_tokens(count_, kFirst, " 2. apple");
    for (const std::string& word : words_)
      word_tokens_.push_back(added_tokens(count_, kFirst, " 2. " + word) - item_tokens_);
    if (setting_.length < 4096) {
      rare_ = 1;
      common_ = 6;
      return {};
    }
    // Every word of the list, `rare_` times each: enough items to fill the length.
    const int items = (setting_.length - setting_.reserve) / std::max(1, item_tokens_);
    const int once = static_cast<int>(words_.size()) + 9 * kCommonWords;  // items where a rare word stands once
    rare_ = std::max(3, (items + once - 1) / once);
    common_ = 10 * rare_;
    return {};
  }

  Result<std::optional<Example>> example(int index) override {
    Draws draws(setting_, index, "words");
    const std::vector<int> order = draw_order(&draws);
    const bool small = setting_.length < 4096;
    const List shown{draw_order(&draws), small ? 3 : 10, small ? 1 : 3};
    const int shown_items = kCommonWords * (shown.common + shown.rare * (small ? 1 : 3));
    const Example first = question(shown, shown_items, index, "shown");
    const std::string before = first.prompt() + " " + numbered(first.answers) + "\n";
    const List asked{order, common_, rare_};
    const int most = kCommonWords * common_ + (static_cast<int>(order.size()) - kCommonWords) * rare_;
    const auto compose = [&](int n) {
      Example example = question(asked, n, index, "asked");
      example.input.insert(0, before);
      return example;
    };
    const auto cost = [&](int i) {
      return number_tokens(i + 1) + word_tokens_[static_cast<std::size_t>(asked.word(i))];
    };
    // At least one word that is not common.
    return fill(setting_, count_, kCommonWords * common_ + rare_, most, RunningSums(cost), compose);
  }

 private:
  static constexpr int kCommonWords = 10;
  static constexpr std::string_view kFirst = "1. apple";

  // Which word item i is before the list is shuffled: the common ones, then the others.
  struct List {
    std::vector<int> order;
    int common = 0, rare = 0;
    int word(int i) const {
      const int of_common = kCommonWords * common;
      const int place = i < of_common ? i / common : kCommonWords + (i - of_common) / rare;
      return order[static_cast<std::size_t>(place)];
    }
  };

  std::vector<int> draw_order(Draws* draws) const {
    std::vector<int> order(words_.size());
    std::iota(order.begin(), order.end(), 0);
    draws->shuffle(&order);
    return order;
  }

  // Tokens of " N. apple".
  int number_tokens(int number) {
    while (std::ssize(number_tokens_) <= number)
      number_tokens_.push_back(added_tokens(count_, kFirst, fmt::format(" {}. apple", number_tokens_.size())));
    return number_tokens_[static_cast<std::size_t>(number)];
  }

  Example question(const List& list, int items, int index, std::string_view purpose) const {
    std::vector<int> places(static_cast<std::size_t>(items));
    std::iota(places.begin(), places.end(), 0);
    Draws(setting_, index, purpose).shuffle(&places);
    std::vector<std::string> words, answers;
    words.reserve(places.size());
    for (const int i : places) words.push_back(words_[static_cast<std::size_t>(list.word(i))]);
    for (std::size_t i = 0; i < kCommonWords; ++i) answers.push_back(words_[static_cast<std::size_t>(list.order[i])]);
    return to_example(cwe_prompt(numbered(words)), std::move(answers));
  }

  Setting setting_;
  TokenCounter count_;
  std::vector<std::string> words_;
  std::vector<int> word_tokens_;    // beyond apple's
  std::vector<int> number_tokens_;  // by number
  int item_tokens_ = 0, common_ = 0, rare_ = 0;
};

// --- Frequent words ---------------------------------------------------------------------------------------------

class OwnFwe final : public Source {
 public:
  explicit OwnFwe(Setting setting) : setting_(std::move(setting)), count_(setting_.tokenizer, true) {}

  bool sequential() const override { return false; }

  Status open() override {
    vocabulary_ = (setting_.length - setting_.reserve) / 50;
    return vocabulary_ > kLeastWords ? Status() : setting_.too_short();
  }

  Result<std::optional<Example>> example(int index) override {
    Draws draws(setting_, index, "words");
    std::vector<std::string> words = {"..."};
    std::vector<int> tokens = {added_tokens(count_, "... ...", " ...")};
    std::set<std::string> seen;
    while (std::ssize(words) < vocabulary_) {
      std::string word = draws.letters(6, 'a');
      if (!seen.insert(word).second) continue;
      tokens.push_back(added_tokens(count_, "... ...", " " + word));
      words.push_back(std::move(word));
    }
    const auto predict = [&](int size) {
      const std::vector<int> counts = zeta_counts(size, vocabulary_);
      return std::inner_product(counts.begin(), counts.end(), tokens.begin(), 0);
    };
    const auto compose = [&](int size) { return question(words, size, index); };
    return fill(setting_, count_, kLeastSize, kMostSize, predict, compose);
  }

 private:
  static constexpr int kLeastWords = 4;
  // Ranks 2 to 5 differ in how often they stand there: 9, 4, 2 and 1 times... at this size.
  static constexpr int kLeastSize = 60;

  Example question(const std::vector<std::string>& vocabulary, int size, int index) const {
    const std::vector<int> counts = zeta_counts(size, vocabulary_);
    std::vector<std::string> words;
    for (std::size_t i = 0; i < vocabulary.size(); ++i)
      words.insert(words.end(), static_cast<std::size_t>(counts[i]), vocabulary[i]);
    Draws(setting_, index, "order").shuffle(&words);
    return to_example(fwe_prompt(python::join(" ", words)), {vocabulary.begin() + 1, vocabulary.begin() + 4});
  }

  Setting setting_;
  TokenCounter count_;
  int vocabulary_ = 0;
};

}  // namespace

std::unique_ptr<Source> own_vt(const Setting& setting) { return std::make_unique<OwnVt>(setting); }
std::unique_ptr<Source> own_cwe(const Setting& setting) { return std::make_unique<OwnCwe>(setting); }
std::unique_ptr<Source> own_fwe(const Setting& setting) { return std::make_unique<OwnFwe>(setting); }

}  // namespace pareto::ruler
