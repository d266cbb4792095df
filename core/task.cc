#include "core/task.h"

#include <array>
#include <utility>

#include "core/hash.h"

namespace pareto {
namespace {

constexpr std::array<std::pair<Aggregation, const char*>, 4> kAggregations = {{
    {Aggregation::kMean, "mean"},
    {Aggregation::kPerplexity, "perplexity"},
    {Aggregation::kWeightedPerplexity, "weighted_perplexity"},
    {Aggregation::kBitsPerByte, "bits_per_byte"},
}};

}  // namespace

const char* aggregation_name(Aggregation aggregation) {
  return kAggregations[static_cast<std::size_t>(aggregation)].second;
}

std::optional<Aggregation> find_aggregation(std::string_view name) {
  for (const auto& [aggregation, text] : kAggregations)
    if (name == text) return aggregation;
  return std::nullopt;
}

Status Reference::check_plain() const {
  if (columns.empty()) return {};
  return fail(Code::kInvalid, "the reference must be a text, a number or a list of texts, not an object");
}

Status Task::prepare_mark(const std::string& /*data_dir*/) {
  return fail(Code::kUsage, "task '{}' marks log-likelihoods, which are no responses: 'pareto run' marks it",
              info().name);
}

Result<std::vector<Marked>> Task::mark(const Reference& /*reference*/,
                                       std::span<const std::string> /*responses*/) const {
  return fail(Code::kUnsupported, "task '{}' marks no responses", info().name);
}

void fill_hashes(Document* document, std::string_view prompt) {
  document->doc_hash = sha256_hex(document->doc);
  document->prompt_hash = sha256_hex(prompt);
  document->target_hash = sha256_hex(document->target);
}

std::string task_hash(std::span<const Document> documents, std::size_t filters) {
  Sha256 hash;
  for (std::size_t i = 0; i < filters; ++i) {
    for (const Document& document : documents) {
      hash.update(document.doc_hash);
      hash.update(document.prompt_hash);
      hash.update(document.target_hash);
    }
  }
  return hash.hex();
}

}  // namespace pareto
