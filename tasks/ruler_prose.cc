#include "tasks/ruler_prose.h"

#include "tasks/ruler_own_fill.h"

namespace pareto::ruler {
namespace {

// "a lamp", "an apple"
std::string with_article(std::string_view words) {
  const bool vowel = std::string_view("aeiou").find(words.front()) != std::string_view::npos;
  return fmt::format("{} {}", vowel ? "an" : "a", words);
}

std::string thing(Draws* draws) {
  return fmt::format("{} {}", draws->pick(own_adjectives()), draws->pick(own_nouns()));
}

}  // namespace

std::string prose_sentence(int i) {
  Setting fixed;
  fixed.task = "prose";
  Draws draws(fixed, i, "sentence");
  const std::string_view name = draws.pick(own_names()), verb = draws.pick(own_verbs());
  const std::string_view place = draws.pick(own_places());
  switch (draws.below(6)) {
    case 0:
      return fmt::format("{} {} the {} {}.", name, verb, thing(&draws), place);
    case 1:
      return fmt::format("{} {} {} {}, and nobody knew why.", name, verb, with_article(thing(&draws)), place);
    case 2:
      return fmt::format("{} {} {} and {} {} the {}.", name, verb, with_article(thing(&draws)), draws.pick(own_names()),
                         draws.pick(own_verbs()), draws.pick(own_nouns()));
    case 3:
      return fmt::format("It was {} who {} the {} {}, not {}.", name, verb, draws.pick(own_nouns()), place,
                         draws.pick(own_names()));
    case 4:
      return fmt::format("Everyone said that {} {} the {} and the {} {}.", name, verb, draws.pick(own_nouns()),
                         thing(&draws), place);
    default:
      return fmt::format("{} had {} and {}, so {} {} both {}.", name, with_article(draws.pick(own_nouns())),
                         with_article(thing(&draws)), draws.pick(own_names()), verb, place);
  }
}

}  // namespace pareto::ruler
