#include "tasks/ruler_prose.h"

#include "tasks/ruler_own_fill.h"

namespace pareto::ruler {
namespace {

// "a lamp", "an apple"
std::string with_article(std::string_view words) {
  const bool vowel = std::string_view("aeiou").find(words.front()) != std::string_view::npos;
  return fmt::format("{} {}", vowel ? "an" : "a", words);
}

}  // namespace

std::string prose_sentence(int i) {
  Setting fixed;
  fixed.task = "prose";
  Draws draws(fixed, i, "sentence");
  const std::string_view name = draws.pick(own_names()), verb = draws.pick(own_verbs());
  const std::string_view place = draws.pick(own_places());
  const int kind = draws.below(6);
  const std::string thing = draws.thing();
  const std::string_view other_noun = draws.pick(own_nouns()), other_name = draws.pick(own_names());
  switch (kind) {
    case 0:
      return fmt::format("{} {} the {} {}.", name, verb, thing, place);
    case 1:
      return fmt::format("{} {} {} {}, and nobody knew why.", name, verb, with_article(thing), place);
    case 2:
      return fmt::format("{} {} {} and {} {} the {}.", name, verb, with_article(thing), other_name,
                         draws.pick(own_verbs()), other_noun);
    case 3:
      return fmt::format("It was {} who {} the {} {}, not {}.", name, verb, other_noun, place, other_name);
    case 4:
      return fmt::format("Everyone said that {} {} the {} and the {} {}.", name, verb, other_noun, thing, place);
    default:
      return fmt::format("{} had {} and {}, so {} {} both {}.", name, with_article(other_noun), with_article(thing),
                         other_name, verb, place);
  }
}

}  // namespace pareto::ruler
