// Needles in a haystack, profile pareto.
//
//   keys, values ──> needles and what is asked ──> as many lines or sentences as fit ──> needles at uniformly drawn
//   places
//
// All keys and all values of an example differ, distractors' too.
#include <set>

#include "tasks/ruler_own.h"
#include "tasks/ruler_own_fill.h"
#include "tasks/ruler_prose.h"

namespace pareto::ruler {
namespace {

constexpr std::string_view kBefore = "It was late.";  // ends as sentences and lines do
constexpr int kMostUnits = 1 << 26;

std::string own_uuid(Draws* draws) {
  std::uint32_t w[4];
  for (std::uint32_t& word : w) word = draws->word();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:04x}{:08x}", w[0], w[1] >> 16, w[1] & 0xFFF, 8 + (w[2] >> 30),
                     (w[2] >> 16) & 0xFFF, w[2] & 0xFFFF, w[3]);
}

std::string own_magic(Magic kind, Draws* draws) {
  switch (kind) {
    case Magic::kWords:
      return draws->thing('-');
    case Magic::kNumbers:
      return fmt::format("{}", 1000000 + draws->below(9000000));
    case Magic::kUuids:
      return own_uuid(draws);
  }
  return "";
}

// What one example draws besides its distractors. Places are shares of the haystack: they do not depend on its size.
struct Needles {
  std::vector<std::string> texts, asked, answers;
  std::vector<double> places;  // parallel to texts, ascending
};

class OwnNiah final : public Source {
 public:
  // `depths`: of 0, the needles stand at uniformly drawn places; else example i has them at depth i % depths, of depths
  // that go from the front to the end in equal steps.
  OwnNiah(Setting setting, const NiahSpec& spec, int depths)
      : setting_(std::move(setting)), spec_(spec), depths_(depths), count_(setting_.tokenizer, true) {}

  bool sequential() const override { return false; }

  Status open() override {
    noise_tokens_ = added_tokens(count_, std::string(kNoise), "\n" + std::string(kNoise));
    if (noise_tokens_ < 1) return setting_.no_tokens();
    return {};
  }

  Result<std::optional<Example>> example(int index) override {
    Draws draws(setting_, index, "needles");
    seen_.clear();
    Needles needles = draw_needles(&draws);
    if (depths_ > 1) needles.places.assign(needles.texts.size(), static_cast<double>(index % depths_) / (depths_ - 1));
    switch (spec_.haystack) {
      case Haystack::kNoise:
        return filled(
            needles, [&](int n) { return std::int64_t{n} * noise_tokens_; }, [](int) { return kNoise; }, "\n");
      case Haystack::kEssay: {
        const int start = draws.below(kProseSentences);
        const auto sentence = [&](int i) -> const Sentence& { return prose((start + i) % kProseSentences); };
        return filled(
            needles, RunningSums([&](int i) { return sentence(i).tokens; }),
            [&](int i) -> std::string_view { return sentence(i).text; }, " ");
      }
      case Haystack::kNeedles: {
        Draws others(setting_, index, "distractors");
        std::vector<std::string> lines;
        const auto line = [&](int i) -> const std::string& {
          while (std::ssize(lines) <= i) lines.push_back(draw_needle(&others));
          return lines[static_cast<std::size_t>(i)];
        };
        return filled(
            needles, RunningSums([&](int i) { return added_tokens(count_, kBefore, "\n" + line(i)); }),
            [&](int i) -> std::string_view { return line(i); }, "\n", most_needles());
      }
    }
    return std::nullopt;
  }

 private:
  struct Sentence {
    std::string text;
    int tokens = 0;
  };

  // Counted when first needed.
  const Sentence& prose(int i) {
    if (prose_.empty()) prose_.resize(kProseSentences);
    Sentence& sentence = prose_[static_cast<std::size_t>(i)];
    if (sentence.text.empty()) {
      sentence.text = prose_sentence(i);
      sentence.tokens = added_tokens(count_, kBefore, " " + sentence.text);
    }
    return sentence;
  }

  std::string draw_new(Magic kind, Draws* draws) {
    std::string drawn = own_magic(kind, draws);
    while (!seen_.insert(drawn).second) drawn = own_magic(kind, draws);
    return drawn;
  }

  std::string draw_needle(Draws* draws) {
    const std::string key = draw_new(spec_.key, draws);
    return needle(spec_.value, key, draw_new(spec_.value, draws));
  }

  Needles draw_needles(Draws* draws) {
    Needles needles;
    std::vector<std::string> keys;
    std::vector<std::vector<std::string>> values;
    for (int k = 0; k < spec_.keys; ++k) {
      keys.push_back(draw_new(spec_.key, draws));
      values.emplace_back();
      for (int v = 0; v < spec_.values; ++v) {
        values.back().push_back(draw_new(spec_.value, draws));
        needles.texts.push_back(needle(spec_.value, keys.back(), values.back().back()));
      }
    }
    draws->shuffle(&needles.texts);
    for (std::size_t i = 0; i < needles.texts.size(); ++i) needles.places.push_back(draws->unit());
    std::sort(needles.places.begin(), needles.places.end());
    std::vector<std::size_t> order;
    for (std::size_t k = 0; k < keys.size(); ++k) order.push_back(k);
    draws->shuffle(&order);
    for (int q = 0; q < spec_.queries; ++q) {
      const std::size_t k = order[static_cast<std::size_t>(q)];
      needles.asked.push_back(keys[k]);
      needles.answers.insert(needles.answers.end(), values[k].begin(), values[k].end());
    }
    return needles;
  }

  // unit(i): line or sentence i of the haystack.
  template <class Predict, class Unit>
  Result<std::optional<Example>> filled(const Needles& needles, Predict predict, Unit unit, std::string_view separator,
                                        int most = kMostUnits) {
    bool all = false;  // of the units were tried
    const auto compose = [&](int n) {
      all = all || n == most;
      Example example;
      std::string context;
      const auto append = [&](std::string_view text) {
        if (!context.empty()) context += separator;
        context += text;
      };
      std::size_t next = 0;
      for (int i = 0; i <= n; ++i) {
        for (; next < needles.texts.size() && std::min(n, static_cast<int>(needles.places[next] * (n + 1))) <= i;
             ++next) {
          append(needles.texts[next]);
          example.depths.push_back(n == 0 ? 0 : static_cast<double>(i) / n);
        }
        if (i < n) append(unit(i));
      }
      Prompt prompt = niah_prompt(spec_, context, query_list(needles.asked));
      example.input = std::move(prompt.input);
      example.delimiter = " ";
      example.prefix = std::move(prompt.prefix);
      example.answers = needles.answers;
      return example;
    };
    PARETO_TRY(Example example, fill(setting_, count_, 1, most, std::move(predict), compose));
    constexpr int kSlack = 1000;  // tokens: more than a unit
    if (all && setting_.length - example.length > kSlack)
      return fail(Code::kInvalid, "{}: there are not enough different keys for --length {}; the most is about {}",
                  setting_.owner(), setting_.length, example.length);
    return std::optional<Example>(std::move(example));
  }

  // Half of the keys that there are: drawing new ones among them stays quick.
  int most_needles() const {
    return spec_.key == Magic::kWords     ? static_cast<int>(own_adjectives().size() * own_nouns().size() / 2)
           : spec_.key == Magic::kNumbers ? 2'000'000
                                          : kMostUnits;
  }

  Setting setting_;
  NiahSpec spec_;
  int depths_;
  TokenCounter count_;
  int noise_tokens_ = 0;
  std::vector<Sentence> prose_;
  std::set<std::string> seen_;  // keys and values of the example at hand
};

}  // namespace

std::unique_ptr<Source> own_niah(const Setting& setting, const NiahSpec& spec) {
  return std::make_unique<OwnNiah>(setting, spec, 0);
}

std::unique_ptr<Source> own_niah_grid(const Setting& setting, const NiahSpec& spec, int depths) {
  return std::make_unique<OwnNiah>(setting, spec, depths);
}

}  // namespace pareto::ruler
