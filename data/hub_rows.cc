#include "data/hub_rows.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "core/files.h"
#include "results/output_file.h"
#include "tasks/python.h"
#include "tasks/value.h"

namespace pareto {
namespace {

Result<std::int64_t> whole_number(const Value& object, const char* key, const std::string& name) {
  const Value* value = object.get(key);
  if (value == nullptr || !value->is(Value::Type::kInt) || value->integer() < 0)
    return fail(Code::kInvalid, "{}: '{}' must be a whole number", name, key);
  return value->integer();
}

Result<std::string> parse_page_row(const Value& item, std::int64_t index, const std::string& name) {
  if (!item.is_dict()) return fail(Code::kInvalid, "{}: row {} is not an object", name, index);
  PARETO_TRY(const std::int64_t said, whole_number(item, "row_idx", name));
  if (said != index) return fail(Code::kInvalid, "{}: row {} where row {} belongs", name, said, index);
  const Value* row = item.get("row");
  if (row == nullptr || !row->is_dict()) return fail(Code::kInvalid, "{}: row {} has no object 'row'", name, index);
  const Value* cut = item.get("truncated_cells");
  if (cut != nullptr && cut->truthy())
    return fail(Code::kInvalid, "{}: row {}: the server cut the cells {}", name, index, python::repr(*cut));
  python::JsonStyle style;
  style.text = python::JsonStyle::Text::kRaw;
  return python::json_dumps(*row, style);
}

// path.part.json: how far path.part is whole.
struct PartRows {
  std::string source;  // the split's URL, without offset
  std::int64_t rows = 0, bytes = 0, total = -1;
  std::string revision;  // of the repository that the pages so far are made from
};

PartRows read_part_rows(const std::string& path, const std::string& source) {
  const auto value = value_from_json(read_file(path).value_or(""));
  if (!value || !value->is_dict()) return {source};
  const Value* said = value->get("source");
  const auto rows = whole_number(*value, "rows", path), bytes = whole_number(*value, "bytes", path),
             total = whole_number(*value, "total", path);
  const Value* revision = value->get("revision");
  const bool good = said != nullptr && said->is_string() && said->text() == source && rows && bytes && total &&
                    revision != nullptr && revision->is_string();
  return good ? PartRows{source, *rows, *bytes, *total, revision->text()} : PartRows{source};
}

Status write_part_rows(const std::string& path, const PartRows& state) {
  PARETO_TRY(WholeFile file, WholeFile::create(path));
  PARETO_TRY(const std::string text, python::json_dumps(Value::dict({{Value("source"), Value(state.source)},
                                                                     {Value("rows"), Value(state.rows)},
                                                                     {Value("bytes"), Value(state.bytes)},
                                                                     {Value("total"), Value(state.total)},
                                                                     {Value("revision"), Value(state.revision)}})));
  PARETO_CHECK_OK(file.write(text));
  return file.commit();
}

// The part file, cut to what its state vouches for, and open at its end.
class PartFile {
 public:
  static Result<PartFile> open(const std::string& path, PartRows* state) {
    PartFile file;
    file.path_ = path;
    file.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file.fd_ < 0) return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
    if (::lseek(file.fd_, 0, SEEK_END) < state->bytes) *state = {state->source};
    if (::ftruncate(file.fd_, state->bytes) != 0 || ::lseek(file.fd_, 0, SEEK_END) != state->bytes)
      return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
    return file;
  }
  PartFile(PartFile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  Status append(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(Code::kIo, "{}: {}", path_, std::strerror(errno));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(fd_) != 0) return fail(Code::kIo, "{}: {}", path_, std::strerror(errno));
    return {};
  }

 private:
  PartFile() = default;
  std::string path_;
  int fd_ = -1;
};

std::string split_url(const std::string& base, const HubSplit& split) {
  return fmt::format("{}/rows?dataset={}&config={}&split={}", base, url_encoded(split.dataset),
                     url_encoded(split.config), url_encoded(split.split));
}

}  // namespace

Result<RowsPage> parse_rows_page(std::string_view text, std::int64_t offset, const std::string& name) {
  auto reply = value_from_json(text);
  if (!reply) return fail(Code::kInvalid, "{}: the reply is not JSON: {}", name, reply.error().message);
  if (!reply->is_dict()) return fail(Code::kInvalid, "{}: the reply is not an object", name);
  if (const Value* partial = reply->get("partial"); partial != nullptr && partial->truthy())
    return fail(Code::kInvalid, "{}: the server holds only a part of this split", name);
  RowsPage page;
  PARETO_TRY(page.total, whole_number(*reply, "num_rows_total", name));
  const Value* rows = reply->get("rows");
  if (rows == nullptr || !rows->is(Value::Type::kList)) return fail(Code::kInvalid, "{}: 'rows' must be a list", name);
  const std::int64_t due = std::clamp<std::int64_t>(page.total - offset, 0, kRowsPerPage);
  if (std::ssize(rows->list()) != due)
    return fail(Code::kInvalid, "{}: {} rows from row {} of {} on, not {}", name, rows->list().size(), offset,
                page.total, due);
  for (std::int64_t i = 0; i < due; ++i) {
    PARETO_TRY(std::string line, parse_page_row(rows->list()[static_cast<std::size_t>(i)], offset + i, name));
    page.lines.push_back(std::move(line));
  }
  return page;
}

Result<FetchedRows> fetch_hub_rows(const HttpClient& http, const std::string& base, const HubSplit& split,
                                   std::int64_t expected_rows, const std::string& path) {
  const std::string source = split_url(base, split), part = path + ".part", state_path = part + ".json";
  PARETO_CHECK_OK(make_folders(std::filesystem::path(path).parent_path().string()));
  PARETO_TRY([[maybe_unused]] const PartLock lock, PartLock::take(part));
  PartRows state = read_part_rows(state_path, source);
  {
    PARETO_TRY(const PartFile file, PartFile::open(part, &state));
    while (state.total < 0 || state.rows < state.total) {
      const std::string url = fmt::format("{}&offset={}&length={}", source, state.rows, kRowsPerPage);
      PARETO_TRY(const HttpReply reply, http.get(url));
      PARETO_TRY(const RowsPage page, parse_rows_page(reply.body, state.rows, url));
      if (state.total >= 0 && page.total != state.total)
        return fail(Code::kInvalid, "{}: the split has {} rows now, {} before: it changed; remove {} to begin anew",
                    url, page.total, state.total, state_path);
      if (state.total >= 0 && reply.revision != state.revision)
        return fail(Code::kInvalid, "{}: the split is of revision '{}' now, '{}' before; remove {} to begin anew", url,
                    reply.revision, state.revision, state_path);
      if (page.total == 0) return fail(Code::kInvalid, "{}: the split has no rows", url);
      if (expected_rows > 0 && page.total != expected_rows)
        return fail(Code::kInvalid, "{}: the split has {} rows, not {}: another version of the set", url, page.total,
                    expected_rows);
      std::string lines;
      for (const std::string& line : page.lines) lines.append(line).append("\n");
      PARETO_CHECK_OK(file.append(lines));
      state.rows += std::ssize(page.lines);
      state.bytes += std::ssize(lines);
      state.total = page.total;
      state.revision = reply.revision;
      PARETO_CHECK_OK(write_part_rows(state_path, state));
      if (http.options().say && state.total > kRowsPerPage)
        http.options().say(
            fmt::format("{} {} {}: {} of {} rows", split.dataset, split.config, split.split, state.rows, state.total));
    }
  }
  FetchedRows fetched{"", state.bytes, state.rows};
  PARETO_TRY(fetched.sha256, file_sha256(part));
  PARETO_CHECK_OK(put_in_place(part, path));
  std::error_code ignored;
  std::filesystem::remove(state_path, ignored);
  return fetched;
}

}  // namespace pareto
