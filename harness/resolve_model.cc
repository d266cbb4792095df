#include "harness/resolve_model.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/options.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_model(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return fs::exists(path / "config.json", ignored);
  const std::string ending = path.extension().string();
  if (ending == ".gguf" || ending == ".safetensors") return true;
  // llama2.c's models end in .bin, and so do its tokenizers and a hub folder's older weights.
  return ending == ".bin" && path.filename().string().find("tok") == std::string::npos &&
         path.filename().string().find("pytorch_model") == std::string::npos;
}

// "models/tiny-q8_0.gguf" → "tiny-q8_0"; "m/model.safetensors" → "m".
std::string name_of(fs::path path) {
  path = path.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path.filename() == "model.safetensors" || path.filename() == "." || path.filename() == "..") {
    std::error_code ignored;
    const fs::path whole = fs::weakly_canonical(path, ignored);
    path = path.filename() == "model.safetensors" ? whole.parent_path() : whole;
  }
  const std::string ending = path.extension().string();
  const bool known = ending == ".gguf" || ending == ".bin" || ending == ".safetensors";
  return known ? path.stem().string() : path.filename().string();
}

std::string first_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

// The snapshot that refs/main names, else the only one there is; "" where the repository is not in the cache.
std::string cached_snapshot(const fs::path& repository) {
  std::error_code ignored;
  const fs::path snapshots = repository / "snapshots";
  if (const std::string revision = first_line(repository / "refs" / "main"); !revision.empty())
    if (fs::is_directory(snapshots / revision, ignored)) return (snapshots / revision).string();
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator(snapshots, ignored)) all.push_back(entry.path());
  return all.size() == 1 ? all.front().string() : "";
}

// "models--org--name" → "org/name", "" for anything else.
std::string hub_name(const std::string& folder) {
  if (!folder.starts_with("models--")) return "";
  std::string name = folder.substr(8);
  const std::size_t dashes = name.find("--");
  if (dashes == std::string::npos) return name;
  return name.substr(0, dashes) + "/" + name.substr(dashes + 2);
}

std::vector<ModelPlace> hub_models() {
  std::vector<ModelPlace> models;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(hugging_face_hub(), ignored)) {
    const std::string name = hub_name(entry.path().filename().string());
    if (name.empty()) continue;
    if (const std::string path = cached_snapshot(entry.path()); !path.empty() && is_model(path))
      models.push_back({name, path});
  }
  return models;
}

// Model folders beside the program and in $PARETO_MODELS, in the order in which they are searched.
std::vector<std::string> model_folders() {
  std::vector<std::string> folders;
  for (const std::string& folder : program_folders()) folders.push_back(folder + "/models");
  const std::string listed = environment("PARETO_MODELS");
  for (std::size_t begin = 0; begin < listed.size();) {
    const std::size_t end = std::min(listed.find(':', begin), listed.size());
    if (end > begin) folders.push_back(listed.substr(begin, end - begin));
    begin = end + 1;
  }
  return folders;
}

Error not_found(const std::string& given) {
  std::string message = fmt::format("no model '{}': no such file or folder", given);
  if (given.find('/') != std::string::npos) message += fmt::format(", and not in {}", hugging_face_hub());
  std::vector<std::string> names;
  for (const ModelPlace& model : known_models()) names.push_back(model.name);
  if (names.empty()) {
    message += "; no model comes with this program and $PARETO_MODELS names none";
  } else {
    message += "; there is:";
    for (const std::string& name : names) message += " " + name;
    if (const std::string near = nearest_name(given, names); !near.empty())
      message += fmt::format("; did you mean '{}'?", near);
  }
  return {Code::kNotFound, message};
}

}  // namespace

std::string hugging_face_hub() {
  if (const std::string hub = environment("HF_HUB_CACHE"); !hub.empty()) return hub;
  if (const std::string home = environment("HF_HOME"); !home.empty()) return home + "/hub";
  return environment("HOME") + "/.cache/huggingface/hub";
}

std::vector<std::string> program_folders() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  std::vector<std::string> folders;
  if (error) return folders;
  const fs::path bin = program.parent_path();
  // <prefix>/bin/pareto and <tree>/build/<preset>/pareto.
  for (const fs::path& folder : {bin.parent_path() / "share" / "pareto", bin.parent_path().parent_path()})
    if (fs::is_directory(folder / "models", error)) folders.push_back(folder.string());
  return folders;
}

std::vector<ModelPlace> models_in(const std::string& folder) {
  if (is_model(folder)) return {{name_of(folder), folder}};
  std::vector<ModelPlace> models;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (is_model(entry.path())) models.push_back({name_of(entry.path()), entry.path().string()});
  std::sort(models.begin(), models.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return models;
}

std::vector<ModelPlace> known_models() {
  std::vector<ModelPlace> models;
  for (const std::string& folder : model_folders())
    for (ModelPlace& model : models_in(folder)) models.push_back(std::move(model));
  for (ModelPlace& model : hub_models()) models.push_back(std::move(model));
  return models;
}

Result<ModelPlace> resolve_model(const std::string& given) {
  std::error_code ignored;
  if (fs::exists(given, ignored)) return ModelPlace{name_of(given), given};
  for (const ModelPlace& model : known_models())
    if (model.name == given || fs::path(model.path).filename() == given) return ModelPlace{given, model.path};
  return tl::unexpected(not_found(given));
}

std::string default_data_dir() {
  if (const std::string data = environment("PARETO_DATA"); !data.empty()) return data;
  const std::string cache = environment("XDG_CACHE_HOME");
  return (cache.empty() ? environment("HOME") + "/.cache" : cache) + "/pareto/data";
}

}  // namespace pareto
