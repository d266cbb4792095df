#include "data/fetch.h"

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "data/hub_rows.h"
#include "data/manifest.h"
#include "results/output_file.h"
#include "tasks/python.h"
#include "tasks/value.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

// There, and as long as the manifest says where it knows the file.
bool is_present(const std::string& data_dir, const std::string& path, const Manifest& manifest) {
  std::error_code error;
  const auto bytes = fs::file_size(data_dir + "/" + path, error);
  if (error) return false;
  const auto known = manifest.find(path);
  return known == manifest.end() || known->second.bytes == static_cast<std::int64_t>(bytes);
}

Result<std::int64_t> count_rows(const std::string& path) {
  PARETO_TRY(const std::vector<Row> rows, read_jsonl(path));
  return std::ssize(rows);
}

Result<ManifestEntry> fetch_part(const HttpClient& http, const Endpoints& from, const HubPart& part,
                                 const std::string& data_dir) {
  PARETO_TRY(const FetchedRows rows,
             fetch_hub_rows(http, from.rows, part.split, part.rows, hub_path(data_dir, part.split)));
  return ManifestEntry{.sha256 = rows.sha256,
                       .bytes = rows.bytes,
                       .rows = rows.rows,
                       .source = fmt::format("{}/datasets/{}", from.hub, part.split.dataset)};
}

Result<ManifestEntry> fetch_original(const HttpClient& http, const Endpoints& from, const OriginalFile& original,
                                     const std::string& data_dir) {
  const std::string path = data_dir + "/" + original.path;
  ManifestEntry entry;
  entry.source = python::replace(original.url, "{github}", from.github);
  PARETO_CHECK_OK(http.download(entry.source, path, {.bytes = -1, .sha256 = original.sha256, .git_sha1 = ""}));
  entry.sha256 = original.sha256;
  entry.bytes = static_cast<std::int64_t>(fs::file_size(path));
  if (original.rows) {
    PARETO_TRY(entry.rows, count_rows(path));
  }
  return entry;
}

}  // namespace

Result<FetchCount> fetch_set(const HttpClient& http, const Endpoints& from, const DataSet& set,
                             const std::string& data_dir, bool offline) {
  PARETO_TRY(const Manifest manifest, read_manifest(data_dir));
  FetchCount count;
  const auto bring = [&](const std::string& path, const std::function<Result<ManifestEntry>()>& fetch) -> Status {
    if (is_present(data_dir, path, manifest)) {
      ++count.present;
      return {};
    }
    if (offline)
      return fail(Code::kNotFound, "{}: {}/{} is not there, and --offline fetches nothing", set.name, data_dir, path);
    PARETO_TRY(ManifestEntry entry, fetch());
    entry.set = set.name;
    entry.licence = set.licence;
    entry.date = today();
    ++count.fetched;
    return add_to_manifest(data_dir, {{path, entry}});
  };
  for (const HubPart& part : set.parts)
    PARETO_CHECK_OK(bring(hub_path("", part.split).substr(1), [&] { return fetch_part(http, from, part, data_dir); }));
  for (const OriginalFile& original : set.originals)
    PARETO_CHECK_OK(bring(original.path, [&] { return fetch_original(http, from, original, data_dir); }));
  return count;
}

}  // namespace pareto
