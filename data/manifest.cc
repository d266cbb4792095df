#include "data/manifest.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "core/files.h"
#include "data/http.h"
#include "results/output_file.h"
#include "tasks/python.h"
#include "tasks/value.h"

namespace pareto {
namespace {

constexpr std::int64_t kSchema = 1;

// Below the folder, written plainly: no "..", no leading '/', no empty part.
bool is_below(std::string_view path) {
  if (path.empty()) return false;
  for (const std::string_view part : python::split(path, "/"))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

bool is_hex64(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<std::string> text_of(const Value& entry, const char* key, const std::string& where) {
  const Value* value = entry.get(key);
  if (value == nullptr || !value->is_string()) return fail(Code::kInvalid, "{}: '{}' must be a text", where, key);
  return value->text();
}

Result<std::int64_t> count_of(const Value& entry, const char* key, std::int64_t least, const std::string& where) {
  const Value* value = entry.get(key);
  if (value == nullptr || !value->is(Value::Type::kInt) || value->integer() < least)
    return fail(Code::kInvalid, "{}: '{}' must be a whole number of at least {}", where, key, least);
  return value->integer();
}

Result<ManifestEntry> parse_entry(const Value& value, const std::string& where) {
  if (!value.is_dict()) return fail(Code::kInvalid, "{}: must be an object", where);
  ManifestEntry entry;
  PARETO_TRY(entry.sha256, text_of(value, "sha256", where));
  if (!is_hex64(entry.sha256)) return fail(Code::kInvalid, "{}: 'sha256' must be 64 hexadecimal digits", where);
  PARETO_TRY(entry.bytes, count_of(value, "bytes", 0, where));
  PARETO_TRY(entry.rows, count_of(value, "rows", -1, where));
  PARETO_TRY(entry.set, text_of(value, "set", where));
  PARETO_TRY(entry.source, text_of(value, "source", where));
  PARETO_TRY(entry.licence, text_of(value, "licence", where));
  PARETO_TRY(entry.date, text_of(value, "date", where));
  return entry;
}

// Held while the manifest is read, changed and written.
class FolderLock {
 public:
  explicit FolderLock(const std::string& data_dir)
      : fd_(::open((data_dir + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (fd_ < 0) return;
    while (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      const int why = errno;
      ::close(std::exchange(fd_, -1));
      errno = why;  // what the caller reports
    }
  }
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool held() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace

std::string manifest_path(const std::string& data_dir) { return data_dir + "/manifest.json"; }

Result<Manifest> parse_manifest(std::string_view text, const std::string& name) {
  auto parsed = value_from_json(text);
  if (!parsed) return fail(Code::kInvalid, "{}: {}", name, parsed.error().message);
  const Value* schema = parsed->is_dict() ? parsed->get("schema") : nullptr;
  if (schema == nullptr || !schema->is(Value::Type::kInt) || schema->integer() != kSchema)
    return fail(Code::kInvalid, "{}: not a manifest of schema {}", name, kSchema);
  const Value* files = parsed->get("files");
  if (files == nullptr || !files->is_dict()) return fail(Code::kInvalid, "{}: 'files' must be an object", name);
  Manifest manifest;
  for (const auto& [path, value] : files->entries()) {
    const std::string where = fmt::format("{}: {}", name, python::text_repr(path.text()));
    if (!is_below(path.text())) return fail(Code::kInvalid, "{}: a path must stay below the folder", where);
    PARETO_TRY(manifest[path.text()], parse_entry(value, where));
  }
  return manifest;
}

std::string manifest_text(const Manifest& manifest) {
  std::vector<Value::Entry> files;
  for (const auto& [path, entry] : manifest)
    files.emplace_back(Value(path), Value::dict({{Value("sha256"), Value(entry.sha256)},
                                                 {Value("bytes"), Value(entry.bytes)},
                                                 {Value("rows"), Value(entry.rows)},
                                                 {Value("set"), Value(entry.set)},
                                                 {Value("source"), Value(entry.source)},
                                                 {Value("licence"), Value(entry.licence)},
                                                 {Value("date"), Value(entry.date)}}));
  const Value whole = Value::dict({{Value("schema"), Value(kSchema)}, {Value("files"), Value::dict(std::move(files))}});
  python::JsonStyle style;
  style.indent = 1;
  style.text = python::JsonStyle::Text::kRaw;
  return python::json_dumps(whole, style, SIZE_MAX).value_or("") + "\n";  // texts and numbers: cannot fail
}

Result<Manifest> read_manifest(const std::string& data_dir) {
  const std::string path = manifest_path(data_dir);
  const Result<std::string> text = read_file(path);
  if (!text && text.error().code == Code::kNotFound) return Manifest{};
  if (!text) return tl::unexpected(text.error());
  return parse_manifest(*text, path);
}

Status add_to_manifest(const std::string& data_dir, const Manifest& entries) {
  PARETO_CHECK_OK(make_folders(data_dir));
  const FolderLock lock(data_dir);
  if (!lock.held()) return fail(Code::kIo, "{}/.lock: {}", data_dir, std::strerror(errno));
  PARETO_TRY(Manifest manifest, read_manifest(data_dir));
  for (const auto& [path, entry] : entries) manifest[path] = entry;
  PARETO_TRY(WholeFile file, WholeFile::create(manifest_path(data_dir)));
  PARETO_CHECK_OK(file.write(manifest_text(manifest)));
  return file.commit();
}

std::vector<std::string> verify_files(const std::string& data_dir, const Manifest& manifest) {
  std::vector<std::string> wrong;
  for (const auto& [path, entry] : manifest) {
    const std::string whole = data_dir + "/" + path;
    const Status checked = check_file(whole, whole, {.bytes = entry.bytes, .sha256 = entry.sha256, .git_sha1 = ""});
    if (!checked) wrong.push_back(checked.error().message);
  }
  return wrong;
}

}  // namespace pareto
