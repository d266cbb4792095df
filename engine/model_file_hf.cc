// Hugging Face folders: config.json, generation_config.json, safetensors in one file or in shards.
//
// model.safetensors.index.json: {"metadata": {…}, "weight_map": {"TENSOR": "model-00001-of-00002.safetensors", …}}
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/files.h"
#include "engine/hf_config.h"
#include "engine/model_file_parts.h"
#include "engine/safetensors.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
}

// Mixtral's names for what everybody else calls mlp, gate_proj, down_proj and up_proj.
std::string canonical_name(const ModelConfig& config, std::string name) {
  if (config.architecture != "mixtral") return name;
  replace(name, ".block_sparse_moe.", ".mlp.");
  replace(name, ".w1.weight", ".gate_proj.weight");
  replace(name, ".w2.weight", ".down_proj.weight");
  replace(name, ".w3.weight", ".up_proj.weight");
  return name;
}

// What checkpoints carry along although nothing reads it: derived tables, and the head of a tied model.
bool ignorable(const ModelConfig& config, std::string_view name) {
  return ends_with(name, ".rotary_emb.inv_freq") || (config.tied_embeddings && name == "lm_head.weight");
}

Status add_tensors(const MappedFile& file, ModelParts& parts) {
  PARETO_TRY(std::vector<StoredTensor> stored, parse_safetensors(file.bytes(), file.path()));
  for (StoredTensor& tensor : stored) {
    if (ignorable(parts.config, tensor.name)) continue;
    if (!tensor.dtype) {
      return fail(Code::kUnsupported, "{}: '{}' has dtype {}; supported: F32 F16 BF16", file.path(), tensor.name,
                  tensor.dtype_text);
    }
    std::string name = canonical_name(parts.config, tensor.name);
    const TensorView view{.data = tensor.bytes.data(), .dtype = *tensor.dtype, .shape = std::move(tensor.shape)};
    if (!parts.tensors.emplace(std::move(name), view).second) {
      return fail(Code::kInvalid, "{}: tensor '{}' is in two files", file.path(), tensor.name);
    }
  }
  return {};
}

// The shards that the index names; none may lie outside the folder.
Result<std::vector<std::string>> shard_names(const std::string& path) {
  PARETO_TRY(const std::string text, read_file(path, kLargestTextFile));
  const json index = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    return fail(Code::kInvalid, "{}: not a JSON object with a 'weight_map'", path);
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (!ends_with(name, ".safetensors") || name.find('/') != std::string::npos) {
      return fail(Code::kInvalid, "{}: '{}' is said to be in {}, which is no .safetensors file of this folder", path,
                  tensor, file.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 80));
    }
    names.insert(name);
  }
  if (names.empty()) return fail(Code::kInvalid, "{}: the weight_map is empty", path);
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> weight_files(const fs::path& folder) {
  const std::string single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  if (file_exists(single)) return std::vector<std::string>{single};
  if (!file_exists(index)) {
    const bool pickled =
        file_exists(folder / "pytorch_model.bin") || file_exists(folder / "pytorch_model.bin.index.json");
    return fail(pickled ? Code::kUnsupported : Code::kNotFound, "{}: no model.safetensors and no index of shards{}",
                folder.string(), pickled ? "; pytorch_model.bin is not supported, convert it to safetensors" : "");
  }
  PARETO_TRY(std::vector<std::string> names, shard_names(index));
  for (std::string& name : names) {
    name = folder / name;
    if (!file_exists(name)) return fail(Code::kNotFound, "{}: this shard is missing; {} names it", name, index);
  }
  return names;
}

std::string tokenizer_in(const fs::path& folder) {
  for (const char* name : {"tokenizer.json", "tokenizer.model", "tokenizer.bin", "vocab.json"}) {
    if (file_exists(folder / name)) return folder.string();
  }
  return "";
}

}  // namespace

Result<ModelParts> open_hugging_face(const std::string& folder_path, const std::string& weights) {
  const fs::path folder = folder_path;
  const std::string config_path = folder / "config.json", generation_path = folder / "generation_config.json";
  ModelParts parts;
  parts.format = "safetensors";
  PARETO_TRY(const std::string config, read_file(config_path, kLargestTextFile));
  parts.files.push_back(config_path);
  std::string generation;
  if (file_exists(generation_path)) {
    PARETO_TRY(generation, read_file(generation_path, kLargestTextFile));
    parts.files.push_back(generation_path);
  }
  PARETO_TRY(parts.config, parse_hf_config(config, config_path, generation, generation_path));

  std::vector<std::string> files = {weights};
  if (weights.empty()) {
    PARETO_TRY(files, weight_files(folder));
  }
  for (const std::string& path : files) {
    PARETO_TRY(MappedFile file, MappedFile::open(path));
    PARETO_CHECK_OK(add_tensors(file, parts));
    parts.maps.push_back(std::move(file));
    parts.files.push_back(path);
  }
  PARETO_CHECK_OK(check_tensors(parts.config, parts.tensors, files.size() == 1 ? files[0] : folder_path));
  parts.tokenizer = tokenizer_in(folder);
  return parts;
}

}  // namespace pareto
