// pareto ls: what this build has and what is at hand.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "core/task.h"
#include "engine/model_file.h"
#include "harness/commands.h"
#include "harness/include_path.h"
#include "harness/resolve_model.h"
#include "harness/table.h"
#include "kernels/ops.h"

namespace pareto {
namespace {

using Json = nlohmann::ordered_json;

std::string joined(const std::vector<std::string>& words, const char* separator = " ") {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : separator) + word;
  return out;
}

Json list_tasks() {
  Json rows = Json::array();
  for (const TaskEntry& task : tasks())
    rows.push_back(Json{{"name", task.name},
                        {"summary", task.summary},
                        {"kind", "task"},
                        {"tags", task.tags},
                        {"needs_length", task.sized}});
  for (const GroupInfo& group : task_groups())
    rows.push_back(Json{{"name", group.name},
                        {"summary", fmt::format("group of {}", group.members.size())},
                        {"kind", "group"},
                        {"members", group.members}});
  return rows;
}

const char* type_name(OptionSpec::Type type) {
  switch (type) {
    case OptionSpec::Type::kInt:
      return "int";
    case OptionSpec::Type::kFloat:
      return "float";
    case OptionSpec::Type::kBool:
      return "bool";
    case OptionSpec::Type::kString:
      return "string";
    case OptionSpec::Type::kBudget:
      return "budget";
  }
  return "";
}

Json list_backends() {
  Json rows = Json::array();
  for (const BackendEntry& backend : backends()) {
    Json options = Json::array();
    for (const OptionSpec& option : backend.options)
      options.push_back(Json{{"name", option.name},
                             {"type", type_name(option.type)},
                             {"default", option.default_value},
                             {"help", option.help}});
    rows.push_back(Json{{"name", backend.name},
                        {"summary", backend.summary},
                        {"needs_model", backend.needs_model},
                        {"options", options}});
  }
  return rows;
}

Json list_ops() {
  static constexpr std::pair<const char*, const char*> kOps[] = {
      {"embed", "rows of the embedding table"},
      {"rmsnorm", "x / rms(x) * weight"},
      {"matmul", "x · Wᵀ + bias, for all matrices that share x"},
      {"rope", "rotary position embedding"},
      {"kv_write", "new keys and values into the paged cache"},
      {"attend", "causal attention over the paged cache"},
      {"silu_mul", "silu(gate) * up"},
      {"add", "residual addition"},
      {"route", "mixture of experts: softmax and the k largest"},
      {"scatter_add", "mixture of experts: weighted sum of expert outputs"},
      {"log_softmax", "log Σ exp and argmax of the logits, in f32"}};
  const std::vector<std::string> tables = cpu_isas();
  Json rows = Json::array();
  for (const auto& [name, summary] : kOps)
    rows.push_back(Json{{"name", name}, {"summary", summary}, {"device", "cpu"}, {"tables", tables}});
  return rows;
}

Json list_profilers() {
  Json rows = Json::array();
  rows.push_back(
      Json{{"name", "analytic"}, {"summary", "the work account: FLOPs and bytes of every op call, by formula"}});
  rows.push_back(Json{{"name", "ceilings"}, {"summary", "read bandwidth and FLOP rate, measured in the same run"}});
  return rows;
}

Json model_row(const ModelPlace& place) {
  Json row = {{"name", place.name}, {"path", place.path}};
  const auto file = ModelFile::open(place.path);
  if (!file) {
    row["summary"] = "cannot be read: " + file.error().message;
    row["error"] = file.error().message;
    return row;
  }
  const ModelFile::Summary s = (*file)->summary();
  const ModelConfig& config = (*file)->config();
  Json dtypes = Json::object();
  std::vector<std::string> names;
  for (const auto& [dtype, bytes] : s.dtypes) {
    dtypes[dtype_name(dtype)] = bytes;
    names.emplace_back(dtype_name(dtype));
  }
  // As the dense backend caches by default: f32 beside f32 weights, else bf16.
  const bool f32 = !s.dtypes.empty() && s.dtypes.front().first == DType::kF32;
  const DType kv = f32 ? DType::kF32 : DType::kBF16;
  row["summary"] =
      fmt::format("{}, {} parameters, {}, {}", config.architecture, si(static_cast<double>(s.parameters), ""),
                  joined(names, "+"), si(static_cast<double>(s.bytes), "B"));
  row["format"] = s.format;
  row["architecture"] = config.architecture;
  row["parameters"] = s.parameters;
  row["active_parameters"] = s.active_parameters;
  row["bytes"] = s.bytes;
  row["dtypes"] = dtypes;
  row["kv_bytes_per_token"] = kv_bytes_per_token(config, kv);
  row["kv_dtype"] = dtype_name(kv);
  row["layers"] = config.layers;
  row["hidden"] = config.hidden;
  row["vocab"] = config.vocab;
  row["max_length"] = config.max_positions;
  return row;
}

Result<Json> list_models(const std::string& folder) {
  std::vector<ModelPlace> places;
  if (folder.empty()) {
    places = known_models();
  } else {
    if (!std::filesystem::exists(folder)) return fail(Code::kNotFound, "{}: no such file or folder", folder);
    places = models_in(folder);
    if (places.empty())
      return fail(Code::kNotFound, "{}: no model in it (config.json, .gguf, .safetensors or .bin)", folder);
  }
  Json rows = Json::array();
  for (const ModelPlace& place : places) rows.push_back(model_row(place));
  return rows;
}

std::string cell_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) return joined(value.get<std::vector<std::string>>());
  if (!value.is_object()) return value.dump();
  std::vector<std::string> parts;
  for (const auto& [key, number] : value.items()) parts.push_back(fmt::format("{} {}", key, number.dump()));
  return joined(parts, ", ");
}

// The columns that people want to see; the rest is in --json.
std::string as_table(const Json& rows, const std::string& what) {
  std::vector<std::string> keys = {"name", "summary"};
  if (what == "models")
    keys = {"name", "architecture", "parameters", "dtypes", "bytes", "kv_bytes_per_token", "kv_dtype", "error"};
  if (what == "tasks") keys = {"name", "summary", "tags"};
  std::vector<Table::Column> columns;
  for (const std::string& key : keys) columns.push_back({key});
  Table table(std::move(columns));
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& key : keys) cells.push_back(row.contains(key) ? cell_text(row[key]) : "");
    table.add(std::move(cells));
  }
  return table.empty() ? "none\n" : table.text();
}

Result<Json> list(const std::string& what, const std::string& folder) {
  if (what == "tasks") return list_tasks();
  if (what == "backends") return list_backends();
  if (what == "models") return list_models(folder);
  if (what == "ops") return list_ops();
  if (what == "profilers") return list_profilers();
  return tl::unexpected(unknown_name("list", what, {"tasks", "backends", "models", "ops", "profilers"}));
}

int run(const Arguments& arguments) {
  const auto& words = arguments.positionals;
  if (words.empty() || words.size() > 2 || (words.size() == 2 && words[0] != "models"))
    return report({Code::kUsage, "ls takes one of tasks, backends, models [DIR], ops, profilers"});
  if (const Status included = include_tasks(arguments.text("include_path")); !included) return report(included.error());
  const Result<Json> rows = list(words[0], words.size() > 1 ? words[1] : "");
  if (!rows) return report(rows.error());
  if (arguments.on("json")) {
    fmt::print("{}\n", rows->dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{}", as_table(*rows, words[0]));
  }
  return 0;
}

}  // namespace

Command ls_command() {
  Flag as_json;
  as_json.spec.name = "json";
  as_json.spec.type = OptionSpec::Type::kBool;
  as_json.spec.default_value = "false";
  as_json.spec.help = "an array of objects with name and summary";
  as_json.arity = Arity::kSwitch;
  Command command;
  command.name = "ls";
  command.summary = "what there is: tasks, backends, models, ops, profilers";
  command.example = "pareto ls models ./checkpoints --json";
  command.flags = {include_path_flag(), as_json};
  command.positional = "tasks | backends | models [DIR] | ops | profilers";
  command.run = run;
  return command;
}

}  // namespace pareto
