#include "data/import.h"

#include <ctime>
#include <filesystem>
#include <iterator>

#include "core/files.h"
#include "core/hash.h"
#include "data/catalog.h"
#include "results/output_file.h"
#include "tasks/jieba.h"
#include "tasks/python.h"
#include "tasks/rows.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

// A file on its way in.
struct Incoming {
  std::string path;  // below the data folder
  std::string text;
  std::int64_t rows = -1;
  std::string source;
};

// `from` itself where it is a file of that name, or the file in the folder `from`; empty: neither.
fs::path find_file(const fs::path& from, const std::string& name) {
  std::error_code error;
  if (fs::is_directory(from, error)) return fs::is_regular_file(from / name, error) ? from / name : fs::path();
  return from.filename() == fs::path(name).filename() && fs::is_regular_file(from, error) ? from : fs::path();
}

Result<std::string> page_line(std::string page) {
  python::JsonStyle style;
  style.text = python::JsonStyle::Text::kRaw;
  return python::json_dumps(Value::dict({{Value("page"), Value(std::move(page))}}), style);
}

Result<std::vector<Incoming>> read_wikitext(const std::string& from) {
  std::vector<Incoming> files;
  for (const auto& [raw, split] :
       {std::pair{"test", "test"}, std::pair{"valid", "validation"}, std::pair{"train", "train"}}) {
    const fs::path path = find_file(from, fmt::format("wiki.{}.raw", raw));
    if (path.empty()) continue;
    PARETO_TRY(const std::string text, read_file(path));
    Incoming file{hub_path("", {"EleutherAI/wikitext_document_level", "wikitext-2-raw-v1", split, ""}).substr(1), "", 0,
                  path.string()};
    for (std::string& page : wikitext_pages(text)) {
      PARETO_TRY(const std::string line, page_line(std::move(page)));
      file.text.append(line).append("\n");
      ++file.rows;
    }
    if (file.rows == 0) return fail(Code::kInvalid, "{}: no heading ' = Title = ' in it", path.string());
    files.push_back(std::move(file));
  }
  return files;
}

// The columns that the set's tasks read.
Status check_longbench(const Row& row) {
  for (const char* column : {"input", "context"}) PARETO_CHECK_OK(row.text(column).map([](auto) {}));
  PARETO_TRY(const std::vector<std::string> answers, row.strings("answers"));
  if (answers.empty()) return fail(Code::kInvalid, "{}: column 'answers' is empty", row.where());
  PARETO_TRY(const Value classes, row.at("all_classes"));
  if (!classes.is_none()) PARETO_CHECK_OK(row.strings("all_classes").map([](auto&&) {}));
  return row.integer("length").map([](auto) {});
}

Status check_leval(const Row& row) {
  PARETO_CHECK_OK(row.text("input").map([](auto) {}));
  PARETO_TRY(const std::vector<std::string> questions, row.strings("instructions"));
  PARETO_TRY(const std::vector<std::string> answers, row.strings("outputs"));
  if (questions.size() == answers.size()) return {};
  return fail(Code::kInvalid, "{}: {} instructions and {} outputs", row.where(), questions.size(), answers.size());
}

Result<std::vector<Incoming>> read_sets(const std::string& from, std::string_view dataset,
                                        const std::vector<std::string>& names, Status (*check)(const Row&)) {
  std::vector<Incoming> files;
  for (const std::string& name : names) {
    const fs::path path = find_file(from, name + ".jsonl");
    if (path.empty()) continue;
    PARETO_TRY(std::string text, read_file(path));
    PARETO_TRY(const std::vector<Row> rows, parse_jsonl(text, path.string()));
    if (rows.empty()) return fail(Code::kInvalid, "{}: no rows in it", path.string());
    for (const Row& row : rows) PARETO_CHECK_OK(check(row));
    if (!text.ends_with('\n')) text += '\n';
    files.push_back({hub_path("", {std::string(dataset), name, "test", ""}).substr(1), std::move(text),
                     std::ssize(rows), path.string()});
  }
  return files;
}

Result<std::vector<Incoming>> read_longbench(const std::string& from) {
  std::vector<std::string> names = longbench_sets();
  names.insert(names.end(), longbench_e_sets().begin(), longbench_e_sets().end());
  return read_sets(from, kLongBenchData, names, check_longbench);
}

// All four files or none: a dictionary without its model is of no use.
Result<std::vector<Incoming>> read_jieba(const std::string& from) {
  std::error_code error;
  const fs::path folder =
      fs::exists(fs::path(from) / "jieba" / "dict.txt", error) ? fs::path(from) / "jieba" : fs::path(from);
  std::vector<Incoming> files;
  Jieba::Files parts;
  for (const auto& [name, text] : parts.named()) {
    const fs::path path = folder / name;
    if (!fs::is_regular_file(path, error)) {
      if (files.empty()) return files;
      return fail(Code::kNotFound, "no file {}", path.string());
    }
    PARETO_TRY(*text, read_file(path));
    files.push_back({fmt::format("jieba/{}", name), *text, -1, path.string()});
  }
  PARETO_CHECK_OK(Jieba::parse(parts, folder.string()).map([](auto&&) {}));
  return files;
}

Result<std::vector<Incoming>> read_originals(const std::string& name, const std::string& from) {
  if (name == "wikitext") return read_wikitext(from);
  if (name == "leval") return read_sets(from, kLEvalData, leval_sets(), check_leval);
  if (name == "longbench") return read_longbench(from);
  if (name == "jieba") return read_jieba(from);
  std::string known;
  for (const DataSet& set : data_sets())
    if (!set.import_help.empty()) known += " " + set.name;
  return fail(Code::kUsage, "'{}' has no importer; there is one for:{}", name, known);
}

std::string date_today() {
  char text[16];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  std::strftime(text, sizeof text, "%Y-%m-%d", ::gmtime_r(&now, &utc));
  return text;
}

Result<ManifestEntry> put_in_place(const Incoming& file, const std::string& data_dir) {
  const std::string path = data_dir + "/" + file.path;
  PARETO_CHECK_OK(make_folders(fs::path(path).parent_path().string()));
  PARETO_TRY(WholeFile out, WholeFile::create(path));
  PARETO_CHECK_OK(out.write(file.text));
  PARETO_CHECK_OK(out.commit());
  return ManifestEntry{.sha256 = sha256_hex(file.text),
                       .bytes = std::ssize(file.text),
                       .rows = file.rows,
                       .source = file.source,
                       .date = date_today()};
}

}  // namespace

std::vector<std::string> wikitext_pages(std::string_view text) {
  // Python's "^ = [^=].* = $" on one line: a lone "=" on both sides.
  const auto is_title = [](std::string_view line) {
    return line.starts_with(" = ") && line.size() >= 7 && line[3] != '=' && line.ends_with(" = ");
  };
  std::vector<std::string> pages;
  for (const std::string_view line : python::split(text, "\n")) {
    if (is_title(line)) {
      pages.emplace_back(line);
    } else if (!pages.empty()) {
      pages.back().append("\n").append(line);
    }
  }
  return pages;
}

Result<Manifest> import_set(const std::string& name, const std::string& from, const std::string& data_dir) {
  PARETO_TRY(const DataSet set, resolve_data_set(name));
  std::error_code error;
  PARETO_TRY(const std::vector<Incoming> files, read_originals(name, from));
  if (!fs::exists(from, error)) return fail(Code::kNotFound, "no file or folder {}", from);
  if (files.empty()) return fail(Code::kNotFound, "{}: nothing of {} there; it takes {}", from, name, set.import_help);
  Manifest entries;
  for (const Incoming& file : files) {
    PARETO_TRY(ManifestEntry entry, put_in_place(file, data_dir));
    entry.set = set.name;
    entry.licence = set.licence;
    entries[file.path] = std::move(entry);
  }
  PARETO_CHECK_OK(add_to_manifest(data_dir, entries));
  return entries;
}

}  // namespace pareto
