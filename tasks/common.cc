#include "tasks/common.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tasks/common_generation.h"
#include "tasks/metrics.h"
#include "tasks/python.h"

namespace pareto {
namespace {

// The pool of shots, read only if shots are asked for.
struct Pool {
  std::vector<Example> examples;
  std::vector<Row> rows;  // kept where the evaluated document must be kept out
};

class SpecTask : public Task {
 public:
  explicit SpecTask(TaskSpec spec) : spec_(std::move(spec)) {
    spec_.info.num_fewshot = spec_.num_fewshot.value_or(0);
    spec_.info.filters.clear();
    for (const FilterChain& chain : spec_.filters) spec_.info.filters.push_back(chain.name);
  }

  const TaskInfo& info() const override { return spec_.info; }
  std::span<const Document> documents() const override { return documents_; }

  Status load(const TaskOptions& options) override {
    PARETO_TRY(const ShotCount shots, resolve_num_fewshot(spec_.num_fewshot, options.num_fewshot));
    spec_.info.num_fewshot = shots.n;
    if (!shots.warning.empty()) spec_.info.warnings.push_back(shots.warning);
    PARETO_CHECK_OK(prepare(options));
    const std::string data_dir = resolve_data_dir(options.data_dir);
    PARETO_TRY(const std::vector<Row> rows, read_hub_rows(data_dir, spec_.documents));
    PARETO_TRY(const Pool pool, read_pool(data_dir));
    spec_.info.documents_in_split = static_cast<int>(rows.size());
    PARETO_TRY(const std::vector<int> chosen,
               choose_documents(spec_.info.name, spec_.info.documents_in_split, options));
    return build(options, rows, chosen, pool);
  }

 protected:
  // What a kind of task needs from the options besides prompts. Tasks that score answer once.
  virtual Status prepare(const TaskOptions& options) {
    if (options.repeats.value_or(1) > 1)
      spec_.info.warnings.push_back(
          fmt::format("--repeats {} is ignored, the task scores texts and generates none", *options.repeats));
    return {};
  }
  // The texts in front of the model's part: one, or one per choice.
  virtual Result<std::vector<Text>> contexts(const PromptBuilder& prompts, std::span<const Example* const> shots,
                                             const Question& question) {
    PARETO_TRY(std::string context, prompts.build(shots, question.text));
    return std::vector<Text>{make_text(std::move(context))};
  }

  TaskSpec spec_;
  std::vector<Document> documents_;
  std::vector<std::vector<Text>> contexts_;  // of documents_
  std::string choice_delimiter_;

 private:
  Result<Row> processed(const Row& row) const { return spec_.process ? spec_.process(row) : row; }

  Result<Pool> read_pool(const std::string& data_dir) const {
    Pool pool;
    if (spec_.info.num_fewshot == 0) return pool;
    pool.examples = spec_.fewshot_examples;
    if (!spec_.fewshot_split) return pool;
    PARETO_TRY(const std::vector<Row> rows, read_hub_rows(data_dir, *spec_.fewshot_split));
    pool.examples.reserve(rows.size());
    for (const Row& raw : rows) {
      PARETO_TRY(Row row, processed(raw));
      PARETO_TRY(Question question, spec_.ask_shot ? spec_.ask_shot(row) : spec_.ask(row));
      pool.examples.push_back(solved(std::move(question)));
      if (spec_.shots_avoid_document) pool.rows.push_back(std::move(row));
    }
    return pool;
  }

  Status build(const TaskOptions& options, const std::vector<Row>& rows, const std::vector<int>& chosen,
               const Pool& pool) {
    PARETO_TRY(const PromptBuilder prompts, PromptBuilder::make(spec_.prompt, options));
    choice_delimiter_ = prompts.choice_delimiter();
    FewshotSampler sampler(spec_.info.name, spec_.sampler, std::ssize(pool.examples), options.fewshot_seed);
    documents_.reserve(chosen.size());
    contexts_.reserve(chosen.size());
    std::vector<const Example*> shots;
    for (const int index : chosen) {
      PARETO_TRY(const Row row, processed(rows[static_cast<std::size_t>(index)]));
      std::function<bool(std::int64_t)> is_document;
      if (spec_.shots_avoid_document) {
        is_document = [&](std::int64_t i) {  // written examples are no rows
          return !pool.rows.empty() && equal(pool.rows[static_cast<std::size_t>(i)].value(), row.value());
        };
      }
      PARETO_TRY(const auto drawn, sampler.sample(spec_.info.num_fewshot, is_document));
      shots.clear();
      for (const std::int64_t i : drawn) shots.push_back(&pool.examples[static_cast<std::size_t>(i)]);
      PARETO_TRY(Question question, spec_.ask(row));
      PARETO_TRY(std::vector<Text> texts, contexts(prompts, shots, question));
      add_document(index, row, std::move(question), std::move(texts));
    }
    return {};
  }

  void add_document(int index, const Row& row, Question question, std::vector<Text> contexts) {
    Document document;
    document.doc_id = index;
    document.doc = row.json();
    document.target = std::move(question.target);
    document.choices = std::move(question.choices);
    document.gold = question.gold;
    document.golds = std::move(question.golds);
    document.references = std::move(question.references);
    fill_hashes(&document, *contexts.front());
    documents_.push_back(std::move(document));
    contexts_.push_back(std::move(contexts));
  }
};

class ChoiceTask final : public SpecTask {
 public:
  explicit ChoiceTask(TaskSpec spec) : SpecTask(std::move(spec)) { spec_.info.output_type = "multiple_choice"; }

  std::vector<Request> requests() const override {
    std::vector<Request> all;
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      const Document& document = documents_[i];
      const bool contexts_vary = contexts_[i].size() > 1;
      for (std::size_t choice = 0; choice < document.choices.size(); ++choice) {
        Request& request = all.emplace_back();
        request.kind = Request::Kind::kScore;
        request.doc = document.doc_id;
        request.part = static_cast<int>(choice);
        request.context = contexts_[i][contexts_vary ? choice : 0];
        request.continuation = choice_delimiter_ + (contexts_vary ? document.target : document.choices[choice]);
      }
    }
    return all;
  }

  std::vector<Marked> score(int index, std::span<const Response* const> responses) const override {
    const Document& document = documents_[static_cast<std::size_t>(index)];
    std::vector<double> loglikelihoods, chars, bytes;
    std::vector<Value> shown;
    for (std::size_t i = 0; i < document.choices.size(); ++i) {
      const Response& response = *responses[i];
      loglikelihoods.push_back(response.loglikelihood);
      chars.push_back(static_cast<double>(python::length(document.choices[i])));
      bytes.push_back(static_cast<double>(document.choices[i].size()));
      shown.push_back(Value::tuple({response.loglikelihood, response.greedy}));
    }
    Marked marked;
    marked.filtered = python::str(Value::list(std::move(shown)));
    for (const MetricInfo& metric : spec_.info.metrics) {
      std::span<const double> lengths;
      if (metric.name == "acc_norm") lengths = chars;
      if (metric.name == "acc_bytes") lengths = bytes;
      marked.metrics[metric.name] = is_right(document, best_choice(loglikelihoods, lengths)) ? 1.0 : 0.0;
    }
    return {std::move(marked)};
  }

 private:
  static bool is_right(const Document& document, int picked) {
    if (document.golds.empty()) return picked == document.gold;
    return std::find(document.golds.begin(), document.golds.end(), picked) != document.golds.end();
  }

  Result<std::vector<Text>> contexts(const PromptBuilder& prompts, std::span<const Example* const> shots,
                                     const Question& question) override {
    if (!question.contexts_vary) return SpecTask::contexts(prompts, shots, question);
    std::vector<Text> texts;
    for (const std::string& choice : question.choices) {
      PARETO_TRY(std::string context, prompts.build(shots, choice));
      texts.push_back(make_text(std::move(context)));
    }
    return texts;
  }
};

class LoglikelihoodTask final : public SpecTask {
 public:
  explicit LoglikelihoodTask(TaskSpec spec) : SpecTask(std::move(spec)) { spec_.info.output_type = "loglikelihood"; }

  std::vector<Request> requests() const override {
    std::vector<Request> all(documents_.size());
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      all[i].kind = Request::Kind::kScore;
      all[i].doc = documents_[i].doc_id;
      all[i].context = contexts_[i].front();
      all[i].continuation = documents_[i].target;
    }
    return all;
  }

  std::vector<Marked> score(int /*index*/, std::span<const Response* const> responses) const override {
    const Response& response = *responses.front();
    Marked marked;
    marked.filtered = python::str(Value::tuple({response.loglikelihood, response.greedy}));
    for (const MetricInfo& metric : spec_.info.metrics)
      marked.metrics[metric.name] = metric.name == "acc" ? (response.greedy ? 1.0 : 0.0) : response.loglikelihood;
    return {std::move(marked)};
  }
};

class RollingTask final : public SpecTask {
 public:
  explicit RollingTask(TaskSpec spec) : SpecTask(std::move(spec)) { spec_.info.output_type = "loglikelihood_rolling"; }

  std::vector<Request> requests() const override {
    std::vector<Request> all(documents_.size());
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      all[i].kind = Request::Kind::kScoreRolling;
      all[i].doc = documents_[i].doc_id;
      all[i].context = contexts_[i].front();
    }
    return all;
  }

  std::vector<Marked> score(int index, std::span<const Response* const> responses) const override {
    const Response& response = *responses.front();
    const Size& size = sizes_[static_cast<std::size_t>(index)];
    Marked marked;
    marked.filtered = python::repr(response.loglikelihood);
    for (const MetricInfo& metric : spec_.info.metrics) {
      marked.metrics[metric.name] = response.loglikelihood;
      marked.weights[metric.name] = static_cast<double>(metric.name == "word_perplexity" ? size.words : size.bytes);
    }
    return {std::move(marked)};
  }

 private:
  struct Size {
    std::int64_t words = 0, bytes = 0;
  };

  // Shots and templates have no place here: the text is scored as it stands.
  Result<std::vector<Text>> contexts(const PromptBuilder& /*prompts*/, std::span<const Example* const> /*shots*/,
                                     const Question& question) override {
    const std::string& counted = question.counted.empty() ? question.target : question.counted;
    sizes_.push_back({count_words(counted), std::ssize(counted)});
    return std::vector<Text>{make_text(question.target)};
  }

  std::vector<Size> sizes_;  // of documents_
};

// j of pass@j: 2, 4, … below k, and k.
std::vector<int> pass_sizes(int k) {
  std::vector<int> sizes;
  for (int j = 2; j < k; j *= 2) sizes.push_back(j);
  sizes.push_back(k);
  return sizes;
}

class GenerateTask final : public SpecTask {
 public:
  explicit GenerateTask(TaskSpec spec) : SpecTask(std::move(spec)) {
    spec_.info.output_type = "generate_until";
    spec_.info.repeats = spec_.repeats;
  }

  std::vector<Request> requests() const override {
    std::vector<Request> all;
    all.reserve(documents_.size() * static_cast<std::size_t>(spec_.info.repeats));
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      for (int repeat = 0; repeat < spec_.info.repeats; ++repeat) {
        Request& request = all.emplace_back();
        request.kind = Request::Kind::kGenerate;
        request.doc = documents_[i].doc_id;
        request.part = repeat;  // a stream of random numbers of its own
        request.context = contexts_[i].front();
        request.until = generation_.until;
        request.max_tokens = generation_.max_tokens;
        request.sampling = generation_.sampling;
      }
    }
    return all;
  }

  std::vector<Marked> score(int index, std::span<const Response* const> responses) const override {
    std::vector<std::string> texts;
    for (const Response* response : responses) texts.push_back(response->text);
    return marks_of(documents_[static_cast<std::size_t>(index)], texts);
  }

  Status prepare_mark(const std::string& /*data_dir*/) override { return {}; }
  Result<std::vector<Marked>> mark(const Reference& reference, std::span<const std::string> responses) const override {
    PARETO_CHECK_OK(reference.check_plain());
    Document document;
    document.target = reference.text;
    return marks_of(document, {responses.begin(), responses.end()});
  }

 private:
  std::vector<Marked> marks_of(const Document& document, const std::vector<std::string>& texts) const {
    std::vector<Marked> marks;
    for (const FilterChain& chain : spec_.filters) {
      Marked& marked = marks.emplace_back();
      marked.filter = chain.name;
      marked.filtered = chain.apply(texts, document.choices);
      if (spec_.answer) marked.extracted = spec_.answer(marked.filtered);
      marked.metrics = spec_.mark(marked.filtered, document);
      if (spec_.repeats == 1 && texts.size() > 1) mark_repeats(document, texts, chain, &marked);
    }
    return marks;
  }

  // Every answer marked alone, and what they say together.
  void mark_repeats(const Document& document, const std::vector<std::string>& texts, const FilterChain& chain,
                    Marked* marked) const {
    const int k = static_cast<int>(texts.size());
    const std::string& metric = spec_.info.metrics.front().name;
    std::map<std::string, int> votes;
    std::vector<std::string> answers;
    std::vector<double> scores;
    for (const std::string& text : texts) {
      const std::string filtered = chain.apply({text}, document.choices);
      scores.push_back(spec_.mark(filtered, document).at(metric));
      answers.push_back(spec_.answer ? spec_.answer(filtered) : filtered);
      ++votes[answers.back()];
    }
    const int right = static_cast<int>(std::count(scores.begin(), scores.end(), 1.0));
    const auto most = std::max_element(answers.begin(), answers.end(), [&](const std::string& a, const std::string& b) {
      return votes[a] < votes[b];  // of equals the first stays
    });
    marked->metrics[fmt::format("avg@{}", k)] = std::accumulate(scores.begin(), scores.end(), 0.0) / k;
    for (const int j : pass_sizes(k)) marked->metrics[fmt::format("pass@{}", j)] = pass_at_k(k, right, j);
    marked->metrics[fmt::format("maj@{}", k)] = scores[static_cast<std::size_t>(most - answers.begin())];
  }

  Status prepare(const TaskOptions& options) override {
    PARETO_TRY(generation_, make_generation(spec_.generation_kwargs, options.gen_kwargs));
    spec_.info.generation_kwargs = generation_.kwargs;
    for (const std::string& warning : generation_.warnings) spec_.info.warnings.push_back(warning);
    return set_repeats(options.repeats.value_or(spec_.repeats));
  }

  Status set_repeats(int k) {
    if (spec_.repeats > 1 && k != spec_.repeats)
      return fail(Code::kUsage, "{}: --repeats {}: the task is defined with {} answers per document; leave it out",
                  spec_.info.name, k, spec_.repeats);
    if (k < 1) return fail(Code::kUsage, "{}: --repeats {}: at least one answer is needed", spec_.info.name, k);
    spec_.info.repeats = k;
    if (k > 1 && generation_.sampling.temperature == 0)
      spec_.info.warnings.push_back(
          fmt::format("{} answers per document are the same one, since decoding is greedy; add --gen_kwargs "
                      "do_sample=true,temperature=… for different ones",
                      k));
    if (k == 1 || spec_.repeats > 1) return {};
    const auto add = [&](const std::string& name, bool binary) {
      spec_.info.metrics.push_back({.name = name, .binary = binary});
    };
    add(fmt::format("avg@{}", k), false);
    for (const int j : pass_sizes(k)) add(fmt::format("pass@{}", j), j == k);
    add(fmt::format("maj@{}", k), true);
    return {};
  }

  Generation generation_;
};

}  // namespace

std::unique_ptr<Task> make_choice_task(TaskSpec spec) { return std::make_unique<ChoiceTask>(std::move(spec)); }
std::unique_ptr<Task> make_generate_task(TaskSpec spec) { return std::make_unique<GenerateTask>(std::move(spec)); }
std::unique_ptr<Task> make_loglikelihood_task(TaskSpec spec) {
  return std::make_unique<LoglikelihoodTask>(std::move(spec));
}
std::unique_ptr<Task> make_rolling_task(TaskSpec spec) { return std::make_unique<RollingTask>(std::move(spec)); }

Example solved(Question question) {
  const std::size_t gold = static_cast<std::size_t>(std::max(question.gold, 0));
  if (question.contexts_vary) return {std::move(question.choices[gold]), std::move(question.target)};
  if (question.gold >= 0) return {std::move(question.text), std::move(question.choices[gold])};
  if (!question.references.empty()) return {std::move(question.text), std::move(question.references.front())};
  return {std::move(question.text), std::move(question.target)};
}

TaskEntry task_entry(TaskSpec spec, std::unique_ptr<Task> (*make)(TaskSpec)) {
  TaskInfo info = spec.info;
  return {.name = std::move(info.name),
          .summary = std::move(info.summary),
          .tags = std::move(info.tags),
          .make = [spec = std::move(spec), make] { return make(spec); }};
}

std::string shown(const Value& value) {
  constexpr std::size_t kMost = 60;
  std::string text = python::repr(value);
  if (text.size() <= kMost) return text;
  std::size_t end = kMost - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a character
  return text.substr(0, end) + "...";
}

Result<int> label_index(const Row& row, std::string_view labels, std::string_view key, std::size_t choices) {
  PARETO_TRY(const std::vector<std::string> all, row.strings(labels));
  if (all.size() != choices) {
    return fail(Code::kInvalid, "{}: {} labels for {} choices", row.where(), all.size(), choices);
  }
  const auto found = std::find(all.begin(), all.end(), key);
  if (found == all.end()) {
    return fail(Code::kInvalid, "{}: answerKey {} is none of the labels {}", row.where(), shown(key),
                shown(Value::list({all.begin(), all.end()})));
  }
  return static_cast<int>(found - all.begin());
}

Result<std::vector<int>> choose_documents(const std::string& owner, int n, const TaskOptions& options) {
  if (n == 0) return fail(Code::kInvalid, "{}: there are no documents", owner);
  if (options.limit && !options.samples.empty()) {
    return fail(Code::kUsage, "{}: --limit and --samples exclude each other", owner);
  }
  std::vector<int> chosen;
  if (!options.samples.empty()) {
    chosen = options.samples;
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    const int wrong = chosen.front() < 0 ? chosen.front() : chosen.back();
    if (wrong < 0 || wrong >= n) {
      return fail(Code::kInvalid, "{}: --samples {}: documents are numbered 0 to {}", owner, wrong, n - 1);
    }
    return chosen;
  }
  double count = n;
  if (options.limit) {
    const double limit = *options.limit;
    if (!(limit > 0)) return fail(Code::kInvalid, "{}: --limit {} leaves no documents; it has {}", owner, limit, n);
    count = std::min<double>(n, limit < 1 ? std::ceil(n * limit) : std::floor(limit));
  }
  chosen.resize(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = static_cast<int>(i);
  return chosen;
}

}  // namespace pareto
