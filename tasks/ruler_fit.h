// How upstream finds the size of a haystack.
//
// NVIDIA searches by halves between a lower bound and a multiple of an estimate; every probe makes a whole example, and
// so draws from the streams. An example that then comes out too long is made anew, a step smaller.
#pragma once

#include <optional>

#include "tasks/ruler.h"

namespace pareto::ruler {

// One attempt at an example. Nothing: Python raised an exception there, which upstream takes for too long.
struct Attempt {
  Prompt prompt;
  std::vector<std::string> answers;
  int tokens = 0;  // of the text that is measured, without the reserve
};

// make(size) → Result<std::optional<Attempt>> or Result<Attempt>; `extra` tokens stand beside every attempt's.
// The largest size in [lower, upper] whose attempt fitted, in NVIDIA's order of probes; nothing: none did.
template <class Make>
Result<std::optional<int>> halve(const Setting& setting, int lower, int upper, int extra, Make make) {
  std::optional<int> best;
  while (lower <= upper) {
    const int middle = (lower + upper) / 2;
    auto made = make(middle);
    if (!made) return tl::unexpected(made.error());
    const std::optional<Attempt> attempt = *std::move(made);
    if (!attempt) return fail(Code::kInvalid, "{}: upstream stops here with this seed; try another", setting.owner());
    if (attempt->tokens + extra <= setting.length) {
      best = middle;
      lower = middle + 1;
    } else {
      upper = middle - 1;
    }
  }
  return best;
}

// An example of `size`, or smaller by steps until it fits. Where no smaller size is left upstream tries for ever; here
// a thousand times.
template <class Make>
Result<Attempt> shrink(const Setting& setting, int size, int step, int extra, Make make) {
  constexpr int kMostAttempts = 1000;
  for (int attempts = 0; attempts < kMostAttempts; ++attempts) {
    auto made = make(size);
    if (!made) return tl::unexpected(made.error());
    std::optional<Attempt> attempt = *std::move(made);
    if (attempt && attempt->tokens + extra <= setting.length) return *std::move(attempt);
    if (size > step) size -= step;
  }
  return setting.too_short();
}

// int(length / (tokens / size) * 3): NVIDIA's estimate of the upper bound, from an example of `size` and its tokens.
inline int three_times(int length, int tokens, int size) {
  return static_cast<int>(length / (static_cast<double>(tokens) / size) * 3);
}

}  // namespace pareto::ruler
