// A task file's fields as a TaskSpec: splits and shots, doc_to_*, filters, metrics.
#include <algorithm>
#include <filesystem>
#include <map>

#include "core/options.h"
#include "tasks/common_generation.h"
#include "tasks/declared.h"
#include "tasks/jinja.h"
#include "tasks/metrics.h"
#include "tasks/python.h"
#include "tasks/python_literal.h"

namespace pareto {
namespace {

const std::vector<std::string>& known_fields() {
  static const std::vector<std::string> kFields = {"task",
                                                   "task_alias",
                                                   "tag",
                                                   "group",
                                                   "dataset_path",
                                                   "dataset_name",
                                                   "dataset_kwargs",
                                                   "training_split",
                                                   "validation_split",
                                                   "test_split",
                                                   "fewshot_split",
                                                   "process_docs",
                                                   "doc_to_text",
                                                   "doc_to_target",
                                                   "doc_to_choice",
                                                   "description",
                                                   "target_delimiter",
                                                   "fewshot_delimiter",
                                                   "fewshot_config",
                                                   "num_fewshot",
                                                   "output_type",
                                                   "generation_kwargs",
                                                   "repeats",
                                                   "filter_list",
                                                   "metric_list",
                                                   "gen_prefix",
                                                   "should_decontaminate",
                                                   "doc_to_decontamination_query",
                                                   "metadata"};
  return kFields;
}

const std::vector<std::string> kRefusedFields = {
    "process_results", "doc_to_image", "doc_to_audio", "custom_dataset", "use_prompt",
    "unsafe_code",     "class",        "task_list",    "group_alias",    "aggregate_metric_list"};

// --- Values of the right kind -------------------------------------------------------------------------------------

const Yaml* field(const Yaml& map, std::string_view key) {
  const Yaml* value = map.get(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

// A text; "" where the field is missing or null.
Result<std::string> text_field(const Yaml& map, std::string_view key, std::string_view missing = "") {
  const Yaml* value = field(map, key);
  if (value == nullptr) return std::string(missing);
  if (value->type != Yaml::Type::kScalar || !value->value.is_string()) return wrong_yaml(*value, key, "a text");
  return value->text;
}

// A text without variables: description and gen_prefix are the same for every document here.
Result<std::string> constant_field(const Yaml& map, std::string_view key) {
  PARETO_TRY(const std::string text, text_field(map, key));
  for (const char* mark : {"{{", "{%", "{#"})
    if (text.find(mark) != std::string::npos)
      return fail(Code::kUnsupported, "{}: a template as '{}' is not supported; write it out, or put it in doc_to_text",
                  map.get(key)->where(), key);
  return text;
}

Result<std::optional<std::int64_t>> whole_field(const Yaml& map, std::string_view key, std::int64_t least) {
  const Yaml* value = field(map, key);
  if (value == nullptr) return std::optional<std::int64_t>();
  const bool fits = value->type == Yaml::Type::kScalar && value->value.is(Value::Type::kInt) &&
                    value->value.integer() >= least && value->value.integer() <= 1'000'000;
  if (!fits) return wrong_yaml(*value, key, fmt::format("a whole number, at least {}", least));
  return std::optional<std::int64_t>(value->value.integer());
}

Result<bool> bool_field(const Yaml& map, std::string_view key, bool missing) {
  const Yaml* value = field(map, key);
  if (value == nullptr) return missing;
  if (value->type != Yaml::Type::kScalar || !value->value.is(Value::Type::kBool))
    return wrong_yaml(*value, key, "true or false");
  return value->value.boolean();
}

Result<std::vector<PythonRegex>> regexes_field(const Yaml& map, std::string_view key) {
  std::vector<PythonRegex> regexes;
  const Yaml* value = field(map, key);
  if (value == nullptr) return regexes;
  PARETO_TRY(const std::vector<std::string> patterns, yaml_texts(*value, key));
  for (const std::string& pattern : patterns) {
    auto regex = PythonRegex::compile(pattern);
    if (!regex) return fail(regex.error().code, "{}: {}", value->where(), regex.error().message);
    regexes.push_back(*std::move(regex));
  }
  return regexes;
}

Result<std::vector<Yaml>> list_field(const Yaml& map, std::string_view key, std::string_view wanted) {
  const Yaml* value = field(map, key);
  if (value == nullptr) return std::vector<Yaml>();
  if (value->type != Yaml::Type::kList || value->items.empty()) return wrong_yaml(*value, key, wanted);
  for (const Yaml& item : value->items)
    if (item.type != Yaml::Type::kMap) return wrong_yaml(item, key, wanted);
  return value->items;
}

// --- doc_to_text, doc_to_target, doc_to_choice ----------------------------------------------------------------------

// What a field makes of a row: a column's value, a template's text, or the same for all.
class Maker {
 public:
  static Result<Maker> make(const Yaml& value, std::string_view key) {
    Maker maker;
    maker.key_ = on_one_line({Code::kInvalid, std::string(key)}).message;
    maker.where_ = value.where();
    if (value.type == Yaml::Type::kMap) {  // doc_to_choice: the values
      std::vector<Value> values;
      for (const YamlEntry& entry : value.entries) values.push_back(entry.value.to_value());
      maker.constant_ = Value::list(std::move(values));
    } else if (value.type == Yaml::Type::kList || !value.value.is_string()) {
      maker.constant_ = value.to_value();
    } else {
      maker.column_ = value.text;
      auto parsed = jinja::Template::parse(value.text, jinja::task_options());
      if (!parsed) return fail(parsed.error().code, "{}: '{}': {}", maker.where_, key, parsed.error().message);
      maker.template_ = *std::move(parsed);
    }
    return maker;
  }

  // The value, and whether a template printed it (a text that may stand for something else).
  struct Made {
    Value value;
    bool printed = false;
  };
  Result<Made> make_of(const Row& row) const {
    if (!template_) return Made{constant_, false};
    if (const Value* column = row.value().get(std::string_view(column_))) return Made{*column, false};
    auto text = template_->render(row.value());
    if (!text) return fail(text.error().code, "{}: '{}' ({}): {}", row.where(), key_, where_, text.error().message);
    return Made{Value(*std::move(text)), true};
  }

  tl::unexpected<Error> wrong(const Row& row, const Value& value, std::string_view wanted) const {
    return fail(Code::kInvalid, "{}: '{}' ({}) must make {}, not {}", row.where(), key_, where_, wanted, shown(value));
  }
  // What a printed list stands for.
  Result<Value> literal(const Row& row, const std::string& text) const {
    auto value = python::literal_eval(text);
    if (!value) return fail(Code::kInvalid, "{}: '{}' ({}): {}", row.where(), key_, where_, value.error().message);
    return *std::move(value);
  }

 private:
  std::string key_, where_, column_;
  Value constant_;
  std::optional<jinja::Template> template_;
};

bool is_digits(const std::string& text) {
  return !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
}

Value whole_of(const std::string& digits) { return std::int64_t{std::strtoll(digits.c_str(), nullptr, 10)}; }

enum class Output { kChoice, kGenerate, kLoglikelihood, kRolling };

// The three makers of a task (or of its shots), and the question that they make of a row.
class Asker {
 public:
  Output output = Output::kGenerate;
  std::optional<Maker> text, target, choice;
  bool choices_from_row = false;  // multi_choice_regex looks at the row's column 'choices'

  Result<Question> ask(const Row& row) const {
    Question out;
    PARETO_TRY(const Value asked, text_value(row));
    PARETO_TRY(const Value wanted, target_value(row));
    if (choice) {
      PARETO_TRY(out.choices, choices_of(row));
    }
    out.target = python::str(wanted);
    if (output == Output::kChoice) {
      PARETO_CHECK_OK(fill_choice(row, asked, wanted, &out));
    } else if (output == Output::kGenerate) {
      PARETO_CHECK_OK(fill_references(row, wanted, &out));
    }
    if (!out.contexts_vary) out.text = python::str(asked);
    return out;
  }

 private:
  Result<Value> text_value(const Row& row) const {
    if (!text) return Value("");
    PARETO_TRY(const Maker::Made made, text->make_of(row));
    if (made.printed && choice && is_digits(made.value.text())) return whole_of(made.value.text());
    if (!made.value.is_string() && !made.value.is(Value::Type::kInt))
      return text->wrong(row, made.value, "a text, or the number of a choice");
    return made.value;
  }

  Result<Value> target_value(const Row& row) const {
    PARETO_TRY(const Maker::Made made, target->make_of(row));
    if (!made.printed) return made.value;
    const std::string& printed = made.value.text();
    if (choice && is_digits(printed)) return whole_of(printed);
    if (printed.size() >= 2 && printed.front() == '[' && printed.back() == ']')
      return python::literal_eval(printed).value_or(made.value);  // what is no literal stays a text
    return made.value;
  }

  Result<std::vector<std::string>> choices_of(const Row& row) const {
    PARETO_TRY(const Maker::Made made, choice->make_of(row));
    Value list = made.value;
    if (made.printed) {
      PARETO_TRY(list, choice->literal(row, made.value.text()));
    }
    if (!list.is_sequence() || list.list().empty()) return choice->wrong(row, list, "a list of texts");
    std::vector<std::string> choices;
    for (const Value& item : list.list()) {
      if (!item.is_string()) return choice->wrong(row, list, "a list of texts");
      choices.push_back(item.text());
    }
    return choices;
  }

  Result<int> index_of(const Row& row, const Value& gold, const std::vector<std::string>& choices) const {
    if (gold.is(Value::Type::kInt) && gold.integer() >= 0 && gold.integer() < std::ssize(choices))
      return static_cast<int>(gold.integer());
    if (gold.is_string()) {
      const auto found = std::find(choices.begin(), choices.end(), gold.text());
      if (found != choices.end()) return static_cast<int>(found - choices.begin());
    }
    return target->wrong(row, gold, fmt::format("one of the {} choices, or its number from 0", choices.size()));
  }

  Status fill_choice(const Row& row, const Value& asked, const Value& wanted, Question* out) const {
    if (asked.is(Value::Type::kInt)) {  // multiple_input: the question says which context is right
      out->contexts_vary = true;
      PARETO_TRY(out->gold, index_of(row, asked, out->choices));
      return {};
    }
    if (!wanted.is_sequence()) {
      PARETO_TRY(out->gold, index_of(row, wanted, out->choices));
      return {};
    }
    for (const Value& one : wanted.list()) {
      PARETO_TRY(const int gold, index_of(row, one, out->choices));
      out->golds.push_back(gold);
    }
    if (out->golds.empty()) return target->wrong(row, wanted, "at least one right choice");
    out->gold = out->golds.front();
    return {};
  }

  Status fill_references(const Row& row, const Value& wanted, Question* out) const {
    if (choice) {
      PARETO_TRY(const int gold, index_of(row, wanted, out->choices));
      out->references = {out->choices[static_cast<std::size_t>(gold)]};
      return {};
    }
    if (choices_from_row) {
      PARETO_TRY(out->choices, row.strings("choices"));
    }
    if (!wanted.is_sequence()) return {};
    for (const Value& one : wanted.list()) out->references.push_back(python::str(one));
    if (out->references.empty()) return target->wrong(row, wanted, "at least one right answer");
    return {};
  }
};

Status set_maker(const Yaml& fields, const char* key, std::optional<Maker>* maker) {
  const Yaml* value = field(fields, key);
  if (value == nullptr) return {};
  PARETO_TRY(*maker, Maker::make(*value, key));
  return {};
}

// process_docs as a map: new columns in this order, each printed by a template; numbers and lists stand for themselves.
Result<std::function<Result<Row>(const Row&)>> processor(const Yaml& fields) {
  const Yaml* columns = field(fields, "process_docs");
  if (columns == nullptr) return std::function<Result<Row>(const Row&)>();
  if (columns->type != Yaml::Type::kMap) return wrong_yaml(*columns, "process_docs", "a map of new columns");
  std::vector<std::pair<std::string, Maker>> makers;
  for (const auto& [name, line, value] : columns->entries) {
    PARETO_TRY(Maker maker, Maker::make(value, name));
    makers.emplace_back(name, std::move(maker));
  }
  return std::function([makers = std::move(makers)](const Row& row) -> Result<Row> {
    Value processed = Value::dict(row.value().entries());
    for (const auto& [name, maker] : makers) {
      PARETO_TRY(Maker::Made made, maker.make_of(row));
      if (made.printed && is_digits(made.value.text())) {
        made.value = whole_of(made.value.text());
      } else if (made.printed && made.value.text().starts_with('[') && made.value.text().ends_with(']')) {
        PARETO_TRY(made.value, maker.literal(row, made.value.text()));
      }
      processed.set(name, std::move(made.value));
    }
    return row.with(std::move(processed));
  });
}

// --- Splits and shots -----------------------------------------------------------------------------------------------

// A split of the task's data set; `json` data sets are files of the user's own.
Result<HubSplit> split_named(const Yaml& fields, const std::string& split, const Yaml& place) {
  HubSplit out;
  PARETO_TRY(out.dataset, text_field(fields, "dataset_path"));
  PARETO_TRY(out.config, text_field(fields, "dataset_name", "default"));
  out.split = split;
  const Yaml* kwargs = field(fields, "dataset_kwargs");
  if (kwargs != nullptr) {
    if (kwargs->type != Yaml::Type::kMap) return wrong_yaml(*kwargs, "dataset_kwargs", "a map");
    PARETO_CHECK_OK(check_yaml_keys(*kwargs, "field of dataset_kwargs", {"data_files", "trust_remote_code"},
                                    {"data_dir", "revision"}));
  }
  if (out.dataset != "json") return out;
  const Yaml* files = kwargs == nullptr ? nullptr : field(*kwargs, "data_files");
  const Yaml* file = files == nullptr ? nullptr : files->type == Yaml::Type::kMap ? files->get(split) : files;
  if (file == nullptr || !file->value.is_string())
    return fail(Code::kInvalid, "{}: dataset_path json needs 'dataset_kwargs: {{data_files: {{{}: FILE.jsonl}}}}'",
                place.where(), split);
  const std::filesystem::path path = file->text;
  out.file = path.is_absolute() ? file->text : (std::filesystem::path(*file->file).parent_path() / path).string();
  return out;
}

struct Splits {
  std::string training, validation, test;
};

Result<Splits> splits_of(const Yaml& fields) {
  Splits splits;
  PARETO_TRY(splits.training, text_field(fields, "training_split"));
  PARETO_TRY(splits.validation, text_field(fields, "validation_split"));
  PARETO_TRY(splits.test, text_field(fields, "test_split"));
  return splits;
}

Result<std::vector<Example>> written_shots(const Yaml& samples, const Asker& asker) {
  if (samples.type != Yaml::Type::kList) return wrong_yaml(samples, "samples", "a list of documents");
  std::vector<Example> examples;
  for (const Yaml& sample : samples.items) {
    if (sample.type != Yaml::Type::kMap) return wrong_yaml(sample, "samples", "a list of documents");
    const Row row(sample.file, sample.line, sample.to_value());
    PARETO_TRY(Question question, asker.ask(row));
    examples.push_back(solved(std::move(question)));
  }
  return examples;
}

// Where shots come from: a named split, else written ones, else the training, validation or test split.
Status set_shots(const Yaml& fields, const Splits& splits, const Asker& asker, TaskSpec* spec) {
  static const Yaml kNone;
  const Yaml* config = field(fields, "fewshot_config");
  if (config == nullptr) config = &kNone;
  if (config != &kNone && config->type != Yaml::Type::kMap) return wrong_yaml(*config, "fewshot_config", "a map");
  PARETO_CHECK_OK(
      check_yaml_keys(*config, "field of fewshot_config",
                      {"sampler", "split", "samples", "doc_to_text", "doc_to_target", "doc_to_choice"},
                      {"process_docs", "fewshot_indices", "gen_prefix", "fewshot_delimiter", "target_delimiter"}));
  PARETO_TRY(const std::string sampler, text_field(*config, "sampler", "default"));
  if (sampler != "default" && sampler != "first_n")
    return fail(Code::kInvalid, "{}: no sampler '{}'; there is: default first_n", config->get("sampler")->where(),
                sampler);
  spec->sampler = sampler == "default" ? Sampler::kDefault : Sampler::kFirstN;

  Asker shots = asker;
  PARETO_CHECK_OK(set_maker(*config, "doc_to_text", &shots.text));
  PARETO_CHECK_OK(set_maker(*config, "doc_to_target", &shots.target));
  PARETO_CHECK_OK(set_maker(*config, "doc_to_choice", &shots.choice));
  spec->ask_shot = [shots](const Row& row) { return shots.ask(row); };

  PARETO_TRY(std::string split, text_field(fields, "fewshot_split"));
  PARETO_TRY(split, text_field(*config, "split", split));
  spec->shots_avoid_document = split == splits.test;
  const Yaml* samples = field(*config, "samples");
  if (split.empty() && samples != nullptr) {
    PARETO_TRY(spec->fewshot_examples, written_shots(*samples, shots));
    return {};
  }
  for (const std::string* other : {&splits.training, &splits.validation, &splits.test})
    if (split.empty()) split = *other;
  PARETO_TRY(spec->fewshot_split, split_named(fields, split, fields));
  return {};
}

// --- Filters --------------------------------------------------------------------------------------------------------

Result<PythonRegex> pattern_of(const Yaml& step) {
  PARETO_TRY(const std::string pattern, text_field(step, "regex_pattern", R"(#### (\-?[0-9\.\,]+))"));
  auto regex = PythonRegex::compile(pattern);
  if (regex) return regex;
  const Yaml* place = field(step, "regex_pattern");
  return fail(regex.error().code, "{}: {}", (place == nullptr ? step : *place).where(), regex.error().message);
}

Result<int> group_select_of(const Yaml& step) {
  PARETO_TRY(const auto select, whole_field(step, "group_select", -1'000'000));
  return static_cast<int>(select.value_or(0));
}

Result<Filter> regex_step(const Yaml& step) {
  PARETO_TRY(PythonRegex regex, pattern_of(step));
  PARETO_TRY(const int select, group_select_of(step));
  PARETO_TRY(std::string fallback, text_field(step, "fallback", "[invalid]"));
  return regex_filter(std::move(regex), select, std::move(fallback));
}

Result<Filter> multi_choice_step(const Yaml& step) {
  PARETO_TRY(PythonRegex regex, pattern_of(step));
  MultiChoiceRegex options{.regex = std::move(regex)};
  PARETO_TRY(options.group_select, group_select_of(step));
  PARETO_TRY(options.fallback, text_field(step, "fallback", "[invalid]"));
  PARETO_TRY(options.ignore_case, bool_field(step, "ignore_case", false));
  PARETO_TRY(options.ignore_punctuation, bool_field(step, "ignore_punctuation", false));
  PARETO_TRY(options.ignore, regexes_field(step, "regexes_to_ignore"));
  return multi_choice_regex(std::move(options));
}

Result<Filter> first_k_step(const Yaml& step) {
  PARETO_TRY(const auto k, whole_field(step, "k", 1));
  if (!k) return fail(Code::kInvalid, "{}: filter 'take_first_k' needs 'k: number'", step.where());
  return take_first_k(static_cast<std::size_t>(*k));
}

struct FilterKind {
  std::vector<std::string> fields;  // besides "function"
  Result<Filter> (*make)(const Yaml& step);
};

const std::map<std::string, FilterKind>& filter_kinds() {
  static const std::map<std::string, FilterKind> kKinds = {
      {"regex", {{"regex_pattern", "group_select", "fallback"}, regex_step}},
      {"multi_choice_regex",
       {{"regex_pattern", "group_select", "fallback", "ignore_case", "ignore_punctuation", "regexes_to_ignore"},
        multi_choice_step}},
      {"take_first", {{}, [](const Yaml&) -> Result<Filter> { return take_first(); }}},
      {"take_first_k", {{"k"}, first_k_step}},
      {"majority_vote", {{}, [](const Yaml&) -> Result<Filter> { return majority_vote(); }}},
      {"remove_whitespace", {{}, [](const Yaml&) -> Result<Filter> { return remove_whitespace(); }}},
      {"lowercase", {{}, [](const Yaml&) -> Result<Filter> { return lowercase(); }}},
      {"uppercase", {{}, [](const Yaml&) -> Result<Filter> { return uppercase(); }}},
  };
  return kKinds;
}

Result<Filter> filter_step(const Yaml& step) {
  PARETO_TRY(const std::string name, text_field(step, "function"));
  const auto kind = filter_kinds().find(name);
  if (kind == filter_kinds().end()) {
    std::vector<std::string> names;
    for (const auto& [known, unused] : filter_kinds()) names.push_back(known);
    const std::string near = nearest_name(name, names);
    return fail(Code::kUnsupported, "{}: no filter '{}'; there is: {}{}", step.where(), name, fmt::join(names, " "),
                near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
  std::vector<std::string> fields = kind->second.fields;
  fields.push_back("function");
  PARETO_CHECK_OK(check_yaml_keys(step, fmt::format("field of filter '{}'", name), fields));
  return kind->second.make(step);
}

Status set_filters(const Yaml& fields, Asker* asker, TaskSpec* spec) {
  PARETO_TRY(const std::vector<Yaml> chains, list_field(fields, "filter_list", "a list of {name, filter}"));
  if (chains.empty()) return {};
  spec->filters.clear();
  for (const Yaml& chain : chains) {
    PARETO_CHECK_OK(check_yaml_keys(chain, "field of filter_list", {"name", "filter"}));
    FilterChain out;
    out.steps.clear();
    PARETO_TRY(out.name, text_field(chain, "name"));
    if (out.name.empty()) return fail(Code::kInvalid, "{}: an entry of filter_list needs 'name: word'", chain.where());
    PARETO_TRY(const std::vector<Yaml> steps, list_field(chain, "filter", "a list of {function, …}"));
    for (const Yaml& step : steps) {
      PARETO_TRY(Filter filter, filter_step(step));
      out.steps.push_back(std::move(filter));
      asker->choices_from_row |= !asker->choice && field(step, "function")->text == "multi_choice_regex";
    }
    spec->filters.push_back(std::move(out));
  }
  return {};
}

// --- Metrics --------------------------------------------------------------------------------------------------------

// Upstream's registry, by kind of task, in its default order.
std::vector<MetricInfo> default_metrics(Output output) {
  const auto lower = [](const char* name, Aggregation aggregation) {
    return MetricInfo{.name = name, .higher_is_better = false, .binary = false, .aggregation = aggregation};
  };
  switch (output) {
    case Output::kChoice:
      return {{"acc"}, {"acc_norm"}};
    case Output::kGenerate:
      return {{"exact_match"}};
    case Output::kLoglikelihood:
      return {lower("perplexity", Aggregation::kPerplexity), {"acc"}};
    case Output::kRolling:
      return {lower("word_perplexity", Aggregation::kWeightedPerplexity),
              lower("byte_perplexity", Aggregation::kWeightedPerplexity),
              lower("bits_per_byte", Aggregation::kBitsPerByte)};
  }
  return {};
}

Result<MetricInfo> metric_of(const Yaml& entry, Output output) {
  PARETO_TRY(const std::string name, text_field(entry, "metric"));
  std::vector<MetricInfo> known = default_metrics(output);
  if (output == Output::kChoice) known.push_back({"acc_bytes"});
  auto metric = std::find_if(known.begin(), known.end(), [&](const MetricInfo& m) { return m.name == name; });
  if (metric == known.end()) {
    std::string names;
    for (const MetricInfo& m : known) names += " " + m.name;
    return fail(Code::kUnsupported, "{}: no metric '{}' of this output_type; there is:{}", entry.where(), name, names);
  }
  PARETO_TRY(metric->higher_is_better, bool_field(entry, "higher_is_better", metric->higher_is_better));
  PARETO_TRY(const std::string way, text_field(entry, "aggregation", aggregation_name(metric->aggregation)));
  const auto aggregation = find_aggregation(way);
  if (!aggregation)
    return fail(Code::kUnsupported,
                "{}: no aggregation '{}'; there is: mean perplexity weighted_perplexity bits_per_byte",
                entry.get("aggregation")->where(), way);
  metric->aggregation = *aggregation;
  return *metric;
}

Result<ExactMatch> exact_match_of(const Yaml& entry) {
  ExactMatch options;
  PARETO_TRY(options.ignore_case, bool_field(entry, "ignore_case", false));
  PARETO_TRY(options.ignore_punctuation, bool_field(entry, "ignore_punctuation", false));
  PARETO_TRY(options.ignore_numbers, bool_field(entry, "ignore_numbers", false));
  PARETO_TRY(options.regexes_to_ignore, regexes_field(entry, "regexes_to_ignore"));
  return options;
}

void mark_by(ExactMatch options, TaskSpec* spec) {
  spec->mark = [options = std::move(options)](const std::string& filtered, const Document& document) {
    const std::vector<std::string> target = {document.target};
    const auto& references = document.references.empty() ? target : document.references;
    const bool right = std::any_of(references.begin(), references.end(), [&](const std::string& reference) {
      return exact_match(filtered, reference, options);
    });
    return std::map<std::string, double>{{"exact_match", right ? 1.0 : 0.0}};
  };
}

Status set_metrics(const Yaml& fields, Output output, TaskSpec* spec) {
  spec->info.metrics = default_metrics(output);
  if (output == Output::kGenerate) mark_by({}, spec);
  PARETO_TRY(const std::vector<Yaml> entries, list_field(fields, "metric_list", "a list of {metric, …}"));
  if (entries.empty()) return {};
  spec->info.metrics.clear();
  for (const Yaml& entry : entries) {
    std::vector<std::string> known = {"metric", "aggregation", "higher_is_better", "hf_evaluate"};
    if (output == Output::kGenerate)
      known.insert(known.end(), {"ignore_case", "ignore_punctuation", "ignore_numbers", "regexes_to_ignore"});
    PARETO_CHECK_OK(check_yaml_keys(entry, "field of metric_list", known));
    PARETO_TRY(MetricInfo metric, metric_of(entry, output));
    spec->info.metrics.push_back(std::move(metric));
    if (output == Output::kGenerate) {
      PARETO_TRY(ExactMatch options, exact_match_of(entry));
      mark_by(std::move(options), spec);
    }
  }
  return {};
}

// --- The rest -------------------------------------------------------------------------------------------------------

constexpr std::pair<const char*, Output> kOutputs[] = {{"multiple_choice", Output::kChoice},
                                                       {"generate_until", Output::kGenerate},
                                                       {"loglikelihood", Output::kLoglikelihood},
                                                       {"loglikelihood_rolling", Output::kRolling}};

Result<Output> output_of(const Yaml& fields) {
  PARETO_TRY(const std::string name, text_field(fields, "output_type", "generate_until"));
  std::vector<std::string> names;
  for (const auto& [known, output] : kOutputs) {
    if (name == known) return output;
    names.emplace_back(known);
  }
  const std::string near = nearest_name(name, names);
  return fail(Code::kInvalid, "{}: no output_type '{}'; there is: {}{}", fields.get("output_type")->where(), name,
              fmt::join(names, " "), near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

// Upstream's defaults: greedy, and the delimiter of shots ends an answer.
Status set_generation(const Yaml& fields, TaskSpec* spec) {
  const Value stop = Value::list({Value(spec->prompt.fewshot_delimiter)});
  Value kwargs = Value::dict({});
  const Yaml* given = field(fields, "generation_kwargs");
  if (given == nullptr) {
    kwargs.set("do_sample", false);
    kwargs.set("until", stop);
    kwargs.set("temperature", 0.0);
  } else {
    if (given->type != Yaml::Type::kMap) return wrong_yaml(*given, "generation_kwargs", "a map");
    kwargs = given->to_value();
    if (const Value* temperature = kwargs.get("temperature"); temperature != nullptr && temperature->is_number())
      kwargs.set("temperature", temperature->as_double());
    if (kwargs.get("until") == nullptr) kwargs.set("until", stop);
  }
  PARETO_TRY(spec->generation_kwargs, python::json_dumps(kwargs, {.text = python::JsonStyle::Text::kRaw}));
  const auto generation = make_generation(spec->generation_kwargs, {});
  if (generation) return {};
  const Yaml& place = given == nullptr ? fields : *given;
  return fail(Code::kInvalid, "{}: generation_kwargs: {}", place.where(),
              python::replace(generation.error().message, "--gen_kwargs ", ""));
}

Status set_info(const Yaml& fields, TaskSpec* spec) {
  TaskInfo& info = spec->info;
  PARETO_TRY(info.name, text_field(fields, "task"));
  PARETO_TRY(info.alias, text_field(fields, "task_alias"));
  const Yaml* metadata = field(fields, "metadata");
  if (metadata != nullptr && metadata->type != Yaml::Type::kMap) return wrong_yaml(*metadata, "metadata", "a map");
  const Yaml* version = metadata == nullptr ? nullptr : field(*metadata, "version");
  info.version = version == nullptr ? "Yaml" : version->text;  // as lm-eval calls what has none
  for (const char* key : {"tag", "group"}) {
    const Yaml* value = field(fields, key);
    if (value == nullptr) continue;
    PARETO_TRY(const std::vector<std::string> tags, yaml_texts(*value, key));
    info.tags.insert(info.tags.end(), tags.begin(), tags.end());
  }
  PARETO_TRY(const std::string path, text_field(fields, "dataset_path"));
  PARETO_TRY(const std::string name, text_field(fields, "dataset_name"));
  if (path.empty())
    return fail(Code::kInvalid, "{}: task '{}' needs 'dataset_path: org/name'", fields.where(), info.name);
  info.dataset = name.empty() ? path : path + " " + name;
  info.summary = fmt::format("declared in {}", *fields.file);
  return {};
}

Status set_prompt(const Yaml& fields, PromptStyle* prompt) {
  PARETO_TRY(prompt->description, constant_field(fields, "description"));
  PARETO_TRY(prompt->gen_prefix, constant_field(fields, "gen_prefix"));
  PARETO_TRY(prompt->target_delimiter, text_field(fields, "target_delimiter", prompt->target_delimiter));
  PARETO_TRY(prompt->fewshot_delimiter, text_field(fields, "fewshot_delimiter", prompt->fewshot_delimiter));
  return {};
}

Status check_makers(const Yaml& fields, const Asker& asker, const std::string& name) {
  if (!asker.target) return fail(Code::kInvalid, "{}: task '{}' needs 'doc_to_target'", fields.where(), name);
  if (!asker.text && asker.output != Output::kRolling)
    return fail(Code::kInvalid, "{}: task '{}' needs 'doc_to_text'", fields.where(), name);
  if (!asker.choice && asker.output == Output::kChoice)
    return fail(Code::kInvalid, "{}: task '{}' needs 'doc_to_choice'", fields.where(), name);
  return {};
}

Result<TaskSpec> spec_of(const Yaml& fields) {
  PARETO_CHECK_OK(check_yaml_keys(fields, "field", known_fields(), kRefusedFields));
  TaskSpec spec;
  Asker asker;
  PARETO_CHECK_OK(set_info(fields, &spec));
  PARETO_TRY(asker.output, output_of(fields));
  for (const auto& [name, output] : kOutputs)
    if (output == asker.output) spec.info.output_type = name;
  PARETO_CHECK_OK(set_prompt(fields, &spec.prompt));
  PARETO_CHECK_OK(set_maker(fields, "doc_to_text", &asker.text));
  PARETO_CHECK_OK(set_maker(fields, "doc_to_target", &asker.target));
  PARETO_CHECK_OK(set_maker(fields, "doc_to_choice", &asker.choice));
  PARETO_CHECK_OK(check_makers(fields, asker, spec.info.name));
  PARETO_CHECK_OK(set_filters(fields, &asker, &spec));
  PARETO_CHECK_OK(set_metrics(fields, asker.output, &spec));
  if (asker.output == Output::kGenerate) PARETO_CHECK_OK(set_generation(fields, &spec));
  PARETO_TRY(const auto shots, whole_field(fields, "num_fewshot", 0));
  if (shots) spec.num_fewshot = static_cast<int>(*shots);
  PARETO_TRY(const auto repeats, whole_field(fields, "repeats", 1));
  spec.repeats = static_cast<int>(repeats.value_or(1));
  PARETO_TRY(spec.process, processor(fields));
  spec.ask = [asker](const Row& row) { return asker.ask(row); };

  PARETO_TRY(const Splits splits, splits_of(fields));
  const std::string evaluated = !splits.test.empty() ? splits.test : splits.validation;
  if (evaluated.empty())
    return fail(Code::kInvalid, "{}: task '{}' needs 'test_split' or 'validation_split'", fields.where(),
                spec.info.name);
  PARETO_TRY(spec.documents, split_named(fields, evaluated, fields));
  PARETO_CHECK_OK(set_shots(fields, splits, asker, &spec));
  return spec;
}

}  // namespace

Result<TaskSpec> declared_spec(const Yaml& fields) {
  auto spec = spec_of(fields);
  if (!spec) return tl::unexpected(on_one_line(spec.error()));
  return spec;
}

std::unique_ptr<Task> make_declared_task(TaskSpec spec) {
  const std::string kind = spec.info.output_type;
  if (kind == "multiple_choice") return make_choice_task(std::move(spec));
  if (kind == "loglikelihood") return make_loglikelihood_task(std::move(spec));
  if (kind == "loglikelihood_rolling") return make_rolling_task(std::move(spec));
  return make_generate_task(std::move(spec));
}

}  // namespace pareto
