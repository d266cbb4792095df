#include "harness/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/hash.h"
#include "harness/include_path.h"
#include "harness/resolve_model.h"

namespace pareto {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestId = 96;  // of a folder's name; what is longer ends in a hash

int to_int(const std::string& text) { return text.empty() ? 0 : static_cast<int>(std::strtod(text.c_str(), nullptr)); }

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  if (parts.empty()) parts.emplace_back();
  return parts;
}

// What other tools call our values.
std::string usual_name(const std::string& flag, const std::string& value) {
  if (flag == "batch" && value.starts_with("auto")) return "0";
  if (flag == "device" && value.starts_with("cuda:")) return "cuda";
  if (flag == "dtype") {
    if (value == "float32" || value == "fp32" || value == "float") return "f32";
    if (value == "bfloat16") return "bf16";
  }
  return value;
}

// Characters that are safe in a folder's name everywhere; a value that loses some keeps a hash of itself.
std::string in_folder_name(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool keep = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                      std::string_view("-._=+%").find(c) != std::string_view::npos;
    out += keep ? c : '_';
  }
  if (out.size() > 32) out.resize(32);
  return out == text ? out : out + "." + hex64(xxh3(text)).substr(0, 6);
}

// "magicpig:K=10,L=150" → "magicpig.K=10.L=150".
std::string spec_in_id(const BackendSpec& spec) {
  std::string out = spec.name;
  for (const auto& [key, value] : spec.options) out += "." + key + "=" + in_folder_name(value);
  return out;
}

std::string tasks_in_id(const std::string& tasks) {
  std::string out;
  for (const std::string& name : split(tasks, ',')) {
    out += out.empty() ? "" : "+";
    const bool file = name.starts_with("requests:");
    out += file ? "requests." + in_folder_name(std::filesystem::path(name.substr(9)).stem().string())
                : in_folder_name(name);
  }
  return out;
}

// A tokenizer goes by its folder, for its own name says nothing: ".../llama2/tokenizer.model" is "llama2".
std::string tokenizer_in_id(const std::string& value) {
  const std::filesystem::path path = std::filesystem::path(value + "/").parent_path();  // without a '/' at the end
  const std::string folder = path.parent_path().filename().string(), file = path.filename().string();
  return in_folder_name(file.starts_with("tokenizer") && !folder.empty() ? folder : file);
}

std::string value_in_id(const std::string& flag, const std::string& value) {
  return flag == "tokenizer" ? tokenizer_in_id(value) : in_folder_name(value);
}

std::string cell_id(const CellOptions& cell) {
  std::string id = spec_in_id(cell.spec) + "-" + tasks_in_id(cell.values.at("task"));
  for (const Flag& flag : run_flags()) {
    if (flag.effect != Effect::kAnswers && flag.effect != Effect::kSpeed) continue;
    const std::string& value = cell.values.at(flag.spec.name);
    if (value == flag.spec.default_value) continue;
    if (flag.arity == Arity::kSwitch || value == "true" || value == "false") {
      id += (value == "true" ? "-" : "-no_") + flag.spec.name;
    } else {
      id += "-" + flag.spec.name + "=" + value_in_id(flag.spec.name, value);
    }
  }
  if (id.size() <= kLongestId) return id;
  return id.substr(0, kLongestId - 9) + "-" + hex64(xxh3(id)).substr(0, 8);
}

// Tokenizer and model enter the keys by their hashes, the questions by their text; this is the rest.
std::string answer_options(const CellOptions& cell) {
  OptionMap decisive = cell.filled;
  for (const OptionSpec& option : find_backend(cell.spec.name)->options)
    if (option.effect == OptionSpec::Effect::kSpeed) decisive.erase(option.name);
  std::string text = BackendSpec{cell.spec.name, decisive}.text();
  for (const char* name : {"device", "dtype", "max_length", "deterministic"})
    text += std::string(";") + name + "=" + cell.values.at(name);
  if (cell.values.at("deterministic") != "true")
    for (const char* name : {"batch", "threads", "chunk", "page"})
      text += std::string(";") + name + "=" + cell.values.at(name);
  return text;
}

Result<std::vector<std::string>> parse_seeds(const std::string& text) {
  std::vector<std::string> seeds = split(text, ',');
  if (seeds.size() == 1) seeds.resize(4, seeds.front());
  if (seeds.size() != 4) return fail(Code::kUsage, "--seed {}: give one seed, or four separated by commas", text);
  for (const std::string& seed : seeds) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(seed.data(), seed.data() + seed.size(), value);
    if (seed != "None" && (error != std::errc() || end != seed.data() + seed.size()))
      return fail(Code::kUsage, "--seed {}: '{}' is not a whole number of at least 0", text, seed);
  }
  return seeds;
}

const std::string& flag_default(std::string_view name) {
  const auto& flags = run_flags();
  return std::find_if(flags.begin(), flags.end(), [&](const Flag& flag) { return flag.spec.name == name; })
      ->spec.default_value;
}

std::uint64_t seed_number(const std::string& seed, std::uint64_t none) {
  return seed == "None" ? none : std::strtoull(seed.c_str(), nullptr, 10);
}

Status check_limit(const std::string& text) {
  if (text.empty()) return {};
  char* end = nullptr;
  const double limit = std::strtod(text.c_str(), &end);
  if (*end != '\0' || !std::isfinite(limit)) return fail(Code::kUsage, "--limit {} is not a number", text);
  if (limit <= 0) return fail(Code::kUsage, "--limit {} leaves no document; leave it out for all of them", text);
  if (limit >= 1 && limit != std::floor(limit))
    return fail(Code::kUsage, "--limit {}: give a whole number of documents, or a share below 1", text);
  return {};
}

Result<json> parse_samples(const std::string& text) {
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded() && std::filesystem::is_regular_file(text)) {
    std::ifstream in(text);
    parsed = json::parse(in, nullptr, /*allow_exceptions=*/false);
  }
  const auto bad = [&] {
    return fail(Code::kUsage, "--samples {}: write {{\"task\": [index, …]}}, or the name of a file that holds it",
                text);
  };
  if (!parsed.is_object()) return bad();
  for (const auto& [task, indices] : parsed.items()) {
    if (!indices.is_array() || indices.empty()) return bad();
    for (const json& index : indices)
      if (!index.is_number_unsigned() || index.get<std::uint64_t>() > 0x7FFFFFFF) return bad();
  }
  return parsed;
}

Result<bool> parse_bool(const std::string& text, const char* flag) {
  for (const char* yes : {"true", "True", "1"})
    if (text == yes) return true;
  for (const char* no : {"false", "False", "0"})
    if (text == no) return false;
  return fail(Code::kUsage, "{} {}: write true or false", flag, text);
}

// Flags whose text is more than OptionSpec can check.
Status check_texts(const OptionMap& values) {
  PARETO_CHECK_OK(check_limit(values.at("limit")));
  PARETO_TRY([[maybe_unused]] const auto seeds, parse_seeds(values.at("seed")));
  PARETO_TRY([[maybe_unused]] const auto kwargs, parse_key_values(values.at("gen_kwargs"), "--gen_kwargs"));
  if (const int page = to_int(values.at("page")); (page & (page - 1)) != 0)
    return fail(Code::kUsage, "--page {} is not a power of two", page);
  const std::string& multiturn = values.at("fewshot_as_multiturn");
  PARETO_TRY(const bool as_turns, parse_bool(multiturn.empty() ? "false" : multiturn, "--fewshot_as_multiturn"));
  if (as_turns && !asks_for_template(values.at("apply_chat_template")))
    return fail(Code::kUsage, "--fewshot_as_multiturn {} needs --apply_chat_template", multiturn);
  PARETO_TRY([[maybe_unused]] const auto goodput, parse_goodput(values.at("goodput")));
  PARETO_TRY([[maybe_unused]] const auto scenario, parse_scenario(values, 0));
  if (!values.at("samples").empty()) {
    if (!values.at("limit").empty()) return fail(Code::kUsage, "--samples and --limit exclude each other");
    PARETO_TRY([[maybe_unused]] const auto samples, parse_samples(values.at("samples")));
  }
  return {};
}

// The first task that is made to a length; null: none is.
const std::string* sized_task(const TaskSelection& selection) {
  for (const std::string& name : selection.tasks)
    if (const TaskEntry* entry = find_task(name); entry != nullptr && entry->sized) return &name;
  return nullptr;
}

// A task that is made to a length needs one, and a length needs such a task.
Status check_length(const TaskSelection& selection, const std::string& length) {
  const std::string* sized = sized_task(selection);
  if (sized != nullptr && length.empty())
    return fail(Code::kUsage, "task '{}' is made to a length; give --length N, or several: --length 4096,8192", *sized);
  if (sized == nullptr && !length.empty())
    return fail(Code::kUsage, "--length {}: none of the tasks is made to a length; 'pareto ls tasks' lists them",
                length);
  return {};
}

// Every point of the comma lists of flags that sweep. A model whose own name holds a comma is one model.
std::vector<OptionMap> product_of_sweeps(const OptionMap& values) {
  std::vector<OptionMap> points = {values};
  for (const Flag& flag : run_flags()) {
    if (!flag.sweep || values.at(flag.spec.name).find(',') == std::string::npos) continue;
    if (flag.spec.name == "model" && std::filesystem::exists(values.at("model"))) continue;
    std::vector<OptionMap> product;
    for (const OptionMap& point : points)
      for (const std::string& value : split(values.at(flag.spec.name), ',')) {
        product.push_back(point);
        product.back()[flag.spec.name] = value;
      }
    points = std::move(product);
  }
  return points;
}

Result<OptionMap> check_point(OptionMap point) {
  std::vector<OptionSpec> specs;
  for (const Flag& flag : run_flags()) specs.push_back(flag.spec);
  OptionMap given;
  for (auto& [name, value] : point) {
    value = usual_name(name, value);
    // limit has a message of its own; an empty value is one that was not given.
    if (!value.empty() && name != "limit") given[name] = value;
  }
  PARETO_TRY([[maybe_unused]] const OptionMap checked, check_options(given, specs, "run"));
  PARETO_CHECK_OK(check_texts(point));
  return point;
}

Result<CellOptions> make_cell(const OptionMap& point, const BackendSpec& spec) {
  CellOptions cell;
  cell.spec = spec;
  cell.values = point;
  const BackendEntry* entry = find_backend(spec.name);
  if (entry == nullptr) {
    std::vector<std::string> names;
    for (const BackendEntry& known : backends()) names.push_back(known.name);
    return tl::unexpected(unknown_name("backend", spec.name, names));
  }
  PARETO_TRY(cell.filled, check_options(spec.options, entry->options, spec.name));
  if (entry->complete) PARETO_CHECK_OK(entry->complete(&cell.filled));
  cell.model = point.at("model");
  if (cell.model.empty() && entry->needs_model)
    return fail(Code::kUsage, "backend '{}' needs --model PATH or NAME; 'pareto ls models' lists the known ones",
                spec.name);
  cell.values["backend"] = BackendSpec{spec.name, cell.filled}.text();
  cell.id = cell_id(cell);
  if (!entry->device.empty()) cell.values["device"] = entry->device;
  cell.answers = answer_options(cell);
  return cell;
}

}  // namespace

bool asks_for_template(const std::string& value) {
  return !value.empty() && value != "false" && value != "False" && value != "0";
}

Result<OptionMap> parse_key_values(const std::string& text, const std::string& owner) {
  OptionMap map;
  if (text.empty()) return map;
  if (const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false); parsed.is_object()) {
    for (const auto& [key, value] : parsed.items())
      map[key] = value.is_string() ? value.get<std::string>() : value.dump();
    return map;
  }
  std::string* last = nullptr;
  for (const std::string& piece : split(text, ',')) {
    const std::size_t equals = piece.find('=');
    if (equals == std::string::npos || equals == 0) {
      if (last == nullptr) return fail(Code::kUsage, "{} {}: '{}' is not key=value", owner, text, piece);
      *last += "," + piece;  // a comma inside a value: stop strings may hold one
      continue;
    }
    last = &(map[piece.substr(0, equals)] = piece.substr(equals + 1));
  }
  return map;
}

Status translate_model_args(OptionMap* values) {
  std::string& model = (*values)["model"];
  const std::string text = values->count("model_args") > 0 ? values->at("model_args") : "";
  const bool named = model == "hf" || model == "hf-auto" || model == "huggingface";
  if (text.empty()) {
    if (named) return fail(Code::kUsage, "--model {} needs --model_args pretrained=PATH or NAME", model);
    return {};
  }
  PARETO_TRY(OptionMap args, parse_key_values(text, "--model_args"));
  if (named || model.empty()) {
    model = args["pretrained"];
    if (model.empty()) return fail(Code::kUsage, "--model_args {}: pretrained=PATH or NAME is missing", text);
  }
  // Nothing of these changes what we do: weights are read as they are, code of a repository is never run.
  const std::vector<std::string> ignored = {"pretrained", "trust_remote_code", "parallelize", "use_fast_tokenizer",
                                            "revision"};
  const std::vector<std::string> taken = {"dtype", "max_length", "tokenizer", "device"};
  for (const auto& [key, value] : args) {
    if (std::find(ignored.begin(), ignored.end(), key) != ignored.end()) continue;
    if (std::find(taken.begin(), taken.end(), key) == taken.end()) {
      std::vector<std::string> known = taken;
      known.push_back("pretrained");
      return tl::unexpected(unknown_name("option of --model_args", key, known));
    }
    std::string& ours = (*values)[key];
    if (ours.empty()) ours = value;
  }
  return {};
}

BackendOptions CellOptions::backend() const {
  BackendOptions options;
  options.model = model;
  options.tokenizer = values.at("tokenizer");
  options.device = values.at("device");
  options.dtype = values.at("dtype");
  options.batch = to_int(values.at("batch"));
  options.threads = to_int(values.at("threads"));
  options.max_length = to_int(values.at("max_length"));
  options.chunk = to_int(values.at("chunk"));
  options.page = to_int(values.at("page"));
  options.deterministic = values.at("deterministic") == "true";
  options.conversations = conversations();
  options.spec = filled;
  return options;
}

bool CellOptions::conversations() const {
  const BackendEntry* entry = find_backend(spec.name);
  return asks_for_template(values.at("apply_chat_template")) && entry->takes_conversations &&
         entry->takes_conversations(filled);
}

TaskOptions CellOptions::task(const std::string& task_name) const {
  TaskOptions options;
  options.data_dir = values.at("data_dir").empty() ? default_data_dir() : values.at("data_dir");
  if (const std::string& text = values.at("num_fewshot"); !text.empty()) options.num_fewshot = to_int(text);
  if (const std::string& text = values.at("limit"); !text.empty()) options.limit = std::strtod(text.c_str(), nullptr);
  if (const std::string& text = values.at("samples"); !text.empty()) {
    const json samples = parse_samples(text).value_or(json::object());
    if (samples.contains(task_name)) options.samples = samples[task_name].get<std::vector<int>>();
  }
  const auto seeds = parse_seeds(values.at("seed"));  // checked by plan_run()
  if (seeds) options.fewshot_seed = seed_number(seeds->at(3), 1234);
  if (const auto kwargs = parse_key_values(values.at("gen_kwargs"), "--gen_kwargs")) options.gen_kwargs = *kwargs;
  if (const std::string& text = values.at("repeats"); !text.empty()) options.repeats = to_int(text);
  if (task_name.starts_with("requests:")) options.file = task_name.substr(9);
  options.prompt_length = to_int(values.at("prompt_length"));
  options.length = to_int(values.at("length"));
  options.ruler_profile = values.at("ruler_profile");
  // Generated tasks have default seeds of their own.
  if (seeds && values.at("seed") != flag_default("seed")) {
    if (seeds->at(0) != "None") options.seed = seed_number(seeds->at(0), 0);
    if (seeds->at(1) != "None") options.numpy_seed = seed_number(seeds->at(1), 0);
  }
  options.system_instruction = values.at("system_instruction");
  if (const std::string& text = values.at("fewshot_as_multiturn"); !text.empty())
    options.fewshot_as_multiturn = parse_bool(text, "").value_or(true);  // checked by plan_run()
  return options;
}

std::vector<RecordedOption> CellOptions::recorded() const {
  std::vector<RecordedOption> options;
  for (const Flag& flag : run_flags())
    if (flag.effect != Effect::kNone) options.push_back({flag.spec.name, flag.spec.type, values.at(flag.spec.name)});
  return options;
}

Scenario CellOptions::scenario() const {
  return parse_scenario(values, sampling_seed()).value_or(Scenario{});  // checked by plan_run(), as below
}

GoodputTargets CellOptions::goodput() const { return parse_goodput(values.at("goodput")).value_or(GoodputTargets{}); }

std::uint64_t CellOptions::sampling_seed() const {
  const auto seeds = parse_seeds(values.at("seed"));
  return seeds ? seed_number(seeds->at(0), 0) : 0;
}

HarnessConfig CellOptions::config() const {
  HarnessConfig config;
  config.model_args = fmt::format("pretrained={},backend={},dtype={},max_length={}", model, values.at("backend"),
                                  values.at("dtype"), values.at("max_length"));
  config.device = values.at("device");
  config.limit = values.at("limit");
  config.gen_kwargs = values.at("gen_kwargs");
  config.batch_size = values.at("batch") == "0" ? "auto" : values.at("batch");
  config.system_instruction = values.at("system_instruction");
  config.fewshot_as_multiturn = values.at("fewshot_as_multiturn");
  if (const auto seeds = parse_seeds(values.at("seed"))) std::copy(seeds->begin(), seeds->end(), config.seeds);
  return config;
}

Result<RunPlan> plan_run(const Arguments& arguments) {
  RunPlan plan;
  OptionMap given = arguments.values;
  PARETO_CHECK_OK(translate_model_args(&given));
  OptionMap values;
  for (const Flag& flag : run_flags()) {
    const auto found = given.find(flag.spec.name);
    const bool set = found != given.end() && !found->second.empty();
    values[flag.spec.name] = set ? found->second : flag.spec.default_value;
  }
  plan.output = values.at("output");
  plan.restart = arguments.on("restart");
  plan.predict_only = arguments.on("predict_only");
  plan.json = arguments.on("json");
  PARETO_CHECK_OK(include_tasks(values.at("include_path")));
  PARETO_TRY(plan.tasks, select_tasks(values.at("task")));
  PARETO_CHECK_OK(check_length(plan.tasks, values.at("length")));
  PARETO_TRY(const std::vector<BackendSpec> specs, parse_backend_specs(values.at("backend")));
  for (const OptionMap& raw : product_of_sweeps(values)) {
    PARETO_TRY(const OptionMap point, check_point(raw));
    for (const BackendSpec& spec : specs) {
      PARETO_TRY(CellOptions cell, make_cell(point, spec));
      if (const std::string* sized = sized_task(plan.tasks);
          sized != nullptr && cell.model.empty() && point.at("tokenizer").empty())
        return fail(Code::kUsage, "task '{}' is made to a length and there is no model; give --tokenizer PATH", *sized);
      plan.cells.push_back(std::move(cell));
    }
  }
  return plan;
}

}  // namespace pareto
