// Punkt, the sentence splitter that RULER cuts its essays with: Kiss & Strunk (2006), "Unsupervised Multilingual
// Sentence Boundary Detection", as nltk 3.10's sent_tokenize decides.
//
//   text ── every . ? ! before white space or closing punctuation ──> the word with it and what follows
//        ── first pass: abbreviation? ellipsis? else a break ──> second pass: collocations, case of the next word
//        ──> breaks ──> closing quotes and brackets go to the sentence before
//
// The tables are learned ones and are read from a folder (RULER's: DATA_DIR/ruler/punkt_english).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/result.h"

namespace pareto {

struct PunktTables {
  std::unordered_set<std::string> abbreviations;        // "mr": lower case, without the final period
  std::unordered_set<std::string> collocations;         // "b\tsmith": not a break between these
  std::unordered_set<std::string> sentence_starters;    // "moreover"
  std::unordered_map<std::string, int> ortho_contexts;  // word → in which cases and positions it was seen

  // abbrev_types.txt, collocations.tab, sent_starters.txt, ortho_context.tab of a folder. Errors: kNotFound, kInvalid
  // (file and line).
  static Result<PunktTables> read(const std::string& folder);
  // Adds the content of one of these files; `path` is what messages call it, and its last part says which it is.
  Status add(const std::string& path, std::string_view text);
};

// sent_tokenize(text): views into `text`, without the white space between sentences.
std::vector<std::string_view> split_sentences(const PunktTables& tables, std::string_view text);

}  // namespace pareto
