// Needles in a haystack, as upstream draws them.
//
//   key and values of every needle ──> needles shuffled by Random(42) ──> [distractors] ──> places ──> which keys are
//   asked
//
// Haystack: noise × n or n distractors, joined by line feeds; or the essays' first n words, needles between sentences.
// NVIDIA/RULER c3f5e3b, scripts/data/synthetic/niah.py; lm_eval 0.4.13, tasks/ruler/prepare_niah.py.
#include <algorithm>
#include <cmath>

#include "tasks/ruler_files.h"
#include "tasks/ruler_fit.h"

namespace pareto::ruler {
namespace {

constexpr int kEssayStep = 500, kUnitStep = 25, kShortUnitStep = 5;
constexpr int kShort = 4096;  // below: the small step

// np.round(np.linspace(0, 100, 40))
const std::vector<int>& depths() {
  static const std::vector<int> kDepths = [] {
    std::vector<int> all(40);
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = static_cast<int>(std::nearbyint(static_cast<double>(i) * (100.0 / 39)));
    return all;
  }();
  return kDepths;
}

class UpstreamNiah final : public Source {
 public:
  UpstreamNiah(Setting setting, const NiahSpec& spec, Streams* streams)
      : setting_(std::move(setting)),
        spec_(spec),
        streams_(streams),
        count_(setting_.tokenizer, setting_.profile == Profile::kLmEval) {
    spec_.keys = std::max(spec_.keys, spec_.queries);
    step_ = spec_.haystack == Haystack::kEssay ? kEssayStep : setting_.length < kShort ? kShortUnitStep : kUnitStep;
  }

  Status open() override {
    PARETO_TRY(const WordLists lists, WordLists::read(setting_.folder));
    words_ = NeedleWords(lists);
    if (spec_.haystack == Haystack::kEssay) {
      PARETO_TRY(essays_, Essays::read(setting_.folder));
    }
    return setting_.profile == Profile::kNvidia ? fit_nvidia() : fit_lm_eval();
  }

  Result<std::optional<Example>> example(int) override {
    return setting_.profile == Profile::kNvidia ? nvidia_example() : lm_eval_example();
  }

 private:
  Status fit_nvidia() {
    PARETO_TRY(const std::optional<Attempt> first, make(step_));
    if (!first) return setting_.too_short();
    const int upper = std::max(three_times(setting_.length, first->tokens, step_), step_ * 2);
    PARETO_TRY(const std::optional<int> best,
               halve(setting_, step_, upper, setting_.reserve, [&](int size) { return make(size); }));
    size_ = best.value_or(step_);
    return {};
  }

  // Upward, a step at a time. The answers stand where the model's answer would, and the prefix is not counted.
  Status fit_lm_eval() {
    size_ = step_;
    for (int tokens = 0; tokens + setting_.reserve < setting_.length;) {
      PARETO_TRY(const std::optional<Attempt> attempt, make(size_));
      if (!attempt) return setting_.too_short();
      tokens = count_(attempt->prompt.input + python::join(" ", attempt->answers));
      if (tokens + setting_.reserve > setting_.length) {
        size_ -= step_;
        break;
      }
      if (spec_.haystack == Haystack::kEssay && size_ > essays_.words()) {
        size_ = essays_.words();
        break;
      }
      size_ += step_;
    }
    return {};
  }

  Result<std::optional<Example>> nvidia_example() {
    PARETO_TRY(Attempt attempt, shrink(setting_, size_, step_, setting_.reserve, [&](int size) { return make(size); }));
    return finish(std::move(attempt), " ");
  }

  Result<std::optional<Example>> lm_eval_example() {
    for (int size = std::max(1, size_);;) {
      PARETO_TRY(std::optional<Attempt> attempt, make(size));
      if (attempt && attempt->tokens + setting_.reserve <= setting_.length) return finish(*std::move(attempt), " ");
      if (size <= 1) return std::nullopt;
      size = std::max(1, size - step_);
    }
  }

  Example finish(Attempt attempt, std::string delimiter) const {
    Example example;
    example.input = std::move(attempt.prompt.input);
    example.delimiter = std::move(delimiter);
    example.prefix = std::move(attempt.prompt.prefix);
    example.answers = std::move(attempt.answers);
    example.length = attempt.tokens + setting_.reserve;
    return example;
  }

  std::string draw(Magic kind) {
    python::Random& random = streams_->random;
    switch (kind) {
      case Magic::kWords:
        return words_.draw(&random);
      case Magic::kNumbers:
        return fmt::format("{}", random.randint(1000000, 9999999));
      case Magic::kUuids:
        return random.uuid4();
    }
    return "";
  }

  Result<std::optional<Attempt>> make(int size) {
    std::vector<std::string> keys, needles;
    std::vector<std::vector<std::string>> values;
    for (int k = 0; k < spec_.keys; ++k) {
      keys.push_back(draw(spec_.key));
      values.emplace_back();
      for (int v = 0; v < spec_.values; ++v) {
        values.back().push_back(draw(spec_.value));
        needles.push_back(needle(spec_.value, keys.back(), values.back().back()));
      }
    }
    python::Random(setting_.shuffle_seed()).shuffle(&needles);
    const std::optional<std::string> context =
        spec_.haystack == Haystack::kEssay ? among_essays(size, needles) : among_lines(size, needles);
    if (!context) return std::nullopt;
    Attempt attempt;
    std::vector<std::string> asked;
    for (const std::int64_t i : streams_->random.sample(spec_.keys, spec_.queries)) {
      asked.push_back(keys[static_cast<std::size_t>(i)]);
      for (std::string& value : values[static_cast<std::size_t>(i)]) attempt.answers.push_back(std::move(value));
    }
    attempt.prompt = niah_prompt(spec_, *context, query_list(asked));
    attempt.tokens = setting_.profile == Profile::kNvidia ? count_(attempt.prompt.input + " " + attempt.prompt.prefix)
                                                          : count_(attempt.prompt.input);
    return attempt;
  }

  std::string among_essays(int size, const std::vector<std::string>& needles) {
    const auto& sentences = essays_.sentences(size, setting_.profile == Profile::kNvidia);
    const auto n = static_cast<double>(sentences.size());
    std::vector<std::size_t> places;
    for (const std::int64_t i : streams_->random.sample(std::ssize(depths()), std::ssize(needles))) {
      // The division comes first, as in Python: 29 / 100 is not exact.
      places.push_back(static_cast<std::size_t>(n * (depths()[static_cast<std::size_t>(i)] / 100.0)));
    }
    std::sort(places.begin(), places.end());
    places.push_back(sentences.size());
    std::string context;
    std::size_t at = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (i > 0) context += ' ';
      for (const std::size_t begin = at; at < places[i]; ++at) {
        if (at > begin) context += ' ';
        context += sentences[at];
      }
      if (i < needles.size()) context += ' ' + needles[i];
    }
    return context;
  }

  // Nothing where random.sample() raises: fewer places than needles.
  std::optional<std::string> among_lines(int size, const std::vector<std::string>& needles) {
    std::vector<std::string> lines;
    for (int i = 0; i < size; ++i) {
      if (spec_.haystack == Haystack::kNoise) {
        lines.emplace_back(kNoise);
      } else {
        const std::string key = draw(spec_.key);
        lines.push_back(needle(spec_.value, key, draw(spec_.value)));
      }
    }
    if (size < static_cast<int>(needles.size())) return std::nullopt;
    std::vector<std::int64_t> places = streams_->random.sample(size, std::ssize(needles));
    std::sort(places.rbegin(), places.rend());
    for (std::size_t i = 0; i < needles.size(); ++i) lines.insert(lines.begin() + places[i], needles[i]);
    return python::join("\n", lines);
  }

  Setting setting_;
  NiahSpec spec_;
  Streams* streams_;
  TokenCounter count_;
  NeedleWords words_;
  Essays essays_;
  int step_ = 0, size_ = 0;
};

}  // namespace

std::unique_ptr<Source> upstream_niah(const Setting& setting, const NiahSpec& spec, Streams* streams) {
  return std::make_unique<UpstreamNiah>(setting, spec, streams);
}

}  // namespace pareto::ruler
