// The words of our own long-context tasks: common English nouns, adjectives, verbs and first names, chosen for this
// program. Lower case ASCII (names are capitalised), each once, no word both noun and adjective, none that a needle is
// made of ("special", "magic"). Every example follows from these lists: a change raises kWordsVersion.
#pragma once

#include <span>
#include <string_view>

namespace pareto::ruler {

inline constexpr int kWordsVersion = 1;

std::span<const std::string_view> own_nouns();
std::span<const std::string_view> own_adjectives();
std::span<const std::string_view> own_verbs();   // past tense, with a thing as object: "carried"
std::span<const std::string_view> own_places();  // after a verb: "behind the barn"
std::span<const std::string_view> own_names();   // first names

}  // namespace pareto::ruler
