#include "tasks/longbench_metrics.h"

#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "tasks/python.h"

namespace pareto::longbench {
namespace {

constexpr std::string_view kChinesePunctuation =
    "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟"
    "〰〾〿–—‘’‛“”„‟…‧﹏.";

// Python's \d and \w of one character.
bool is_decimal(char32_t c) {
  return c < python::kStray && utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ND;
}
bool is_word_character(char32_t c) {
  if (c >= python::kStray) return false;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return c == U'_' || python::is_alpha(c) || category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

// Calls on_run for every longest run of characters for which `in` holds, on_other for every other character.
template <class In, class OnRun, class OnOther>
void for_runs(std::string_view text, In in, OnRun on_run, OnOther on_other) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size()) {
      const auto [c, bytes] = python::decode(text, end);
      if (!in(c)) break;
      end += static_cast<std::size_t>(bytes);
    }
    if (end > at) {
      on_run(text.substr(at, end - at));
      at = end;
    } else {
      const auto bytes = static_cast<std::size_t>(python::decode(text, at).bytes);
      on_other(text.substr(at, bytes));
      at += bytes;
    }
  }
}

std::string without_articles(std::string_view text) {
  std::string out;
  for_runs(
      text, is_word_character,
      [&](std::string_view word) {
        const bool article = word == "a" || word == "an" || word == "the";
        out += article ? std::string_view(" ") : word;
      },
      [&](std::string_view other) { out += other; });
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  const std::string plain = without_articles(python::without_punctuation(python::lower(text)));
  std::vector<std::string> words;
  for (const std::string_view word : python::split_space(plain)) words.emplace_back(word);
  return words;
}

std::string normalized_zh(std::string_view word) {
  static const std::set<std::string, std::less<>> kPunctuation = [] {
    std::set<std::string, std::less<>> marks;
    for_runs(
        kChinesePunctuation, [](char32_t) { return false; }, [](std::string_view) {},
        [&](std::string_view mark) { marks.emplace(mark); });
    return marks;
  }();
  const std::string plain = python::without_punctuation(python::lower(word));
  std::string out;
  for_runs(
      plain, [](char32_t c) { return python::is_space(c); }, [](std::string_view) {},
      [&](std::string_view c) {
        if (kPunctuation.count(c) == 0) out += c;
      });
  return out;
}

double f1(std::span<const std::string> prediction, std::span<const std::string> reference) {
  std::map<std::string_view, int> left;
  for (const std::string& word : reference) ++left[word];
  int same = 0;
  for (const std::string& word : prediction)
    if (const auto found = left.find(word); found != left.end() && found->second > 0) {
      --found->second;
      ++same;
    }
  if (same == 0) return 0;
  const double precision = 1.0 * same / static_cast<double>(prediction.size());
  const double recall = 1.0 * same / static_cast<double>(reference.size());
  return (2 * precision * recall) / (precision + recall);
}

// --- rouge ------------------------------------------------------------------------------------------------------

using Sentence = std::vector<std::string_view>;  // words

// Sentences of a text; one of white space only holds the empty word.
std::vector<Sentence> sentences_of(std::string_view text) {
  std::vector<Sentence> sentences;
  for (const std::string_view piece : python::split(text, ".")) {
    if (piece.empty()) continue;
    Sentence words = python::split_space(piece);
    if (words.empty()) words.push_back("");
    sentences.push_back(std::move(words));
  }
  return sentences;
}

std::size_t vocabulary(const std::vector<Sentence>& sentences) {
  std::set<std::string_view> words;
  for (const Sentence& sentence : sentences) words.insert(sentence.begin(), sentence.end());
  return words.size();
}

// Adds the words of one longest common subsequence. False: the walk takes more than `frames` calls.
bool add_common(const Sentence& x, const Sentence& y, int frames, std::set<std::string_view>* common) {
  const std::size_t columns = y.size() + 1;
  std::vector<int> table((x.size() + 1) * columns, 0);
  const auto at = [&](std::size_t i, std::size_t j) -> int& { return table[i * columns + j]; };
  for (std::size_t i = 1; i <= x.size(); ++i)
    for (std::size_t j = 1; j <= y.size(); ++j)
      at(i, j) = x[i - 1] == y[j - 1] ? at(i - 1, j - 1) + 1 : std::max(at(i - 1, j), at(i, j - 1));
  int calls = 1;
  for (std::size_t i = x.size(), j = y.size(); i > 0 && j > 0; ++calls) {
    if (x[i - 1] == y[j - 1]) {
      common->insert(x[i - 1]);
      --i, --j;
    } else if (at(i - 1, j) > at(i, j - 1)) {
      --i;
    } else {
      --j;
    }
  }
  return calls <= frames;
}

// --- difflib ----------------------------------------------------------------------------------------------------

std::u32string characters_of(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, bytes] = python::decode(text, at);
    out.push_back(c);
    at += static_cast<std::size_t>(bytes);
  }
  return out;
}

// difflib.SequenceMatcher(None, a, b).ratio().
class SequenceMatcher {
 public:
  SequenceMatcher(std::u32string a, std::u32string b) : a_(std::move(a)), b_(std::move(b)) {
    for (std::size_t j = 0; j < b_.size(); ++j) places_[b_[j]].push_back(j);
    if (b_.size() < 200) return;
    const std::size_t most = b_.size() / 100 + 1;
    std::erase_if(places_, [&](const auto& entry) { return entry.second.size() > most; });
  }

  double ratio() const {
    if (a_.empty() && b_.empty()) return 1;
    std::size_t matches = 0;
    std::vector<Range> open = {{0, a_.size(), 0, b_.size()}};
    while (!open.empty()) {
      const Range range = open.back();
      open.pop_back();
      const Match match = longest(range);
      if (match.size == 0) continue;
      matches += match.size;
      const std::size_t i = match.a + match.size, j = match.b + match.size;
      if (range.a < match.a && range.b < match.b) open.push_back({range.a, match.a, range.b, match.b});
      if (i < range.a_end && j < range.b_end) open.push_back({i, range.a_end, j, range.b_end});
    }
    return 2.0 * static_cast<double>(matches) / static_cast<double>(a_.size() + b_.size());
  }

 private:
  struct Range {
    std::size_t a, a_end, b, b_end;
  };
  struct Match {
    std::size_t a, b, size;
  };

  // The longest block without frequent characters, the first of equal ones, then extended by any equal characters.
  Match longest(const Range& range) const {
    Match best{range.a, range.b, 0};
    std::unordered_map<std::size_t, std::size_t> lengths, next;  // of the match that ends at b_[j]
    for (std::size_t i = range.a; i < range.a_end; ++i) {
      next.clear();
      if (const auto found = places_.find(a_[i]); found != places_.end())
        for (const std::size_t j : found->second) {
          if (j < range.b) continue;
          if (j >= range.b_end) break;
          const auto before = j == 0 ? lengths.end() : lengths.find(j - 1);
          const std::size_t length = before == lengths.end() ? 1 : before->second + 1;
          next[j] = length;
          if (length > best.size) best = {i + 1 - length, j + 1 - length, length};
        }
      std::swap(lengths, next);
    }
    while (best.a > range.a && best.b > range.b && a_[best.a - 1] == b_[best.b - 1]) --best.a, --best.b, ++best.size;
    while (best.a + best.size < range.a_end && best.b + best.size < range.b_end &&
           a_[best.a + best.size] == b_[best.b + best.size])
      ++best.size;
    return best;
  }

  std::u32string a_, b_;
  std::unordered_map<char32_t, std::vector<std::size_t>> places_;  // of b's characters, but for the frequent ones
};

std::optional<std::string_view> number_after(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t begin = at + word.size();
    std::size_t end = begin;
    while (end < text.size()) {
      const auto [c, bytes] = python::decode(text, end);
      if (!is_decimal(c)) break;
      end += static_cast<std::size_t>(bytes);
    }
    if (end > begin) return text.substr(begin, end - begin);
  }
  return std::nullopt;
}

}  // namespace

std::string_view first_line(std::string_view prediction) {
  prediction = python::lstrip(prediction, "\n");
  return prediction.substr(0, prediction.find('\n'));
}

double qa_f1(std::string_view prediction, std::string_view reference) {
  return f1(words_of(prediction), words_of(reference));
}

double qa_f1_zh(std::span<const std::string> prediction, std::span<const std::string> reference) {
  const auto normalized = [](std::span<const std::string> words) {
    std::vector<std::string> out;
    for (const std::string& word : words)
      if (std::string plain = normalized_zh(word); !plain.empty()) out.push_back(std::move(plain));
    return out;
  };
  return f1(normalized(prediction), normalized(reference));
}

double rouge_l(std::string_view prediction, std::string_view reference, int frames) {
  const std::vector<Sentence> ours = sentences_of(prediction), theirs = sentences_of(reference);
  if (ours.empty() || theirs.empty()) return 0;
  std::set<std::string_view> common;
  for (const Sentence& their : theirs)
    for (const Sentence& our : ours)
      if (!add_common(their, our, frames, &common)) return 0;
  const auto llcs = static_cast<double>(common.size());
  const double recall = llcs / static_cast<double>(vocabulary(theirs));
  const double precision = llcs / static_cast<double>(vocabulary(ours));
  return 2.0 * ((precision * recall) / (precision + recall + 1e-8));
}

double rouge_l_zh(std::span<const std::string> prediction, std::span<const std::string> reference) {
  return rouge_l(python::join(" ", prediction), python::join(" ", reference), kRougeZhFrames);
}

double classification(std::string_view prediction, std::string_view reference, std::span<const std::string> classes) {
  std::vector<std::string_view> found;
  for (const std::string& name : classes)
    if (prediction.find(name) != std::string_view::npos) found.push_back(name);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::string_view name = found[i];
    if (reference.find(name) != std::string_view::npos && name != reference)
      found.erase(std::find(found.begin(), found.end(), name));
  }
  if (std::find(found.begin(), found.end(), reference) == found.end()) return 0;
  return 1.0 / static_cast<double>(found.size());
}

double count(std::string_view prediction, std::string_view reference) {
  int numbers = 0, right = 0;
  for_runs(
      prediction, is_decimal,
      [&](std::string_view number) {
        ++numbers;
        right += number == reference;
      },
      [](std::string_view) {});
  return numbers == 0 ? 0.0 : static_cast<double>(right) / numbers;
}

bool has_number(std::string_view reference, std::string_view word) { return number_after(reference, word).has_value(); }

double retrieval(std::string_view prediction, std::string_view reference, std::string_view word) {
  const auto number = number_after(reference, word);
  return number ? count(prediction, *number) : 0;
}

double code_similarity(std::string_view prediction, std::string_view reference) {
  std::string_view chosen;
  for (const std::string_view line : python::split(python::lstrip(prediction, "\n"), "\n"))
    if (line.find_first_of("`#") == std::string_view::npos && line.find("//") == std::string_view::npos) {
      chosen = line;
      break;
    }
  if (chosen == reference) return 1;
  if (chosen.empty() || reference.empty()) return 0;
  const SequenceMatcher matcher(characters_of(chosen), characters_of(reference));
  return std::nearbyint(100 * matcher.ratio()) / 100;
}

}  // namespace pareto::longbench
