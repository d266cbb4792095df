#include "engine/model.h"

#include <algorithm>

namespace pareto {
namespace {

bool is_matrix(const TensorView& tensor) { return tensor.shape.size() == 2; }
bool gets_copied(const TensorView& tensor) {
  return is_matrix(tensor) && (tensor.dtype == DType::kF32 || tensor.dtype == DType::kF16);
}

}  // namespace

std::int64_t bf16_copy_bytes(const ModelFile& file) {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : file.tensors())
    if (gets_copied(tensor)) bytes += dtype_bytes(DType::kBF16, tensor.elements());
  return bytes;
}

Result<std::vector<float>> Model::vector(const std::string& name) const {
  PARETO_TRY(const TensorView tensor, file_.tensor(name));
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  dequantise(tensor.dtype, tensor.data, tensor.elements(), values.data());
  return values;
}

Result<Weight> Model::matrix(const std::string& name) {
  PARETO_TRY(const TensorView tensor, file_.tensor(name));
  if (!is_matrix(tensor))
    return fail(Code::kInvalid, "tensor {} has {} dimensions, wanted 2", name, tensor.shape.size());
  Weight weight{tensor.data, tensor.dtype, tensor.shape[0], tensor.shape[1]};
  if (!to_bf16_ || weight.dtype == DType::kBF16) return weight;
  if (!gets_copied(tensor))
    return fail(Code::kUnsupported, "dtype bf16: tensor {} is {}; quantised weights run as they are (dtype auto)", name,
                dtype_name(tensor.dtype));
  const std::int64_t bytes = dtype_bytes(DType::kBF16, tensor.elements());
  PARETO_TRY(Buffer copy, Buffer::make(bytes));
  std::vector<float> row(static_cast<std::size_t>(weight.cols));
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    dequantise(weight.dtype, tensor.data + r * weight.row_bytes(), weight.cols, row.data());
    quantise(DType::kBF16, row.data(), weight.cols, copy.as<std::uint16_t>() + r * weight.cols);
  }
  weight.data = copy.as<void>();
  weight.dtype = DType::kBF16;
  converted_.push_back(std::move(copy));
  converted_bytes_ += bytes;
  return weight;
}

Result<Projection> Model::projection(const std::string& name, bool with_bias) {
  Projection projection;
  PARETO_TRY(projection.weight, matrix(name + ".weight"));
  if (with_bias) {
    PARETO_TRY(projection.bias, vector(name + ".bias"));
  }
  return projection;
}

Result<MlpWeights> Model::mlp(const std::string& prefix, bool with_bias) {
  MlpWeights weights;
  PARETO_TRY(weights.gate, projection(prefix + "gate_proj", with_bias));
  PARETO_TRY(weights.up, projection(prefix + "up_proj", with_bias));
  PARETO_TRY(weights.down, projection(prefix + "down_proj", with_bias));
  return weights;
}

Status Model::bind_layer(int index) {
  const ModelConfig& c = config();
  LayerWeights& layer = layers_[static_cast<std::size_t>(index)];
  const std::string prefix = fmt::format("model.layers.{}.", index);
  const std::string attention = prefix + "self_attn.", mlp_prefix = prefix + "mlp.";
  PARETO_TRY(layer.input_norm, vector(prefix + "input_layernorm.weight"));
  PARETO_TRY(layer.post_norm, vector(prefix + "post_attention_layernorm.weight"));
  PARETO_TRY(layer.q, projection(attention + "q_proj", c.qkv_bias));
  PARETO_TRY(layer.k, projection(attention + "k_proj", c.qkv_bias));
  PARETO_TRY(layer.v, projection(attention + "v_proj", c.qkv_bias));
  PARETO_TRY(layer.o, projection(attention + "o_proj", c.attn_out_bias));
  if (c.qk_norm) {
    PARETO_TRY(layer.q_norm, vector(attention + "q_norm.weight"));
    PARETO_TRY(layer.k_norm, vector(attention + "k_norm.weight"));
  }
  if (!c.is_moe(index)) {
    PARETO_TRY(layer.mlp, mlp(mlp_prefix, c.mlp_bias));
    return {};
  }
  PARETO_TRY(layer.router, projection(mlp_prefix + "gate", false));
  for (int e = 0; e < c.experts; ++e) {
    PARETO_TRY(MlpWeights expert, mlp(fmt::format("{}experts.{}.", mlp_prefix, e), false));
    layer.experts.push_back(std::move(expert));
  }
  return {};
}

Result<std::unique_ptr<Model>> Model::bind(const ModelFile& file, const std::string& weights) {
  std::unique_ptr<Model> model(new Model(file));
  const ModelConfig& c = file.config();
  model->to_bf16_ = weights == "bf16";
  PARETO_TRY(model->embedding_, model->matrix("model.embed_tokens.weight"));
  if (c.tied_embeddings) {
    model->head_ = model->embedding_;
  } else {
    PARETO_TRY(model->head_, model->matrix("lm_head.weight"));
  }
  PARETO_TRY(model->final_norm_, model->vector("model.norm.weight"));
  model->layers_.resize(static_cast<std::size_t>(c.layers));
  for (int i = 0; i < c.layers; ++i) PARETO_CHECK_OK(model->bind_layer(i));
  return model;
}

std::int64_t Model::step_weight_bytes(std::int64_t tokens) const {
  const auto bytes = [](const Projection& p) {
    return p.weight.bytes() + static_cast<std::int64_t>(p.bias.size() * sizeof(float));
  };
  const auto mlp_bytes = [&](const MlpWeights& m) { return bytes(m.gate) + bytes(m.up) + bytes(m.down); };
  const auto floats = [](const std::vector<float>& v) { return static_cast<std::int64_t>(v.size() * sizeof(float)); };
  std::int64_t sum = head_.bytes() + tokens * embedding_.row_bytes() + floats(final_norm_);
  for (const LayerWeights& l : layers_) {
    sum += bytes(l.q) + bytes(l.k) + bytes(l.v) + bytes(l.o);
    sum += floats(l.input_norm) + floats(l.post_norm) + floats(l.q_norm) + floats(l.k_norm);
    if (l.experts.empty()) {
      sum += mlp_bytes(l.mlp);
    } else {
      const std::int64_t used = std::min<std::int64_t>(config().experts, tokens * config().experts_per_token);
      sum += bytes(l.router) + used * mlp_bytes(l.experts.front());
    }
  }
  return sum;
}

}  // namespace pareto
