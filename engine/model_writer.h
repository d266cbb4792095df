// Writes model files: random models for tests and benchmarks, and conversions between formats and dtypes.
//
// Everything is streamed, and the finished file is renamed into place: what is there under its name is complete.
// Written files hold what the readers of model_file.h read back: the same configuration, the same values (rounded to
// the dtype), q and k permuted where the format wants RoPE over adjacent pairs (GGUF's llama).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "engine/model_config.h"
#include "engine/model_file.h"

namespace pareto {

// Where the values of a model come from, row by row. Rows may be read from several threads at once.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  virtual const ModelConfig& config() const = 0;
  // Row `row` of `shape`'s matrix (a vector is one row) in f32. REQUIRES: a tensor that the configuration asks for.
  virtual void row(const std::string& name, const std::vector<std::int64_t>& shape, std::int64_t row,
                   float* out) const = 0;
  // The tensor as it is stored, where it is: its rows are copied when the dtype stays the same.
  virtual std::optional<TensorView> stored(const std::string& name) const = 0;
};

// Seeded random weights, the same on every machine and with every number of threads. Matrices have a standard deviation
// of 1/√inputs, so that activations keep their size through any number of layers and logits spread by about 2.
std::unique_ptr<TensorSource> random_source(const ModelConfig& config, std::uint64_t seed);

// A copy of `file`, which must outlive it.
std::unique_ptr<TensorSource> file_source(const ModelFile& file);

struct WriteOptions {
  std::string path;  // the folder (Hugging Face) or the file (GGUF)
  DType dtype = DType::kBF16;
  int threads = 1;
  std::string vocabulary;      // GGUF: a .gguf whose tokenizer is copied; empty: none
  std::string tokenizer_from;  // Hugging Face: a folder whose tokenizer files are copied; empty: none
};

// PATH/config.json and PATH/model.safetensors; `dtype` is f32, f16 or bf16, for every tensor. kUnsupported: a quantised
// dtype, or a model that config.json cannot describe. kIo: the system refused (the partial file is removed).
Status write_hugging_face(const TensorSource& source, const WriteOptions& options);

// A GGUF v3 file. Matrices in `dtype`, vectors and MoE routers in f32; beside 4 and 5 bits the head (of tied models the
// embedding table) is Q6_K, as llama-quantize writes it. Rows that are no multiple of a K type's 256 are written as
// Q8_0, and rows that are no multiple of 32 either as F16.
Status write_gguf(const TensorSource& source, const WriteOptions& options);

// What write_gguf() stores a matrix of `cols` columns as.
DType gguf_storage(DType dtype, std::int64_t cols);

// The rope_freqs tensor of GGUF: factors[i] divides the frequency of pair i. Of llama3 scaling, or the configuration's
// own factors; empty where there are none.
std::vector<float> rope_factors(const RopeConfig& rope, int head_dim);

// Shapes by name: published ones ("qwen2.5-0.5b") and tiny ones of every architecture ("tiny", "tiny-qwen3", …).
const std::vector<std::string>& model_shape_names();
Result<ModelConfig> model_shape(std::string_view name);  // kUsage with the nearest name

}  // namespace pareto
