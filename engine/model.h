// A model file's tensors, bound to the places where the forward pass reads them.
//
// Matrices stay in the mapped file. Vectors (norms, biases) are a few thousand numbers each and become f32 copies, so
// that no op needs a variant for their dtype.
#pragma once

#include <memory>
#include <vector>

#include "core/result.h"
#include "engine/buffer.h"
#include "engine/model_file.h"
#include "kernels/ops.h"

namespace pareto {

// A projection: bias is empty where the model has none.
struct Projection {
  Weight weight;
  std::vector<float> bias;
  Linear to(float* out) const { return {weight, bias.empty() ? nullptr : bias.data(), out}; }
};

struct MlpWeights {
  Projection gate, up, down;
};

struct LayerWeights {
  std::vector<float> input_norm, post_norm;  // [hidden]
  std::vector<float> q_norm, k_norm;         // [head_dim], or empty
  Projection q, k, v, o;
  MlpWeights mlp;     // dense layers
  Projection router;  // MoE layers: [experts, hidden]
  std::vector<MlpWeights> experts;
};

class Model {
 public:
  // `weights`: "auto" keeps every matrix as stored; "bf16" converts f32 and f16 matrices into memory of our own
  // (kUnsupported for quantised ones). `file` must outlive the model.
  static Result<std::unique_ptr<Model>> bind(const ModelFile& file, const std::string& weights);

  const ModelConfig& config() const { return file_.config(); }
  const Weight& embedding() const { return embedding_; }
  const Weight& head() const { return head_; }
  const std::vector<float>& final_norm() const { return final_norm_; }
  const std::vector<LayerWeights>& layers() const { return layers_; }
  std::int64_t converted_bytes() const { return converted_bytes_; }
  // What one decode step reads of the weights: every matrix but the embedding table (one row of it), and of the experts
  // those that a token uses.
  std::int64_t step_weight_bytes(std::int64_t tokens) const;

 private:
  explicit Model(const ModelFile& file) : file_(file) {}
  Result<std::vector<float>> vector(const std::string& name) const;
  Result<Weight> matrix(const std::string& name);
  Result<Projection> projection(const std::string& name, bool with_bias);
  Result<MlpWeights> mlp(const std::string& prefix, bool with_bias);
  Status bind_layer(int index);

  const ModelFile& file_;
  bool to_bf16_ = false;
  Weight embedding_, head_;
  std::vector<float> final_norm_;
  std::vector<LayerWeights> layers_;
  std::vector<Buffer> converted_;
  std::int64_t converted_bytes_ = 0;
};

// Bytes of the copies that bind(file, "bf16") would make.
std::int64_t bf16_copy_bytes(const ModelFile& file);

}  // namespace pareto
