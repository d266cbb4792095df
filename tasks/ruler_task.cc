#include "tasks/ruler_task.h"

#include <algorithm>

#include "tasks/common.h"
#include "tasks/common_generation.h"
#include "tasks/ruler_marks.h"

namespace pareto::ruler {
namespace {

constexpr std::uint64_t kNvidiaSeed = 42, kLmEvalRandomSeed = 0, kLmEvalNumpySeed = 1234;

Result<Profile> read_profile(const std::string& name) {
  if (name == "pareto") return Profile::kPareto;
  if (name == "nvidia") return Profile::kNvidia;
  if (name == "lm-eval") return Profile::kLmEval;
  return fail(Code::kUsage, "--ruler_profile {} is none of pareto, nvidia, lm-eval", name);
}

std::uint64_t default_seed(Profile profile) {
  return profile == Profile::kNvidia ? kNvidiaSeed : profile == Profile::kLmEval ? kLmEvalRandomSeed : 0;
}

Streams new_streams(const Setting& setting, const TaskOptions& options) {
  const std::uint64_t numpy =
      setting.profile == Profile::kLmEval ? options.numpy_seed.value_or(kLmEvalNumpySeed) : setting.seed;
  return {python::Random(static_cast<std::int64_t>(setting.seed)),
          python::NumpyRandom(static_cast<std::uint32_t>(numpy)),
          {},
          {}};
}

class SizedTask final : public Task {
 public:
  explicit SizedTask(SizedSpec spec) : spec_(std::move(spec)) {
    spec_.info.output_type = "generate_until";
    spec_.info.version = "1.0";
    spec_.info.metrics = {{.name = "string_match", .binary = spec_.one_answer}};
    for (int i = 0; i < spec_.depths; ++i)
      spec_.info.metrics.push_back({.name = depth_metric(percent(i)), .binary = spec_.one_answer});
  }

  const TaskInfo& info() const override { return spec_.info; }
  std::span<const Document> documents() const override { return documents_; }

  Status load(const TaskOptions& options) override {
    PARETO_TRY(Setting setting, read_setting(spec_.info.name, options, static_cast<bool>(spec_.upstream)));
    setting.task = spec_.task;
    setting.reserve = spec_.reserve;
    profile_ = setting.profile;
    const std::string own =
        fmt::format(R"({{"do_sample": false, "temperature": 0.0, "max_gen_toks": {}, "until": []}})", spec_.reserve);
    PARETO_TRY(generation_, make_generation(own, options.gen_kwargs));
    spec_.info.generation_kwargs = generation_.kwargs;
    spec_.info.warnings = generation_.warnings;
    if (options.num_fewshot.value_or(0) > 0) spec_.info.warnings.emplace_back("--num_fewshot is ignored");
    if (profile_ == Profile::kLmEval) {
      spec_.info.metrics = {
          {.name = fmt::format("{}", setting.length), .binary = spec_.one_answer && !spec_.any_answer}};
    }
    return generate(setting, options);
  }

  std::vector<Request> requests() const override {
    std::vector<Request> all;
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      Request& request = all.emplace_back();
      request.kind = Request::Kind::kGenerate;
      request.doc = documents_[i].doc_id;
      request.context = prompts_[i];
      request.until = generation_.until;
      request.max_tokens = generation_.max_tokens;
      request.sampling = generation_.sampling;
    }
    return all;
  }

  std::vector<Marked> score(int index, std::span<const Response* const> responses) const override {
    const std::vector<std::string>& answers = answers_[static_cast<std::size_t>(index)];
    Marked marked = marked_by(answers, responses[0]->text);
    if (spec_.depths > 0) {
      const int at = percent(documents_[static_cast<std::size_t>(index)].doc_id);
      marked.metrics[depth_metric(at)] = marked.metrics.begin()->second;
    }
    return {std::move(marked)};
  }

  // By our own profile's rule, which is NVIDIA's. A grid's depths are not known.
  Status prepare_mark(const std::string& /*data_dir*/) override { return {}; }
  Result<std::vector<Marked>> mark(const Reference& reference, std::span<const std::string> responses) const override {
    PARETO_CHECK_OK(reference.check_plain());
    return std::vector<Marked>{marked_by(reference.items, responses[0])};
  }

 private:
  Marked marked_by(const std::vector<std::string>& answers, const std::string& response) const {
    Marked marked;
    marked.filtered = clean_prediction(response);
    const bool any = spec_.any_answer && profile_ != Profile::kLmEval;
    marked.metrics[spec_.info.metrics[0].name] =
        any ? string_match_any(marked.filtered, answers) : string_match_all(marked.filtered, answers);
    return marked;
  }

  Status generate(const Setting& setting, const TaskOptions& options) {
    const MakeSource& make = profile_ == Profile::kPareto ? spec_.own : spec_.upstream;
    Streams* streams = streams_for(setting, options);
    const std::unique_ptr<Source> source = make(setting, streams);
    PARETO_CHECK_OK(source->open());
    streams->untouched = false;
    PARETO_TRY(std::vector<int> chosen, choose_documents(spec_.info.name, spec_.examples, options));
    const int last = chosen.back();
    // lm-eval draws all of them whatever --limit says: the next task's draws begin after them.
    const int end = profile_ == Profile::kLmEval ? spec_.examples : last + 1;
    int made = 0;
    for (int i = 0; i < end; ++i) {
      const int id = source->sequential() ? made : i;  // what upstream leaves out has no number
      const bool wanted = std::binary_search(chosen.begin(), chosen.end(), id);
      if (!wanted && !source->sequential()) continue;
      PARETO_TRY(const std::optional<Example> example, source->example(i));
      if (!example) continue;
      ++made;
      if (wanted) PARETO_CHECK_OK(add(setting, options, id, i, *example));
    }
    if (documents_.empty()) {
      if (made == 0) return setting.too_short();
      return fail(Code::kInvalid, "{}: none of the chosen examples fits --length {}; choose others or a larger length",
                  spec_.info.name, setting.length);
    }
    spec_.info.documents_in_split = profile_ == Profile::kLmEval ? made : spec_.examples;
    if (documents_.size() < chosen.size()) {
      spec_.info.warnings.push_back(fmt::format("{} of {} examples do not fit --length {} and are left out",
                                                chosen.size() - documents_.size(), chosen.size(), setting.length));
    }
    return {};
  }

  int percent(int doc_id) const { return 100 * (doc_id % spec_.depths) / (spec_.depths - 1); }

  // lm-eval's streams are those of the whole cell.
  Streams* streams_for(const Setting& setting, const TaskOptions& options) {
    own_streams_ = std::make_unique<Streams>(new_streams(setting, options));
    if (profile_ != Profile::kLmEval || options.handed_on == nullptr) return own_streams_.get();
    if (std::any_cast<std::shared_ptr<Streams>>(options.handed_on) == nullptr)
      *options.handed_on = std::shared_ptr<Streams>(std::move(own_streams_));
    return std::any_cast<std::shared_ptr<Streams>>(options.handed_on)->get();
  }

  Value document_json(const Setting& setting, int index, const Example& example) const {
    Value json = Value::dict({});
    json.set("index", index);
    const bool upstreams = profile_ == Profile::kLmEval;
    if (upstreams) json.set("input", example.input);
    if (!example.shown_example.empty()) json.set("input_example", example.shown_example);
    json.set("outputs", list_of(example.answers));
    json.set("length", example.length);
    json.set("max_length", setting.length);
    json.set(upstreams ? "gen_prefix" : "answer_prefix", example.prefix);
    if (spec_.depths > 0) json.set("depth", percent(index));
    if (!example.depths.empty()) {
      json.set("depths", Value::list({example.depths.begin(), example.depths.end()}));
    }
    return json;
  }

  Status add(const Setting& setting, const TaskOptions& options, int doc_id, int index, const Example& example) {
    PromptStyle style;
    style.target_delimiter = example.delimiter;
    style.gen_prefix = example.prefix;
    PARETO_TRY(const PromptBuilder builder, PromptBuilder::make(std::move(style), options));
    PARETO_TRY(std::string prompt, builder.build({}, example.input));
    const DocumentText content{doc_id, document_json(setting, index, example), python::str(list_of(example.answers))};
    PARETO_TRY(Document document, make_document(content, prompt));
    documents_.push_back(std::move(document));
    prompts_.push_back(make_text(std::move(prompt)));
    answers_.push_back(example.answers);
    return {};
  }

  SizedSpec spec_;
  Profile profile_ = Profile::kPareto;
  Generation generation_;
  std::unique_ptr<Streams> own_streams_;
  std::vector<Document> documents_;
  std::vector<Text> prompts_;                      // of documents_
  std::vector<std::vector<std::string>> answers_;  // of documents_
};

}  // namespace

std::unique_ptr<Task> make_sized_task(SizedSpec spec) { return std::make_unique<SizedTask>(std::move(spec)); }

std::string depth_metric(int percent) { return fmt::format("string_match_at_{}", percent); }

Result<Setting> read_setting(const std::string& name, const TaskOptions& options, bool profiles) {
  Setting setting;
  setting.task = setting.name = name;
  if (profiles) {
    PARETO_TRY(setting.profile, read_profile(options.ruler_profile));
  }
  if (options.length <= 0) {
    return fail(Code::kUsage, "{} is made to a length; give --length N (tokens of prompt and answer together)", name);
  }
  if (options.tokenizer == nullptr) {
    return fail(Code::kUsage, "{} needs a tokenizer to count its length; give --tokenizer PATH", name);
  }
  setting.length = options.length;
  setting.tokenizer = options.tokenizer;
  setting.folder = resolve_data_dir(options.data_dir) + "/ruler";
  setting.seed = options.seed.value_or(default_seed(setting.profile));
  const std::uint64_t numpy = options.numpy_seed.value_or(kLmEvalNumpySeed);
  if (setting.profile != Profile::kPareto && std::max(setting.seed, numpy) > UINT32_MAX)
    return fail(Code::kUsage, "--seed {}: --ruler_profile {} draws from NumPy's generator, whose seeds end at {}",
                std::max(setting.seed, numpy), options.ruler_profile, UINT32_MAX);
  return setting;
}

Result<Document> make_document(const DocumentText& content, std::string_view prompt) {
  Document document;
  document.doc_id = content.index;
  PARETO_TRY(document.doc, python::json_dumps(content.json, {.indent = 2, .text = python::JsonStyle::Text::kRaw}));
  document.target = content.target;
  fill_hashes(&document, prompt);
  return document;
}

Value list_of(const std::vector<std::string>& texts) { return Value::list({texts.begin(), texts.end()}); }

}  // namespace pareto::ruler
