// Where written models get their values from: a generator, or another model file.
#include <cmath>
#include <cstring>

#include "core/hash.h"
#include "engine/model_writer.h"
#include "kernels/ops.h"

namespace pareto {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Splitmix64 by index: the i-th value of a stream without the ones before it.
std::uint64_t mix(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// The sum of a word's four 16-bit parts, of mean 0 and variance 1: close enough to normal, and exact in integers until
// the last step, so that every machine makes the same bits.
float normal(std::uint64_t word) {
  const auto sum =
      static_cast<std::int32_t>((word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) + (word >> 48));
  constexpr float kScale = 1.7320508f / 65536.f;  // a uniform's variance is 1/12; four of them: 1/3
  return static_cast<float>(sum - 2 * 65535) * kScale;
}

class RandomSource final : public TensorSource {
 public:
  RandomSource(const ModelConfig& config, std::uint64_t seed) : config_(config), seed_(seed) {}
  const ModelConfig& config() const override { return config_; }
  std::optional<TensorView> stored(const std::string&) const override { return std::nullopt; }

  void row(const std::string& name, const std::vector<std::int64_t>& shape, std::int64_t row,
           float* out) const override {
    const auto cols = static_cast<std::uint64_t>(shape.back());
    float mean = 0, deviation = 1 / std::sqrt(static_cast<float>(cols));
    if (ends_with(name, "norm.weight")) {
      mean = 1;
      deviation = 0.1f;
    } else if (ends_with(name, ".bias")) {
      deviation = 0.1f;
    } else if (name == "lm_head.weight" || (config_.tied_embeddings && name == "model.embed_tokens.weight")) {
      deviation *= 2;  // a normalised state of unit size gives logits of standard deviation 2
    } else if (name == "model.embed_tokens.weight") {
      deviation = 1;
    }
    const std::uint64_t stream = mix(xxh3(name, seed_), static_cast<std::uint64_t>(row));
    for (std::uint64_t i = 0; i < cols; ++i) out[i] = mean + deviation * normal(mix(stream, i));
  }

 private:
  ModelConfig config_;
  std::uint64_t seed_;
};

class FileSource final : public TensorSource {
 public:
  explicit FileSource(const ModelFile& file) : file_(file) {}
  const ModelConfig& config() const override { return file_.config(); }
  std::optional<TensorView> stored(const std::string& name) const override {
    const auto view = file_.tensor(name);
    if (!view) return std::nullopt;
    return *view;
  }

  void row(const std::string& name, const std::vector<std::int64_t>& shape, std::int64_t row,
           float* out) const override {
    const auto view = stored(name);  // there: the file passed check_tensors()
    const std::int64_t cols = shape.back();
    dequantise(view->dtype, view->data + row * dtype_bytes(view->dtype, cols), cols, out);
  }

 private:
  const ModelFile& file_;
};

}  // namespace

std::unique_ptr<TensorSource> random_source(const ModelConfig& config, std::uint64_t seed) {
  return std::make_unique<RandomSource>(config, seed);
}

std::unique_ptr<TensorSource> file_source(const ModelFile& file) { return std::make_unique<FileSource>(file); }

}  // namespace pareto
