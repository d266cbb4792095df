// DIR/manifest.json: what the data commands put into the data folder, and the hashes to prove it by.
//
//   {"schema": 1,
//    "files": {"openai__gsm8k/main/test.jsonl": {"sha256": "…", "bytes": 749738, "rows": 1319, "set": "gsm8k",
//                                                "source": "https://…", "licence": "MIT", "date": "2026-11-30"}}}
//
// An entry is written after its file was renamed into place, so it never names one that is not whole.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pareto {

struct ManifestEntry {
  std::string sha256;
  std::int64_t bytes = 0;
  std::int64_t rows = -1;  // -1: not a file of rows
  std::string set, source, licence, date;
};

// By path below the data folder.
using Manifest = std::map<std::string, ManifestEntry>;

std::string manifest_path(const std::string& data_dir);
// Errors: kInvalid, `name` in front: not JSON, a missing or mistyped key, a path that leaves the folder.
Result<Manifest> parse_manifest(std::string_view text, const std::string& name);
std::string manifest_text(const Manifest& manifest);
// None there: empty.
Result<Manifest> read_manifest(const std::string& data_dir);
// Adds to what is there; two programs at once lose nothing (a lock file beside it).
Status add_to_manifest(const std::string& data_dir, const Manifest& entries);

// Every line that `pareto data verify` has to complain about, "PATH: why"; empty: all files are as recorded.
std::vector<std::string> verify_files(const std::string& data_dir, const Manifest& manifest);

}  // namespace pareto
