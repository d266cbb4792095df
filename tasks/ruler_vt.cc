// Variable tracking, as upstream draws it: one chain of five names with one value, hidden in noise, after a worked
// example with three-letter names.
//
//   VAR ESJBM = 97498 ⏎ noise ⏎ VAR FXJVW = VAR ESJBM ⏎ noise …
//
// NVIDIA/RULER c3f5e3b, variable_tracking.py: the example's names and value are drawn anew for every attempt.
// lm_eval 0.4.13, tasks/ruler/vt_utils.py: an older version of it; the example keeps its value, noise and statements
// are joined by spaces.
#include <algorithm>

#include "tasks/ruler_fit.h"

namespace pareto::ruler {
namespace {

constexpr int kHops = 4, kNames = kHops + 1;
constexpr int kLength = 5, kExampleLength = 3;  // letters of a name
constexpr int kExampleTokens = 500;
constexpr std::string_view kExampleValue = "12345";

class UpstreamVt final : public Source {
 public:
  UpstreamVt(Setting setting, Streams* streams)
      : setting_(std::move(setting)),
        nvidia_(setting_.profile == Profile::kNvidia),
        streams_(streams),
        count_(setting_.tokenizer, !nvidia_) {}

  Status open() override { return nvidia_ ? open_nvidia() : open_lm_eval(); }

  Result<std::optional<Example>> example(int) override { return nvidia_ ? nvidia_example() : lm_eval_example(); }

 private:
  struct Chain {
    std::vector<std::string> names, statements;
    std::string value;
  };

  std::string letters(int n) {
    std::string name;
    for (const std::int64_t i : streams_->random.choices(26, n)) name += static_cast<char>('A' + i);
    return name;
  }
  std::string number() { return fmt::format("{}", streams_->numpy.randint(10000, 99999)); }

  // Nothing where two names are equal: upstream then draws more names than fit its chain, and trips over them.
  std::optional<Chain> draw_chain(bool example) {
    const int length = example ? kExampleLength : kLength;
    Chain chain;
    for (int i = 0; i < kNames; ++i) chain.names.push_back(letters(length));
    const auto distinct = [&] {
      std::vector<std::string> names = chain.names;
      std::sort(names.begin(), names.end());
      return std::unique(names.begin(), names.end()) - names.begin();
    };
    while (distinct() < kNames) chain.names.push_back(letters(length));
    chain.value = example && nvidia_ ? std::string(kExampleValue) : number();
    if (chain.names.size() > kNames) {
      if (!example || !nvidia_) number();
      return std::nullopt;
    }
    chain.statements.push_back(fmt::format("VAR {} = {}", chain.names[0], chain.value));
    for (int i = 0; i < kHops; ++i) {
      const auto at = static_cast<std::size_t>(i);
      chain.statements.push_back(fmt::format("VAR {} = VAR {} ", chain.names[at + 1], chain.names[at]));
    }
    return chain;
  }

  // `prefix` of the attempt has its own leading space: upstream measures and cuts there.
  Result<std::optional<Attempt>> make(int noises, bool example) {
    std::optional<Chain> chain = draw_chain(example);
    if (!chain || noises == 0) return std::nullopt;  // of no sentence upstream can draw no place
    std::vector<std::string> lines(static_cast<std::size_t>(noises), std::string(kNoise) + (nvidia_ ? "" : "\n"));
    if (!nvidia_ && lines.size() <= chain->statements.size()) split_noise(&lines, &*chain);
    if (lines.size() < chain->statements.size()) return std::nullopt;
    std::vector<std::int64_t> places = streams_->random.sample(std::ssize(lines), std::ssize(chain->statements));
    std::sort(places.begin(), places.end());
    for (std::size_t i = 0; i < chain->statements.size(); ++i)
      lines.insert(lines.begin() + places[i] + static_cast<std::ptrdiff_t>(i), chain->statements[i]);
    const std::string context = python::replace(python::join(nvidia_ ? "\n" : " ", lines), ". \n", ".\n");
    Attempt attempt;
    attempt.prompt = vt_prompt(context, chain->value, kNames, setting_.profile);
    attempt.prompt.prefix.insert(0, 1, ' ');
    attempt.answers = std::move(chain->names);
    attempt.tokens = count_(attempt.prompt.input + attempt.prompt.prefix);
    return attempt;
  }

  // lm-eval's way with too few noises: sentences in place of groups, and a chain cut down to fewer than these.
  static void split_noise(std::vector<std::string>* lines, Chain* chain) {
    std::vector<std::string> sentences;
    for (const std::string& line : *lines)
      for (const std::string_view part : python::split(line, "."))
        sentences.push_back(std::string(part) + (python::strip(part).empty() ? "" : "."));
    if (sentences.size() <= chain->statements.size()) chain->statements.resize(sentences.size() - 1);
    *lines = std::move(sentences);
  }

  static std::string whole(const Attempt& attempt) { return attempt.prompt.input + attempt.prompt.prefix; }

  // --- NVIDIA ---------------------------------------------------------------------------------------------------

  Result<int> fit_nvidia(const Setting& setting, int step, int extra, bool example) {
    PARETO_TRY(const std::optional<Attempt> first, make(step, example));
    if (!first) return fail(Code::kInvalid, "{}: upstream stops here with this seed; try another", setting_.owner());
    const int upper = std::max(three_times(setting.length, first->tokens, step), step * 2);
    PARETO_TRY(const std::optional<int> best,
               halve(setting, step, upper, extra, [&](int size) { return make(size, example); }));
    return best.value_or(step);
  }

  Status open_nvidia() {
    Setting small = setting_;
    small.length = kExampleTokens;
    constexpr int kExampleStep = 5;
    PARETO_TRY(const int noises, fit_nvidia(small, kExampleStep, 0, true));
    PARETO_TRY(const Attempt shown, shrink(small, noises, kExampleStep, 0, [&](int size) { return make(size, true); }));
    shown_ = whole(shown) + " " + python::join(" ", shown.answers) + "\n";
    step_ = setting_.length < 4096 ? 5 : 10;
    PARETO_TRY(size_, fit_nvidia(setting_, step_, count_(shown_) + setting_.reserve, false));
    return {};
  }

  std::string shown_anew() {
    std::string text = shown_;
    std::vector<std::string> names;
    for (const std::string_view name : python::split_space(shown_)) names.emplace_back(name);
    for (auto name = names.end() - kNames; name != names.end(); ++name)
      text = python::replace(text, *name, letters(static_cast<int>(name->size())));
    return python::replace(text, kExampleValue, number());
  }

  Result<std::optional<Example>> nvidia_example() {
    const auto with_example = [&](int size) -> Result<std::optional<Attempt>> {
      PARETO_TRY(std::optional<Attempt> attempt, make(size, false));
      if (!attempt) return std::nullopt;
      attempt->prompt.input.insert(0, shown_anew() + "\n");
      attempt->tokens = count_(whole(*attempt));
      return attempt;
    };
    PARETO_TRY(Attempt attempt, shrink(setting_, size_, step_, setting_.reserve, with_example));
    Example example;
    example.input = std::move(attempt.prompt.input);
    example.delimiter = " ";
    example.prefix = attempt.prompt.prefix.substr(1);
    example.answers = std::move(attempt.answers);
    example.length = attempt.tokens + setting_.reserve;
    return example;
  }

  // --- lm-eval --------------------------------------------------------------------------------------------------

  Result<int> fit_lm_eval(int length, int step, int extra, bool example) {
    int noises = step;
    for (int tokens = 0; tokens + setting_.reserve + extra < length;) {
      PARETO_TRY(const std::optional<Attempt> attempt, make(noises, example));
      if (!attempt)
        return fail(Code::kInvalid, "{}: upstream stops here with this seed; try another", setting_.owner());
      tokens =
          count_(whole(*attempt) + " " + python::str(Value::list({attempt->answers.begin(), attempt->answers.end()})));
      if (tokens + setting_.reserve + extra > length) return noises - step;
      noises += step;
    }
    return noises;
  }

  // The first attempt that fits, a step smaller each time. Where none does upstream takes the last; here that is an
  // error.
  Result<Attempt> attempt_lm_eval(int length, int noises, int step, int extra, bool example) {
    for (;;) {
      PARETO_TRY(std::optional<Attempt> attempt, make(noises, example));
      if (attempt && attempt->tokens + setting_.reserve + extra <= length) return *std::move(attempt);
      if (noises <= step) return setting_.too_short();
      noises -= step;
    }
  }

  Status open_lm_eval() {
    constexpr int kExampleStep = 5;
    PARETO_TRY(const int noises, fit_lm_eval(kExampleTokens, kExampleStep, 0, true));
    PARETO_TRY(const Attempt shown, attempt_lm_eval(kExampleTokens, noises, kExampleStep, 0, true));
    shown_names_ = shown.answers;
    shown_ = whole(shown) + " " + python::join(" ", shown.answers) + "\n\n";
    step_ = 10;
    extra_ = count_(shown_);
    PARETO_TRY(size_, fit_lm_eval(setting_.length, step_, extra_, false));
    return {};
  }

  Result<std::optional<Example>> lm_eval_example() {
    PARETO_TRY(Attempt attempt, attempt_lm_eval(setting_.length, size_, step_, extra_, false));
    std::string shown = shown_;
    for (const std::string& name : shown_names_)
      shown = python::replace(shown, name, letters(static_cast<int>(name.size())));
    Example example;
    example.input = shown + "\n\n" + attempt.prompt.input;
    example.delimiter = " ";
    example.prefix = std::string(python::strip(attempt.prompt.prefix));
    example.answers = std::move(attempt.answers);
    example.length = attempt.tokens + setting_.reserve + extra_;
    return example;
  }

  Setting setting_;
  bool nvidia_;
  Streams* streams_;
  TokenCounter count_;
  std::string shown_;  // the worked example
  std::vector<std::string> shown_names_;
  int step_ = 0, size_ = 0, extra_ = 0;
};

}  // namespace

std::unique_ptr<Source> upstream_vt(const Setting& setting, Streams* streams) {
  return std::make_unique<UpstreamVt>(setting, streams);
}

}  // namespace pareto::ruler
