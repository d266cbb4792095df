// What RULER's profiles nvidia and lm-eval read from DATA_DIR/ruler:
//
//   wonderwords-<version>/{nounlist,adjectivelist,verblist}.txt   one word a line; of several versions the newest
//   PaulGrahamEssays.json                                         {"text": "…"}
//   punkt_english/                                                punkt.h
//   english_words.json                                            {"0": "word", …}: cwe beyond wonderwords' 8166 words
//   dev-v2.0.json, hotpot_dev_distractor_v1.json                  SQuAD and HotpotQA (ruler_qa_files.h)
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tasks/punkt.h"
#include "tasks/python.h"

namespace pareto::ruler {

struct WordLists {
  std::string version;  // "3.0.1"
  std::vector<std::string> nouns, adjectives, verbs;

  static Result<WordLists> read(const std::string& folder);
  // sorted(set(nouns + adjectives + verbs))
  std::vector<std::string> all() const;
};

// sorted(set("adjective-noun")) without writing out its six million strings.
class NeedleWords {
 public:
  NeedleWords() = default;
  explicit NeedleWords(const WordLists& lists);
  std::int64_t size() const { return size_; }
  // REQUIRES: 0 <= index < size()
  std::string at(std::int64_t index) const;
  std::string draw(python::Random* random) const { return at(random->randbelow(size_)); }

 private:
  // Adjectives of which one continues another ("up", "up-to-date") make one block, written out.
  struct Block {
    std::int64_t begin = 0;
    std::string prefix;              // "early-"
    std::vector<std::string> words;  // written out; empty: prefix + every noun
  };
  std::vector<std::string> nouns_;
  std::vector<Block> blocks_;
  std::int64_t size_ = 0;
};

// The essays as words, and the first n of them as sentences.
class Essays {
 public:
  static Result<Essays> read(const std::string& folder);
  int words() const { return static_cast<int>(words_.size()); }
  // sent_tokenize(" ".join(words[:n]).strip()), kept for the next time. `repeat`: the text begins again where it ends.
  const std::vector<std::string_view>& sentences(int n, bool repeat);

 private:
  struct Start {
    std::string text;
    std::vector<std::string_view> sentences;  // of text
  };
  std::shared_ptr<const std::string> text_;  // white space collapsed; moves without moving its bytes
  std::vector<std::string_view> words_;      // of *text_
  PunktTables punkt_;
  std::map<int, std::unique_ptr<Start>> starts_;
};

// english_words.json's values, in its order.
Result<std::vector<std::string>> read_english_words(const std::string& folder);

}  // namespace pareto::ruler
