// GGUF files (layout: gguf.h).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "engine/gguf_model.h"
#include "engine/mapped_file.h"
#include "engine/model_stream.h"
#include "engine/model_tensors.h"
#include "engine/rope.h"

namespace pareto {
namespace {

constexpr std::size_t kAlignment = 32;

// A tensor of the file: one piece, or one per expert, or values made here (rope factors).
struct GgufTensor {
  std::string name;
  std::vector<std::int64_t> shape;  // outermost first
  DType dtype = DType::kF32;
  std::vector<Piece> pieces;
  std::vector<float> values;
  std::int64_t bytes() const {
    std::int64_t n = 1;
    for (std::int64_t extent : shape) n *= extent;
    return dtype_bytes(dtype, n);
  }
};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// As llama-quantize does it: what the logits come from stays finer than 4 and 5 bits, since every token's probability
// hangs on it. Of tied models that is the embedding table.
DType head_storage(DType dtype) {
  const bool coarse = dtype == DType::kQ4_0 || dtype == DType::kQ4_1 || dtype == DType::kQ4_K || dtype == DType::kQ5_K;
  return coarse ? DType::kQ6_K : dtype;
}

DType storage(const ModelConfig& config, const WriteOptions& options, std::string_view name,
              const std::vector<std::int64_t>& shape) {
  const bool router = name.size() > 16 && name.substr(name.size() - 16) == ".mlp.gate.weight";
  if (shape.size() == 1 || router) return DType::kF32;
  const bool head = name == (config.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight");
  return gguf_storage(head ? head_storage(options.dtype) : options.dtype, shape.back());
}

// "model.layers.3.mlp.experts.5.gate_proj.weight" → "blk.3.ffn_gate_exps.weight".
std::string stacked_name(std::string_view canonical) {
  constexpr std::string_view kPrefix = "model.layers.";
  const std::string_view layer = canonical.substr(kPrefix.size(), canonical.find('.', kPrefix.size()) - kPrefix.size());
  const char* part = contains(canonical, ".gate_proj.") ? "gate" : contains(canonical, ".up_proj.") ? "up" : "down";
  return fmt::format("blk.{}.ffn_{}_exps.weight", layer, part);
}

std::vector<GgufTensor> plan(const ModelConfig& config, const WriteOptions& options) {
  std::vector<GgufTensor> tensors;
  std::map<std::string, std::size_t> stacks;  // where in `tensors`
  (void)for_each_tensor(config, [&](const std::string& name, const std::vector<std::int64_t>& shape) -> Status {
    const Piece piece{.name = name, .shape = shape, .dtype = storage(config, options, name, shape)};
    if (!contains(name, ".mlp.experts.")) {
      tensors.push_back({.name = gguf_tensor_name(name), .shape = shape, .dtype = piece.dtype, .pieces = {piece}});
      return {};
    }
    const auto [it, is_new] = stacks.emplace(stacked_name(name), tensors.size());
    if (is_new) tensors.push_back({.name = it->first, .shape = {0, shape[0], shape[1]}, .dtype = piece.dtype});
    tensors[it->second].pieces.push_back(piece);
    ++tensors[it->second].shape[0];
    return {};
  });
  std::vector<float> factors = rope_factors(config.rope, config.head_dim);
  if (!factors.empty()) {
    tensors.push_back({.name = "rope_freqs.weight", .shape = {std::ssize(factors)}, .values = std::move(factors)});
  }
  return tensors;
}

// Builds the head of the file in memory: everything before the data.
class HeadWriter {
 public:
  template <class T>
  void number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value) {
    number<std::uint64_t>(value.size());
    out_.append(value);
  }
  void pair(std::string_view key, std::uint32_t value) { typed(key, GgufType::kU32, value); }
  void pair(std::string_view key, float value) { typed(key, GgufType::kF32, value); }
  void pair(std::string_view key, std::string_view value) {
    head(key, GgufType::kText);
    text(value);
  }
  // A value as another file has it.
  void raw(std::string_view key, const GgufValue& value) {
    head(key, value.is_array ? GgufType::kArray : value.type);
    if (value.is_array) {
      number(static_cast<std::uint32_t>(value.type));
      number(value.count);
    }
    out_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  }
  void flags(std::string_view key, const std::vector<bool>& values) {
    head(key, GgufType::kArray);
    number(static_cast<std::uint32_t>(GgufType::kBool));
    number<std::uint64_t>(values.size());
    for (const bool value : values) number<std::uint8_t>(value ? 1 : 0);
  }
  std::uint64_t pairs() const { return pairs_; }
  const std::string& bytes() const { return out_; }

 private:
  void head(std::string_view key, GgufType type) {
    text(key);
    number(static_cast<std::uint32_t>(type));
    ++pairs_;
  }
  template <class T>
  void typed(std::string_view key, GgufType type, T value) {
    head(key, type);
    number(value);
  }
  std::string out_;
  std::uint64_t pairs_ = 0;
};

// llama.cpp's name of the family: mistral and mixtral are its llama.
std::string family(const ModelConfig& config) {
  if (config.architecture == "qwen3_moe") return "qwen3moe";
  return config.architecture == "qwen2" || config.architecture == "qwen3" ? config.architecture : "llama";
}

// llama.cpp's number for "most tensors are …".
std::uint32_t file_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 1;
    case DType::kBF16:
      return 32;
    case DType::kQ8_0:
      return 7;
    case DType::kQ4_0:
      return 2;
    case DType::kQ4_1:
      return 3;
    case DType::kQ4_K:
      return 14;
    case DType::kQ5_K:
      return 16;
    case DType::kQ6_K:
      return 18;
  }
  return 0;
}

void write_rope(HeadWriter& head, const std::string& prefix, const ModelConfig& config) {
  const RopeConfig& rope = config.rope;
  head.pair(prefix + "rope.dimension_count", static_cast<std::uint32_t>(config.head_dim));
  head.pair(prefix + "rope.freq_base", static_cast<float>(rope.theta));
  if (rope.scaling == RopeConfig::Scaling::kLinear) {
    head.pair(prefix + "rope.scaling.type", std::string_view("linear"));
    head.pair(prefix + "rope.scaling.factor", static_cast<float>(rope.factor));
  } else if (rope.scaling == RopeConfig::Scaling::kYarn) {
    head.pair(prefix + "rope.scaling.type", std::string_view("yarn"));
    head.pair(prefix + "rope.scaling.factor", static_cast<float>(rope.factor));
    head.pair(prefix + "rope.scaling.original_context_length", static_cast<std::uint32_t>(rope.original_max_positions));
    head.pair(prefix + "rope.scaling.yarn_beta_fast", static_cast<float>(rope.beta_fast));
    head.pair(prefix + "rope.scaling.yarn_beta_slow", static_cast<float>(rope.beta_slow));
    const double usual = 0.1 * std::log(std::max(1.0, rope.factor)) + 1, wanted = rope_attention_factor(rope);
    if (std::fabs(wanted - usual) > 1e-9) {
      head.pair(prefix + "rope.scaling.attn_factor", static_cast<float>(wanted / usual));
    }
  }
}

void write_windows(HeadWriter& head, const std::string& prefix, const ModelConfig& config) {
  const int window = *std::max_element(config.window.begin(), config.window.end());
  if (window == 0) return;
  head.pair(prefix + "attention.sliding_window", static_cast<std::uint32_t>(window));
  std::vector<bool> pattern;
  for (int w : config.window) pattern.push_back(w > 0);
  if (std::count(pattern.begin(), pattern.end(), false) > 0) {
    head.flags(prefix + "attention.sliding_window_pattern", pattern);
  }
}

void write_config(HeadWriter& head, const ModelConfig& config, DType dtype) {
  const std::string arch = family(config), prefix = arch + ".";
  const auto count = [&](const char* key, int value) { head.pair(prefix + key, static_cast<std::uint32_t>(value)); };
  head.pair("general.architecture", std::string_view(arch));
  head.pair("general.file_type", file_type(dtype));
  head.pair("general.quantization_version", std::uint32_t{2});
  count("block_count", config.layers);
  count("context_length", config.max_positions);
  count("embedding_length", config.hidden);
  count("feed_forward_length", config.intermediate);
  count("attention.head_count", config.heads);
  count("attention.head_count_kv", config.kv_heads);
  count("attention.key_length", config.head_dim);
  count("attention.value_length", config.head_dim);
  count("vocab_size", config.vocab);
  head.pair(prefix + "attention.layer_norm_rms_epsilon", config.rms_eps);
  write_rope(head, prefix, config);
  write_windows(head, prefix, config);
  if (config.experts > 0) {
    count("expert_count", config.experts);
    count("expert_used_count", config.experts_per_token);
    if (arch == "qwen3moe") count("expert_feed_forward_length", config.expert_intermediate);
  }
}

// The keys of special tokens come from the configuration; the rest of a tokenizer is copied.
const char* const kSpecialKeys[] = {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
                                    "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};

Status write_tokenizer(HeadWriter& head, const ModelConfig& config, const std::string& path) {
  if (config.bos >= 0) head.pair(kSpecialKeys[0], static_cast<std::uint32_t>(config.bos));
  for (std::size_t i = 0; i < std::min<std::size_t>(3, config.eos.size()); ++i) {
    head.pair(kSpecialKeys[i + 1], static_cast<std::uint32_t>(config.eos[i]));
  }
  if (path.empty()) {
    head.pair("tokenizer.ggml.model", std::string_view("no_vocab"));  // llama.cpp's word for a file without one
    return {};
  }
  PARETO_TRY(const MappedFile file, MappedFile::open(path));
  PARETO_TRY(const Gguf gguf, parse_gguf(file.bytes(), path));
  const std::size_t tokens = gguf.texts("tokenizer.ggml.tokens").size();
  if (tokens > static_cast<std::size_t>(config.vocab) || tokens == 0) {
    return fail(Code::kInvalid, "{}: a vocabulary of {} tokens for a model of {}", path, tokens, config.vocab);
  }
  for (const auto& [key, value] : gguf.pairs) {
    const bool special = std::find(std::begin(kSpecialKeys), std::end(kSpecialKeys), key) != std::end(kSpecialKeys);
    if (key.substr(0, 10) == "tokenizer." && !special) head.raw(key, value);
  }
  return {};
}

Status write_head(const ModelConfig& config, const std::vector<GgufTensor>& tensors, const WriteOptions& options,
                  OutputFile& file) {
  HeadWriter pairs;
  write_config(pairs, config, options.dtype);
  PARETO_CHECK_OK(write_tokenizer(pairs, config, options.vocabulary));
  HeadWriter start, list;
  start.number(std::uint32_t{0x46554747});  // "GGUF"
  start.number(std::uint32_t{3});
  start.number<std::uint64_t>(tensors.size());
  start.number(pairs.pairs());
  std::uint64_t offset = 0;
  for (const GgufTensor& tensor : tensors) {
    list.text(tensor.name);
    list.number(static_cast<std::uint32_t>(tensor.shape.size()));
    for (auto it = tensor.shape.rbegin(); it != tensor.shape.rend(); ++it) list.number(static_cast<std::uint64_t>(*it));
    list.number(gguf_type_number(tensor.dtype));
    list.number(offset);
    offset += (static_cast<std::uint64_t>(tensor.bytes()) + kAlignment - 1) / kAlignment * kAlignment;
  }
  for (const HeadWriter* part : {&start, &pairs, &list}) {
    PARETO_CHECK_OK(file.write(part->bytes().data(), part->bytes().size()));
  }
  return file.pad(kAlignment);
}

}  // namespace

Status write_gguf(const TensorSource& source, const WriteOptions& options) {
  const ModelConfig& config = source.config();
  if (!config.norm_topk_prob && config.experts > 0) {
    return fail(Code::kUnsupported, "GGUF cannot say that the weights of the chosen experts stay unnormalised");
  }
  if (!config.rope.truncate) return fail(Code::kUnsupported, "GGUF cannot say that YaRN's range is not rounded");
  const RopeStyle style = family(config) == "llama" ? RopeStyle::kAdjacent : RopeStyle::kHalves;
  const std::vector<GgufTensor> tensors = plan(config, options);
  PARETO_TRY(OutputFile file, OutputFile::create(options.path));
  PARETO_CHECK_OK(write_head(config, tensors, options, file));
  ThreadPool pool(options.threads);
  for (const GgufTensor& tensor : tensors) {
    for (const Piece& piece : tensor.pieces) PARETO_CHECK_OK(write_piece(source, piece, style, pool, file));
    PARETO_CHECK_OK(file.write(tensor.values.data(), tensor.values.size() * sizeof(float)));
    PARETO_CHECK_OK(file.pad(kAlignment));
  }
  return file.commit();
}

DType gguf_storage(DType dtype, std::int64_t cols) {
  if (cols % dtype_block(dtype) == 0) return dtype;
  return cols % 32 == 0 ? DType::kQ8_0 : DType::kF16;
}

// llama3: waves longer than original / low_freq_factor are stretched by `factor`, those shorter than original /
// high_freq_factor kept, those between blended (Hugging Face's rope_type llama3).
std::vector<float> rope_factors(const RopeConfig& rope, int head_dim) {
  if (rope.scaling != RopeConfig::Scaling::kLlama3) return rope.factors;
  std::vector<float> out;
  for (int i = 0; i < head_dim / 2; ++i) {
    const double frequency = std::pow(rope.theta, -2.0 * i / head_dim);
    const double turns = rope.original_max_positions * frequency / (2 * std::numbers::pi);
    double share = (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
    share = std::clamp(share, 0.0, 1.0);  // of the frequency that is kept
    out.push_back(static_cast<float>(1 / ((1 - share) / rope.factor + share)));
    if (!rope.factors.empty()) out.back() *= rope.factors[static_cast<std::size_t>(i)];
  }
  return out;
}

}  // namespace pareto
