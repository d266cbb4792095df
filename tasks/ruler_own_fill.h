// The draws of our own profile, and how a context is filled.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/hash.h"
#include "core/rng.h"
#include "tasks/ruler.h"
#include "tasks/ruler_words.h"

namespace pareto::ruler {

// The draws of one example, in the order of the calls; so never two of them in the arguments of one call, which a
// compiler evaluates in the order that it likes. `purpose` names a stream of its own.
class Draws {
 public:
  Draws(const Setting& setting, int index, std::string_view purpose)
      : rng_(setting.seed,
             xxh3(fmt::format("{}/{}/{}/{}/{}", kWordsVersion, setting.task, setting.length, setting.split, purpose)),
             static_cast<std::uint32_t>(index)) {}

  std::uint32_t word() { return rng_.word(next_++); }
  double unit() { return uniform(word()); }  // (0, 1)
  // [0, n), every value as likely: a word beyond the last whole multiple of n is drawn again. REQUIRES: n >= 1
  int below(int n) {
    const auto range = static_cast<std::uint32_t>(n);
    const std::uint32_t beyond = 0xFFFFFFFFu - 0xFFFFFFFFu % range;
    std::uint32_t drawn = word();
    while (drawn >= beyond) drawn = word();
    return static_cast<int>(drawn % range);
  }
  template <class Items>
  auto pick(const Items& items) {
    return items[static_cast<std::size_t>(below(static_cast<int>(items.size())))];
  }
  template <class T>
  void shuffle(std::vector<T>* items) {
    for (std::size_t i = items->size(); i-- > 1;)
      std::swap((*items)[i], (*items)[static_cast<std::size_t>(below(static_cast<int>(i) + 1))]);
  }
  // "old lamp", with `between` in place of the space.
  std::string thing(char between = ' ') {
    std::string words(pick(own_adjectives()));
    words += between;
    return words.append(pick(own_nouns()));
  }
  std::string letters(int n, char first) {
    std::string text;
    for (int i = 0; i < n; ++i) text += static_cast<char>(first + below(26));
    return text;
  }

 private:
  CounterRng rng_;
  std::uint32_t next_ = 0;
};

// The largest n in [least, most] whose example fits the length, by prediction, verified by an exact count.
//
//   predict(n)   tokens that n units take, up to a constant; does not decrease
//   compose(n)   the example with n units: input, delimiter, prefix
//
// What a count shows beyond the prediction corrects the next one, so most examples are counted whole once. kInvalid
// where even `least` units do not fit.
template <class Predict, class Compose>
Result<Example> fill(const Setting& setting, const TokenCounter& count, int least, int most, Predict predict,
                     Compose compose) {
  const int budget = setting.length - setting.reserve;
  Example best = compose(least);
  int exact = count(best.prompt());
  if (exact > budget) return setting.too_short();
  best.length = exact + setting.reserve;
  int fits = least, too_long = most + 1;
  std::int64_t offset = exact - predict(least);
  for (;;) {
    int low = fits;  // the largest n below `too_long` that is predicted to fit
    const auto may_be = [&](int n) { return n < too_long && predict(n) + offset <= budget; };
    int step = 1;
    while (may_be(low + step)) low += step, step *= 2;
    for (; step > 0; step /= 2)
      if (may_be(low + step)) low += step;
    if (low == fits) return best;
    Example example = compose(low);
    exact = count(example.prompt());
    offset = exact - predict(low);
    if (exact <= budget) {
      example.length = exact + setting.reserve;
      best = std::move(example);
      fits = low;
    } else {
      too_long = low;
    }
  }
}

// Sums of the tokens that units take one after another: what fill() predicts with. cost(i): of unit i.
template <class Cost>
class RunningSums {
 public:
  explicit RunningSums(Cost cost) : cost_(std::move(cost)) {}
  int operator()(int n) {
    while (std::ssize(sums_) <= n) sums_.push_back(sums_.back() + cost_(static_cast<int>(sums_.size()) - 1));
    return sums_[static_cast<std::size_t>(n)];
  }

 private:
  Cost cost_;
  std::vector<int> sums_ = {0};
};

// Tokens that `unit` adds behind `before` (which ends as the text in front of it does).
inline int added_tokens(const TokenCounter& count, std::string_view before, std::string_view unit) {
  std::string both(before);
  both += unit;
  return count(both) - count(before);
}

}  // namespace pareto::ruler
