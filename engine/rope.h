// Rotary position embedding tables: cos and sin of position · frequency, for every scaling that the models use.
#pragma once

#include <vector>

#include "engine/model_config.h"

namespace pareto {

// The head_dim / 2 inverse frequencies θ^(-2i/d) after scaling, in f32 as transformers computes them.
//   linear  f / factor
//   llama3  long waves (> original / low_freq_factor) are divided by factor, short ones (< original / high_freq_factor)
//           kept, those between interpolated
//   yarn    interpolated and extrapolated frequencies blended over a ramp between the dimensions that turn beta_fast
//   and
//           beta_slow times in the original context (Peng et al., arXiv 2309.00071)
// Then the frequency of pair i is divided by factors[i], where the file has such factors (GGUF's rope_freqs).
std::vector<float> rope_frequencies(const RopeConfig& config, int head_dim);

// What cos and sin are multiplied by: 1, or yarn's attention factor.
double rope_attention_factor(const RopeConfig& config);

// cos and sin [positions, head_dim / 2], grown as positions are asked for: a context of 128k tokens would need a second
// of trigonometry that most runs never use.
class RopeTable {
 public:
  RopeTable(const RopeConfig& config, int head_dim);
  // Makes rows [0, positions) valid.
  void ensure(std::int64_t positions);
  const float* cos() const { return cos_.data(); }
  const float* sin() const { return sin_.data(); }

 private:
  std::vector<float> frequencies_;
  double factor_;
  std::int64_t rows_ = 0;
  std::vector<float> cos_, sin_;
};

}  // namespace pareto
