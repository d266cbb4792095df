#include "tasks/punkt.h"

#include <charconv>
#include <optional>

#include "core/files.h"
#include "tasks/python.h"

namespace pareto {
namespace {

// Where a word was seen in the training text: in the middle of a sentence, at its start, or at the start of a line.
enum : int { kBegUpper = 2, kMidUpper = 4, kUnkUpper = 8, kBegLower = 16, kMidLower = 32, kUnkLower = 64 };
constexpr int kAnyUpper = kBegUpper | kMidUpper | kUnkUpper;
constexpr int kAnyLower = kBegLower | kMidLower | kUnkLower;

// --- Characters -------------------------------------------------------------------------------------------------

char32_t char_at(std::string_view text, std::size_t at) { return python::decode(text, at).value; }
std::size_t after_char(std::string_view text, std::size_t at) {
  return at + static_cast<std::size_t>(python::decode(text, at).bytes);
}
bool one_of(char32_t c, std::u32string_view set) { return set.find(c) != std::u32string_view::npos; }

bool never_in_word(char32_t c) { return one_of(c, U")\";}]*:@'({[?!\u201D\u2019"); }
bool never_starts_word(char32_t c) { return one_of(c, U"(\"`{[:;&#*@)}]-,"); }
bool closes_sentence(char32_t c) { return one_of(c, U"\"')]}\u201D\u2019"); }
// Python's \w without \d and without what is neither letter nor mark.
bool is_letter(char32_t c) { return c == U'_' || (python::is_alpha(c) && !python::is_digit(c)); }
bool is_upper(char32_t c) {
  std::string one;
  python::encode(c, &one);
  return python::lower(one) != one;
}
bool is_lower(char32_t c) {
  std::string one;
  python::encode(c, &one);
  return python::upper(one) != one && python::lower(one) == one;
}

// --- Words ------------------------------------------------------------------------------------------------------

// Length in bytes of "--", "..." or ". . ." at `at`; 0: none.
std::size_t many_dots_or_dashes(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && text[end] == '-') ++end;
  if (end - at >= 2) return end - at;
  end = at;
  while (end < text.size() && text[end] == '.') ++end;
  if (end - at >= 2) return end - at;
  int spaced = 0;
  for (end = at; end < text.size() && text[end] == '.'; ++spaced) {
    const std::size_t next = end + 1;
    if (next >= text.size() || !python::is_space(char_at(text, next))) return spaced >= 2 ? next - at : 0;
    end = after_char(text, next);
  }
  return 0;
}

bool word_may_end(std::string_view text, std::size_t at) {
  if (at >= text.size()) return true;
  const char32_t c = char_at(text, at);
  return python::is_space(c) || never_in_word(c) || many_dots_or_dashes(text, at) > 0;
}

// The end of the word that begins at `at` (no white space there).
std::size_t word_end(std::string_view text, std::size_t at) {
  if (const std::size_t many = many_dots_or_dashes(text, at); many > 0) return at + many;
  std::size_t end = after_char(text, at);
  if (never_starts_word(char_at(text, at))) return end;
  while (!word_may_end(text, end) && !(text[end] == ',' && word_may_end(text, end + 1))) end = after_char(text, end);
  return end;
}

// "-1,234.5." as nltk matches a number.
bool is_number(std::string_view word) {
  std::size_t at = 0;
  if (at < word.size() && word[at] == '-') ++at;
  if (at < word.size() && (word[at] == '.' || word[at] == ',')) ++at;
  if (at >= word.size() || !python::is_digit(char_at(word, at))) return false;
  while (at < word.size()) {
    const char32_t c = char_at(word, at);
    if (!python::is_digit(c) && !one_of(c, U",.-")) return false;
    at = after_char(word, at);
  }
  return true;
}

struct Word {
  std::string_view text;
  std::string type;  // lower case; "##number##"
  bool period_final = false, breaks = false, abbreviation = false, ellipsis = false;

  explicit Word(std::string_view word) : text(word), type(python::lower(word)), period_final(word.ends_with('.')) {
    if (is_number(type)) type = "##number##";
  }
  std::string type_without_period() const {
    return type.size() > 1 && type.back() == '.' ? type.substr(0, type.size() - 1) : type;
  }
  std::string type_without_break() const { return breaks ? type_without_period() : type; }
  bool initial() const {
    return text.size() >= 2 && is_letter(char_at(text, 0)) && text.substr(after_char(text, 0)) == ".";
  }
  bool starts_upper() const { return is_upper(char_at(text, 0)); }
  bool starts_lower() const { return is_lower(char_at(text, 0)); }
};

void first_pass(const PunktTables& tables, Word* word) {
  if (word->text == "." || word->text == "?" || word->text == "!") {
    word->breaks = true;
  } else if (word->text.size() >= 2 && word->text.find_first_not_of('.') == std::string_view::npos) {
    word->ellipsis = true;
  } else if (word->period_final && !word->text.ends_with("..")) {
    const std::string type = word->type_without_period();
    const std::string last = type.substr(type.rfind('-') + 1);
    word->abbreviation = tables.abbreviations.count(type) > 0 || tables.abbreviations.count(last) > 0;
    word->breaks = !word->abbreviation;
  }
}

enum class Starts : std::uint8_t { kNo, kYes, kUnknown };

int ortho_context(const PunktTables& tables, const std::string& type) {
  const auto found = tables.ortho_contexts.find(type);
  return found == tables.ortho_contexts.end() ? 0 : found->second;
}

// Whether the case of `word` says that it begins a sentence.
Starts starts_sentence(const PunktTables& tables, const Word& word) {
  if (word.text.size() == 1 && std::string_view(";:,.!?").find(word.text[0]) != std::string_view::npos) {
    return Starts::kNo;
  }
  const int seen = ortho_context(tables, word.type_without_break());
  if (word.starts_upper() && (seen & kAnyLower) != 0 && (seen & kMidUpper) == 0) return Starts::kYes;
  if (word.starts_lower() && ((seen & kAnyUpper) != 0 || (seen & kBegLower) == 0)) return Starts::kNo;
  return Starts::kUnknown;
}

void set_abbreviation(Word* word) {
  word->breaks = false;
  word->abbreviation = true;
}

void second_pass(const PunktTables& tables, Word* word, const Word& next) {
  if (!word->period_final) return;
  const std::string type = word->type_without_period(), next_type = next.type_without_break();
  if (tables.collocations.count(type + "\t" + next_type) > 0) return set_abbreviation(word);
  const bool initial = word->initial();
  const Starts starts = starts_sentence(tables, next);
  if ((word->abbreviation || word->ellipsis) && !initial) {
    if (starts == Starts::kYes || (next.starts_upper() && tables.sentence_starters.count(next_type) > 0)) {
      word->breaks = true;
      return;
    }
  }
  if (!initial && type != "##number##") return;
  if (starts == Starts::kNo) return set_abbreviation(word);
  const bool always_upper = (ortho_context(tables, next_type) & kAnyLower) == 0;
  if (starts == Starts::kUnknown && initial && next.starts_upper() && always_upper) set_abbreviation(word);
}

// Whether some word of `context`, but not the last one, ends a sentence.
bool has_break(const PunktTables& tables, std::string_view context) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < context.size();) {
    if (python::is_space(char_at(context, at))) {
      at = after_char(context, at);
      continue;
    }
    const std::size_t end = word_end(context, at);
    words.emplace_back(context.substr(at, end - at));
    first_pass(tables, &words.back());
    at = end;
  }
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    second_pass(tables, &words[i], words[i + 1]);
    if (words[i].breaks) return true;
  }
  return false;
}

// --- Candidates -------------------------------------------------------------------------------------------------

// A sentence end that may be one: text[at] is . ? or !
struct Candidate {
  std::size_t word = 0, at = 0;       // the word before it begins at `word`
  std::size_t context_end = 0;        // of what is looked at: one closing character, or the next word
  std::optional<std::size_t> next{};  // where the next word begins, if white space follows
};

std::optional<Candidate> candidate_at(std::string_view text, std::size_t at) {
  Candidate c{.at = at};
  std::size_t end = at + 1;
  if (end >= text.size()) return std::nullopt;
  if (never_in_word(char_at(text, end))) {
    c.context_end = after_char(text, end);
    return c;
  }
  if (!python::is_space(char_at(text, end))) return std::nullopt;
  while (end < text.size() && python::is_space(char_at(text, end))) end = after_char(text, end);
  if (end >= text.size()) return std::nullopt;
  c.next = end;
  while (end < text.size() && !python::is_space(char_at(text, end))) end = after_char(text, end);
  c.context_end = end;
  return c;
}

// The candidates, each with the whole word before it; of several in one word ("acting!!!") the last.
std::vector<Candidate> candidates(std::string_view text) {
  constexpr std::string_view kAsciiSpace = " \t\n\r\v\f";
  std::vector<Candidate> all;
  Candidate previous;
  bool have = false;
  for (std::size_t at = text.find_first_of(".?!"); at != std::string_view::npos;
       at = text.find_first_of(".?!", at + 1)) {
    std::optional<Candidate> found = candidate_at(text, at);
    if (!found) continue;
    const std::string_view before = text.substr(previous.at, at - previous.at);
    const std::size_t space = before.find_last_of(kAsciiSpace);
    // As upstream: white space right at the front counts as none.
    found->word = space == std::string_view::npos || space == 0 ? previous.word : previous.at + space + 1;
    if (have && previous.at <= found->word) all.push_back(previous);
    previous = *found;
    have = true;
  }
  if (have) all.push_back(previous);
  return all;
}

struct Span {
  std::size_t begin = 0, end = 0;
};

std::vector<Span> spans_of(const PunktTables& tables, std::string_view text) {
  std::vector<Span> spans;
  std::size_t begin = 0;
  for (const Candidate& c : candidates(text)) {
    // The word, its end and what follows, as upstream glues them: nothing lies between.
    const std::string_view context = text.substr(c.word, c.context_end - c.word);
    if (!has_break(tables, context)) continue;
    spans.push_back({begin, c.at + 1});
    begin = c.next.value_or(c.at + 1);
  }
  spans.push_back({begin, python::rstrip(text).size()});
  return spans;
}

// How many bytes of closing punctuation and white space `text` begins with; 0 where a word follows directly.
std::size_t closing(std::string_view text, std::size_t* punctuation) {
  std::size_t at = 0;
  while (at < text.size() && closes_sentence(char_at(text, at))) at = after_char(text, at);
  *punctuation = at;
  if (at == 0) return 0;
  if (at == text.size() || text.substr(at).starts_with("--")) return at;
  std::size_t end = at;
  while (end < text.size() && python::is_space(char_at(text, end))) end = after_char(text, end);
  return end > at ? end : 0;
}

// --- Tables -----------------------------------------------------------------------------------------------------

// "the\t66"
bool add_ortho_context(std::string_view line, std::unordered_map<std::string, int>* contexts) {
  const std::size_t tab = line.rfind('\t');
  if (tab == std::string_view::npos) return false;
  int flags = 0;
  const char* end = line.data() + line.size();
  const auto [at, error] = std::from_chars(line.data() + tab + 1, end, flags);
  (*contexts)[std::string(line.substr(0, tab))] = flags;
  return error == std::errc() && at == end;
}

}  // namespace

Status PunktTables::add(const std::string& path, std::string_view text) {
  const std::string name = path.substr(path.rfind('/') + 1);
  int number = 0;
  for (std::string_view line : python::split(text, "\n")) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    bool good = true;
    if (name == "abbrev_types.txt") {
      abbreviations.emplace(line);
    } else if (name == "sent_starters.txt") {
      sentence_starters.emplace(line);
    } else if (name == "collocations.tab") {
      collocations.emplace(line);
      good = line.find('\t') != std::string_view::npos;
    } else {
      good = add_ortho_context(line, &ortho_contexts);
    }
    if (!good) {
      return fail(Code::kInvalid, "{}:{}: {} is not a line of this table", path, number,
                  python::text_repr(line.substr(0, 60)));
    }
  }
  return {};
}

Result<PunktTables> PunktTables::read(const std::string& folder) {
  PunktTables tables;
  for (const char* name : {"abbrev_types.txt", "sent_starters.txt", "collocations.tab", "ortho_context.tab"}) {
    const std::string path = folder + "/" + name;
    const Result<std::string> text = read_file(path);
    if (!text && text.error().code == Code::kNotFound)
      return fail(Code::kNotFound,
                  "{}: no such file; the sentence splitter needs the English tables of nltk's punkt_tab", path);
    if (!text) return tl::unexpected(text.error());
    PARETO_CHECK_OK(tables.add(path, *text));
  }
  return tables;
}

std::vector<std::string_view> split_sentences(const PunktTables& tables, std::string_view text) {
  std::vector<std::string_view> sentences;
  const std::vector<Span> spans = spans_of(tables, text);
  std::size_t taken = 0;  // bytes of the span that the sentence before took
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const std::size_t begin = spans[i].begin + taken;
    std::size_t end = spans[i].end, punctuation = 0;
    taken = 0;
    if (i + 1 < spans.size()) {
      const Span& next = spans[i + 1];
      taken = closing(text.substr(next.begin, next.end - next.begin), &punctuation);
      if (taken > 0) end = next.begin + punctuation;
    }
    if (end > begin) sentences.push_back(text.substr(begin, end - begin));
  }
  return sentences;
}

}  // namespace pareto
