#include "engine/gguf_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace pareto {
namespace {

struct NamePair {
  const char *gguf, *hugging_face;
};
constexpr NamePair kTopNames[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
};
// After "blk.N." and "model.layers.N.", before ".weight" or ".bias".
constexpr NamePair kLayerNames[] = {
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"}, {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},       {"ffn_gate_inp", "mlp.gate"},
};
// Three-dimensional: one matrix per expert.
constexpr NamePair kExpertNames[] = {
    {"ffn_gate_exps", "gate_proj"}, {"ffn_up_exps", "up_proj"}, {"ffn_down_exps", "down_proj"}};

// "blk.12.attn_q.weight" → 12, "attn_q", "weight".
struct LayerName {
  int layer = 0;
  std::string_view part, kind;
};
std::optional<LayerName> split_layer_name(std::string_view name, std::string_view prefix) {
  if (name.substr(0, prefix.size()) != prefix) return std::nullopt;
  name.remove_prefix(prefix.size());
  LayerName out;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), out.layer);
  const std::size_t digits = static_cast<std::size_t>(end - name.data());
  const std::size_t last = name.rfind('.');
  if (error != std::errc() || out.layer < 0 || digits >= name.size() || name[digits] != '.' || last <= digits) {
    return std::nullopt;
  }
  out.part = name.substr(digits + 1, last - digits - 1);
  out.kind = name.substr(last + 1);
  return out;
}

// Early Mixtral files have one tensor per expert: "ffn_gate.3" → "mlp.experts.3.gate_proj".
std::string split_expert_part(std::string_view part) {
  for (const NamePair& pair :
       {NamePair{"ffn_gate.", "gate_proj"}, {"ffn_up.", "up_proj"}, {"ffn_down.", "down_proj"}}) {
    const std::string_view prefix = pair.gguf;
    if (part.substr(0, prefix.size()) == prefix) {
      return fmt::format("mlp.experts.{}.{}", part.substr(prefix.size()), pair.hugging_face);
    }
  }
  return "";
}

// Names that we do not know stay as they are: check_tensors() says so.
std::string canonical_name(std::string_view name) {
  for (const NamePair& pair : kTopNames) {
    if (name == pair.gguf) return pair.hugging_face;
  }
  const auto split = split_layer_name(name, "blk.");
  if (!split) return std::string(name);
  std::string part = split_expert_part(split->part);
  for (const NamePair& pair : kLayerNames) {
    if (split->part == pair.gguf) part = pair.hugging_face;
  }
  if (part.empty()) return std::string(name);
  return fmt::format("model.layers.{}.{}.{}", split->layer, part, split->kind);
}

// Reads metadata under the architecture's prefix and remembers the first key that is missing or wrong.
class Metadata {
 public:
  Metadata(const Gguf& file, std::string_view architecture, std::string_view name)
      : file_(file), architecture_(architecture), name_(name) {}

  bool has(std::string_view key) const { return file_.has(full(key)); }
  int integer(std::string_view key, std::optional<int> fallback = std::nullopt) {
    const std::string full_key = full(key);
    if (!file_.has(full_key)) return fallback ? *fallback : missing(full_key);
    std::optional<std::int64_t> value = file_.integer(full_key);
    if (!value) value = uniform(file_.integers(full_key));
    if (!value || *value < INT32_MIN || *value > INT32_MAX) {
      note(fmt::format("{}: '{}' is not one whole number below 2^31", name_, full_key));
      return 0;
    }
    return static_cast<int>(*value);
  }
  double real(std::string_view key, std::optional<double> fallback = std::nullopt) {
    const std::string full_key = full(key);
    if (!file_.has(full_key)) return fallback ? *fallback : missing(full_key);
    const std::optional<double> value = file_.real(full_key);
    if (!value) note(fmt::format("{}: '{}' is not a number", name_, full_key));
    return value.value_or(0);
  }
  std::string text(std::string_view key, std::string_view fallback) {
    return std::string(file_.text(full(key)).value_or(fallback));
  }
  std::vector<std::int64_t> integers(std::string_view key) const { return file_.integers(full(key)); }
  Status status() const {
    if (!problem_.empty()) return fail(Code::kInvalid, "{}", problem_);
    return {};
  }

 private:
  std::string full(std::string_view key) const { return fmt::format("{}.{}", architecture_, key); }
  int missing(const std::string& key) {
    note(fmt::format("{}: '{}' is missing", name_, key));
    return 0;
  }
  void note(std::string text) {
    if (problem_.empty()) problem_ = std::move(text);
  }
  // Some numbers may be given per layer; ours are the same in all of them.
  static std::optional<std::int64_t> uniform(const std::vector<std::int64_t>& values) {
    if (values.empty() || std::count(values.begin(), values.end(), values[0]) != std::ssize(values))
      return std::nullopt;
    return values[0];
  }
  const Gguf& file_;
  std::string architecture_;
  std::string_view name_;
  std::string problem_;
};

const StoredTensor* find_tensor(const Gguf& file, std::string_view name) {
  const auto it = std::find_if(file.tensors.begin(), file.tensors.end(), [&](auto& t) { return t.name == name; });
  return it == file.tensors.end() ? nullptr : &*it;
}

Status read_rope(const Gguf& file, Metadata& meta, std::string_view name, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  rope.theta = meta.real("rope.freq_base", 10000);
  if (const int turned = meta.integer("rope.dimension_count", config.head_dim); turned != config.head_dim) {
    return fail(Code::kUnsupported, "{}: RoPE on {} of {} dimensions of a head is not supported", name, turned,
                config.head_dim);
  }
  const std::string type = meta.text("rope.scaling.type", meta.has("rope.scale_linear") ? "linear" : "none");
  double factor = meta.real("rope.scaling.factor", meta.real("rope.scale_linear", 1));
  if (factor == 0) factor = 1;
  if (type == "linear" && factor != 1) {
    rope.scaling = RopeConfig::Scaling::kLinear;
    rope.factor = factor;
  } else if (type == "yarn") {
    rope.scaling = RopeConfig::Scaling::kYarn;
    rope.factor = factor;
    rope.original_max_positions = meta.integer("rope.scaling.original_context_length", config.max_positions);
    rope.beta_fast = meta.real("rope.scaling.yarn_beta_fast", 32);
    rope.beta_slow = meta.real("rope.scaling.yarn_beta_slow", 1);
    // The file's factor multiplies YaRN's own.
    if (const double by = meta.real("rope.scaling.attn_factor", 1); by != 1) {
      rope.attention_factor = by * (0.1 * std::log(std::max(1.0, factor)) + 1);
    }
    if (meta.real("rope.scaling.yarn_ext_factor", 1) != 1) {
      return fail(Code::kUnsupported, "{}: rope.scaling.yarn_ext_factor other than 1 is not supported", name);
    }
  } else if (type != "none" && type != "linear") {
    return fail(Code::kUnsupported, "{}: rope scaling '{}' is not supported; supported: none linear yarn", name,
                is_plain_name(type) ? type : "?");
  }
  const StoredTensor* freqs = find_tensor(file, "rope_freqs.weight");
  if (freqs == nullptr) return {};
  if (freqs->dtype != DType::kF32 || freqs->shape != std::vector<std::int64_t>{config.head_dim / 2}) {
    return fail(Code::kInvalid, "{}: 'rope_freqs.weight' is {} [{}], wanted F32 [{}]", name, freqs->dtype_text,
                fmt::join(freqs->shape, ", "), config.head_dim / 2);
  }
  rope.factors.resize(static_cast<std::size_t>(config.head_dim / 2));
  std::copy_n(freqs->bytes.data(), freqs->bytes.size(), reinterpret_cast<std::byte*>(rope.factors.data()));
  return {};
}

void read_tokens(const Gguf& file, ModelConfig& config) {
  const auto id = [&](std::string_view key) { return file.integer(key).value_or(-1); };
  if (const auto bos = id("tokenizer.ggml.bos_token_id"); bos >= 0 && bos < config.vocab) {
    config.bos = static_cast<Token>(bos);
  }
  for (const char* key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    const auto eos = id(key);
    if (eos < 0 || eos >= config.vocab) continue;
    if (std::count(config.eos.begin(), config.eos.end(), eos) == 0) config.eos.push_back(static_cast<Token>(eos));
  }
}

void read_windows(const Metadata& meta, int window, ModelConfig& config) {
  config.window.assign(static_cast<std::size_t>(config.layers), window);
  const auto pattern = meta.integers("attention.sliding_window_pattern");
  if (pattern.size() != config.window.size()) return;
  for (std::size_t i = 0; i < pattern.size(); ++i) config.window[i] = pattern[i] != 0 ? window : 0;
}

Status read_experts(const Gguf& file, Metadata& meta, ModelConfig& config) {
  config.experts = meta.integer("expert_count", 0);
  if (config.experts == 0) return {};
  config.experts_per_token = meta.integer("expert_used_count");
  config.expert_intermediate = meta.integer("expert_feed_forward_length", config.intermediate);
  config.moe_layer.assign(static_cast<std::size_t>(config.layers), false);
  for (const StoredTensor& tensor : file.tensors) {
    const auto split = split_layer_name(tensor.name, "blk.");
    if (split && split->part == "ffn_gate_inp" && split->layer < config.layers) config.moe_layer[split->layer] = true;
  }
  return {};
}

Result<std::string> read_architecture(const Gguf& file, std::string_view name) {
  if (file.integer("split.count").value_or(1) > 1) {
    return fail(Code::kUnsupported, "{}: one part of a split GGUF model; merge the parts first", name);
  }
  const auto text = file.text("general.architecture");
  if (!text) return fail(Code::kInvalid, "{}: 'general.architecture' is missing", name);
  for (const char* known : {"llama", "qwen2", "qwen3", "qwen3moe"}) {
    if (*text == known) return std::string(known);
  }
  return fail(Code::kUnsupported, "{}: architecture '{}' is not supported; supported: llama qwen2 qwen3 qwen3moe", name,
              is_plain_name(*text) ? *text : "?");
}

std::string our_architecture(const std::string& theirs, int experts, int window) {
  if (theirs == "qwen3moe") return "qwen3_moe";
  if (theirs != "llama") return theirs;
  return experts > 0 ? "mixtral" : window > 0 ? "mistral" : "llama";
}

Result<ModelConfig> read_config(const Gguf& file, std::string_view name) {
  PARETO_TRY(const std::string theirs, read_architecture(file, name));
  Metadata meta(file, theirs, name);
  ModelConfig config;
  config.layers = meta.integer("block_count");
  config.hidden = meta.integer("embedding_length");
  config.heads = meta.integer("attention.head_count");
  config.kv_heads = meta.integer("attention.head_count_kv", config.heads);
  config.head_dim = meta.integer("attention.key_length", config.heads > 0 ? config.hidden / config.heads : 0);
  config.intermediate = meta.integer("feed_forward_length");
  config.max_positions = meta.integer("context_length");
  config.rms_eps = static_cast<float>(meta.real("attention.layer_norm_rms_epsilon"));
  const int value_dim = meta.integer("attention.value_length", config.head_dim);
  const int window = meta.integer("attention.sliding_window", 0);
  PARETO_CHECK_OK(meta.status());
  if (value_dim != config.head_dim) {
    return fail(Code::kUnsupported, "{}: keys of {} and values of {} dimensions: only equal ones are supported", name,
                config.head_dim, value_dim);
  }
  if (config.layers < 1 || config.layers > 4096) {  // before anything is allocated per layer
    return fail(Code::kInvalid, "{}: block_count = {}, must be in [1, 4096]", name, config.layers);
  }
  const StoredTensor* embedding = find_tensor(file, "token_embd.weight");
  if (embedding == nullptr) {
    return fail(Code::kNotFound, "{}: tensor 'token_embd.weight' is missing{}", name,
                file.tensors.empty() ? "; the file has a vocabulary but no weights" : "");
  }
  config.vocab = static_cast<int>(std::min<std::int64_t>(embedding->shape.front(), INT32_MAX));
  if (const int said = meta.integer("vocab_size", config.vocab); said != config.vocab) {
    return fail(Code::kInvalid, "{}: 'token_embd.weight' has {} rows, but vocab_size is {}", name, config.vocab, said);
  }
  PARETO_CHECK_OK(read_experts(file, meta, config));
  PARETO_CHECK_OK(read_rope(file, meta, name, config));
  read_windows(meta, std::max(window, 0), config);
  read_tokens(file, config);
  PARETO_CHECK_OK(meta.status());

  config.architecture = our_architecture(theirs, config.experts, window);
  config.rope.style = theirs == "llama" ? RopeStyle::kAdjacent : RopeStyle::kHalves;
  config.tied_embeddings = find_tensor(file, "output.weight") == nullptr;
  config.qkv_bias = find_tensor(file, "blk.0.attn_q.bias") != nullptr;
  config.attn_out_bias = find_tensor(file, "blk.0.attn_output.bias") != nullptr;
  config.mlp_bias = find_tensor(file, "blk.0.ffn_gate.bias") != nullptr;
  config.qk_norm = find_tensor(file, "blk.0.attn_q_norm.weight") != nullptr;
  PARETO_CHECK_OK(check_config(config, name));
  return config;
}

// One view per expert of a stacked tensor.
Status add_experts(const ModelConfig& config, const StoredTensor& tensor, std::string_view prefix,
                   std::string_view part, std::string_view name, TensorMap& tensors) {
  if (tensor.shape.size() != 3 || tensor.shape[0] != config.experts) {
    return fail(Code::kInvalid, "{}: '{}' has shape [{}], wanted {} matrices", name, tensor.name,
                fmt::join(tensor.shape, ", "), config.experts);
  }
  TensorView view{.dtype = *tensor.dtype, .shape = {tensor.shape[1], tensor.shape[2]}};
  for (int e = 0; e < config.experts; ++e) {
    view.data = tensor.bytes.data() + e * view.bytes();
    if (!tensors.emplace(fmt::format("{}mlp.experts.{}.{}.weight", prefix, e, part), view).second) {
      return fail(Code::kInvalid, "{}: tensor '{}' is there twice under two names", name, tensor.name);
    }
  }
  return {};
}

Status add_tensor(const ModelConfig& config, const StoredTensor& tensor, std::string_view name, TensorMap& tensors) {
  if (tensor.name == "rope_freqs.weight") return {};  // in the configuration
  if (!tensor.dtype) {
    return fail(Code::kUnsupported, "{}: '{}' has dtype {}; supported: F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q4_K Q5_K Q6_K",
                name, tensor.name, tensor.dtype_text);
  }
  const auto split = split_layer_name(tensor.name, "blk.");
  for (const NamePair& pair : kExpertNames) {
    if (!split || split->part != pair.gguf || split->kind != "weight") continue;
    return add_experts(config, tensor, fmt::format("model.layers.{}.", split->layer), pair.hugging_face, name, tensors);
  }
  const TensorView view{.data = tensor.bytes.data(), .dtype = *tensor.dtype, .shape = tensor.shape};
  if (!tensors.emplace(canonical_name(tensor.name), view).second) {
    return fail(Code::kInvalid, "{}: tensor '{}' is there twice under two names", name, tensor.name);
  }
  return {};
}

}  // namespace

Result<GgufModel> read_gguf_model(const Gguf& file, std::string_view name) {
  GgufModel model;
  PARETO_TRY(model.config, read_config(file, name));
  for (const StoredTensor& tensor : file.tensors) {
    PARETO_CHECK_OK(add_tensor(model.config, tensor, name, model.tensors));
  }
  PARETO_CHECK_OK(check_tensors(model.config, model.tensors, name));
  return model;
}

std::string gguf_tensor_name(std::string_view canonical) {
  for (const NamePair& pair : kTopNames) {
    if (canonical == pair.hugging_face) return pair.gguf;
  }
  const auto split = split_layer_name(canonical, "model.layers.");
  if (!split) return std::string(canonical);
  for (const NamePair& pair : kLayerNames) {
    if (split->part == pair.hugging_face) return fmt::format("blk.{}.{}.{}", split->layer, pair.gguf, split->kind);
  }
  return std::string(canonical);
}

}  // namespace pareto
