#include "engine/model_config.h"

#include <algorithm>
#include <cmath>

#include "engine/model_file.h"
#include "engine/model_tensors.h"

namespace pareto {
namespace {

// Far above every model there is; small enough that no product of two overflows and no vector per layer is large.
constexpr int kMaxLayers = 4096, kMaxExperts = 4096, kMaxHeads = 4096, kMaxHeadDim = 4096;
constexpr int kMaxWidth = 1 << 22, kMaxVocab = 1 << 24, kMaxPositions = 1 << 30;

Status check_range(std::string_view file, const char* what, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return {};
  return fail(Code::kInvalid, "{}: {} = {}, must be in [{}, {}]", file, what, value, low, high);
}

Status check_real(std::string_view file, const char* what, double value, double low, double high) {
  if (value >= low && value <= high) return {};  // NaN fails
  return fail(Code::kInvalid, "{}: {} = {}, must be in [{}, {}]", file, what, value, low, high);
}

Status check_rope(const RopeConfig& rope, int head_dim, std::string_view file) {
  PARETO_CHECK_OK(check_real(file, "rope theta", rope.theta, 1, 1e18));
  PARETO_CHECK_OK(check_real(file, "rope scaling factor", rope.factor, 1e-3, 1e6));
  const bool has_original = rope.scaling == RopeConfig::Scaling::kLlama3 || rope.scaling == RopeConfig::Scaling::kYarn;
  PARETO_CHECK_OK(check_range(file, "original_max_position_embeddings", rope.original_max_positions,
                              has_original ? 1 : 0, kMaxPositions));
  PARETO_CHECK_OK(check_real(file, "rope low_freq_factor", rope.low_freq_factor, 1e-6, 1e6));
  PARETO_CHECK_OK(check_real(file, "rope high_freq_factor", rope.high_freq_factor, 1e-6, 1e6));
  if (rope.scaling == RopeConfig::Scaling::kLlama3 && rope.high_freq_factor <= rope.low_freq_factor) {
    return fail(Code::kInvalid, "{}: rope high_freq_factor {} is not above low_freq_factor {}", file,
                rope.high_freq_factor, rope.low_freq_factor);
  }
  PARETO_CHECK_OK(check_real(file, "rope beta_fast", rope.beta_fast, 1e-6, 1e6));
  PARETO_CHECK_OK(check_real(file, "rope beta_slow", rope.beta_slow, 1e-6, 1e6));
  PARETO_CHECK_OK(check_real(file, "rope attention_factor", rope.attention_factor, 0, 1e3));
  PARETO_CHECK_OK(check_real(file, "rope mscale", rope.mscale, 0, 1e3));
  PARETO_CHECK_OK(check_real(file, "rope mscale_all_dim", rope.mscale_all_dim, 0, 1e3));
  if (!rope.factors.empty() && rope.factors.size() != static_cast<std::size_t>(head_dim / 2)) {
    return fail(Code::kInvalid, "{}: {} rope factors, wanted head_dim / 2 = {}", file, rope.factors.size(),
                head_dim / 2);
  }
  for (float factor : rope.factors) PARETO_CHECK_OK(check_real(file, "a rope factor", factor, 1e-6, 1e6));
  return {};
}

Status check_experts(const ModelConfig& config, std::string_view file) {
  PARETO_CHECK_OK(check_range(file, "number of experts", config.experts, 0, kMaxExperts));
  const bool any = std::count(config.moe_layer.begin(), config.moe_layer.end(), true) > 0;
  if (config.experts == 0) {
    if (any) return fail(Code::kInvalid, "{}: layers with experts, but no experts", file);
    return {};
  }
  PARETO_CHECK_OK(check_range(file, "experts per token", config.experts_per_token, 1, config.experts));
  PARETO_CHECK_OK(check_range(file, "intermediate size of an expert", config.expert_intermediate, 1, kMaxWidth));
  if (config.moe_layer.size() != static_cast<std::size_t>(config.layers)) {
    return fail(Code::kInvalid, "{}: {} entries say which layers have experts, but there are {} layers", file,
                config.moe_layer.size(), config.layers);
  }
  return {};
}

}  // namespace

const std::vector<std::string>& known_architectures() {
  static const std::vector<std::string> kNames = {"llama", "mistral", "qwen2", "qwen3", "mixtral", "qwen3_moe"};
  return kNames;
}

Status check_config(const ModelConfig& config, std::string_view file) {
  const auto& known = known_architectures();
  if (std::find(known.begin(), known.end(), config.architecture) == known.end()) {
    return fail(Code::kUnsupported, "{}: architecture '{}' is not supported; supported: {}", file, config.architecture,
                fmt::join(known, " "));
  }
  PARETO_CHECK_OK(check_range(file, "number of layers", config.layers, 1, kMaxLayers));
  PARETO_CHECK_OK(check_range(file, "hidden size", config.hidden, 1, kMaxWidth));
  PARETO_CHECK_OK(check_range(file, "number of attention heads", config.heads, 1, kMaxHeads));
  PARETO_CHECK_OK(check_range(file, "number of kv heads", config.kv_heads, 1, config.heads));
  PARETO_CHECK_OK(check_range(file, "head dimension", config.head_dim, 2, kMaxHeadDim));
  PARETO_CHECK_OK(check_range(file, "intermediate size", config.intermediate, 1, kMaxWidth));
  PARETO_CHECK_OK(check_range(file, "vocabulary size", config.vocab, 1, kMaxVocab));
  PARETO_CHECK_OK(check_range(file, "number of positions", config.max_positions, 1, kMaxPositions));
  PARETO_CHECK_OK(check_real(file, "rms_norm_eps", config.rms_eps, 1e-12, 1));
  if (config.heads % config.kv_heads != 0) {
    return fail(Code::kInvalid, "{}: {} attention heads cannot be divided among {} kv heads", file, config.heads,
                config.kv_heads);
  }
  if (config.head_dim % 2 != 0) {
    return fail(Code::kInvalid, "{}: head dimension {} is odd; RoPE turns pairs", file, config.head_dim);
  }
  PARETO_CHECK_OK(check_rope(config.rope, config.head_dim, file));
  PARETO_CHECK_OK(check_experts(config, file));
  if (config.window.size() != static_cast<std::size_t>(config.layers)) {
    return fail(Code::kInvalid, "{}: {} attention windows, but there are {} layers", file, config.window.size(),
                config.layers);
  }
  for (int window : config.window) PARETO_CHECK_OK(check_range(file, "sliding window", window, 0, kMaxPositions));
  PARETO_CHECK_OK(check_range(file, "bos token", config.bos, -1, config.vocab - 1));
  for (Token eos : config.eos) PARETO_CHECK_OK(check_range(file, "eos token", eos, 0, config.vocab - 1));
  return {};
}

std::int64_t kv_bytes_per_token(const ModelConfig& config, DType dtype) {
  return dtype_bytes(dtype, std::int64_t{2} * config.layers * config.kv_dim());
}

}  // namespace pareto
