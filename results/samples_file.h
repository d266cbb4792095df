// Reads samples_<task>_<time>.jsonl, ours or lm-evaluation-harness's: of every line what a comparison needs.
//
//   {"doc_id": 7, "doc": {…}, …, "filter": "none", "doc_hash": "9f…", "prompt_hash": …, "acc": 1.0, "pareto": {…}}
//     → by filter: document, prompt, doc_id, every metric's value, tokens, work
//
// The text of a line is skipped, not parsed: 200,000 lines take less than a second.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pareto {

inline constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

// One metric of all items; kNoValue where a line has none. `weights` is empty but for metrics of pairs
// [log-likelihood, weight] (perplexities, bits_per_byte).
struct SampleMetric {
  std::string name;
  std::vector<double> values, weights;
};

// What an item cost, from its "pareto": kNoValue where the file has none. `work` is the item served alone, `share` its
// part of what was moved.
struct SampleCosts {
  std::vector<double> prompt_tokens, output_tokens, work_flops, work_bytes, share_flops, share_bytes;
};

// All lines of one filter; vectors are parallel, in the order of the file.
struct SampleItems {
  std::string filter;
  std::vector<std::uint64_t> documents, prompts;  // xxh3 of doc_hash and prompt_hash; 0: the line has none
  std::vector<std::int64_t> doc_ids;              // −1: the line has none
  std::vector<SampleMetric> metrics;
  SampleCosts costs;
  std::size_t size() const { return documents.size(); }
  const SampleMetric* metric(std::string_view name) const;
};

// By filter, in the order of their first lines. kInvalid: "PATH:LINE: no JSON object: …".
Result<std::vector<SampleItems>> read_samples(const std::string& path);

// The same of text in memory; `name` stands for the path in messages.
Result<std::vector<SampleItems>> parse_samples(std::string_view text, const std::string& name);

}  // namespace pareto
