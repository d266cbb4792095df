#include "tasks/metrics.h"

#include <algorithm>
#include <cmath>

#include "tasks/python.h"

namespace pareto {
namespace {

// One element of a NumPy array of strings: its width is the text's when it was stored; NULs at the end are lost.
class NumpyString {
 public:
  explicit NumpyString(std::string text) { store(std::move(text)); }
  const std::string& text() const { return text_; }

  void store(std::string text) {
    width_ = python::length(text);
    text_ = std::move(text);
    drop_final_nuls();
  }
  // np.char.lower: the result must fit the width.
  void lower() {
    const std::string lowered = python::lower(text_);
    std::size_t at = 0;
    for (std::int64_t i = 0; i < width_ && at < lowered.size(); ++i) {
      at += static_cast<std::size_t>(python::decode(lowered, at).bytes);
    }
    text_ = lowered.substr(0, at);
    drop_final_nuls();
  }
  template <class Predicate>
  void erase_if(Predicate predicate) {
    std::erase_if(text_, predicate);
    drop_final_nuls();
  }

 private:
  void drop_final_nuls() {
    while (!text_.empty() && text_.back() == '\0') text_.pop_back();
  }
  std::string text_;
  std::int64_t width_ = 0;  // code points
};

bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

std::string normalise(std::string_view text, const ExactMatch& options) {
  // The first regex still sees the text as it is; the later ones see NumPy's.
  NumpyString string = options.regexes_to_ignore.empty() ? NumpyString(std::string(text))
                                                         : NumpyString(options.regexes_to_ignore.front().remove(text));
  for (std::size_t i = 1; i < options.regexes_to_ignore.size(); ++i) {
    string.store(options.regexes_to_ignore[i].remove(string.text()));
  }
  if (options.ignore_case) string.lower();
  if (options.ignore_punctuation) string.erase_if(is_ascii_punctuation);
  if (options.ignore_numbers) string.erase_if([](char c) { return c >= '0' && c <= '9'; });
  return string.text();
}

}  // namespace

bool exact_match(std::string_view prediction, std::string_view reference, const ExactMatch& options) {
  return normalise(prediction, options) == normalise(reference, options);
}

int best_choice(std::span<const double> loglikelihoods, std::span<const double> lengths) {
  int best = 0;
  double best_score = 0;
  for (std::size_t i = 0; i < loglikelihoods.size(); ++i) {
    const double score = lengths.empty() ? loglikelihoods[i] : loglikelihoods[i] / lengths[i];
    if (std::isnan(score)) return static_cast<int>(i);
    if (i == 0 || score > best_score) {
      best = static_cast<int>(i);
      best_score = score;
    }
  }
  return best;
}

double pass_at_k(int n, int c, int k) {
  if (n - c < k) return 1;
  double none = 1;  // Π over the last c of the n answers
  for (int i = n - c + 1; i <= n; ++i) none *= 1 - static_cast<double>(k) / i;
  return 1 - none;
}

std::int64_t count_words(std::string_view text) {
  std::int64_t words = 1;
  bool in_space = false;
  for (std::size_t at = 0; at < text.size();) {
    const python::CodePoint c = python::decode(text, at);
    at += static_cast<std::size_t>(c.bytes);
    const bool space = python::is_space(c.value);
    words += space && !in_space;
    in_space = space;
  }
  return words;
}

}  // namespace pareto
