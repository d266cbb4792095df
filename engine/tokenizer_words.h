// Encodes a text word by word through a cache. A word is a maximal run "spaces, then no spaces": text is cut before
// every space that follows something else. Exact for models in which nothing reaches over such a cut.
#pragma once

#include <string_view>
#include <vector>

#include "core/types.h"
#include "engine/bpe_cache.h"

namespace pareto {

// Appends the ids of `word`, remembered or computed by `encode(word, ids)`, which appends too.
template <class Encode>
void encode_cached(const WordCache& cache, std::string_view word, std::vector<Token>* ids, const Encode& encode) {
  const std::uint64_t hash = WordCache::hash(word);
  if (cache.append(word, hash, ids)) return;
  const std::size_t before = ids->size();
  encode(word, ids);
  cache.insert(word, hash, std::span<const Token>(*ids).subspan(before));
}

// How spaces are written in the text that is cut.
inline constexpr std::string_view kPlainSpace = " ";

// The end of the word that starts at `at`: the next `space` that follows something that is neither `space` nor `mark`
// (another spelling of it; may equal it). REQUIRES: at < text.size().
inline std::size_t word_end(std::string_view text, std::size_t at, std::string_view space, std::string_view mark) {
  for (std::size_t from = at + 1;;) {
    const std::size_t found = text.find(space, from);
    if (found == std::string_view::npos) return text.size();
    const std::string_view before = text.substr(at, found - at);
    if (!before.empty() && !before.ends_with(space) && !before.ends_with(mark)) return found;
    from = found + space.size();
  }
}

// Whether `piece` holds something other than a space that a space follows: then words may not be cut apart.
inline bool reaches_over_words(std::string_view piece, std::string_view space) {
  return !piece.empty() && word_end(piece, 0, space, space) < piece.size();
}

}  // namespace pareto
