// Writer to reader: every architecture, format and dtype.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/model_file.h"
#include "engine/model_tensors.h"
#include "engine/model_writer.h"
#include "kernels/ops.h"
#include "tests/engine/model_file_builder.h"

namespace pareto {
namespace {

using testing::small_shape;
using testing::TempFolder;

const DType kAllTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kQ8_0, DType::kQ4_0,
                           DType::kQ4_1, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};
const char* const kShapes[] = {"tiny", "tiny-mistral", "tiny-qwen2", "tiny-qwen3", "tiny-mixtral", "tiny-qwen3_moe"};

std::vector<float> values_of(const TensorView& view) {
  std::vector<float> out(static_cast<std::size_t>(view.elements()), NAN);
  dequantise(view.dtype, view.data, view.elements(), out.data());
  return out;
}

// What the source says a tensor is, rounded to `dtype`.
std::vector<float> expected(const TensorSource& source, const std::string& name, const TensorView& view) {
  const std::int64_t rows = view.shape.size() == 1 ? 1 : view.shape[0], cols = view.shape.back();
  std::vector<float> out(static_cast<std::size_t>(view.elements())), row(static_cast<std::size_t>(cols));
  std::vector<std::byte> packed(static_cast<std::size_t>(dtype_bytes(view.dtype, cols)));
  for (std::int64_t r = 0; r < rows; ++r) {
    source.row(name, view.shape, r, row.data());
    quantise(view.dtype, row.data(), cols, packed.data());
    dequantise(view.dtype, packed.data(), cols, out.data() + r * cols);
  }
  return out;
}

// Row r of a matrix stored for RoPE over adjacent pairs, found where the halves have it.
std::vector<float> unpermuted(const std::vector<float>& values, std::int64_t cols, int head_dim) {
  std::vector<float> out(values.size());
  const std::int64_t rows = std::ssize(values) / cols;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t head = r / head_dim * head_dim, i = r % head_dim;
    const std::int64_t to = head + i / 2 + (i % 2) * head_dim / 2;
    std::copy_n(values.begin() + r * cols, cols, out.begin() + to * cols);
  }
  return out;
}

bool is_turned(const std::string& name) {
  return name.find("q_proj") != std::string::npos || name.find("k_proj") != std::string::npos;
}

// Every tensor of `file` has the source's values.
void expect_same_values(const TensorSource& source, const ModelFile& file) {
  const ModelConfig& config = file.config();
  const bool pairs = config.rope.style != source.config().rope.style;
  for (const auto& [name, view] : file.tensors()) {
    std::vector<float> got = values_of(view);
    if (pairs && is_turned(name)) got = unpermuted(got, view.shape.size() == 1 ? 1 : view.shape[1], config.head_dim);
    ASSERT_EQ(got, expected(source, name, view)) << name << " in " << dtype_name(view.dtype);
  }
}

TEST(ModelRoundTrip, HuggingFace) {
  for (const char* shape : kShapes) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      SCOPED_TRACE(fmt::format("{} {}", shape, dtype_name(dtype)));
      const TempFolder folder;
      const auto source = random_source(small_shape(shape), 3);
      const Status written = write_hugging_face(*source, {.path = folder / "m", .dtype = dtype, .threads = 2});
      ASSERT_TRUE(written) << written.error().message;
      const auto file = ModelFile::open(folder / "m");
      ASSERT_TRUE(file) << file.error().message;
      EXPECT_EQ((*file)->config(), source->config());
      EXPECT_EQ((*file)->summary().format, "safetensors");
      expect_same_values(*source, **file);
    }
  }
}

TEST(ModelRoundTrip, Gguf) {
  for (const char* shape : kShapes) {
    for (const DType dtype : kAllTypes) {
      SCOPED_TRACE(fmt::format("{} {}", shape, dtype_name(dtype)));
      const TempFolder folder;
      const auto source = random_source(small_shape(shape), 4);
      const Status written = write_gguf(*source, {.path = folder / "m.gguf", .dtype = dtype, .threads = 2});
      ASSERT_TRUE(written) << written.error().message;
      const auto file = ModelFile::open(folder / "m.gguf");
      ASSERT_TRUE(file) << file.error().message;
      ModelConfig config = (*file)->config();
      EXPECT_EQ(config.rope.style,
                config.architecture.substr(0, 4) == "qwen" ? RopeStyle::kHalves : RopeStyle::kAdjacent);
      config.rope.style = RopeStyle::kHalves;
      EXPECT_EQ(config, source->config());
      EXPECT_EQ((*file)->summary().format, "gguf v3");
      EXPECT_EQ((*file)->summary().dtypes.front().first, dtype);
      EXPECT_EQ((*file)->tensor("model.layers.0.input_layernorm.weight")->dtype, DType::kF32);
      expect_same_values(*source, **file);
    }
  }
}

// To GGUF and back: permuted and unpermuted, not a bit changes.
TEST(ModelRoundTrip, ConversionIsExact) {
  const TempFolder folder;
  for (const char* shape : kShapes) {
    SCOPED_TRACE(shape);
    const auto source = random_source(small_shape(shape), 5);
    ASSERT_TRUE(write_gguf(*source, {.path = folder / "a.gguf", .dtype = DType::kF32}));
    const auto gguf = ModelFile::open(folder / "a.gguf");
    ASSERT_TRUE(gguf) << gguf.error().message;
    ASSERT_TRUE(write_hugging_face(*file_source(**gguf), {.path = folder / "b", .dtype = DType::kF32}));
    const auto back = ModelFile::open(folder / "b");
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ((*back)->config(), source->config());
    expect_same_values(*source, **back);
  }
}

// The same dtype is copied block for block, not quantised a second time.
TEST(ModelRoundTrip, SameDtypeIsCopied) {
  const TempFolder folder;
  ASSERT_TRUE(write_gguf(*random_source(small_shape("tiny"), 6), {.path = folder / "a.gguf", .dtype = DType::kQ4_K}));
  const auto a = ModelFile::open(folder / "a.gguf");
  ASSERT_TRUE(a) << a.error().message;
  ASSERT_TRUE(write_gguf(*file_source(**a), {.path = folder / "b.gguf", .dtype = DType::kQ4_K, .threads = 2}));
  EXPECT_EQ(testing::read_bytes(folder / "a.gguf"), testing::read_bytes(folder / "b.gguf"));
}

TEST(ModelRoundTrip, BiasesArePermutedWithTheirRows) {
  ModelConfig config = small_shape("tiny");
  config.qkv_bias = config.attn_out_bias = config.mlp_bias = true;
  const TempFolder folder;
  const auto source = random_source(config, 7);
  ASSERT_TRUE(write_gguf(*source, {.path = folder / "m.gguf", .dtype = DType::kF16}));
  const auto file = ModelFile::open(folder / "m.gguf");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE((*file)->config().mlp_bias);
  expect_same_values(*source, **file);
}

TEST(ModelRoundTrip, RopeScalingInGguf) {
  const TempFolder folder;
  ModelConfig config = small_shape("tiny");
  const auto through_gguf = [&](const RopeConfig& rope) {
    config.rope = rope;
    EXPECT_TRUE(write_gguf(*random_source(config, 8), {.path = folder / "m.gguf", .dtype = DType::kBF16}));
    const auto file = ModelFile::open(folder / "m.gguf");
    EXPECT_TRUE(file) << file.error().message;
    RopeConfig out = file ? (*file)->config().rope : RopeConfig{};
    out.style = RopeStyle::kHalves;
    return out;
  };
  RopeConfig linear;
  linear.scaling = RopeConfig::Scaling::kLinear;
  linear.factor = 4;
  EXPECT_EQ(through_gguf(linear), linear);
  RopeConfig yarn;
  yarn.scaling = RopeConfig::Scaling::kYarn;
  yarn.factor = 4;
  yarn.original_max_positions = 32;
  EXPECT_EQ(through_gguf(yarn), yarn);
  yarn.attention_factor = 1.5;
  EXPECT_NEAR(through_gguf(yarn).attention_factor, 1.5, 1e-6);
  RopeConfig llama3;
  llama3.theta = 5e5;
  llama3.scaling = RopeConfig::Scaling::kLlama3;
  llama3.factor = 8;
  llama3.original_max_positions = 64;
  RopeConfig factors;
  factors.theta = 5e5;
  factors.factors = rope_factors(llama3, config.head_dim);
  EXPECT_EQ(through_gguf(llama3), factors);
  ASSERT_EQ(factors.factors.size(), 32u);
  EXPECT_EQ(factors.factors.front(), 1.f);  // a wave of 6 positions is kept
  EXPECT_EQ(factors.factors.back(), 8.f);   // one of millions is stretched
  EXPECT_EQ(through_gguf(factors), factors);
}

// What the logits come from stays finer than 4 and 5 bits, as llama-quantize has it.
TEST(ModelRoundTrip, HeadIsFinerThanTheRest) {
  ModelConfig config = small_shape("tiny");
  for (const bool tied : {false, true}) {
    config.tied_embeddings = tied;
    const TempFolder folder;
    ASSERT_TRUE(write_gguf(*random_source(config, 9), {.path = folder / "m.gguf", .dtype = DType::kQ4_0}));
    const auto file = ModelFile::open(folder / "m.gguf");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ((*file)->tensor("model.embed_tokens.weight")->dtype, tied ? DType::kQ6_K : DType::kQ4_0);
    if (!tied) {
      EXPECT_EQ((*file)->tensor("lm_head.weight")->dtype, DType::kQ6_K);
    }
    EXPECT_EQ((*file)->tensor("model.layers.0.self_attn.q_proj.weight")->dtype, DType::kQ4_0);
  }
}

TEST(ModelRoundTrip, RowsThatFitNoBlock) {
  EXPECT_EQ(gguf_storage(DType::kQ4_K, 512), DType::kQ4_K);
  EXPECT_EQ(gguf_storage(DType::kQ4_K, 896), DType::kQ8_0);
  EXPECT_EQ(gguf_storage(DType::kQ6_K, 40), DType::kF16);
  EXPECT_EQ(gguf_storage(DType::kQ8_0, 40), DType::kF16);
  EXPECT_EQ(gguf_storage(DType::kBF16, 40), DType::kBF16);
  ModelConfig config = small_shape("tiny");
  config.intermediate = 288;
  const TempFolder folder;
  ASSERT_TRUE(write_gguf(*random_source(config, 9), {.path = folder / "m.gguf", .dtype = DType::kQ5_K}));
  const auto file = ModelFile::open(folder / "m.gguf");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->tensor("model.layers.1.mlp.down_proj.weight")->dtype, DType::kQ8_0);
  EXPECT_EQ((*file)->tensor("model.layers.1.mlp.up_proj.weight")->dtype, DType::kQ5_K);
}

TEST(ModelRoundTrip, RandomWeightsDependOnTheSeedAlone) {
  const ModelConfig config = small_shape("tiny");
  const TempFolder folder;
  const auto write = [&](std::uint64_t seed, int threads) {
    EXPECT_TRUE(write_gguf(*random_source(config, seed),
                           {.path = folder / "m.gguf", .dtype = DType::kQ6_K, .threads = threads}));
    return testing::read_bytes(folder / "m.gguf");
  };
  const std::string one = write(1, 1);
  EXPECT_EQ(write(1, 3), one);
  EXPECT_NE(write(2, 1), one);
}

TEST(ModelRoundTrip, SummaryCountsParametersAndBytes) {
  const TempFolder folder;
  const ModelConfig config = small_shape("tiny-qwen3_moe");
  ASSERT_TRUE(write_gguf(*random_source(config, 1), {.path = folder / "m.gguf", .dtype = DType::kQ8_0}));
  const auto file = ModelFile::open(folder / "m.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const std::int64_t vectors = 5 * 256 + 4 * 64, router = 2 * 3 * 256, experts = 2 * 3 * 3 * 256 * 256;
  const std::int64_t others = 2 * 64 * 256 + 2 * (2 * 256 * 256 + 2 * 128 * 256);
  const ModelFile::Summary summary = (*file)->summary();
  EXPECT_EQ(summary.parameters, vectors + router + experts + others);
  EXPECT_EQ(summary.active_parameters, vectors + router + experts / 3 * 2 + others);
  const std::int64_t quantised = (experts + others) / 32 * 34, plain = (vectors + router) * 4;
  EXPECT_EQ(summary.bytes, quantised + plain);
  EXPECT_EQ(summary.dtypes,
            (std::vector<std::pair<DType, std::int64_t>>{{DType::kQ8_0, quantised}, {DType::kF32, plain}}));
  EXPECT_EQ(summary.files, std::vector<std::string>{folder / "m.gguf"});
}

TEST(ModelWriter, RefusesWhatAFormatCannotSay) {
  const TempFolder folder;
  ModelConfig config = small_shape("tiny");
  const auto q8 = write_hugging_face(*random_source(config, 1), {.path = folder / "m", .dtype = DType::kQ8_0});
  ASSERT_FALSE(q8);
  EXPECT_EQ(q8.error().message, "a Hugging Face folder cannot hold q8_0; supported: f32 f16 bf16");
  config = small_shape("tiny-qwen3_moe");
  config.norm_topk_prob = false;
  const auto moe = write_gguf(*random_source(config, 1), {.path = folder / "m.gguf"});
  ASSERT_FALSE(moe);
  EXPECT_EQ(moe.error().message, "GGUF cannot say that the weights of the chosen experts stay unnormalised");
  const auto nowhere = write_gguf(*random_source(small_shape("tiny"), 1), {.path = folder / "no/such/m.gguf"});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Code::kIo);
  EXPECT_EQ(nowhere.error().message, (folder / "no/such/m.gguf") + ": cannot write: No such file or directory");
}

// A source whose third row of one matrix is not finite.
class BrokenSource final : public TensorSource {
 public:
  BrokenSource() : whole_(random_source(small_shape("tiny"), 1)) {}
  const ModelConfig& config() const override { return whole_->config(); }
  std::optional<TensorView> stored(const std::string&) const override { return std::nullopt; }
  void row(const std::string& name, const std::vector<std::int64_t>& shape, std::int64_t row,
           float* out) const override {
    whole_->row(name, shape, row, out);
    if (name == "model.layers.1.mlp.up_proj.weight" && row == 3) out[17] = NAN;
  }

 private:
  std::unique_ptr<TensorSource> whole_;
};

TEST(ModelWriter, FailureLeavesNothingBehind) {
  const TempFolder folder;
  for (const DType dtype : kAllTypes) {
    const auto status = write_gguf(BrokenSource(), {.path = folder / "m.gguf", .dtype = dtype});
    ASSERT_FALSE(status);
    EXPECT_EQ(
        status.error().message,
        fmt::format("'model.layers.1.mlp.up_proj.weight' has a value that is not finite in {}", dtype_name(dtype)));
  }
  ASSERT_FALSE(write_hugging_face(BrokenSource(), {.path = folder.path(), .dtype = DType::kBF16}));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace pareto
