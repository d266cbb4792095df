// The samples and results readers take any bytes: other programs write those files too.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "results/run_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto filters = pareto::parse_samples(bytes, "samples")) {
    for (const pareto::SampleItems& items : *filters) {
      for (const pareto::SampleMetric& metric : items.metrics) {
        if (metric.values.size() != items.size()) std::abort();
        if (!metric.weights.empty() && metric.weights.size() != items.size()) std::abort();
      }
      if (items.doc_ids.size() != items.size() || items.costs.share_bytes.size() != items.size()) std::abort();
    }
  }
  pareto::Run run;
  (void)pareto::parse_results(bytes, "results", &run);
  return 0;
}
