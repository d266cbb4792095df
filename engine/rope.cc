#include "engine/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pareto {
namespace {

void scale_llama3(const RopeConfig& config, std::vector<float>& f) {
  const double original = config.original_max_positions;
  const double longest = original / config.low_freq_factor, shortest = original / config.high_freq_factor;
  for (float& frequency : f) {
    const double wave = 2 * std::numbers::pi / frequency;
    if (wave < shortest) continue;
    if (wave > longest) {
      frequency = static_cast<float>(frequency / config.factor);
      continue;
    }
    const double smooth =
        (original / wave - config.low_freq_factor) / (config.high_freq_factor - config.low_freq_factor);
    frequency = static_cast<float>((1 - smooth) * frequency / config.factor + smooth * frequency);
  }
}

void scale_yarn(const RopeConfig& config, int head_dim, std::vector<float>& f) {
  // The dimension whose frequency turns `rotations` times within the original context.
  const auto dimension = [&](double rotations) {
    return head_dim * std::log(config.original_max_positions / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(config.theta));
  };
  double low = dimension(config.beta_fast), high = dimension(config.beta_slow);
  if (config.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, head_dim - 1.0);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < f.size(); ++i) {
    const double interpolated = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    f[i] = static_cast<float>(f[i] / config.factor * interpolated + f[i] * (1 - interpolated));
  }
}

}  // namespace

std::vector<float> rope_frequencies(const RopeConfig& config, int head_dim) {
  std::vector<float> f(static_cast<std::size_t>(head_dim / 2));
  for (std::size_t i = 0; i < f.size(); ++i)
    f[i] = static_cast<float>(1.0 / std::pow(config.theta, 2.0 * static_cast<double>(i) / head_dim));
  switch (config.scaling) {
    case RopeConfig::Scaling::kNone:
      break;
    case RopeConfig::Scaling::kLinear:
      for (float& frequency : f) frequency = static_cast<float>(frequency / config.factor);
      break;
    case RopeConfig::Scaling::kLlama3:
      scale_llama3(config, f);
      break;
    case RopeConfig::Scaling::kYarn:
      scale_yarn(config, head_dim, f);
      break;
  }
  for (std::size_t i = 0; i < config.factors.size() && i < f.size(); ++i) f[i] /= config.factors[i];
  return f;
}

double rope_attention_factor(const RopeConfig& config) {
  if (config.scaling != RopeConfig::Scaling::kYarn) return 1;
  if (config.attention_factor > 0) return config.attention_factor;
  const auto scale = [&](double mscale) {
    return config.factor <= 1 ? 1.0 : 0.1 * mscale * std::log(config.factor) + 1;
  };
  if (config.mscale > 0 && config.mscale_all_dim > 0) return scale(config.mscale) / scale(config.mscale_all_dim);
  return scale(1);
}

RopeTable::RopeTable(const RopeConfig& config, int head_dim)
    : frequencies_(rope_frequencies(config, head_dim)), factor_(rope_attention_factor(config)) {}

void RopeTable::ensure(std::int64_t positions) {
  if (positions <= rows_) return;
  const std::int64_t rows = std::max<std::int64_t>({positions, 2 * rows_, 1024});
  const std::size_t half = frequencies_.size();
  cos_.resize(static_cast<std::size_t>(rows) * half);
  sin_.resize(static_cast<std::size_t>(rows) * half);
  for (std::int64_t p = rows_; p < rows; ++p) {
    for (std::size_t i = 0; i < half; ++i) {
      // The angle is rounded to f32, as the models were trained with it.
      const double angle = static_cast<float>(p) * frequencies_[i];
      const std::size_t at = static_cast<std::size_t>(p) * half + i;
      cos_[at] = static_cast<float>(std::cos(angle) * factor_);
      sin_[at] = static_cast<float>(std::sin(angle) * factor_);
    }
  }
  rows_ = rows;
}

}  // namespace pareto
