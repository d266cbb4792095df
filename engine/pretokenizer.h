// Splitting of text into words before byte-pair encoding: the steps that a tokenizer.json or a GGUF's name stands for.
//
// Regexes run on RE2, matched without captures. What RE2 lacks is translated (Unicode \s \d \w) or done by hand:
// `\s+(?!\S)` as an alternative of its own means "white space, less its last character if something follows".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "engine/tokenizer_parts.h"

namespace pareto {

// A reference to something callable; it must outlive the call.
class WordSink {
 public:
  template <class F>
  WordSink(F& f) : object_(&f), call_([](void* o, std::string_view w) { (*static_cast<F*>(o))(w); }) {}  // NOLINT
  void operator()(std::string_view word) const { call_(object_, word); }

 private:
  void* object_;
  void (*call_)(void*, std::string_view);
};

// Steps in the order in which they were added; each splits every piece that the one before left. Thread-safe once
// built.
class Pretokenizer {
 public:
  // What becomes of a match and of the text between matches; names as in a tokenizer.json.
  enum class Behaviour { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
  enum class Subject { kMatches, kGaps };         // kGaps: "invert", the text between matches counts as the match
  enum class Prefix { kAlways, kFirst, kNever };  // Metaspace's prepend_scheme

  // kUnsupported, with the regex and RE2's reason, if it cannot be taken.
  Status add_regex(std::string_view regex, Behaviour behaviour, Subject subject = Subject::kMatches);
  void add_text(std::string text, Behaviour behaviour, Subject subject = Subject::kMatches);
  void add_metaspace(std::string mark, Prefix prefix, bool split);
  void add_prefix_space();  // ByteLevel's add_prefix_space: a piece that starts with no space gets one
  // ByteLevel's spelling of bytes as characters, for steps behind it that look at those characters. Words come out of
  // split() as bytes again.
  void add_byte_characters();

  bool empty() const { return steps_.empty(); }
  // Calls `word` for every word, in order.
  void split(std::string_view text, TextPosition position, WordSink word) const;

  class Step;

 private:
  std::vector<std::shared_ptr<const Step>> steps_;
  bool byte_characters_ = false;
};

// The patterns that GPT-2, Llama-3 and Qwen2 split by, as their files spell them.
extern const char kGpt2Split[];
extern const char kLlama3Split[];
extern const char kQwen2Split[];

// What a GGUF's `tokenizer.ggml.pre` says beyond the split.
struct NamedSplit {
  bool whole_words = false;  // a word that is a token is taken without merging
  bool add_bos = false;      // where the file does not say
};
// Adds the steps that llama.cpp takes for that name. kUnsupported, with the list of known names.
Result<NamedSplit> add_named_split(std::string_view name, Pretokenizer* steps);

// The GPT-2 alphabet: every byte as one printable character, so that merges are text.
std::string byte_characters(std::string_view bytes);
// The bytes, or false if some character is not in the alphabet.
bool from_byte_characters(std::string_view text, std::string* bytes);

}  // namespace pareto
