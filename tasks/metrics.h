// Marks of one document: lm-evaluation-harness's exact_match, acc and acc_norm.
//
// Definitions: lm_eval 0.4.13, api/metrics.py (exact_match_hf_evaluate) and api/task.py (process_results).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/extract.h"

namespace pareto {

struct ExactMatch {
  std::vector<PythonRegex> regexes_to_ignore;  // removed from prediction and reference, in this order
  bool ignore_case = false;
  bool ignore_punctuation = false;  // string.punctuation: ASCII
  bool ignore_numbers = false;      // string.digits: ASCII
};

// True if prediction and reference are equal after the above. Upstream holds both in NumPy string arrays, so NULs at
// the end do not count and lower-casing never lengthens a text ("İ" becomes "i").
bool exact_match(std::string_view prediction, std::string_view reference, const ExactMatch& options);

// Which choice has the highest log-likelihood, plain (acc) or divided by `lengths` (acc_norm: code points of the choice
// without its delimiter). Ties go to the lowest index and the first NaN wins, as in np.argmax.
// REQUIRES: as many lengths as log-likelihoods, at least one; or no lengths.
int best_choice(std::span<const double> loglikelihoods, std::span<const double> lengths = {});

// 1 − C(n−c, k) / C(n, k): the chance that one of k answers drawn from n, of which c are right, is right.
// REQUIRES: 0 <= c <= n, 1 <= k <= n.
double pass_at_k(int n, int c, int k);

// len(re.split(r"\s+", text)): what lm-eval counts as words.
std::int64_t count_words(std::string_view text);

}  // namespace pareto
