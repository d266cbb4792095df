#include "tasks/common.h"

#include <algorithm>
#include <cmath>

#include "core/hash.h"
#include "tasks/common_generation.h"
#include "tasks/metrics.h"
#include "tasks/python.h"

namespace pareto {
namespace {

std::string shot_answer(const Question& question) {
  return question.choices.empty() ? question.target : question.choices[static_cast<std::size_t>(question.gold)];
}

// The pool of shots, read only if shots are asked for.
struct Pool {
  std::vector<Example> examples;
  std::vector<Row> rows;  // kept where the evaluated document must be kept out
};

bool same_split(const HubSplit& a, const HubSplit& b) {
  return a.dataset == b.dataset && a.config == b.config && a.split == b.split;
}

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
  // What a kind of task needs from the options besides prompts.
  virtual Status prepare(const TaskOptions& options) = 0;

  TaskSpec spec_;
  std::vector<Document> documents_;
  std::vector<Text> contexts_;  // of documents_
  std::string choice_delimiter_;

 private:
  Result<Pool> read_pool(const std::string& data_dir) const {
    Pool pool;
    if (spec_.info.num_fewshot == 0) return pool;
    pool.examples = spec_.fewshot_examples;
    if (!spec_.fewshot_split) return pool;
    PARETO_TRY(pool.rows, read_hub_rows(data_dir, *spec_.fewshot_split));
    pool.examples.reserve(pool.rows.size());
    for (const Row& row : pool.rows) {
      PARETO_TRY(Question question, spec_.ask(row));
      std::string answer = shot_answer(question);
      pool.examples.push_back({std::move(question.text), std::move(answer)});
    }
    if (!same_split(*spec_.fewshot_split, spec_.documents)) pool.rows.clear();
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
      const Row& row = rows[static_cast<std::size_t>(index)];
      std::function<bool(std::int64_t)> is_document;
      if (!pool.rows.empty()) {
        is_document = [&](std::int64_t i) {
          return equal(pool.rows[static_cast<std::size_t>(i)].value(), row.value());
        };
      }
      PARETO_TRY(const auto drawn, sampler.sample(spec_.info.num_fewshot, is_document));
      shots.clear();
      for (const std::int64_t i : drawn) shots.push_back(&pool.examples[static_cast<std::size_t>(i)]);
      PARETO_TRY(Question question, spec_.ask(row));
      PARETO_TRY(std::string context, prompts.build(shots, question.text));
      add_document(index, row, std::move(question), std::move(context));
    }
    return {};
  }

  void add_document(int index, const Row& row, Question question, std::string context) {
    Document document;
    document.doc_id = index;
    document.doc = row.json();
    document.target = std::move(question.target);
    document.choices = std::move(question.choices);
    document.gold = question.gold;
    document.doc_hash = sha256_hex(document.doc);
    document.prompt_hash = sha256_hex(context);
    document.target_hash = sha256_hex(document.target);
    documents_.push_back(std::move(document));
    contexts_.push_back(make_text(std::move(context)));
  }
};

class ChoiceTask final : public SpecTask {
 public:
  explicit ChoiceTask(TaskSpec spec) : SpecTask(std::move(spec)) { spec_.info.output_type = "multiple_choice"; }

  std::vector<Request> requests() const override {
    std::vector<Request> all;
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      const Document& document = documents_[i];
      for (std::size_t choice = 0; choice < document.choices.size(); ++choice) {
        Request& request = all.emplace_back();
        request.kind = Request::Kind::kScore;
        request.doc = document.doc_id;
        request.part = static_cast<int>(choice);
        request.context = contexts_[i];
        request.continuation = choice_delimiter_ + document.choices[choice];
      }
    }
    return all;
  }

  std::vector<Marked> score(int index, std::span<const Response* const> responses) const override {
    const Document& document = documents_[static_cast<std::size_t>(index)];
    std::vector<double> loglikelihoods, lengths;
    std::vector<Value> shown;
    for (std::size_t i = 0; i < document.choices.size(); ++i) {
      const Response& response = *responses[i];
      loglikelihoods.push_back(response.loglikelihood);
      lengths.push_back(static_cast<double>(python::length(document.choices[i])));
      shown.push_back(Value::tuple({response.loglikelihood, response.greedy}));
    }
    Marked marked;
    marked.filtered = python::str(Value::list(std::move(shown)));
    for (const MetricInfo& metric : spec_.info.metrics) {
      const int picked = metric.name == "acc_norm" ? best_choice(loglikelihoods, lengths) : best_choice(loglikelihoods);
      marked.metrics[metric.name] = picked == document.gold ? 1.0 : 0.0;
    }
    return {std::move(marked)};
  }

 private:
  Status prepare(const TaskOptions&) override { return {}; }
};

class GenerateTask final : public SpecTask {
 public:
  explicit GenerateTask(TaskSpec spec) : SpecTask(std::move(spec)) { spec_.info.output_type = "generate_until"; }

  std::vector<Request> requests() const override {
    std::vector<Request> all;
    all.reserve(documents_.size());
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      Request& request = all.emplace_back();
      request.kind = Request::Kind::kGenerate;
      request.doc = documents_[i].doc_id;
      request.context = contexts_[i];
      request.until = generation_.until;
      request.max_tokens = generation_.max_tokens;
      request.sampling = generation_.sampling;
    }
    return all;
  }

  std::vector<Marked> score(int index, std::span<const Response* const> responses) const override {
    const Document& document = documents_[static_cast<std::size_t>(index)];
    std::vector<std::string> texts;
    for (const Response* response : responses) texts.push_back(response->text);
    std::vector<Marked> marks;
    for (const FilterChain& chain : spec_.filters) {
      Marked& marked = marks.emplace_back();
      marked.filter = chain.name;
      marked.filtered = chain.apply(texts, document.choices);
      marked.metrics = spec_.mark(marked.filtered, document);
    }
    return marks;
  }

 private:
  Status prepare(const TaskOptions& options) override {
    PARETO_TRY(generation_, make_generation(spec_.generation_kwargs, options.gen_kwargs));
    spec_.info.generation_kwargs = generation_.kwargs;
    for (const std::string& warning : generation_.warnings) spec_.info.warnings.push_back(warning);
    return {};
  }

  Generation generation_;
};

}  // namespace

std::unique_ptr<Task> make_choice_task(TaskSpec spec) { return std::make_unique<ChoiceTask>(std::move(spec)); }
std::unique_ptr<Task> make_generate_task(TaskSpec spec) { return std::make_unique<GenerateTask>(std::move(spec)); }

std::string shown(const Value& value) {
  constexpr std::size_t kMost = 60;
  std::string text = python::repr(value);
  if (text.size() <= kMost) return text;
  std::size_t end = kMost - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a character
  return text.substr(0, end) + "...";
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
