// Chinese words: jieba 0.42.1's precise cut with its hidden Markov model, over its own dictionary and probabilities.
//
//   "可以使用微信支付"  →  可以 使用 微信 支付
//
//   runs of Han, letters, digits and +#&._%-  →  every dictionary word in them is an edge, the path of the highest
//   Σ log(frequency / total) wins; single characters in a row that are no word go through the model's B M E S states.
//   The rest: white space whole, other characters one by one.
//
// DIR/jieba/dict.txt (word frequency tag) and DIR/jieba/finalseg/prob_{start,trans,emit}.py (P={…}) are read as the
// Python package has them: `pareto data import jieba FOLDER` or `pareto data fetch jieba`.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/result.h"

namespace pareto {

class Jieba {
 public:
  // The four files' texts.
  struct Files {
    std::string dict, start, trans, emit;
    std::array<std::pair<const char*, std::string*>, 4> named() {
      return {{{"dict.txt", &dict},
               {"finalseg/prob_start.py", &start},
               {"finalseg/prob_trans.py", &trans},
               {"finalseg/prob_emit.py", &emit}}};
    }
  };

  // Errors: kInvalid naming file and line or place. `folder` is what messages call the place of the files.
  static Result<std::shared_ptr<const Jieba>> parse(const Files& files, const std::string& folder);
  // From DIR/jieba; read once per program and folder. Errors: kNotFound (and what to run), those of parse(), kIo.
  static Result<std::shared_ptr<const Jieba>> load(const std::string& data_dir);

  // The words of UTF-8 `text`, white space among them: together they are the text again.
  std::vector<std::string> cut(std::string_view text) const;

 private:
  using Text = std::u32string_view;
  enum State { kBegin, kEnd, kMiddle, kSingle };  // in the order of their letters: a tie goes to the later one

  void cut_words(Text block, std::vector<std::string>* words) const;
  void cut_unknown(Text run, std::vector<std::string>* words) const;
  void cut_states(Text run, std::vector<std::string>* words) const;
  double emission(State state, char32_t c) const;

  Status parse_dict(const std::string& text, const std::string& name);
  Status parse_model(const Files& files, const std::string& folder);

  std::unordered_map<std::u32string, double> frequency_;  // 0: only the beginning of a word
  double log_total_ = 0;
  std::array<double, 4> start_{};
  std::array<std::array<double, 4>, 4> trans_{};  // from, to
  std::array<std::unordered_map<char32_t, double>, 4> emit_;
};

}  // namespace pareto
