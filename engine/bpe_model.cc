#include "engine/bpe_model.h"

#include "engine/tokenizer_utf8.h"
#include "engine/tokenizer_words.h"

namespace pareto {
namespace {

class BpeModel final : public TextModel {
 public:
  explicit BpeModel(BpeRules rules) : rules_(std::move(rules)) {
    cut_words_ = !rules_.space.empty() && words_are_independent();
  }

  void encode(std::string_view fragment, TextPosition position, SpecialText special,
              std::vector<Token>* ids) const override {
    std::string buffer;
    const std::string_view text = rules_.normalizer.apply(fragment, &buffer);
    std::size_t at = 0;
    while (const auto match = rules_.normalized_added.find(text, at, special == SpecialText::kParse)) {
      encode_normalized(text, at, match->begin, position, ids);
      ids->push_back(match->id);
      at = match->end;
    }
    encode_normalized(text, at, text.size(), position, ids);
  }

 private:
  bool words_are_independent() const {
    // Characters that are dropped let what is around them meet; unknown ones that fuse must not meet over a space.
    const bool all_kept = rules_.unk >= 0 || covers_all_bytes();
    bool independent = all_kept && (!rules_.fuse_unk || rules_.tokens.find(rules_.space) >= 0);
    rules_.tokens.for_each([&](std::string_view text, Token) {
      if (reaches_over_words(text, rules_.space)) independent = false;
    });
    return independent;
  }

  bool covers_all_bytes() const {
    return std::all_of(rules_.byte_ids.begin(), rules_.byte_ids.end(), [](Token id) { return id >= 0; });
  }
  bool covered_by_bytes(std::string_view text) const {
    return std::all_of(text.begin(), text.end(),
                       [this](char c) { return rules_.byte_ids[static_cast<std::uint8_t>(c)] >= 0; });
  }

  void encode_normalized(std::string_view text, std::size_t begin, std::size_t end, TextPosition position,
                         std::vector<Token>* ids) const {
    if (begin == end) return;
    const std::string_view part = text.substr(begin, end - begin);
    if (rules_.pretokenizer.empty()) {
      encode_piece(part, ids);
      return;
    }
    auto piece = [&](std::string_view p) { encode_piece(p, ids); };
    rules_.pretokenizer.split(part, begin == 0 ? position : TextPosition::kInside, piece);
  }

  void encode_piece(std::string_view text, std::vector<Token>* ids) const {
    if (!cut_words_) {
      encode_word(text, ids);
      return;
    }
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = word_end(text, at, rules_.space, rules_.space);
      encode_word(text.substr(at, end - at), ids);
      at = end;
    }
  }

  void encode_word(std::string_view word, std::vector<Token>* ids) const {
    if (word.size() > WordCache::kMaxWord) {
      merge_word(word, ids);
    } else {
      encode_cached(cache_, word, ids, [this](std::string_view w, std::vector<Token>* out) { merge_word(w, out); });
    }
  }

  void merge_word(std::string_view word, std::vector<Token>* ids) const {
    if (rules_.whole == BpeRules::Whole::kLookUp) {
      const Token id = rules_.tokens.find(word);
      if (id >= 0) {
        ids->push_back(id);
        return;
      }
    }
    thread_local std::vector<BpeSymbol> symbols;
    thread_local BpeMerger merger;
    symbols.clear();
    split_symbols(word, &symbols);
    if (rules_.merges == BpeRules::Merges::kPairs) {
      merger.run(&symbols, [this](const BpeSymbol& a, const BpeSymbol& b) {
        return a.id < 0 || b.id < 0 ? Merge{} : rules_.pairs.find(a.id, b.id);
      });
    } else {
      merger.run(&symbols, [this, word](const BpeSymbol& a, const BpeSymbol& b) {
        const Token id = rules_.tokens.find(word.substr(a.begin, a.size + b.size));
        return id < 0 ? Merge{} : Merge{rules_.orders[id], id};
      });
    }
    emit(word, symbols, ids);
  }

  void split_symbols(std::string_view word, std::vector<BpeSymbol>* symbols) const {
    for (std::size_t at = 0; at < word.size();) {
      BpeSymbol symbol{static_cast<std::uint32_t>(at), 1, -1};
      if (rules_.symbols == BpeRules::Symbols::kBytes) {
        symbol.id = rules_.byte_ids[static_cast<std::uint8_t>(word[at])];
      } else {
        symbol.size = decode_utf8(word, at).bytes;
        symbol.id = rules_.tokens.find(word.substr(at, symbol.size));
      }
      const bool dropped = symbol.id < 0 && rules_.unk < 0 && rules_.merges == BpeRules::Merges::kPairs &&
                           !covered_by_bytes(word.substr(at, symbol.size));
      at += symbol.size;
      if (!dropped) symbols->push_back(symbol);
    }
  }

  void emit(std::string_view word, const std::vector<BpeSymbol>& symbols, std::vector<Token>* ids) const {
    bool after_unk = false;
    for (const BpeSymbol& symbol : symbols) {
      if (symbol.id >= 0) {
        ids->push_back(symbol.id);
        after_unk = false;
        continue;
      }
      const std::string_view bytes = word.substr(symbol.begin, symbol.size);
      const bool covered = covered_by_bytes(bytes);
      if (covered) {
        for (const char c : bytes) ids->push_back(rules_.byte_ids[static_cast<std::uint8_t>(c)]);
      } else if (rules_.unk >= 0 && !(rules_.fuse_unk && after_unk)) {
        ids->push_back(rules_.unk);
      }
      after_unk = !covered;
    }
  }

  BpeRules rules_;
  bool cut_words_ = false;
  WordCache cache_;
};

}  // namespace

std::unique_ptr<TextModel> make_bpe_model(BpeRules rules) { return std::make_unique<BpeModel>(std::move(rules)); }

}  // namespace pareto
