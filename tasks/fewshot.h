// Which examples stand before a question: lm-evaluation-harness's samplers.
//
//   default   random.Random(seed).sample(pool, n) per document, one stream per task, in the order of the documents
//   first_n   pool[:n]
//
// Where the few-shot split is the evaluated split, n + 1 are drawn and those equal to the document dropped; if
// duplicates leave fewer than n, n are drawn again from the pool without them. Definition: lm_eval 0.4.13,
// api/samplers.py.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "tasks/python.h"

namespace pareto {

enum class Sampler { kDefault, kFirstN };

class FewshotSampler {
 public:
  // `owner` names the task in messages.
  FewshotSampler(std::string owner, Sampler kind, std::int64_t pool_size, std::uint64_t seed);

  // Indices into the pool, in the order of the prompt; n = 0 draws nothing. `is_document`, if given, says of a pool
  // index whether it equals the evaluated document. Errors: kInvalid if the pool is too small.
  Result<std::vector<std::int64_t>> sample(int n, const std::function<bool(std::int64_t)>& is_document = {});

 private:
  Result<std::vector<std::int64_t>> draw(std::int64_t from, int n);
  tl::unexpected<Error> too_few(std::int64_t wanted, std::int64_t available) const;

  std::string owner_;
  Sampler kind_;
  std::int64_t pool_size_;
  python::Random random_;
};

// How many shots: lm-eval's rule for --num_fewshot. A task whose own number is 0 keeps it, with a warning; one that has
// none takes what is asked for, else 0. Errors: kUsage for a negative number.
struct ShotCount {
  int n = 0;
  std::string warning;
};
Result<ShotCount> resolve_num_fewshot(std::optional<int> own, std::optional<int> asked);

}  // namespace pareto
