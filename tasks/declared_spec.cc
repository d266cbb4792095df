// A task file's fields as a TaskSpec: what each group of them says is read by declared_ask.h and declared_marks.h; here
// are the splits, the shots, the generation and what the task is called.
#include <filesystem>

#include "core/options.h"
#include "tasks/common_generation.h"
#include "tasks/declared.h"
#include "tasks/declared_ask.h"
#include "tasks/declared_fields.h"
#include "tasks/declared_marks.h"
#include "tasks/python.h"

namespace pareto::declared {
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

// A text without variables: description and gen_prefix are the same for every document here.
Result<std::string> constant_field(const Yaml& map, std::string_view key) {
  PARETO_TRY(const std::string text, text_field(map, key));
  for (const char* mark : {"{{", "{%", "{#"})
    if (text.find(mark) != std::string::npos)
      return fail(Code::kUnsupported, "{}: a template as '{}' is not supported; write it out, or put it in doc_to_text",
                  map.get(key)->where(), key);
  return text;
}

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
}  // namespace pareto::declared

namespace pareto {

Result<TaskSpec> declared_spec(const Yaml& fields) {
  auto spec = declared::spec_of(fields);
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
