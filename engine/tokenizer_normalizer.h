// Normalisation of text before it is split: the steps that a tokenizer.json names.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pareto {

// A sequence of steps, in the order in which they were added. Thread-safe once built.
class Normalizer {
 public:
  enum class Form { kNfc, kNfd, kNfkc, kNfkd };
  enum class Sides { kLeft, kRight, kBoth };

  void add_form(Form form);                            // Unicode normalisation; invalid UTF-8 stays as it is
  void add_lowercase();                                // full case mapping of each code point
  void add_strip(Sides sides);                         // white space at the ends
  void add_strip_accents();                            // removes combining marks (Mn, Mc, Me)
  void add_prepend(std::string prefix);                // in front of a text that is not empty
  void add_replace(std::string from, std::string to);  // every occurrence. REQUIRES: from is not empty
  Status add_replace_regex(std::string_view regex, std::string to);  // every match; kUnsupported if RE2 cannot take it

  bool empty() const { return steps_.empty(); }
  // The normalised text: `text` itself where nothing changes, else it lives in `*buffer`.
  std::string_view apply(std::string_view text, std::string* buffer) const;

  class Step {
   public:
    virtual ~Step() = default;
    // False if the text stays as it is, else it is in `*out`. REQUIRES: *out is empty.
    virtual bool apply(std::string_view text, std::string* out) const = 0;
  };

 private:
  std::vector<std::shared_ptr<const Step>> steps_;
};

}  // namespace pareto
