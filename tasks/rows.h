// Dataset rows: DIR/<org>__<name>/<config>/<split>.jsonl, one JSON object a line, keys in the dataset's order.
//
//   DIR/openai__gsm8k/main/test.jsonl:1     {"question": "Janet’s ducks …", "answer": "… #### 18"}
//
// DIR is --data_dir, else $PARETO_DATA, else the user's cache. The order of keys matters: doc_hash is over them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tasks/value.h"

namespace pareto {

// One row. A path names a column, or with dots one inside it: "question", "choices.text".
// Errors of the accessors: kNotFound for a missing column, kInvalid for another type, both naming file, line and
// column.
class Row {
 public:
  Row(std::shared_ptr<const std::string> file, int line, Value object)
      : file_(std::move(file)), line_(line), object_(std::move(object)) {}

  Result<std::string_view> text(std::string_view path) const;  // valid as long as a copy of this row lives
  Result<std::int64_t> integer(std::string_view path) const;
  Result<double> number(std::string_view path) const;  // integer or float
  Result<std::vector<std::string>> strings(std::string_view path) const;
  Result<std::vector<std::int64_t>> integers(std::string_view path) const;
  Result<Value> at(std::string_view path) const;
  bool has(std::string_view path) const;

  const Value& value() const { return object_; }  // a dict, for templates
  // Other columns at the same place: what processing made of this row. REQUIRES: a dict.
  Row with(Value object) const { return Row(file_, line_, std::move(object)); }
  // json.dumps(row, indent=2, ensure_ascii=False): doc_hash is its sha256.
  std::string json() const;
  // "DIR/openai__gsm8k/main/test.jsonl:17": how every message about this row begins.
  std::string where() const;
  int line() const { return line_; }  // from 1

 private:
  const Value* find(std::string_view path) const;
  tl::unexpected<Error> missing(std::string_view path) const;
  tl::unexpected<Error> wrong_type(std::string_view path, const Value& found, std::string_view wanted) const;

  std::shared_ptr<const std::string> file_;
  int line_;
  Value object_;
};

// Which split. `fetch` is the set that `pareto data fetch` knows it by ("longbench").
struct HubSplit {
  std::string dataset;  // "openai/gsm8k"
  std::string config;   // "main"
  std::string split;    // "test"
  std::string fetch;    // empty: none, it is fetched as rows:DATASET:CONFIG:SPLIT
  std::string file;     // not empty: this JSONL file, and nothing of the above
};

// The folder of all datasets: `option` (--data_dir) if not empty, else $PARETO_DATA, else
// $XDG_CACHE_HOME/pareto/data, else ~/.cache/pareto/data.
std::string resolve_data_dir(std::string_view option);

// "DIR/openai__gsm8k/main/test.jsonl", or the split's own file
std::string hub_path(std::string_view data_dir, const HubSplit& split);

// All rows of a split. Errors: kNotFound (names the file, and how to get it), kInvalid (file, line, column), kIo.
Result<std::vector<Row>> read_hub_rows(std::string_view data_dir, const HubSplit& split);

// Any JSONL file: one object a line; blank lines are passed over. Errors as above.
Result<std::vector<Row>> read_jsonl(const std::string& path);
// The same from memory; `name` is what messages call it.
Result<std::vector<Row>> parse_jsonl(std::string_view text, std::string name);

}  // namespace pareto
