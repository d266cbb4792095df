// ModelFile: which format a path is, and what every format has in common.
#include "engine/model_file.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/options.h"
#include "engine/llama2c.h"
#include "engine/model_file_parts.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

class OpenedModel final : public ModelFile {
 public:
  explicit OpenedModel(ModelParts parts) : parts_(std::move(parts)) {}

  const ModelConfig& config() const override { return parts_.config; }
  bool has(std::string_view name) const override { return parts_.tensors.find(name) != parts_.tensors.end(); }
  std::string tokenizer_path() const override { return parts_.tokenizer; }

  Result<TensorView> tensor(std::string_view name) const override {
    const auto it = parts_.tensors.find(name);
    if (it != parts_.tensors.end()) return it->second;
    std::vector<std::string> names;
    for (const auto& [key, view] : parts_.tensors) names.push_back(key);
    const std::string near = nearest_name(name, names);
    return fail(Code::kNotFound, "{}: no tensor '{}'{}", parts_.files.back(), name,
                near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }

  std::vector<std::pair<std::string, TensorView>> tensors() const override {
    return {parts_.tensors.begin(), parts_.tensors.end()};
  }

  Summary summary() const override {
    Summary out;
    out.format = parts_.format;
    out.files = parts_.files;
    std::int64_t in_experts = 0;
    std::map<DType, std::int64_t> per_dtype;
    for (const auto& [name, view] : parts_.tensors) {
      out.parameters += view.elements();
      out.bytes += view.bytes();
      per_dtype[view.dtype] += view.bytes();
      if (name.find(".mlp.experts.") != std::string::npos) in_experts += view.elements();
    }
    const ModelConfig& c = parts_.config;
    // Experts of a layer have one size, so this division leaves no rest.
    out.active_parameters =
        out.parameters - (c.experts > 0 ? in_experts / c.experts * (c.experts - c.experts_per_token) : 0);
    out.dtypes.assign(per_dtype.begin(), per_dtype.end());
    std::stable_sort(out.dtypes.begin(), out.dtypes.end(), [](auto& a, auto& b) { return a.second > b.second; });
    return out;
  }

 private:
  ModelParts parts_;
};

Result<ModelParts> open_folder(const std::string& path) {
  const fs::path folder = path;
  if (file_exists(folder / "config.json")) return open_hugging_face(path);
  std::vector<std::string> ggufs;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".gguf") ggufs.push_back(entry.path().string());
  }
  if (error) return fail(Code::kIo, "{}: {}", path, error.message());
  if (ggufs.size() == 1) return open_gguf(ggufs.front());
  if (ggufs.empty()) return fail(Code::kNotFound, "{}: no config.json and no .gguf in this folder", path);
  return fail(Code::kInvalid, "{}: {} .gguf files in this folder; name one of them", path, ggufs.size());
}

Result<ModelParts> open_file(const std::string& path) {
  const fs::path file = path;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (file.filename() == "config.json") return open_hugging_face(folder.string());
  if (file.extension() == ".safetensors") {
    if (!file_exists(folder / "config.json")) return fail(Code::kNotFound, "{}: no config.json beside it", path);
    return open_hugging_face(folder.string(), path);
  }
  std::string magic;
  {
    PARETO_TRY(const MappedFile head, MappedFile::open(path));
    const auto bytes = head.bytes().first(std::min<std::size_t>(4, head.bytes().size()));
    magic.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  if (magic == "GGUF" || file.extension() == ".gguf") return open_gguf(path);
  if (magic == std::string_view("PK\3\4")) {
    return fail(Code::kUnsupported, "{}: a PyTorch archive; supported: safetensors, GGUF, llama2.c", path);
  }
  if (file.extension() == ".bin") return open_llama2c(path);
  return fail(Code::kUnsupported,
              "{}: not a model file; supported: a Hugging Face folder, .safetensors, .gguf, llama2.c's .bin", path);
}

}  // namespace

std::int64_t TensorView::elements() const {
  std::int64_t n = 1;
  for (std::int64_t extent : shape) n *= extent;
  return n;
}

Result<std::unique_ptr<ModelFile>> ModelFile::open(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return fail(Code::kNotFound, "{}: no such file or folder", path);
  PARETO_TRY(ModelParts parts, fs::is_directory(status) ? open_folder(path) : open_file(path));
  return std::make_unique<OpenedModel>(std::move(parts));
}

Result<ModelParts> open_llama2c(const std::string& path) {
  ModelParts parts;
  parts.format = "llama2.c";
  parts.files = {path};
  PARETO_TRY(MappedFile file, MappedFile::open(path));
  PARETO_TRY(Llama2c model, parse_llama2c(file.bytes(), path));
  parts.maps.push_back(std::move(file));
  parts.config = std::move(model.config);
  parts.tensors = std::move(model.tensors);
  // llama2.c's own habit: tokenizer.bin for Llama 2's vocabulary, tokN.bin for one of N tokens.
  const fs::path folder = fs::path(path).parent_path();
  for (const std::string& name : {fmt::format("tok{}.bin", parts.config.vocab), std::string("tokenizer.bin")}) {
    if (parts.tokenizer.empty() && file_exists(folder / name)) parts.tokenizer = (folder / name).string();
  }
  return parts;
}

}  // namespace pareto
