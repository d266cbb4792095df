// ModelFile::open on files and folders that are wrong: one line that names the file, the thing and the numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "engine/gguf.h"
#include "engine/llama2c.h"
#include "engine/model_file.h"
#include "engine/model_writer.h"
#include "kernels/ops.h"
#include "tests/engine/model_file_builder.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;
using testing::raw;
using testing::read_bytes;
using testing::small_shape;
using testing::TempFolder;
using testing::write_bytes;

std::string error_of(const std::string& path) {
  const auto model = ModelFile::open(path);
  return model ? "no error" : model.error().message;
}

// A Hugging Face folder of a small model, to be damaged.
void write_model(const std::string& path, const ModelConfig& config, DType dtype = DType::kF32) {
  ASSERT_TRUE(write_hugging_face(*random_source(config, 1), {.path = path, .dtype = dtype}));
}

void replace_in(const std::string& path, std::string_view from, std::string_view to) {
  std::string text = read_bytes(path);
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  write_bytes(path, text.replace(at, from.size(), to));
}

TEST(BadModel, PathsThatAreNoModel) {
  const TempFolder folder;
  EXPECT_EQ(error_of(folder / "nothing"), (folder / "nothing") + ": no such file or folder");
  EXPECT_EQ(error_of(folder.path()), folder.path() + ": no config.json and no .gguf in this folder");
  write_bytes(folder / "a.txt", "hello");
  EXPECT_EQ(error_of(folder / "a.txt"),
            (folder / "a.txt") +
                ": not a model file; supported: a Hugging Face folder, .safetensors, .gguf, llama2.c's .bin");
  write_bytes(folder / "pytorch_model.bin", "PK\3\4....");
  EXPECT_EQ(error_of(folder / "pytorch_model.bin"),
            (folder / "pytorch_model.bin") + ": a PyTorch archive; supported: safetensors, GGUF, llama2.c");
  write_bytes(folder / "w.safetensors", "12345678");
  EXPECT_EQ(error_of(folder / "w.safetensors"), (folder / "w.safetensors") + ": no config.json beside it");
  write_bytes(folder / "a.gguf", "");
  EXPECT_EQ(error_of(folder.path()),
            (folder / "a.gguf") + ": truncated: the magic 'GGUF' at byte 0 needs 4 bytes, 0 are left");
  write_bytes(folder / "b.gguf", "");
  EXPECT_EQ(error_of(folder.path()), folder.path() + ": 2 .gguf files in this folder; name one of them");
}

TEST(BadModel, WeightsThatAreCutOff) {
  const TempFolder folder;
  write_model(folder / "m", small_shape("tiny"));
  const std::string path = (folder / "m") + "/model.safetensors", whole = read_bytes(path);
  ASSERT_EQ(error_of(folder / "m"), "no error");
  write_bytes(path, whole.substr(0, whole.size() / 2));
  EXPECT_NE(error_of(folder / "m").find(path + ": '"), std::string::npos) << error_of(folder / "m");
  EXPECT_NE(error_of(folder / "m").find("the file is truncated or damaged"), std::string::npos);
  write_bytes(path, "");
  EXPECT_EQ(error_of(folder / "m"), path + ": 0 bytes; a safetensors file starts with 8 bytes of header length");
  write_bytes(path, raw<std::uint64_t>(std::uint64_t{1} << 60) + "{}");
  EXPECT_EQ(error_of(folder / "m"),
            path + ": header of 1152921504606846976 bytes in a file of 10; the file is truncated or not safetensors");
  fs::remove(path);
  EXPECT_EQ(error_of(folder / "m"), (folder / "m") + ": no model.safetensors and no index of shards");
}

TEST(BadModel, WeightsThatDoNotFitTheConfiguration) {
  const TempFolder folder;
  const std::string model = folder / "m", weights = model + "/model.safetensors", config = model + "/config.json";
  write_model(model, small_shape("tiny"));
  replace_in(config, "\"vocab_size\": 64", "\"vocab_size\": 65");
  EXPECT_EQ(error_of(model),
            weights + ": 'model.embed_tokens.weight' has shape [64, 256], but the configuration says [65, 256]");
  write_model(model, small_shape("tiny"));
  replace_in(config, "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
  EXPECT_EQ(error_of(model),
            weights +
                ": tensor 'model.layers.1.input_layernorm.weight' [256] is not part of a llama model with "
                "this configuration (1 layers, 0 experts)");
  write_model(model, small_shape("tiny"));
  replace_in(config, "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
  EXPECT_EQ(error_of(model), weights +
                                 ": tensor 'model.layers.2.input_layernorm.weight' is missing; there is "
                                 "'model.layers.0.input_layernorm.weight'");
  write_model(model, small_shape("tiny"));
  replace_in(weights, "\"dtype\":\"F32\"", "\"dtype\":\"I32\"");
  EXPECT_EQ(error_of(model), weights + ": 'model.embed_tokens.weight' has dtype I32; supported: F32 F16 BF16");
  write_bytes(config, "{");
  EXPECT_EQ(error_of(model), config + ": not valid JSON");
}

TEST(BadModel, NormsThatAreNotFinite) {
  const TempFolder folder;
  const std::string model = folder / "m", weights = model + "/model.safetensors";
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    write_model(model, small_shape("tiny"), dtype);
    std::string bytes = read_bytes(weights);
    const auto opened = ModelFile::open(model);
    ASSERT_TRUE(opened) << opened.error().message;
    const std::size_t size = static_cast<std::size_t>(dtype_block_bytes(dtype));
    // model.norm.weight lies before lm_head.weight [64, 256] at the end.
    const std::size_t at = bytes.size() - (64 * 256 + 256 - 5) * size;
    const float nan = NAN;
    quantise(dtype, &nan, 1, bytes.data() + at);
    write_bytes(weights, bytes);
    EXPECT_EQ(error_of(model), weights + ": 'model.norm.weight' has a NaN or infinite weight in value 5");
  }
}

TEST(BadModel, Shards) {
  const TempFolder folder;
  const std::string model = folder / "m", index = model + "/model.safetensors.index.json";
  write_model(model, small_shape("tiny"));
  fs::rename(model + "/model.safetensors", model + "/one.safetensors");
  write_bytes(index, R"({"weight_map": {"model.norm.weight": "one.safetensors"}})");
  EXPECT_EQ(error_of(model), "no error");
  write_bytes(index, R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  EXPECT_EQ(error_of(model), model + "/two.safetensors: this shard is missing; " + index + " names it");
  fs::copy_file(model + "/one.safetensors", model + "/two.safetensors");
  EXPECT_EQ(error_of(model), model + "/two.safetensors: tensor 'model.embed_tokens.weight' is in two files");
  write_bytes(index, R"({"weight_map": {"a": "../one.safetensors"}})");
  EXPECT_EQ(error_of(model), index +
                                 ": 'a' is said to be in \"../one.safetensors\", which is no .safetensors file of this "
                                 "folder");
  write_bytes(index, R"({"weight_map": {}})");
  EXPECT_EQ(error_of(model), index + ": the weight_map is empty");
  write_bytes(index, "[]");
  EXPECT_EQ(error_of(model), index + ": not a JSON object with a 'weight_map'");
}

// A NaN or an infinity in any block of any quantised matrix is found when the file is opened.
TEST(BadModel, ScalesThatAreNotFinite) {
  const TempFolder folder;
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K}) {
    const std::string path = folder / "m.gguf";
    ASSERT_TRUE(write_gguf(*random_source(small_shape("tiny"), 1), {.path = path, .dtype = dtype}));
    std::string bytes = read_bytes(path);
    const auto file = parse_gguf(std::as_bytes(std::span(bytes)), path);
    ASSERT_TRUE(file);
    const auto tensor = std::find_if(file->tensors.begin(), file->tensors.end(),
                                     [](const StoredTensor& t) { return t.name == "blk.1.ffn_up.weight"; });
    ASSERT_NE(tensor, file->tensors.end());
    ASSERT_EQ(tensor->dtype, dtype);
    const auto last = static_cast<std::int64_t>(tensor->bytes.size()) / dtype_block_bytes(dtype) - 1;
    const auto begin = tensor->bytes.data() - reinterpret_cast<const std::byte*>(bytes.data());
    const std::int64_t scale = begin + last * dtype_block_bytes(dtype) + (dtype == DType::kQ6_K ? 208 : 0);
    bytes.replace(static_cast<std::size_t>(scale), 2, "\x01\x7c");
    write_bytes(path, bytes);
    EXPECT_EQ(
        error_of(path),
        fmt::format("{}: 'model.layers.1.mlp.up_proj.weight' has a NaN or infinite scale in block {}", path, last));
  }
}

TEST(BadModel, QuantisedVector) {
  const TempFolder folder;
  const std::string path = folder / "m.gguf";
  ASSERT_TRUE(write_gguf(*random_source(small_shape("tiny"), 1), {.path = path, .dtype = DType::kF32}));
  std::string bytes = read_bytes(path);
  const std::string name = "output_norm.weight";
  const std::size_t type = bytes.find(name) + name.size() + 4 + 8;
  bytes.replace(type, 4, raw<std::uint32_t>(8));
  write_bytes(path, bytes);
  EXPECT_EQ(error_of(path), path + ": 'model.norm.weight' is a vector in q8_0; supported for vectors: f32 f16 bf16");
}

std::string llama2c_bytes(std::vector<std::int32_t> header, std::size_t floats) {
  std::string out;
  for (std::int32_t value : header) out += raw(value);
  return out + std::string(4 * floats, '\0');
}

TEST(BadModel, Llama2c) {
  const TempFolder folder;
  const std::string path = folder / "m.bin";
  // dim 4, hidden 6, 1 layer, 2 heads, 1 kv head, 3 tokens, 5 positions
  const std::size_t shared = 3 * 4 + 4 + 16 + 8 + 8 + 16 + 4 + 3 * 24 + 4 + 5 * 2;
  const auto with = [&](std::vector<std::int32_t> header, std::size_t floats) {
    write_bytes(path, llama2c_bytes(std::move(header), floats));
    return error_of(path);
  };
  EXPECT_EQ(with({4, 6, 1, 2, 1, 3, 5}, shared), "no error");
  EXPECT_EQ(with({4, 6, 1, 2, 1, -3, 5}, shared + 12), "no error");
  EXPECT_EQ(with({4, 6, 1, 2, 1, 3, 5}, shared - 1),
            fmt::format("{}: the header asks for {} bytes, the file has {}; truncated, or not a llama2.c checkpoint",
                        path, 28 + 4 * shared, 24 + 4 * shared));
  EXPECT_EQ(with({4, 6, 1, 2, 1, 3, 5}, shared + 1).find(path + ": the header asks for"), 0u);
  EXPECT_EQ(with({4, 6, 1, 3, 1, 3, 5}, shared),
            path + ": not a llama2.c checkpoint: 1 layers, 3 heads over a width of 4");
  EXPECT_EQ(with({4, 6, 1, 2, 3, 3, 5}, shared), path + ": number of kv heads = 3, must be in [1, 2]");
  EXPECT_EQ(with({4, 0, 1, 2, 1, 3, 5}, shared), path + ": intermediate size = 0, must be in [1, 4194304]");
  EXPECT_EQ(with({4, 6, 1, 2, 1, 0, 5}, shared), path + ": vocabulary size = 0, must be in [1, 16777216]");
  EXPECT_EQ(with({4, 6, 1, 2, 1, INT32_MIN, 5}, shared), path + ": vocabulary size = 0, must be in [1, 16777216]");
  EXPECT_EQ(with({4, 6, 1, 2, 1, 3, -5}, shared), path + ": number of positions = -5, must be in [1, 1073741824]");
  EXPECT_EQ(with({0x616b3432, 1}, 100),
            path + ": a llama2.c checkpoint of version 1 or later; supported: legacy f32 (version 0)");
  write_bytes(path, "short");
  EXPECT_EQ(error_of(path), path + ": 5 bytes; a llama2.c checkpoint starts with a header of 28");
}

TEST(BadModel, UnknownTensorSuggestsTheNearest) {
  const TempFolder folder;
  write_model(folder / "m", small_shape("tiny"));
  const auto model = ModelFile::open(folder / "m");
  ASSERT_TRUE(model) << model.error().message;
  const auto tensor = (*model)->tensor("model.norm.weigth");
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().code, Code::kNotFound);
  EXPECT_EQ(tensor.error().message,
            (folder / "m") + "/model.safetensors: no tensor 'model.norm.weigth'; did you mean 'model.norm.weight'?");
}

}  // namespace
}  // namespace pareto
