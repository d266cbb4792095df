#include "engine/pretokenizer.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>

#include "engine/pretokenizer_regex.h"
#include "engine/tokenizer_utf8.h"

namespace pareto {

class Pretokenizer::Step {
 public:
  virtual ~Step() = default;
  virtual void apply(std::string_view piece, TextPosition position, WordSink out) const = 0;
};

namespace {

using Behaviour = Pretokenizer::Behaviour;
using Subject = Pretokenizer::Subject;

struct Span {
  std::size_t begin = 0, end = 0;
};

bool is_ascii_letter(char c) { return static_cast<std::uint8_t>((c | 0x20) - 'a') < 26; }

// What a Split step looks for.
class Finder {
 public:
  virtual ~Finder() = default;
  // The first match at or after `from` that is not empty.
  virtual std::optional<Span> find(std::string_view text, std::size_t from) const = 0;
};

class TextFinder final : public Finder {
 public:
  explicit TextFinder(std::string text) : text_(std::move(text)) {}
  std::optional<Span> find(std::string_view text, std::size_t from) const override {
    const std::size_t at = text.find(text_, from);
    if (at == std::string_view::npos) return std::nullopt;
    return Span{at, at + text_.size()};
  }

 private:
  std::string text_;
};

std::optional<Span> match(const RE2& regex, std::string_view text, std::size_t from, RE2::Anchor anchor) {
  re2::StringPiece found;
  if (!regex.Match({text.data(), text.size()}, from, text.size(), anchor, &found, 1) || found.empty())
    return std::nullopt;
  const std::size_t begin = found.data() - text.data();
  return Span{begin, begin + found.size()};
}

// Any regex that RE2 takes. ASCII characters that no match begins with are passed over without asking it.
class RegexFinder final : public Finder {
 public:
  RegexFinder(std::unique_ptr<RE2> regex, const std::bitset<128>& starts) : regex_(std::move(regex)), starts_(starts) {}
  std::optional<Span> find(std::string_view text, std::size_t from) const override {
    while (from < text.size()) {
      const auto byte = static_cast<std::uint8_t>(text[from]);
      if (byte < 0x80) {
        if (starts_[byte]) {
          if (const auto found = match(*regex_, text, from, RE2::ANCHOR_START)) return found;
        }
        ++from;
        continue;
      }
      return first_match(text, from);
    }
    return std::nullopt;
  }

 private:
  // The first match that is not empty.
  std::optional<Span> first_match(std::string_view text, std::size_t from) const {
    for (; from < text.size(); from += decode_utf8(text, from).bytes) {
      if (const auto found = match(*regex_, text, from, RE2::UNANCHORED)) return found;
      // Either there is no match at all, or an empty one came first.
      if (!regex_->Match({text.data(), text.size()}, from, text.size(), RE2::UNANCHORED, nullptr, 0)) break;
    }
    return std::nullopt;
  }

  std::unique_ptr<RE2> regex_;
  std::bitset<128> starts_;
};

// before|\s+(?!\S)|after, by position: the alternatives in front of the look-ahead, then white space, then the rest.
class WordFinder final : public Finder {
 public:
  WordFinder(std::unique_ptr<RE2> before, std::unique_ptr<RE2> after, bool plain_words)
      : before_(std::move(before)), after_(std::move(after)), plain_words_(plain_words) {}

  std::optional<Span> find(std::string_view text, std::size_t from) const override {
    while (from < text.size()) {
      if (plain_words_) {
        const std::size_t end = plain_word_end(text, from);
        if (end > from) return Span{from, end};
      }
      if (before_ != nullptr) {
        if (const auto found = match(*before_, text, from, RE2::ANCHOR_START)) return found;
      }
      const std::size_t end = space_end(text, from);
      if (end > from) return Span{from, end};
      if (after_ != nullptr) {
        if (const auto found = match(*after_, text, from, RE2::ANCHOR_START)) return found;
      }
      from += decode_utf8(text, from).bytes;
    }
    return std::nullopt;
  }

 private:
  // An optional space and ASCII letters, ended by another ASCII character or the end: what the pattern's word
  // alternative takes, decided without RE2. 0 if it is anything else.
  static std::size_t plain_word_end(std::string_view text, std::size_t from) {
    std::size_t at = from + (text[from] == ' ' ? 1 : 0);
    if (at >= text.size() || !is_ascii_letter(text[at])) return 0;
    do {
      ++at;
    } while (at < text.size() && is_ascii_letter(text[at]));
    return at == text.size() || static_cast<std::uint8_t>(text[at]) < 0x80 ? at : 0;
  }

  // `\s+(?!\S)` at `from`: all the white space, less its last character if something follows it. 0: no match.
  static std::size_t space_end(std::string_view text, std::size_t from) {
    std::size_t at = from, last = from;
    while (at < text.size()) {
      const CodePoint c = decode_utf8(text, at);
      if (!c.valid || !is_white_space(c.value)) break;
      last = at;
      at += c.bytes;
    }
    if (at == text.size()) return at;
    return last > from ? last : 0;
  }

  std::unique_ptr<RE2> before_, after_;  // null: no such alternatives
  bool plain_words_;
};

class SplitStep final : public Pretokenizer::Step {
 public:
  SplitStep(std::unique_ptr<Finder> finder, Behaviour behaviour, Subject subject)
      : finder_(std::move(finder)), behaviour_(behaviour), subject_(subject) {}

  void apply(std::string_view piece, TextPosition, WordSink out) const override {
    if (behaviour_ == Behaviour::kIsolated) {
      isolate(piece, out);
      return;
    }
    std::vector<Part> parts;
    std::size_t at = 0;
    const bool match = subject_ == Subject::kMatches;
    while (const auto found = finder_->find(piece, at)) {
      if (found->begin > at) parts.push_back({at, found->begin, !match});
      parts.push_back({found->begin, found->end, match});
      at = found->end;
    }
    if (at < piece.size()) parts.push_back({at, piece.size(), !match});
    for (const Part& part : join(parts)) out(piece.substr(part.begin, part.end - part.begin));
  }

 private:
  struct Part {
    std::size_t begin, end;
    bool match;
  };

  void isolate(std::string_view piece, WordSink out) const {
    std::size_t at = 0;
    while (const auto found = finder_->find(piece, at)) {
      if (found->begin > at) out(piece.substr(at, found->begin - at));
      out(piece.substr(found->begin, found->end - found->begin));
      at = found->end;
    }
    if (at < piece.size()) out(piece.substr(at));
  }

  std::vector<Part> join(std::vector<Part> parts) const {
    if (behaviour_ == Behaviour::kRemoved) {
      std::erase_if(parts, [](const Part& p) { return p.match; });
      return parts;
    }
    const bool backwards = behaviour_ == Behaviour::kMergedWithNext;
    if (backwards) std::reverse(parts.begin(), parts.end());
    std::vector<Part> joined;
    bool previous_match = false;
    for (const Part& part : parts) {
      const bool joins =
          behaviour_ == Behaviour::kContiguous ? part.match == previous_match : part.match && !previous_match;
      previous_match = part.match;
      if (!joins || joined.empty()) {
        joined.push_back(part);
      } else if (backwards) {
        joined.back().begin = part.begin;
      } else {
        joined.back().end = part.end;
      }
    }
    if (backwards) std::reverse(joined.begin(), joined.end());
    return joined;
  }

  std::unique_ptr<Finder> finder_;
  Behaviour behaviour_;
  Subject subject_;
};

class MetaspaceStep final : public Pretokenizer::Step {
 public:
  MetaspaceStep(std::string mark, Pretokenizer::Prefix prefix, bool split)
      : mark_(std::move(mark)), prefix_(prefix), split_(split) {}

  void apply(std::string_view piece, TextPosition position, WordSink out) const override {
    std::string text;
    text.reserve(piece.size() + piece.size() / 2 + mark_.size());
    const bool prefix = prefix_ == Pretokenizer::Prefix::kAlways ||
                        (prefix_ == Pretokenizer::Prefix::kFirst && position == TextPosition::kStart);
    if (prefix && !piece.starts_with(' ') && !piece.starts_with(mark_)) text = mark_;
    for (const char c : piece) {
      if (c == ' ') {
        text += mark_;
      } else {
        text += c;
      }
    }
    if (!split_) {
      out(text);
      return;
    }
    for (std::size_t at = 0; at < text.size();) {  // a mark starts a word
      const std::size_t end = std::min(text.find(mark_, at + 1), text.size());
      out(std::string_view(text).substr(at, end - at));
      at = end;
    }
  }

 private:
  std::string mark_;
  Pretokenizer::Prefix prefix_;
  bool split_;
};

class PrefixSpaceStep final : public Pretokenizer::Step {
 public:
  void apply(std::string_view piece, TextPosition, WordSink out) const override {
    if (piece.starts_with(' ')) {
      out(piece);
    } else {
      std::string text(1, ' ');
      text += piece;
      out(text);
    }
  }
};

class ByteCharactersStep final : public Pretokenizer::Step {
 public:
  void apply(std::string_view piece, TextPosition, WordSink out) const override {
    const std::string text = byte_characters(piece);
    out(text);
  }
};

// Bytes that stand for themselves: printable Latin-1. The others get U+0100 onwards, in order.
bool is_own_character(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct ByteAlphabet {
  std::array<std::uint32_t, 256> to{};
  std::array<int, 512> from{};
  ByteAlphabet() {
    from.fill(-1);
    std::uint32_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      to[byte] = is_own_character(byte) ? static_cast<std::uint32_t>(byte) : next++;
      from[to[byte]] = byte;
    }
  }
};

const ByteAlphabet& byte_alphabet() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

constexpr std::string_view kSpaceAhead = R"(\s+(?!\S))";

// Whether the word alternative comes first, but for contractions, and takes an optional space and letters: then
// WordFinder may decide plain words itself.
bool takes_plain_words(const std::vector<std::string_view>& alternatives) {
  static constexpr std::array<std::string_view, 11> kContractions = {
      "'s",
      "'t",
      "'re",
      "'ve",
      "'m",
      "'ll",
      "'d",
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d))",
      R"('(?i:[sdmt]|ll|ve|re))",
      R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]))",
      R"('(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE]))"};
  static constexpr std::array<std::string_view, 4> kWords = {
      R"( ?\p{L}+)", R"([^\r\n\p{L}\p{N}]?\p{L}+)", R"([^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+)", R"( ?[\p{L}\p{M}]+)"};
  const auto is_one_of = [](const auto& set, std::string_view a) {
    return std::find(set.begin(), set.end(), a) != set.end();
  };
  for (const std::string_view alternative : alternatives) {
    if (is_one_of(kWords, alternative)) return true;
    if (!is_one_of(kContractions, alternative)) return false;
  }
  return false;
}

std::string joined(const std::vector<std::string_view>& parts, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) {
    if (i > begin) text += '|';
    text += parts[i];
  }
  return text;
}

Result<std::unique_ptr<Finder>> make_finder(std::string_view regex) {
  const auto alternatives = top_level_alternatives(regex);
  const auto ahead = std::find(alternatives.begin(), alternatives.end(), kSpaceAhead);
  if (ahead == alternatives.end()) {
    PARETO_TRY(auto compiled, compile_regex(regex));
    return std::make_unique<RegexFinder>(std::move(compiled), ascii_starts(regex));
  }
  const std::size_t at = ahead - alternatives.begin();
  std::unique_ptr<RE2> before, after;
  if (at > 0) {
    PARETO_TRY(before, compile_regex(joined(alternatives, 0, at)));
  }
  if (at + 1 < alternatives.size()) {
    PARETO_TRY(after, compile_regex(joined(alternatives, at + 1, alternatives.size())));
  }
  return std::make_unique<WordFinder>(std::move(before), std::move(after), takes_plain_words(alternatives));
}

void run(const std::vector<std::shared_ptr<const Pretokenizer::Step>>& steps, std::size_t step, std::string_view piece,
         TextPosition position, WordSink out) {
  if (piece.empty()) return;
  if (step == steps.size()) {
    out(piece);
    return;
  }
  bool first = true;
  auto next = [&](std::string_view part) {
    run(steps, step + 1, part, first ? position : TextPosition::kInside, out);
    first = false;
  };
  steps[step]->apply(piece, position, next);
}

}  // namespace

Status Pretokenizer::add_regex(std::string_view regex, Behaviour behaviour, Subject subject) {
  PARETO_TRY(auto finder, make_finder(regex));
  steps_.push_back(std::make_shared<SplitStep>(std::move(finder), behaviour, subject));
  return {};
}

void Pretokenizer::add_text(std::string text, Behaviour behaviour, Subject subject) {
  if (text.empty()) return;
  steps_.push_back(std::make_shared<SplitStep>(std::make_unique<TextFinder>(std::move(text)), behaviour, subject));
}

void Pretokenizer::add_metaspace(std::string mark, Prefix prefix, bool split) {
  steps_.push_back(std::make_shared<MetaspaceStep>(std::move(mark), prefix, split));
}

void Pretokenizer::add_prefix_space() { steps_.push_back(std::make_shared<PrefixSpaceStep>()); }

void Pretokenizer::add_byte_characters() {
  steps_.push_back(std::make_shared<ByteCharactersStep>());
  byte_characters_ = true;
}

void Pretokenizer::split(std::string_view text, TextPosition position, WordSink word) const {
  if (!byte_characters_) {
    run(steps_, 0, text, position, word);
    return;
  }
  std::string bytes;
  auto as_bytes = [&](std::string_view characters) {
    bytes.clear();
    if (from_byte_characters(characters, &bytes)) word(bytes);
  };
  run(steps_, 0, text, position, as_bytes);
}

std::string byte_characters(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 2);
  for (const char byte : bytes) append_utf8(byte_alphabet().to[static_cast<std::uint8_t>(byte)], &text);
  return text;
}

bool from_byte_characters(std::string_view text, std::string* bytes) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (!c.valid || c.value >= byte_alphabet().from.size() || byte_alphabet().from[c.value] < 0) return false;
    bytes->push_back(static_cast<char>(byte_alphabet().from[c.value]));
    at += c.bytes;
  }
  return true;
}

}  // namespace pareto
