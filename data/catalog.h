// The data sets that `pareto data` knows by name: where they come from, under which licence, which files they become.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tasks/rows.h"

namespace pareto {

// A split that the hub's rows API serves.
struct HubPart {
  HubSplit split;
  std::int64_t rows = 0;  // how many it has; 0: not known
};

// A file of the original distribution, kept as it is.
struct OriginalFile {
  std::string path;  // below the data folder
  std::string url;   // "{github}/OWNER/REPO/COMMIT/PATH"; {github} is https://raw.githubusercontent.com
  std::string sha256;
  bool rows = false;  // JSONL
};

struct DataSet {
  std::string name;     // as `fetch` takes it
  std::string title;    // what it is, one line
  std::string licence;  // of the content, as its authors state it
  std::string source;   // where a reader learns more
  std::vector<HubPart> parts;
  std::vector<OriginalFile> originals;
  std::string import_help;  // what `import` reads; empty: it has no importer
};

// Sorted by name.
const std::vector<DataSet>& data_sets();

// A known name, or "rows:ORG/NAME:CONFIG:SPLIT" for any split of the hub. kUsage: neither.
Result<DataSet> resolve_data_set(const std::string& name);

// The files below the data folder that a set is made of.
std::vector<std::string> files_of(const DataSet& set);

// What LongBench v1 and L-Eval's closed-ended part are made of.
inline constexpr std::string_view kLongBenchData = "Xnhyacinth/LongBench";
inline constexpr std::string_view kLEvalData = "L4NLP/LEval";
const std::vector<std::string>& longbench_sets();    // 21
const std::vector<std::string>& longbench_e_sets();  // 13, with "_e"
const std::vector<std::string>& leval_sets();        // 5

}  // namespace pareto
