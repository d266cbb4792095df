// Hugging Face folders: the weights, then the tokenizer's files, then config.json, which makes the folder a model.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "engine/hf_config.h"
#include "engine/mapped_file.h"
#include "engine/model_stream.h"
#include "engine/model_tensors.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

void replace(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
}

// The name that the architecture's own checkpoints have.
std::string hub_name(const ModelConfig& config, std::string name) {
  if (config.architecture != "mixtral") return name;
  replace(name, ".mlp.", ".block_sparse_moe.");
  replace(name, ".gate_proj.", ".w1.");
  replace(name, ".down_proj.", ".w2.");
  replace(name, ".up_proj.", ".w3.");
  return name;
}

struct DTypeWords {
  const char *safetensors, *torch;
};
Result<DTypeWords> words_of(DType dtype) {
  if (dtype == DType::kF32) return DTypeWords{"F32", "float32"};
  if (dtype == DType::kF16) return DTypeWords{"F16", "float16"};
  if (dtype == DType::kBF16) return DTypeWords{"BF16", "bfloat16"};
  return fail(Code::kUnsupported, "a Hugging Face folder cannot hold {}; supported: f32 f16 bf16", dtype_name(dtype));
}

std::vector<Piece> plan(const ModelConfig& config, DType dtype) {
  std::vector<Piece> pieces;
  (void)for_each_tensor(config, [&](const std::string& name, const std::vector<std::int64_t>& shape) -> Status {
    pieces.push_back({.name = name, .shape = shape, .dtype = dtype});
    return {};
  });
  return pieces;
}

std::string header(const ModelConfig& config, const std::vector<Piece>& pieces, const char* dtype) {
  nlohmann::ordered_json out;
  out["__metadata__"]["format"] = "pt";
  std::int64_t offset = 0;
  for (const Piece& piece : pieces) {
    out[hub_name(config, piece.name)] = {
        {"dtype", dtype}, {"shape", piece.shape}, {"data_offsets", {offset, offset + piece.bytes()}}};
    offset += piece.bytes();
  }
  std::string text = out.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data start aligned
  return text;
}

Status write_text(const std::string& path, std::string_view text) {
  PARETO_TRY(OutputFile file, OutputFile::create(path));
  PARETO_CHECK_OK(file.write(text.data(), text.size()));
  return file.commit();
}

Status copy_tokenizer(const fs::path& from, const fs::path& to) {
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json",
                           "chat_template.jinja", "vocab.json", "merges.txt"}) {
    if (!file_exists(from / name)) continue;
    PARETO_TRY(const std::string text, read_file(from / name, kLargestTextFile));
    PARETO_CHECK_OK(write_text(to / name, text));
  }
  return {};
}

Status write_weights(const TensorSource& source, const WriteOptions& options, const char* dtype) {
  const std::vector<Piece> pieces = plan(source.config(), options.dtype);
  const std::string text = header(source.config(), pieces, dtype);
  PARETO_TRY(OutputFile file, OutputFile::create(fs::path(options.path) / "model.safetensors"));
  const std::uint64_t length = text.size();
  PARETO_CHECK_OK(file.write(&length, sizeof length));
  PARETO_CHECK_OK(file.write(text.data(), text.size()));
  ThreadPool pool(options.threads);
  for (const Piece& piece : pieces) PARETO_CHECK_OK(write_piece(source, piece, RopeStyle::kHalves, pool, file));
  return file.commit();
}

}  // namespace

Status write_hugging_face(const TensorSource& source, const WriteOptions& options) {
  PARETO_TRY(const DTypeWords words, words_of(options.dtype));
  PARETO_TRY(const std::string config, write_hf_config(source.config(), words.torch));
  const fs::path folder = options.path;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(Code::kIo, "{}: cannot make this folder: {}", options.path, error.message());
  fs::remove(folder / "config.json", error);  // an older model's: until we are done there is none
  PARETO_CHECK_OK(write_weights(source, options, words.safetensors));
  if (!options.tokenizer_from.empty()) PARETO_CHECK_OK(copy_tokenizer(options.tokenizer_from, folder));
  return write_text(folder / "config.json", config);
}

}  // namespace pareto
