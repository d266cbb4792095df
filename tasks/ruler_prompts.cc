#include <cmath>

#include "tasks/ruler.h"

namespace pareto::ruler {
namespace {

constexpr double kZetaOf2 = 1.6449340668482264;

}  // namespace

std::string Setting::owner() const { return fmt::format("{} at --length {}", name, length); }

tl::unexpected<Error> Setting::too_short() const {
  return fail(Code::kInvalid, "{}: its smallest prompt and {} tokens of answer do not fit; give a longer --length",
              owner(), reserve);
}

tl::unexpected<Error> Setting::no_tokens() const {
  return fail(Code::kInvalid, "{}: this tokenizer makes no token of English text", owner());
}

void skip_first_word(Streams* streams) {
  if (streams->untouched) streams->random.getrandbits(32);
}

int TokenCounter::operator()(std::string_view text) const {
  ids_.clear();
  tokenizer_->encode(text, /*parse_special=*/false, &ids_);
  return static_cast<int>(ids_.size()) + bos_;
}

std::string_view magic_name(Magic kind) {
  switch (kind) {
    case Magic::kWords:
      return "words";
    case Magic::kNumbers:
      return "numbers";
    case Magic::kUuids:
      return "uuids";
  }
  return "";
}

std::string needle(Magic value_kind, std::string_view key, std::string_view value) {
  return fmt::format("One of the special magic {} for {} is: {}.", magic_name(value_kind), key, value);
}

std::string query_list(const std::vector<std::string>& keys) {
  if (keys.size() == 1) return keys.front();
  std::string list;
  for (std::size_t i = 0; i + 1 < keys.size(); ++i) list += keys[i] + ", ";
  return list + "and " + keys.back();
}

Prompt niah_prompt(const NiahSpec& spec, std::string_view context, std::string_view query) {
  std::string_view name = magic_name(spec.value);
  const bool one = spec.values * spec.queries == 1;
  if (one) name.remove_suffix(1);
  return {
      fmt::format("{} special magic {} {} hidden within the following text. Make sure to memorize it. I will quiz "
                  "you about the {} afterwards.\n{}\nWhat {} the special magic {} for {} mentioned in the provided "
                  "text?",
                  one ? "A" : "Some", name, one ? "is" : "are", name, context, one ? "is" : "are all", name, query),
      fmt::format("The special magic {} for {} mentioned in the provided text {}", name, query, one ? "is" : "are")};
}

Prompt vt_prompt(std::string_view context, std::string_view value, int variables, Profile profile) {
  // lm-eval kept an early typing error of NVIDIA's, and drops the space at the end.
  const bool lm_eval = profile == Profile::kLmEval;
  return {fmt::format("Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n{}\n"
                      "Question: Find all variables that are assigned the value {} in the text above.",
                      context, value),
          fmt::format("Answer: According to the chain(s) of variable assignment in the text above, {} variables are {} "
                      "the value {}, they are: ",
                      variables, lm_eval ? "assgined" : "assigned", value)};
}

Prompt cwe_prompt(std::string_view context) {
  return {fmt::format("Below is a numbered list of words. In these words, some appear more often than others. Memorize "
                      "the ones that appear most often.\n{}\nQuestion: What are the 10 most common words in the above "
                      "list?",
                      context),
          "Answer: The top 10 words that appear most often in the list are:"};
}

Prompt fwe_prompt(std::string_view context) {
  return {fmt::format("Read the following coded text and track the frequency of each coded word. Find the three most "
                      "frequently appeared coded words. {}\nQuestion: Do not provide any explanation. Please ignore "
                      "the dots '....'. What are the three most frequently appeared words in the above coded text?",
                      context),
          "Answer: According to the coded text above, the three most frequently appeared words are:"};
}

Prompt qa_prompt(std::string_view context, std::string_view question) {
  constexpr std::string_view kTask =
      "Answer the question based on the given documents. Only give me the answer and do not output any other words.";
  return {fmt::format("{}\n\nThe following are given documents.\n\n{}\n\n{}\n\nQuestion: {}", kTask, context, kTask,
                      question),
          "Answer:"};
}

std::string numbered(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += ' ';
    fmt::format_to(std::back_inserter(text), "{}. {}", i + 1, words[i]);
  }
  return text;
}

std::vector<int> zeta_counts(int words, int ranks) {
  std::vector<int> counts;
  counts.reserve(static_cast<std::size_t>(ranks));
  for (int rank = 1; rank <= ranks; ++rank)
    counts.push_back(static_cast<int>(words * std::pow(static_cast<double>(rank), -2.0) / kZetaOf2));
  return counts;
}

}  // namespace pareto::ruler
