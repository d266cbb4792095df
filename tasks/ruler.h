// RULER (Hsieh et al. 2024, arXiv 2404.06654): long-context tasks that are generated to a length. What its tasks,
// profiles and generators share.
//
//   Setting (profile, length, tokenizer, seed) ──> Source ──> Example 0, 1, … ──> task (ruler_task.h) ──> requests,
//   marks
//
// An example's prompt is input + delimiter + prefix: the prefix begins the answer.
//
// Profiles: kPareto is ours (ruler_own.h): no download, examples are a pure function of (seed, task, length, number).
// kNvidia gives NVIDIA/RULER c3f5e3b's examples and kLmEval lm_eval 0.4.13's, draw for draw (docs/long-context.md).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/tokenizer.h"
#include "core/types.h"
#include "tasks/python.h"

namespace pareto::ruler {

enum class Profile : std::uint8_t { kPareto, kNvidia, kLmEval };

// Examples of a task: upstream's number, of which --limit takes the first.
inline constexpr int kExamples = 500;

struct Example {
  std::string input, delimiter, prefix;
  std::vector<std::string> answers;
  std::string shown_example;   // lm-eval's cwe counts one but does not show it (its column input_example)
  std::vector<double> depths;  // of the needles, 0 (front) to 1; profile pareto
  int length = 0;              // tokens that the generator counted, the answer's reserve included

  std::string prompt() const { return input + delimiter + prefix; }
};

struct Setting {
  std::string task;  // "niah_single_1": names streams
  std::string name;  // "ruler_niah_single_1": names messages
  Profile profile = Profile::kPareto;
  int length = 0;   // tokens of prompt and answer together
  int reserve = 0;  // of these, the answer's
  const Tokenizer* tokenizer = nullptr;
  std::string folder;          // DATA_DIR/ruler
  std::uint64_t seed = 0;      // profile nvidia: of its shuffles too
  std::string split = "eval";  // profile pareto: enters the key of every stream

  // Of the shuffles that upstream seeds afresh: NVIDIA's --random_seed; a constant in lm-eval.
  std::int64_t shuffle_seed() const { return profile == Profile::kNvidia ? static_cast<std::int64_t>(seed) : 42; }
  // "ruler_niah_single_1 at --length 128": how messages begin.
  std::string owner() const;
  // kInvalid: the smallest text of the task does not leave room for its answer.
  tl::unexpected<Error> too_short() const;
  // kInvalid: the tokenizer makes no token of English text, so no number of them fills a length.
  tl::unexpected<Error> no_tokens() const;
};

// Makes a task's examples. Errors: a missing file (kNotFound, naming it), a length that the template does not fit.
class Source {
 public:
  virtual ~Source() = default;
  // Reads what it needs and finds the size that fits. Called once, first.
  virtual Status open() = 0;
  // Example `index`. Where sequential(), it must be asked for 0, 1, 2, … in turn. Nothing: this one is left out.
  virtual Result<std::optional<Example>> example(int index) = 0;
  virtual bool sequential() const { return true; }
};

// How long a text is: the tokenizer's ids, with the BOS that it puts in front of a text where `with_bos`.
class TokenCounter {
 public:
  TokenCounter(const Tokenizer* tokenizer, bool with_bos)
      : tokenizer_(tokenizer), bos_(with_bos && tokenizer->info().add_bos ? 1 : 0) {}
  int operator()(std::string_view text) const;

 private:
  const Tokenizer* tokenizer_;
  int bos_;
  mutable std::vector<Token> ids_;  // kept for its memory
};

// The random streams of Python that upstream draws from. NVIDIA's scripts seed them anew for each task; lm-eval's tasks
// share those of their process, so the tasks of one run hand them on.
struct Streams {
  python::Random random;
  python::NumpyRandom numpy;
  std::optional<python::Random> list_shuffles;  // lm-eval's cwe: seeded once, on import
  std::vector<std::string> shuffled_words;      // what that import made of the word lists
  bool untouched = true;                        // no task has drawn yet
};

// lm-eval's cwe and fwe find one word of the stream gone when they are the first to draw from it (seen in its outputs;
// why is not known). REQUIRES: called before the first draw.
void skip_first_word(Streams* streams);

// --- The kinds of task ------------------------------------------------------------------------------------------

enum class Haystack : std::uint8_t { kNoise, kEssay, kNeedles };
enum class Magic : std::uint8_t { kWords, kNumbers, kUuids };
struct NiahSpec {
  Haystack haystack = Haystack::kNoise;
  Magic key = Magic::kWords, value = Magic::kNumbers;
  int keys = 1, values = 1, queries = 1;  // needles: keys × values; queries <= keys
};
enum class QaSet : std::uint8_t { kSquad, kHotpot };

// Upstream's generators (profiles nvidia and lm-eval). `streams` outlives the source.
std::unique_ptr<Source> upstream_niah(const Setting& setting, const NiahSpec& spec, Streams* streams);
std::unique_ptr<Source> upstream_vt(const Setting& setting, Streams* streams);
std::unique_ptr<Source> upstream_cwe(const Setting& setting, Streams* streams);
std::unique_ptr<Source> upstream_fwe(const Setting& setting, Streams* streams);
std::unique_ptr<Source> upstream_qa(const Setting& setting, QaSet set, Streams* streams);

// --- Words of the prompts ---------------------------------------------------------------------------------------

inline constexpr std::string_view kNoise =
    "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

// "One of the special magic numbers for KEY is: VALUE."
std::string needle(Magic value_kind, std::string_view key, std::string_view value);
// "a", "a, and b", "a, b, and c"
std::string query_list(const std::vector<std::string>& keys);
// "numbers", "words", "uuids"
std::string_view magic_name(Magic kind);

// Input and prefix of a needle question; `one` (a single answer) puts it in the singular. The prefix has no delimiter.
struct Prompt {
  std::string input, prefix;
};
Prompt niah_prompt(const NiahSpec& spec, std::string_view context, std::string_view query);
Prompt vt_prompt(std::string_view context, std::string_view value, int variables, Profile profile);
Prompt cwe_prompt(std::string_view context);
Prompt fwe_prompt(std::string_view context);
Prompt qa_prompt(std::string_view context, std::string_view question);

// "1. a 2. b 3. c"
std::string numbered(const std::vector<std::string>& words);

// How often the word of rank 1, 2, … `ranks` stands in a coded text of about `words` words: ⌊words · rank⁻² / ζ(2)⌋.
std::vector<int> zeta_counts(int words, int ranks);

}  // namespace pareto::ruler
