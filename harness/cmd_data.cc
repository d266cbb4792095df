// pareto data: what is in the data folder, and how it gets there.
//
//   list                     the sets that are known, their licences, which of them are there
//   fetch NAME…              from the network: hub rows, original files, model:ORG/NAME
//   import NAME PATH         from originals on disk
//   verify                   every file of the manifest against its hash
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/catalog.h"
#include "data/fetch.h"
#include "data/import.h"
#include "data/manifest.h"
#include "harness/commands.h"
#include "harness/interrupt.h"
#include "harness/resolve_model.h"
#include "harness/table.h"
#include "tasks/python.h"

namespace pareto {
namespace {

using Json = nlohmann::ordered_json;

std::string variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return otherwise;
  std::string text = value;
  while (text.ends_with('/')) text.pop_back();
  return text;
}

// kUsage: no address, or one with a password in it, which messages and the manifest would show.
Result<std::string> endpoint(const char* name, const std::string& otherwise) {
  const std::string url = variable(name, otherwise);
  const std::string origin = origin_of(url);
  if (origin.find('@') != std::string::npos)
    return fail(Code::kUsage, "${}: an address with a user's name in it; only $HF_TOKEN is kept out of messages", name);
  if (origin.empty()) return fail(Code::kUsage, "${}: '{}' is no http(s) address", name, url);
  return url;
}

Result<Endpoints> endpoints() {
  Endpoints from;
  PARETO_TRY(from.hub, endpoint("HF_ENDPOINT", from.hub));
  PARETO_TRY(from.rows, endpoint("PARETO_ROWS_ENDPOINT", from.rows));
  PARETO_TRY(from.github, endpoint("PARETO_GITHUB_ENDPOINT", from.github));
  return from;
}

// Without the newline of a file that it was read from. It becomes a header's line, so nothing else may end that; the
// message does not show it.
Result<std::string> hub_token() {
  const char* value = std::getenv("HF_TOKEN");
  const std::string token(python::strip(value == nullptr ? "" : value));
  if (std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; })) return token;
  return fail(Code::kUsage, "$HF_TOKEN: holds a space or a character that no token has");
}

// As huggingface_hub reads its switches.
bool is_switched_on(const char* name) {
  const std::string value = python::lower(variable(name, ""));
  return value == "1" || value == "on" || value == "yes" || value == "true";
}

void print_json(const Json& json) { fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace)); }

// --- list -------------------------------------------------------------------------------------------------------

Json list_row(const DataSet& set, const std::string& data_dir, const Manifest& manifest) {
  int present = 0, recorded = 0;
  const std::vector<std::string> files = files_of(set);
  for (const std::string& file : files) {
    std::error_code error;
    present += std::filesystem::is_regular_file(data_dir + "/" + file, error);
    recorded += static_cast<int>(manifest.count(file));
  }
  Json row = {{"name", set.name},        {"summary", set.title},
              {"licence", set.licence},  {"source", set.source},
              {"files", files.size()},   {"present", present},
              {"in_manifest", recorded}, {"fetch", "pareto data fetch " + set.name}};
  if (!set.import_help.empty()) row["import"] = set.import_help;
  return row;
}

std::string presence(const Json& row) {
  const auto files = row["files"].get<std::size_t>(), present = row["present"].get<std::size_t>();
  if (present == files) return "yes";
  return present == 0 ? "no" : fmt::format("{} of {}", present, files);
}

int list(const Arguments& arguments, const std::string& data_dir) {
  const Result<Manifest> manifest = read_manifest(data_dir);
  if (!manifest) return report(manifest.error());
  Json rows = Json::array();
  for (const DataSet& set : data_sets()) rows.push_back(list_row(set, data_dir, *manifest));
  if (arguments.on("json")) {
    print_json(rows);
    return 0;
  }
  Table table({{"name"}, {"what"}, {"there"}, {"licence"}, {"source"}});
  for (const Json& row : rows)
    table.add({row["name"].get<std::string>(), row["summary"].get<std::string>(), presence(row),
               row["licence"].get<std::string>(), row["source"].get<std::string>()});
  fmt::print("{}\n{}", data_dir, table.text());
  return 0;
}

// --- fetch ------------------------------------------------------------------------------------------------------

HttpOptions http_options(const Arguments& arguments, const Endpoints& from, const std::string& token) {
  HttpOptions http;
  http.token = token;
  http.token_origins = {origin_of(from.hub), origin_of(from.rows)};
  if (arguments.has("retries")) http.retries = std::atoi(arguments.text("retries").c_str());
  if (arguments.has("retry_wait")) http.retry_wait_s = std::strtod(arguments.text("retry_wait").c_str(), nullptr);
  if (arguments.has("timeout")) http.stall_s = std::strtod(arguments.text("timeout").c_str(), nullptr);
  http.stopped = [] { return interrupted(); };
  http.say = [](const std::string& line) { fmt::print(stderr, "pareto: {}\n", line); };
  return http;
}

// What a fetch command brings, checked before anything is opened.
struct Wanted {
  std::vector<DataSet> sets;
  std::vector<ModelName> models;
};

Result<Wanted> resolve_wanted(std::span<const std::string> names) {
  Wanted wanted;
  if (names.empty()) return fail(Code::kUsage, "data fetch: name what to bring; 'pareto data list' shows the sets");
  for (const std::string& name : names) {
    if (name.starts_with("model:")) {
      PARETO_TRY(ModelName model, parse_model_name(name));
      wanted.models.push_back(std::move(model));
    } else {
      PARETO_TRY(DataSet set, resolve_data_set(name));
      wanted.sets.push_back(std::move(set));
    }
  }
  return wanted;
}

Status bring_set(const HttpClient& http, const Endpoints& from, const DataSet& set, const std::string& data_dir,
                 bool offline) {
  fmt::print(stderr, "pareto: {}: licence {}; {}\n", set.name, set.licence, set.source);
  PARETO_TRY(const FetchCount count, fetch_set(http, from, set, data_dir, offline));
  fmt::print("{}: {} files fetched, {} were there, in {}\n", set.name, count.fetched, count.present, data_dir);
  return {};
}

Status bring_model(const HttpClient& http, const Endpoints& from, const ModelName& name, bool offline) {
  PARETO_TRY(const std::string place,
             offline ? cached_model(name, hugging_face_hub()) : fetch_model(http, from, name, hugging_face_hub()));
  // A repository's name alone means its main revision, whole.
  const bool by_name = name.file.empty() && name.revision == ModelName().revision;
  fmt::print("model:{}: --model {}\n", name.repository, by_name ? name.repository : place);
  return {};
}

int fetch(const Arguments& arguments, std::span<const std::string> names, const std::string& data_dir) {
  const Result<Wanted> wanted = resolve_wanted(names);
  if (!wanted) return report(wanted.error());
  const Result<Endpoints> from = endpoints();
  if (!from) return report(from.error());
  const Result<std::string> token = hub_token();
  if (!token) return report(token.error());
  const bool offline = arguments.on("offline") || is_switched_on("HF_HUB_OFFLINE");
  const InterruptScope scope;
  const HttpClient http(http_options(arguments, *from, *token));
  int code = 0;
  const auto note = [&](const Status& status) {
    if (!status) code = std::max(code, report(status.error()));
  };
  for (const DataSet& set : wanted->sets)
    if (!interrupted()) note(bring_set(http, *from, set, data_dir, offline));
  for (const ModelName& model : wanted->models)
    if (!interrupted()) note(bring_model(http, *from, model, offline));
  return code;
}

// --- import, verify ---------------------------------------------------------------------------------------------

int import(std::span<const std::string> words, const std::string& data_dir) {
  if (words.size() != 2) return report({Code::kUsage, "data import takes a set's name and the path of its originals"});
  const Result<Manifest> entries = import_set(words[0], words[1], data_dir);
  if (!entries) return report(entries.error());
  for (const auto& [path, entry] : *entries) {
    const std::string rows = entry.rows < 0 ? "" : fmt::format("{} rows, ", entry.rows);
    fmt::print("{}/{}: {}{} bytes\n", data_dir, path, rows, entry.bytes);
  }
  return 0;
}

int verify(const Arguments& arguments, const std::string& data_dir) {
  const Result<Manifest> manifest = read_manifest(data_dir);
  if (!manifest) return report(manifest.error());
  const std::vector<std::string> wrong = verify_files(data_dir, *manifest);
  if (arguments.on("json")) {
    print_json(Json{{"files", manifest->size()}, {"wrong", wrong}});
  } else {
    fmt::print("{}: {} files, {} wrong\n", manifest_path(data_dir), manifest->size(), wrong.size());
  }
  for (const std::string& line : wrong) fmt::print(stderr, "pareto: {}\n", line);
  return wrong.empty() ? 0 : 1;
}

int run_data(const Arguments& arguments) {
  std::span<const std::string> words = arguments.positionals;
  const std::string what = words.empty() ? "" : words.front();
  const std::string data_dir = arguments.has("data_dir") ? arguments.text("data_dir") : default_data_dir();
  if (!words.empty()) words = words.subspan(1);
  if (what == "fetch") return fetch(arguments, words, data_dir);
  if (what == "import") return import(words, data_dir);
  if (what != "list" && what != "verify") {
    if (what.empty()) return report({Code::kUsage, "data takes one of list, fetch NAME…, import NAME PATH, verify"});
    return report(unknown_name("data command", what, {"list", "fetch", "import", "verify"}));
  }
  if (!words.empty()) return report({Code::kUsage, fmt::format("data {} takes no '{}'", what, words.front())});
  return what == "list" ? list(arguments, data_dir) : verify(arguments, data_dir);
}

Flag data_flag(std::string name, std::string value, std::string help, Arity arity = Arity::kValue) {
  Flag flag;
  flag.spec.name = std::move(name);
  flag.spec.type = arity == Arity::kSwitch ? OptionSpec::Type::kBool : OptionSpec::Type::kString;
  flag.spec.help = std::move(help);
  flag.value = std::move(value);
  flag.arity = arity;
  return flag;
}

Flag number_flag(std::string name, std::string default_value, OptionSpec::Type type, std::string help) {
  Flag flag = data_flag(std::move(name), "N", std::move(help));
  flag.spec.type = type;
  flag.spec.default_value = std::move(default_value);
  flag.spec.min = 0;
  flag.spec.max = 100000;
  return flag;
}

// Numbers are checked here: `run` does it for its own flags.
int run_checked(const std::vector<Flag>& flags, const Arguments& arguments) {
  std::vector<OptionSpec> specs;
  for (const Flag& flag : flags) specs.push_back(flag.spec);
  const Result<OptionMap> checked = check_options(arguments.values, specs, "data");
  return checked ? run_data(arguments) : report(checked.error());
}

}  // namespace

Command data_command() {
  using Type = OptionSpec::Type;
  Command command;
  command.name = "data";
  command.summary = "data sets: list, fetch, import, verify; fetch model:ORG/NAME";
  command.example = "pareto data fetch gsm8k model:Qwen/Qwen2.5-0.5B";
  command.flags = {
      data_flag("data_dir", "DIR", "where hub rows are kept; default: $PARETO_DATA, else the user's cache"),
      data_flag("offline", "", "open no connection (also $HF_HUB_OFFLINE=1)", Arity::kSwitch),
      number_flag("retries", "5", Type::kInt, "attempts after one that brought nothing"),
      number_flag("retry_wait", "1", Type::kFloat,
                  "seconds before the first of them; doubles, Retry-After may say more"),
      number_flag("timeout", "30", Type::kFloat, "seconds without a byte after which a transfer is cut"),
      data_flag("json", "", "list, verify: JSON on standard output", Arity::kSwitch),
  };
  command.positional =
      "list | fetch NAME... | import NAME PATH | verify; a NAME of fetch is a set of the list, "
      "rows:ORG/NAME:CONFIG:SPLIT, "
      "model:ORG/NAME or model:ORG/NAME/FILE.gguf. Environment: HF_ENDPOINT, HF_TOKEN (sent there only), HF_HUB_CACHE, "
      "PARETO_ROWS_ENDPOINT, PARETO_GITHUB_ENDPOINT, https_proxy, no_proxy";
  command.run = [flags = command.flags](const Arguments& arguments) { return run_checked(flags, arguments); };
  return command;
}

}  // namespace pareto
