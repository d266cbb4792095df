#include "harness/cell_files.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "results/output_file.h"
#include "results/samples.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

std::string folder_name(const std::string& model) {
  std::string out;
  for (const char c : model) out += c == '/' ? std::string("__") : std::string(1, c);
  return out;
}

std::string newest_results(const fs::path& folder) {
  std::string newest;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("results_") && name.ends_with(".json")) newest = std::max(newest, entry.path().string());
  }
  return newest;
}

bool is_record(const std::string& name) {
  return (name.starts_with("results_") && name.ends_with(".json")) ||
         (name.starts_with("samples_") && name.ends_with(".jsonl"));
}

}  // namespace

CellFiles::CellFiles(const std::string& output, const std::string& model_name, const std::string& cell_id)
    : folder_(output + "/" + folder_name(model_name) + "/" + cell_id) {}

Status CellFiles::make_folder() const { return make_folders(folder_); }

std::string CellFiles::results() const { return newest_results(folder_); }

std::vector<std::string> CellFiles::unfinished_journals() const {
  std::vector<std::string> journals;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(fs::path(folder_).parent_path(), ignored)) {
    const fs::path journal = entry.path() / "journal.jsonl";
    if (entry.path() == fs::path(folder_) || !fs::is_regular_file(journal, ignored)) continue;
    const std::string results = newest_results(entry.path());
    const auto record = results.empty() ? std::nullopt : read_finished(results);
    if (!record || record->has_error) journals.push_back(journal.string());
  }
  std::sort(journals.begin(), journals.end());
  return journals;
}

bool CellFiles::finished(const std::string& requests_hash) const {
  const std::string path = results();
  if (path.empty()) return false;
  const auto record = read_finished(path);
  return record && !record->has_error && record->requests_hash == requests_hash;
}

Result<std::string> CellFiles::write(CellRecord* record, std::span<const TaskOutcome> tasks) const {
  const std::string stamp = utc_stamp();
  std::set<std::string> ours;
  record->task_hashes.clear();
  for (const TaskOutcome& task : tasks) {
    const std::string path = fmt::format("{}/samples_{}_{}.jsonl", folder_, task.info.name, stamp);
    PARETO_TRY(WholeFile file, WholeFile::create(path));
    PARETO_TRY(std::string hash, write_samples(task, &file));
    PARETO_CHECK_OK(file.commit());
    ours.insert(path);
    record->task_hashes.push_back(std::move(hash));
  }
  const std::string path = fmt::format("{}/results_{}.json", folder_, stamp);
  PARETO_TRY(WholeFile file, WholeFile::create(path));
  PARETO_CHECK_OK(file.write(results_json(*record)));
  PARETO_CHECK_OK(file.commit());
  ours.insert(path);

  std::error_code ignored;
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(folder_, ignored))
    if (is_record(entry.path().filename().string()) && ours.count(entry.path().string()) == 0)
      old.push_back(entry.path());
  for (const fs::path& stale : old) fs::remove(stale, ignored);
  return path;
}

Result<std::string> CellFiles::write_failure(const CellRecord& record) const {
  const std::string earlier = results();
  if (!earlier.empty()) {
    const auto finished = read_finished(earlier);
    if (finished && !finished->has_error) return std::string();
  }
  PARETO_CHECK_OK(make_folder());
  const std::string path = fmt::format("{}/results_{}.json", folder_, utc_stamp());
  PARETO_TRY(WholeFile file, WholeFile::create(path));
  PARETO_CHECK_OK(file.write(results_json(record)));
  PARETO_CHECK_OK(file.commit());
  std::error_code ignored;
  if (!earlier.empty()) fs::remove(earlier, ignored);
  return path;
}

}  // namespace pareto
