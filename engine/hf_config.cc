#include "engine/hf_config.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/model_tensors.h"

namespace pareto {
namespace {

using nlohmann::json;

// Reads fields of one object and remembers the first that was wrong, so that the code that uses it reads like a table.
class Fields {
 public:
  Fields(const json& object, std::string_view file, std::string prefix = "")
      : object_(object), file_(file), prefix_(std::move(prefix)) {}

  // Absent and null are the same to transformers.
  const json* find(const char* key) const {
    const auto it = object_.find(key);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  bool has(const char* key) const { return find(key) != nullptr; }

  int integer(const char* key, std::optional<int> fallback = std::nullopt) {
    const json* value = find(key);
    if (value == nullptr) return fallback ? *fallback : missing(key, 0);
    if (value->is_number_integer()) {
      const bool fits = value->is_number_unsigned() ? value->get<std::uint64_t>() <= INT32_MAX
                                                    : value->get<std::int64_t>() >= INT32_MIN;
      if (fits) return value->get<int>();
    }
    return wrong(key, *value, "a whole number below 2^31", 0);
  }
  double real(const char* key, std::optional<double> fallback = std::nullopt) {
    const json* value = find(key);
    if (value == nullptr) return fallback ? *fallback : missing(key, 0.0);
    return value->is_number() ? value->get<double>() : wrong(key, *value, "a number", 0.0);
  }
  bool flag(const char* key, std::optional<bool> fallback = std::nullopt) {
    const json* value = find(key);
    if (value == nullptr) return fallback ? *fallback : missing(key, false);
    return value->is_boolean() ? value->get<bool>() : wrong(key, *value, "true or false", false);
  }
  std::string text(const char* key, std::optional<std::string> fallback = std::nullopt) {
    const json* value = find(key);
    if (value == nullptr) return fallback ? *fallback : missing(key, std::string());
    return value->is_string() ? value->get<std::string>() : wrong(key, *value, "a text", std::string());
  }
  // A list of whole numbers, or one.
  std::vector<Token> tokens(const char* key) {
    std::vector<Token> out;
    const json* value = find(key);
    if (value == nullptr) return out;
    const json list = value->is_array() ? *value : json::array({*value});
    for (const json& item : list) {
      const bool fits =
          item.is_number_integer() && (!item.is_number_unsigned() || item.get<std::uint64_t>() < INT32_MAX);
      if (!fits || item.get<std::int64_t>() < 0) return wrong(key, *value, "a token id or a list of them", out);
      out.push_back(item.get<Token>());
    }
    return out;
  }
  template <class T>
  T wrong(const char* key, const json& value, const char* wanted, T result) {
    std::string shown = value.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 80);
    return note(Error{Code::kInvalid, fmt::format("{}: {}{} is {}, wanted {}", file_, prefix_, key, shown, wanted)},
                result);
  }
  template <class T>
  T note(Error error, T result) {
    if (!error_) error_ = std::move(error);
    return result;
  }
  Status status() const {
    if (error_) return tl::unexpected<Error>(*error_);
    return {};
  }
  std::string_view file() const { return file_; }

 private:
  template <class T>
  T missing(const char* key, T result) {
    return note(Error{Code::kInvalid, fmt::format("{}: {}{} is missing", file_, prefix_, key)}, result);
  }
  const json& object_;
  std::string_view file_;
  std::string prefix_;
  std::optional<Error> error_;
};

Result<json> parse_object(std::string_view text, std::string_view name) {
  json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return fail(Code::kInvalid, "{}: not valid JSON", name);
  if (!object.is_object()) return fail(Code::kInvalid, "{}: not a JSON object", name);
  return object;
}

// The rope fields of either spelling. `fields` is the whole config, `rope` its rope_parameters or rope_scaling.
Status read_rope(Fields& fields, const json& rope_object, RopeConfig& rope, int max_positions, double default_theta) {
  Fields scaling(rope_object, fields.file(), "rope ");
  rope.theta = scaling.real("rope_theta", fields.real("rope_theta", default_theta));
  const std::string type = scaling.text("rope_type", scaling.text("type", "default"));
  if (scaling.real("partial_rotary_factor", fields.real("partial_rotary_factor", 1.0)) != 1.0) {
    return fail(Code::kUnsupported, "{}: partial_rotary_factor is not supported", fields.file());
  }
  if (type == "linear") {
    rope.scaling = RopeConfig::Scaling::kLinear;
    rope.factor = scaling.real("factor");
  } else if (type == "llama3") {
    rope.scaling = RopeConfig::Scaling::kLlama3;
    rope.factor = scaling.real("factor");
    rope.low_freq_factor = scaling.real("low_freq_factor");
    rope.high_freq_factor = scaling.real("high_freq_factor");
    rope.original_max_positions = scaling.integer("original_max_position_embeddings");
  } else if (type == "yarn") {
    rope.scaling = RopeConfig::Scaling::kYarn;
    rope.original_max_positions = scaling.integer("original_max_position_embeddings", max_positions);
    const double ratio = static_cast<double>(max_positions) / std::max(1, rope.original_max_positions);
    rope.factor = scaling.real("factor", ratio);
    rope.beta_fast = scaling.real("beta_fast", 32.0);
    rope.beta_slow = scaling.real("beta_slow", 1.0);
    rope.attention_factor = scaling.real("attention_factor", 0.0);
    rope.mscale = scaling.real("mscale", 0.0);
    rope.mscale_all_dim = scaling.real("mscale_all_dim", 0.0);
    rope.truncate = scaling.flag("truncate", true);
  } else if (type != "default") {
    return fail(Code::kUnsupported, "{}: rope scaling '{}' is not supported; supported: default linear llama3 yarn",
                fields.file(), type);
  }
  return scaling.status();
}

// Which layers see only a window. transformers: layer_types where the config has it, else each class's own rule.
Status read_windows(Fields& fields, ModelConfig& config) {
  config.window.assign(config.layers, 0);
  const bool qwen_dense = config.architecture == "qwen2" || config.architecture == "qwen3";
  const bool switched = qwen_dense || config.architecture == "qwen3_moe";  // has use_sliding_window
  int window = config.architecture == "llama" ? 0 : fields.integer("sliding_window", 0);
  if (switched && !fields.flag("use_sliding_window", false)) window = 0;
  if (window < 0) return fail(Code::kInvalid, "{}: sliding_window = {}, must be positive", fields.file(), window);
  const int first = qwen_dense ? std::max(0, fields.integer("max_window_layers", 28)) : 0;
  for (int i = first; i < config.layers; ++i) config.window[i] = window;

  const json* types = fields.find("layer_types");
  if (types == nullptr) return {};
  if (!types->is_array() || types->size() != config.window.size()) {
    return fail(Code::kInvalid, "{}: layer_types is not a list of {} texts", fields.file(), config.layers);
  }
  for (int i = 0; i < config.layers; ++i) {
    const json& type = (*types)[i];
    if (type == "full_attention") {
      config.window[i] = 0;
    } else if (type != "sliding_attention") {
      return fail(Code::kUnsupported, "{}: layer {} is {}; supported: full_attention sliding_attention", fields.file(),
                  i, type.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 80));
    } else if (window == 0) {
      return fail(Code::kInvalid, "{}: layer {} has sliding_attention, but there is no sliding_window", fields.file(),
                  i);
    } else {
      config.window[i] = window;
    }
  }
  return {};
}

Status read_experts(Fields& fields, ModelConfig& config) {
  if (config.architecture == "mixtral") {
    config.experts = fields.integer("num_local_experts", 8);
    config.experts_per_token = fields.integer("num_experts_per_tok", 2);
    config.expert_intermediate = config.intermediate;
    config.moe_layer.assign(config.layers, true);
    return {};
  }
  if (config.architecture != "qwen3_moe") return {};
  config.experts = fields.has("num_experts") ? fields.integer("num_experts") : fields.integer("num_local_experts");
  config.experts_per_token = fields.integer("num_experts_per_tok");
  config.expert_intermediate = fields.integer("moe_intermediate_size");
  config.norm_topk_prob = fields.flag("norm_topk_prob", false);
  const int step = fields.integer("decoder_sparse_step", 1);
  if (step < 1) return fail(Code::kInvalid, "{}: decoder_sparse_step = {}, must be positive", fields.file(), step);
  const std::vector<Token> dense = fields.tokens("mlp_only_layers");
  config.moe_layer.assign(config.layers, false);
  for (int i = 0; i < config.layers; ++i) {
    const bool named = std::find(dense.begin(), dense.end(), i) != dense.end();
    config.moe_layer[i] = config.experts > 0 && !named && (i + 1) % step == 0;
  }
  return {};
}

void read_biases(Fields& fields, ModelConfig& config) {
  const std::string& name = config.architecture;
  config.qk_norm = name == "qwen3" || name == "qwen3_moe";
  if (name == "qwen2") config.qkv_bias = true;
  if (name == "llama" || name == "qwen3" || name == "qwen3_moe") {
    config.qkv_bias = config.attn_out_bias = fields.flag("attention_bias", false);
  }
  if (name == "llama") config.mlp_bias = fields.flag("mlp_bias", false);
}

Status read_generation(ModelConfig& config, std::string_view text, std::string_view name) {
  PARETO_TRY(const json object, parse_object(text, name));
  Fields fields(object, name);
  const std::vector<Token> eos = fields.tokens("eos_token_id");
  const std::vector<Token> bos = fields.tokens("bos_token_id");
  PARETO_CHECK_OK(fields.status());
  for (Token token : eos) {
    if (std::find(config.eos.begin(), config.eos.end(), token) == config.eos.end()) config.eos.push_back(token);
  }
  if (config.bos < 0 && !bos.empty()) config.bos = bos.front();
  return {};
}

// transformers names the class in model_type; "architectures" names the head, and only causal language models are ours.
Result<std::string> read_architecture(Fields& fields) {
  const std::string type = fields.text("model_type");
  PARETO_CHECK_OK(fields.status());
  const auto& known = known_architectures();
  if (std::find(known.begin(), known.end(), type) == known.end()) {
    return fail(Code::kUnsupported, "{}: architecture '{}' is not supported; supported: {}", fields.file(), type,
                fmt::join(known, " "));
  }
  const std::string act = fields.text("hidden_act", "silu");
  if (act != "silu" && act != "swish") {
    return fail(Code::kUnsupported, "{}: hidden_act '{}' is not supported; supported: silu", fields.file(), act);
  }
  return type;
}

}  // namespace

Result<ModelConfig> parse_hf_config(std::string_view text, std::string_view name, std::string_view generation,
                                    std::string_view generation_name) {
  PARETO_TRY(const json object, parse_object(text, name));
  Fields fields(object, name);
  ModelConfig config;
  PARETO_TRY(config.architecture, read_architecture(fields));
  config.layers = fields.integer("num_hidden_layers");
  config.hidden = fields.integer("hidden_size");
  config.heads = fields.integer("num_attention_heads");
  config.kv_heads = fields.integer("num_key_value_heads", config.heads);
  const int per_head = config.heads > 0 ? config.hidden / config.heads : 0;
  config.head_dim = fields.integer("head_dim", config.architecture == "qwen3" ? 128 : per_head);
  config.intermediate = fields.integer("intermediate_size");
  config.vocab = fields.integer("vocab_size");
  config.max_positions = fields.integer("max_position_embeddings");
  config.rms_eps = static_cast<float>(fields.real("rms_norm_eps", 1e-6));
  config.tied_embeddings = fields.flag("tie_word_embeddings", false);
  const std::vector<Token> bos = fields.tokens("bos_token_id");
  if (!bos.empty()) config.bos = bos.front();
  config.eos = fields.tokens("eos_token_id");
  read_biases(fields, config);
  PARETO_CHECK_OK(fields.status());
  if (config.layers < 1 || config.layers > 4096) {  // before anything is allocated per layer
    return fail(Code::kInvalid, "{}: num_hidden_layers = {}, must be in [1, 4096]", name, config.layers);
  }
  if (!fields.has("head_dim") && config.heads > 0 && config.hidden % config.heads != 0) {
    return fail(Code::kInvalid, "{}: hidden_size {} cannot be divided among {} attention heads", name, config.hidden,
                config.heads);
  }
  const json* rope = fields.has("rope_parameters") ? fields.find("rope_parameters") : fields.find("rope_scaling");
  if (rope != nullptr && !rope->is_object()) return fail(Code::kInvalid, "{}: rope scaling is not an object", name);
  const double theta = config.architecture == "mixtral" ? 1e6 : 1e4;
  PARETO_CHECK_OK(
      read_rope(fields, rope != nullptr ? *rope : json::object(), config.rope, config.max_positions, theta));
  PARETO_CHECK_OK(read_windows(fields, config));
  PARETO_CHECK_OK(read_experts(fields, config));
  if (!generation.empty()) PARETO_CHECK_OK(read_generation(config, generation, generation_name));
  PARETO_CHECK_OK(fields.status());
  PARETO_CHECK_OK(check_config(config, name));
  return config;
}

namespace {

json rope_scaling_json(const RopeConfig& rope) {
  json out = {{"rope_type", "linear"}, {"factor", rope.factor}};
  if (rope.scaling == RopeConfig::Scaling::kLlama3) {
    out["rope_type"] = "llama3";
    out["low_freq_factor"] = rope.low_freq_factor;
    out["high_freq_factor"] = rope.high_freq_factor;
    out["original_max_position_embeddings"] = rope.original_max_positions;
  } else if (rope.scaling == RopeConfig::Scaling::kYarn) {
    out["rope_type"] = "yarn";
    out["beta_fast"] = rope.beta_fast;
    out["beta_slow"] = rope.beta_slow;
    out["original_max_position_embeddings"] = rope.original_max_positions;
    if (rope.attention_factor != 0) out["attention_factor"] = rope.attention_factor;
    if (rope.mscale != 0) out["mscale"] = rope.mscale;
    if (rope.mscale_all_dim != 0) out["mscale_all_dim"] = rope.mscale_all_dim;
    if (!rope.truncate) out["truncate"] = false;
  }
  return out;
}

const char* class_name(const std::string& architecture) {
  if (architecture == "llama") return "LlamaForCausalLM";
  if (architecture == "mistral") return "MistralForCausalLM";
  if (architecture == "qwen2") return "Qwen2ForCausalLM";
  if (architecture == "qwen3") return "Qwen3ForCausalLM";
  return architecture == "mixtral" ? "MixtralForCausalLM" : "Qwen3MoeForCausalLM";
}

void write_windows(const ModelConfig& config, json& out) {
  const int window = *std::max_element(config.window.begin(), config.window.end());
  if (config.architecture == "llama") return;
  out["sliding_window"] = window > 0 ? json(window) : json(nullptr);
  if (config.architecture == "mistral" || config.architecture == "mixtral") return;
  out["use_sliding_window"] = window > 0;
  if (config.architecture == "qwen3_moe") return;
  out["max_window_layers"] = window > 0 ? 0 : config.layers;
  out["layer_types"] = json::array();
  for (int w : config.window) out["layer_types"].push_back(w > 0 ? "sliding_attention" : "full_attention");
}

void write_experts(const ModelConfig& config, json& out) {
  if (config.experts == 0) return;
  out["num_experts_per_tok"] = config.experts_per_token;
  if (config.architecture == "mixtral") {
    out["num_local_experts"] = config.experts;
    return;
  }
  out["num_experts"] = config.experts;
  out["moe_intermediate_size"] = config.expert_intermediate;
  out["norm_topk_prob"] = config.norm_topk_prob;
  out["decoder_sparse_step"] = 1;
  out["mlp_only_layers"] = json::array();
  for (int i = 0; i < config.layers; ++i) {
    if (!config.moe_layer[i]) out["mlp_only_layers"].push_back(i);
  }
}

}  // namespace

Result<std::string> write_hf_config(const ModelConfig& config, std::string_view dtype) {
  if (!config.rope.factors.empty()) {
    return fail(Code::kUnsupported, "config.json cannot hold rope factors; convert from the original checkpoint");
  }
  json out = {{"architectures", {class_name(config.architecture)}},
              {"model_type", config.architecture},
              {"hidden_act", "silu"},
              {"num_hidden_layers", config.layers},
              {"hidden_size", config.hidden},
              {"num_attention_heads", config.heads},
              {"num_key_value_heads", config.kv_heads},
              {"head_dim", config.head_dim},
              {"intermediate_size", config.intermediate},
              {"vocab_size", config.vocab},
              {"max_position_embeddings", config.max_positions},
              {"rms_norm_eps", std::stod(fmt::format("{}", config.rms_eps))},  // 1e-06, not 9.99999997e-07
              {"rope_theta", config.rope.theta},
              {"rope_scaling", nullptr},
              {"tie_word_embeddings", config.tied_embeddings},
              {"torch_dtype", dtype}};
  if (config.rope.scaling != RopeConfig::Scaling::kNone) out["rope_scaling"] = rope_scaling_json(config.rope);
  if (config.bos >= 0) out["bos_token_id"] = config.bos;
  if (config.eos.size() == 1) out["eos_token_id"] = config.eos.front();
  if (config.eos.size() > 1) out["eos_token_id"] = config.eos;
  if (config.architecture != "qwen2") out["attention_bias"] = config.qkv_bias;
  if (config.architecture == "llama") out["mlp_bias"] = config.mlp_bias;
  write_windows(config, out);
  write_experts(config, out);
  return out.dump(2) + "\n";
}

}  // namespace pareto
