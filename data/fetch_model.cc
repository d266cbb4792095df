// A model of the hub into the layout of the Hugging Face cache:
//
//   HUB/models--ORG--NAME/blobs/<hash>                     the bytes
//                        /snapshots/<commit>/config.json   → ../../blobs/<hash>
//                        /refs/main                        <commit>
//
// Blobs come first, then the snapshot under another name, then its rename, then the ref: a snapshot is whole.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "data/fetch.h"
#include "results/output_file.h"
#include "tasks/python.h"
#include "tasks/value.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

bool is_hash(std::string_view text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Nothing that ends a line or moves a terminal's cursor.
bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

// A file name without folders: nothing that is written leaves the snapshot.
bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos && is_printable(name);
}

std::string text_at(const Value& object, const char* key) {
  const Value* value = object.is_dict() ? object.get(key) : nullptr;
  return value != nullptr && value->is_string() ? value->text() : "";
}

Result<HubFile> parse_hub_file(const Value& item, const std::string& name) {
  HubFile file;
  file.name = text_at(item, "rfilename");
  if (file.name.empty()) return fail(Code::kInvalid, "{}: a file without 'rfilename'", name);
  if (!is_printable(file.name))
    return fail(Code::kInvalid, "{}: {} is no file's name", name, python::text_repr(file.name));
  const Value* lfs = item.get("lfs");
  const bool large = lfs != nullptr && lfs->is_dict();
  const Value* bytes = (large ? *lfs : item).get("size");
  if (bytes == nullptr || !bytes->is(Value::Type::kInt) || bytes->integer() < 0)
    return fail(Code::kInvalid, "{}: {} has no 'size'", name, python::text_repr(file.name));
  file.expected.bytes = bytes->integer();
  file.blob = large ? text_at(*lfs, "sha256") : text_at(item, "blobId");
  if (!is_hash(file.blob, large ? 64 : 40))
    return fail(Code::kInvalid, "{}: {} has no hash", name, python::text_repr(file.name));
  (large ? file.expected.sha256 : file.expected.git_sha1) = file.blob;
  return file;
}

std::string licence_in(const Value& model) {
  const Value* card = model.get("cardData");
  const std::string licence = card == nullptr ? "" : text_at(*card, "license");
  if (!is_printable(licence)) return python::text_repr(licence);
  return licence.empty() ? "none stated" : licence;
}

bool runs_a_model(std::string_view name) {
  if (name.find('/') != std::string_view::npos || name.starts_with("consolidated")) return false;
  for (const std::string_view ending : {".safetensors", ".json", ".jinja", ".model", ".tiktoken"})
    if (name.ends_with(ending)) return true;
  return name == "merges.txt" || name == "vocab.txt";
}

// Every file has its link in the snapshot.
bool is_complete(const fs::path& snapshot, const std::vector<HubFile>& files) {
  return std::all_of(files.begin(), files.end(), [&](const HubFile& file) {
    std::error_code error;
    return static_cast<std::int64_t>(fs::file_size(snapshot / file.name, error)) == file.expected.bytes && !error;
  });
}

fs::path repository_folder(const ModelName& name, const std::string& hub_cache) {
  return fs::path(hub_cache) / ("models--" + python::replace(name.repository, "/", "--"));
}

Status io_error(const fs::path& path, const std::error_code& error) {
  return fail(Code::kIo, "{}: {}", path.string(), error.message());
}

// The snapshot appears with all its links, or gets those it lacks when it is there.
Status make_snapshot(const fs::path& repository, const std::string& commit, const std::vector<HubFile>& files) {
  const fs::path snapshot = repository / "snapshots" / commit;
  std::error_code error;
  const bool fresh = !fs::exists(snapshot, error);
  const fs::path folder = fresh ? repository / (".partial-" + commit) : snapshot;
  PARETO_CHECK_OK(make_folders(folder.string()));
  PARETO_CHECK_OK(make_folders((repository / "snapshots").string()));
  for (const HubFile& file : files) {
    fs::remove(folder / file.name, error);
    fs::create_symlink(fs::path("../../blobs") / file.blob, folder / file.name, error);
    if (error) return io_error(folder / file.name, error);
  }
  if (fresh) fs::rename(folder, snapshot, error);
  return error ? io_error(snapshot, error) : Status{};
}

}  // namespace

Result<ModelName> parse_model_name(const std::string& name) {
  std::string_view rest = name;
  rest.remove_prefix(std::min(rest.size(), std::string_view("model:").size()));
  ModelName model;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    model.revision = rest.substr(at + 1);
    rest = rest.substr(0, at);
  }
  const auto words = python::split(rest, "/");
  const bool good = name.starts_with("model:") && (words.size() == 2 || words.size() == 3) &&
                    std::all_of(words.begin(), words.end(), is_file_name) && !model.revision.empty();
  if (!good)
    return fail(Code::kUsage, "'{}': write model:ORG/NAME, model:ORG/NAME/FILE or either with @REVISION", name);
  model.repository = fmt::format("{}/{}", words[0], words[1]);
  if (words.size() == 3) model.file = words[2];
  return model;
}

Result<HubModel> parse_hub_model(std::string_view text, const std::string& name) {
  auto reply = value_from_json(text);
  if (!reply) return fail(Code::kInvalid, "{}: the reply is not JSON: {}", name, reply.error().message);
  if (!reply->is_dict()) return fail(Code::kInvalid, "{}: the reply is not an object", name);
  HubModel model;
  model.commit = text_at(*reply, "sha");
  if (!is_hash(model.commit, 40)) return fail(Code::kInvalid, "{}: 'sha' must be a commit's hash", name);
  model.licence = licence_in(*reply);
  const Value* files = reply->get("siblings");
  if (files == nullptr || !files->is(Value::Type::kList))
    return fail(Code::kInvalid, "{}: 'siblings' must be a list", name);
  for (const Value& item : files->list()) {
    if (!item.is_dict()) return fail(Code::kInvalid, "{}: 'siblings' must hold objects", name);
    PARETO_TRY(HubFile file, parse_hub_file(item, name));
    model.files.push_back(std::move(file));
  }
  return model;
}

Result<std::vector<HubFile>> wanted_files(const HubModel& model, const ModelName& name) {
  std::vector<HubFile> files;
  std::string there;
  bool weights = false;
  for (const HubFile& file : model.files) {
    const bool wanted = name.file.empty() ? runs_a_model(file.name) : file.name == name.file;
    if (wanted) files.push_back(file);
    weights = weights || (wanted && (!name.file.empty() || file.name.ends_with(".safetensors")));
    if (file.name.ends_with(".gguf") || file.name.ends_with(".safetensors")) there += " " + file.name;
  }
  if (weights) return files;
  return fail(Code::kNotFound, "{}: no {} in it; weights that it has:{}{}", name.repository,
              name.file.empty() ? ".safetensors file" : name.file, there.empty() ? " none" : there,
              there.find(".gguf") == std::string::npos ? "" : "; name one: model:ORG/NAME/FILE.gguf");
}

Result<std::string> cached_model(const ModelName& name, const std::string& hub_cache) {
  const fs::path repository = repository_folder(name, hub_cache),
                 ref = repository / "refs" / url_encoded(name.revision);
  std::string commit;
  std::ifstream(ref) >> commit;
  const fs::path place = repository / "snapshots" / commit / name.file;
  std::error_code error;
  if (is_hash(commit, 40) && fs::exists(place, error))
    return name.file.empty() ? (repository / "snapshots" / commit).string() : place.string();
  return fail(Code::kNotFound, "model:{}{}{}@{}: not in {}, and --offline fetches nothing", name.repository,
              name.file.empty() ? "" : "/", name.file, name.revision, hub_cache);
}

Result<std::string> fetch_model(const HttpClient& http, const Endpoints& from, const ModelName& name,
                                const std::string& hub_cache) {
  const std::string url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", from.hub,
                                      url_encoded(name.repository, "/"), url_encoded(name.revision));
  PARETO_TRY(const HttpReply reply, http.get(url));
  PARETO_TRY(const HubModel model, parse_hub_model(reply.body, url));
  PARETO_TRY(const std::vector<HubFile> files, wanted_files(model, name));
  const auto say = [&](const std::string& line) {
    if (http.options().say) http.options().say(line);
  };
  say(fmt::format("{}: licence {}; {} files", name.repository, model.licence, files.size()));

  const fs::path repository = repository_folder(name, hub_cache);
  const fs::path snapshot = repository / "snapshots" / model.commit;
  for (const HubFile& file : files) {
    const fs::path blob = repository / "blobs" / file.blob;
    if (check_file(blob.string(), file.name, {.bytes = file.expected.bytes, .sha256 = "", .git_sha1 = ""})) continue;
    say(fmt::format("{}: {} of {} bytes", name.repository, file.name, file.expected.bytes));
    PARETO_CHECK_OK(http.download(fmt::format("{}/{}/resolve/{}/{}", from.hub, url_encoded(name.repository, "/"),
                                              model.commit, url_encoded(file.name)),
                                  blob.string(), file.expected));
  }
  if (!is_complete(snapshot, files)) PARETO_CHECK_OK(make_snapshot(repository, model.commit, files));
  PARETO_CHECK_OK(make_folders((repository / "refs").string()));
  PARETO_TRY(WholeFile ref, WholeFile::create((repository / "refs" / url_encoded(name.revision)).string()));
  PARETO_CHECK_OK(ref.write(model.commit));
  PARETO_CHECK_OK(ref.commit());
  return (name.file.empty() ? snapshot : snapshot / name.file).string();
}

}  // namespace pareto
