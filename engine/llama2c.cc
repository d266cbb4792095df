#include "engine/llama2c.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace pareto {
namespace {

constexpr std::size_t kHeaderBytes = 7 * sizeof(std::int32_t);
constexpr std::uint32_t kVersionedMagic = 0x616b3432;  // "ak42": versions 1 and 2 start with it

struct Header {
  std::int32_t dim, hidden, layers, heads, kv_heads, vocab, positions;
};
static_assert(sizeof(Header) == kHeaderBytes);

Result<ModelConfig> read_config(const Header& header, std::string_view name) {
  ModelConfig config;
  config.architecture = "llama";
  config.layers = header.layers;
  config.hidden = header.dim;
  config.heads = header.heads;
  config.kv_heads = header.kv_heads;
  config.intermediate = header.hidden;
  config.vocab = header.vocab == INT32_MIN ? 0 : std::abs(header.vocab);
  config.max_positions = header.positions;
  config.tied_embeddings = header.vocab > 0;
  config.rope.style = RopeStyle::kAdjacent;
  config.bos = config.vocab > 2 ? 1 : -1;
  if (config.vocab > 2) config.eos = {2, 1};
  if (config.heads < 1 || config.layers < 1 || config.layers > 4096 || config.hidden % config.heads != 0) {
    return fail(Code::kInvalid, "{}: not a llama2.c checkpoint: {} layers, {} heads over a width of {}", name,
                config.layers, config.heads, config.hidden);
  }
  config.head_dim = config.hidden / config.heads;
  config.window.assign(config.layers, 0);
  PARETO_CHECK_OK(check_config(config, name));
  return config;
}

// Hands out the file's arrays one after another.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : next_(bytes.data() + kHeaderBytes) {}
  TensorView take(std::vector<std::int64_t> shape) {
    TensorView view{.data = next_, .dtype = DType::kF32, .shape = std::move(shape)};
    next_ += view.bytes();
    return view;
  }
  void skip(std::int64_t floats) { next_ += floats * 4; }

 private:
  const std::byte* next_;
};

TensorMap place_tensors(const ModelConfig& c, std::span<const std::byte> bytes) {
  const std::int64_t dim = c.hidden, q = c.q_dim(), kv = c.kv_dim(), inner = c.intermediate;
  TensorMap tensors;
  Cursor cursor(bytes);
  const auto per_layer = [&](const char* suffix, const std::vector<std::int64_t>& shape) {
    for (int i = 0; i < c.layers; ++i)
      tensors[fmt::format("model.layers.{}.{}.weight", i, suffix)] = cursor.take(shape);
  };
  tensors["model.embed_tokens.weight"] = cursor.take({c.vocab, dim});
  per_layer("input_layernorm", {dim});
  per_layer("self_attn.q_proj", {q, dim});
  per_layer("self_attn.k_proj", {kv, dim});
  per_layer("self_attn.v_proj", {kv, dim});
  per_layer("self_attn.o_proj", {dim, q});
  per_layer("post_attention_layernorm", {dim});
  per_layer("mlp.gate_proj", {inner, dim});
  per_layer("mlp.down_proj", {dim, inner});
  per_layer("mlp.up_proj", {inner, dim});
  tensors["model.norm.weight"] = cursor.take({dim});
  cursor.skip(std::int64_t{c.max_positions} * (c.head_dim / 2) * 2);
  if (!c.tied_embeddings) tensors["lm_head.weight"] = cursor.take({c.vocab, dim});
  return tensors;
}

}  // namespace

Result<Llama2c> parse_llama2c(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.size() < kHeaderBytes) {
    return fail(Code::kInvalid, "{}: {} bytes; a llama2.c checkpoint starts with a header of {}", name, bytes.size(),
                kHeaderBytes);
  }
  std::uint32_t magic;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  if (magic == kVersionedMagic) {
    return fail(Code::kUnsupported,
                "{}: a llama2.c checkpoint of version 1 or later; supported: legacy f32 (version 0)", name);
  }
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  Llama2c model;
  PARETO_TRY(model.config, read_config(header, name));

  const ModelConfig& c = model.config;
  const __int128 dim = c.hidden, per_layer = dim * (2 * c.q_dim() + 2 * c.kv_dim() + 3 * __int128{c.intermediate} + 2);
  const __int128 embeddings = c.vocab * dim * (c.tied_embeddings ? 1 : 2);
  const __int128 floats = embeddings + c.layers * per_layer + dim + __int128{c.max_positions} * (c.head_dim / 2) * 2;
  const __int128 wanted = kHeaderBytes + 4 * floats;
  if (wanted != static_cast<__int128>(bytes.size())) {
    return fail(Code::kInvalid,
                "{}: the header asks for {} bytes, the file has {}; truncated, or not a llama2.c checkpoint", name,
                static_cast<std::int64_t>(wanted), bytes.size());
  }
  model.tensors = place_tensors(c, bytes);
  PARETO_CHECK_OK(check_tensors(c, model.tensors, name));
  return model;
}

}  // namespace pareto
