// A split of a hub data set, page by page, from the hub's rows API:
//
//   BASE/rows?dataset=openai%2Fgsm8k&config=main&split=test&offset=100&length=100
//   {"features": [...], "rows": [{"row_idx": 100, "row": {...}, "truncated_cells": []}, …], "num_rows_total": 1319,
//    "partial": false}
//
// becomes DIR/openai__gsm8k/main/test.jsonl, one row a line, columns in the hub's order, as Python's json.dumps(row,
// ensure_ascii=False) writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/http.h"
#include "tasks/rows.h"

namespace pareto {

inline constexpr std::int64_t kRowsPerPage = 100;  // the most that the API gives

struct RowsPage {
  std::vector<std::string> lines;  // JSON, without newlines
  std::int64_t total = 0;          // of the split
};

// The reply to a request for the rows from `offset` on. Errors (kInvalid, `name` in front): not JSON, a page that is
// shorter or longer than it must be, rows out of order, cells that the server cut, a split of which it holds only a
// part.
Result<RowsPage> parse_rows_page(std::string_view text, std::int64_t offset, const std::string& name);

struct FetchedRows {
  std::string sha256;
  std::int64_t bytes = 0, rows = 0;
};

// Brings a whole split to `path`; path.part and path.part.json keep what came. `expected_rows` 0: not known.
// Errors: those of HttpClient::get and parse_rows_page, kInvalid for another number of rows, kIo (another
// program is at it, too).
Result<FetchedRows> fetch_hub_rows(const HttpClient& http, const std::string& base, const HubSplit& split,
                                   std::int64_t expected_rows, const std::string& path);

}  // namespace pareto
