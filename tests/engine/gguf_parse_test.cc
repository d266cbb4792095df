// The GGUF parser and the model behind it: every way in which a file can be wrong.
#include <gtest/gtest.h>

#include "engine/gguf.h"
#include "engine/gguf_model.h"
#include "tests/engine/model_file_builder.h"

namespace pareto {
namespace {

using testing::as_bytes;
using testing::raw;

std::string text(std::string_view s) { return raw<std::uint64_t>(s.size()) + std::string(s); }
std::string pair_u32(std::string_view key, std::uint32_t value) {
  return text(key) + raw<std::uint32_t>(4) + raw(value);
}
std::string pair_f32(std::string_view key, float value) { return text(key) + raw<std::uint32_t>(6) + raw(value); }
std::string pair_text(std::string_view key, std::string_view value) {
  return text(key) + raw<std::uint32_t>(8) + text(value);
}

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> extents;  // innermost first
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
};

// A file with these pairs and tensors and `data` bytes of zeros; counts as given, or the true ones.
std::string gguf_bytes(const std::vector<std::string>& pairs, const std::vector<Tensor>& tensors, std::size_t data) {
  std::string out =
      "GGUF" + raw<std::uint32_t>(3) + raw<std::uint64_t>(tensors.size()) + raw<std::uint64_t>(pairs.size());
  for (const std::string& pair : pairs) out += pair;
  for (const Tensor& t : tensors) {
    out += text(t.name) + raw(static_cast<std::uint32_t>(t.extents.size()));
    for (std::uint64_t extent : t.extents) out += raw(extent);
    out += raw(t.type) + raw(t.offset);
  }
  out.resize((out.size() + 31) / 32 * 32, '\0');
  return out + std::string(data, '\0');
}

std::string error_of(const std::string& file) {
  const auto parsed = parse_gguf(as_bytes(file), "f.gguf");
  return parsed ? "no error" : parsed.error().message;
}

TEST(Gguf, ReadsEveryKindOfValue) {
  const std::string numbers = text("n") + raw<std::uint32_t>(9) + raw<std::uint32_t>(5) + raw<std::uint64_t>(2) +
                              raw<std::int32_t>(-3) + raw<std::int32_t>(4);
  const std::string words =
      text("w") + raw<std::uint32_t>(9) + raw<std::uint32_t>(8) + raw<std::uint64_t>(2) + text("ab") + text("");
  const std::string flag = text("b") + raw<std::uint32_t>(7) + raw<std::uint8_t>(1);
  const std::string big = text("u64") + raw<std::uint32_t>(10) + raw<std::uint64_t>(UINT64_MAX);
  const std::string file =
      gguf_bytes({pair_u32("u", 7), pair_f32("f", 1.5f), pair_text("t", "word"), numbers, words, flag, big},
                 {{"x", {32, 2}, 8, 0}}, 68);
  const auto parsed = parse_gguf(as_bytes(file), "f");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->version, 3);
  EXPECT_EQ(parsed->integer("u"), 7);
  EXPECT_EQ(parsed->real("u"), 7.0);
  EXPECT_EQ(parsed->real("f"), 1.5);
  EXPECT_EQ(parsed->integer("f"), std::nullopt);
  EXPECT_EQ(parsed->text("t"), "word");
  EXPECT_EQ(parsed->text("u"), std::nullopt);
  EXPECT_EQ(parsed->flag("b"), true);
  EXPECT_EQ(parsed->integer("u64"), std::nullopt);
  EXPECT_EQ(parsed->integers("n"), (std::vector<std::int64_t>{-3, 4}));
  EXPECT_EQ(parsed->texts("w"), (std::vector<std::string_view>{"ab", ""}));
  EXPECT_TRUE(parsed->texts("n").empty());
  EXPECT_TRUE(parsed->integers("w").empty());
  ASSERT_EQ(parsed->tensors.size(), 1u);
  EXPECT_EQ(parsed->tensors[0].shape, (std::vector<std::int64_t>{2, 32}));
  EXPECT_EQ(parsed->tensors[0].dtype, DType::kQ8_0);
}

TEST(Gguf, RefusesOtherFiles) {
  EXPECT_EQ(error_of(""), "f.gguf: truncated: the magic 'GGUF' at byte 0 needs 4 bytes, 0 are left");
  EXPECT_EQ(error_of("GGML...."), "f.gguf: does not start with 'GGUF'");
  EXPECT_EQ(error_of("GGUF" + raw<std::uint32_t>(1)), "f.gguf: GGUF version 1; supported: 2 3");
  EXPECT_EQ(error_of("GGUF" + raw<std::uint32_t>(0x03000000)), "f.gguf: a big-endian GGUF file");
}

TEST(Gguf, RefusesAbsurdCounts) {
  const std::string head = "GGUF" + raw<std::uint32_t>(3);
  EXPECT_EQ(error_of(head + raw<std::uint64_t>(UINT64_MAX) + raw<std::uint64_t>(0)),
            "f.gguf: 18446744073709551615 tensors cannot be in the 8 bytes that follow");
  EXPECT_EQ(error_of(head + raw<std::uint64_t>(0) + raw<std::uint64_t>(1u << 30)),
            "f.gguf: 1073741824 metadata pairs cannot be in the 0 bytes that follow");
  const std::string array = text("a") + raw<std::uint32_t>(9) + raw<std::uint32_t>(4) + raw<std::uint64_t>(1u << 31);
  EXPECT_EQ(error_of(gguf_bytes({array}, {}, 64)),
            "f.gguf: 2147483648 array elements cannot be in the 79 bytes that follow");
  EXPECT_EQ(error_of(head + raw<std::uint64_t>(0) + raw<std::uint64_t>(1) + raw<std::uint64_t>(UINT64_MAX) + "12345"),
            "f.gguf: truncated: a key at byte 32 needs 18446744073709551615 bytes, 5 are left");
}

TEST(Gguf, RefusesBadPairs) {
  EXPECT_EQ(error_of(gguf_bytes({pair_u32("k", 1), pair_u32("k", 1)}, {}, 0)), "f.gguf: key 'k' is there twice");
  EXPECT_EQ(error_of(gguf_bytes({text("k") + raw<std::uint32_t>(13)}, {}, 64)),
            "f.gguf: 'k' has the unknown value type 13");
  EXPECT_EQ(
      error_of(gguf_bytes({text("k") + raw<std::uint32_t>(9) + raw<std::uint32_t>(9) + raw<std::uint64_t>(1)}, {}, 64)),
      "f.gguf: 'k' is an array of arrays");
  EXPECT_EQ(error_of(gguf_bytes({pair_u32("general.alignment", 3)}, {}, 0)),
            "f.gguf: general.alignment = 3, must be a power of two up to 1048576");
  EXPECT_EQ(error_of(gguf_bytes({pair_u32("a\nb", 3)}, {}, 0)), "f.gguf: a key is too long or has control characters");
}

TEST(Gguf, RefusesBadTensors) {
  const auto one = [](Tensor t, std::size_t data) { return error_of(gguf_bytes({}, {std::move(t)}, data)); };
  EXPECT_EQ(one({"x", {8}, 0, 0}, 32), "no error");
  EXPECT_EQ(one({"x", {}, 0, 0}, 32), "f.gguf: 'x' has 0 dimensions, must be in [1, 4]");
  EXPECT_EQ(one({"x", {1, 1, 1, 1, 1}, 0, 0}, 32), "f.gguf: 'x' has 5 dimensions, must be in [1, 4]");
  EXPECT_EQ(one({"x", {0}, 0, 0}, 32), "f.gguf: 'x' has an extent of 0");
  EXPECT_EQ(one({"x", {8}, 0, 8}, 64), "f.gguf: 'x' is at offset 8, not a multiple of the alignment 32");
  EXPECT_EQ(one({"x", {8}, 0, 64}, 32),
            "f.gguf: 'x' is at offset 64 of 32 bytes of data; the file is truncated or damaged");
  EXPECT_EQ(one({"x", {8}, 0, 0}, 31),
            "f.gguf: 'x' of F32 [8] at offset 0 runs beyond the 31 bytes of data; the file is truncated");
  EXPECT_EQ(
      one({"x", {std::uint64_t{1} << 40, std::uint64_t{1} << 40}, 0, 0}, 32),
      "f.gguf: 'x' of F32 [1099511627776, 1099511627776] at offset 0 runs beyond the 32 bytes of data; the file is "
      "truncated");
  EXPECT_EQ(one({"x", {48}, 8, 0}, 96), "f.gguf: 'x' has rows of 48 values, not a multiple of Q8_0's block of 32");
  EXPECT_EQ(error_of(gguf_bytes({}, {{"x", {16}, 0, 0}, {"y", {8}, 0, 32}}, 96)),
            "f.gguf: the data of 'x' and 'y' overlap");
  EXPECT_EQ(error_of(gguf_bytes({}, {{"x", {8}, 0, 0}, {"x", {8}, 0, 32}}, 96)), "f.gguf: tensor 'x' is there twice");
}

TEST(Gguf, RefusesEveryTruncation) {
  const std::string whole = gguf_bytes({pair_u32("u", 7), pair_text("t", "word")}, {{"x", {32, 2}, 8, 0}}, 68);
  ASSERT_EQ(error_of(whole), "no error");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(error_of(std::string(cut.data(), cut.size())), "no error") << size;
  }
}

// A description of a llama of one layer, complete but for `leave_out`.
std::vector<std::string> llama_pairs(std::string_view leave_out = "") {
  std::vector<std::string> pairs;
  const auto add = [&](std::string_view key, std::string pair) {
    if (key != leave_out) pairs.push_back(std::move(pair));
  };
  add("general.architecture", pair_text("general.architecture", "llama"));
  for (const auto& [key, value] : std::vector<std::pair<const char*, std::uint32_t>>{{"llama.block_count", 1},
                                                                                     {"llama.embedding_length", 8},
                                                                                     {"llama.attention.head_count", 2},
                                                                                     {"llama.feed_forward_length", 8},
                                                                                     {"llama.context_length", 16}}) {
    add(key, pair_u32(key, value));
  }
  add("llama.attention.layer_norm_rms_epsilon", pair_f32("llama.attention.layer_norm_rms_epsilon", 1e-5f));
  return pairs;
}

std::vector<Tensor> llama_tensors() {
  std::vector<Tensor> tensors = {{"token_embd.weight", {8, 10}}, {"output_norm.weight", {8}}};
  for (const char* name : {"attn_norm", "ffn_norm"}) tensors.push_back({fmt::format("blk.0.{}.weight", name), {8}});
  for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
    tensors.push_back({fmt::format("blk.0.{}.weight", name), {8, 8}});
  }
  std::uint64_t offset = 0;
  for (Tensor& t : tensors) {
    t.offset = offset;
    offset += 512;
  }
  return tensors;
}

std::string model_error(const std::vector<std::string>& pairs, const std::vector<Tensor>& tensors) {
  const std::string file = gguf_bytes(pairs, tensors, 16384);
  const auto parsed = parse_gguf(as_bytes(file), "f.gguf");
  if (!parsed) return "parser: " + parsed.error().message;
  const auto model = read_gguf_model(*parsed, "f.gguf");
  return model ? "no error" : model.error().message;
}

TEST(GgufModel, NamesWhatIsMissing) {
  ASSERT_EQ(model_error(llama_pairs(), llama_tensors()), "no error");
  for (const char* key :
       {"general.architecture", "llama.block_count", "llama.embedding_length", "llama.attention.head_count",
        "llama.feed_forward_length", "llama.context_length", "llama.attention.layer_norm_rms_epsilon"}) {
    EXPECT_EQ(model_error(llama_pairs(key), llama_tensors()), fmt::format("f.gguf: '{}' is missing", key));
  }
  EXPECT_EQ(model_error(llama_pairs(), {}),
            "f.gguf: tensor 'token_embd.weight' is missing; the file has a vocabulary but no weights");
  std::vector<Tensor> tensors = llama_tensors();
  tensors.pop_back();
  EXPECT_EQ(model_error(llama_pairs(), tensors).substr(0, 61),
            "f.gguf: tensor 'model.layers.0.mlp.down_proj.weight' is missi");
}

TEST(GgufModel, RefusesWhatItDoesNotKnow) {
  auto pairs = llama_pairs("general.architecture");
  pairs.push_back(pair_text("general.architecture", "gemma2"));
  EXPECT_EQ(model_error(pairs, llama_tensors()),
            "f.gguf: architecture 'gemma2' is not supported; supported: llama qwen2 qwen3 qwen3moe");
  pairs = llama_pairs();
  pairs.push_back(pair_text("llama.rope.scaling.type", "longrope"));
  EXPECT_EQ(model_error(pairs, llama_tensors()),
            "f.gguf: rope scaling 'longrope' is not supported; supported: none linear yarn");
  pairs = llama_pairs();
  pairs.push_back(pair_u32("split.count", 3));
  EXPECT_EQ(model_error(pairs, llama_tensors()), "f.gguf: one part of a split GGUF model; merge the parts first");
  pairs = llama_pairs();
  pairs.push_back(pair_u32("llama.rope.dimension_count", 2));
  EXPECT_EQ(model_error(pairs, llama_tensors()), "f.gguf: RoPE on 2 of 4 dimensions of a head is not supported");

  auto tensors = llama_tensors();
  tensors.push_back({"blk.0.attn_sinks.weight", {8}, 0, 16000 / 32 * 32});
  EXPECT_EQ(
      model_error(llama_pairs(), tensors),
      "f.gguf: tensor 'blk.0.attn_sinks.weight' [8] is not part of a llama model with this configuration (1 layers, 0 "
      "experts)");
  tensors = llama_tensors();
  tensors[4].type = 10;
  EXPECT_EQ(model_error(llama_pairs(), tensors),
            "f.gguf: 'blk.0.attn_q.weight' has dtype Q2_K; supported: F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q4_K Q5_K Q6_K");
}

TEST(GgufModel, RefusesNumbersThatDoNotFit) {
  auto pairs = llama_pairs("llama.attention.head_count");
  pairs.push_back(pair_u32("llama.attention.head_count", 0));
  EXPECT_EQ(model_error(pairs, llama_tensors()), "f.gguf: number of attention heads = 0, must be in [1, 4096]");
  pairs = llama_pairs("llama.block_count");
  pairs.push_back(pair_u32("llama.block_count", 4000000000u));
  EXPECT_EQ(model_error(pairs, llama_tensors()), "f.gguf: 'llama.block_count' is not one whole number below 2^31");
  pairs.back() = pair_u32("llama.block_count", 2000000000);
  EXPECT_EQ(model_error(pairs, llama_tensors()), "f.gguf: block_count = 2000000000, must be in [1, 4096]");
  pairs = llama_pairs();
  pairs.push_back(pair_u32("llama.vocab_size", 11));
  EXPECT_EQ(model_error(pairs, llama_tensors()), "f.gguf: 'token_embd.weight' has 10 rows, but vocab_size is 11");
  auto tensors = llama_tensors();
  tensors[1].extents = {9};
  EXPECT_EQ(model_error(llama_pairs(), tensors),
            "f.gguf: 'model.norm.weight' has shape [9], but the configuration says [8]");
  tensors[1].extents = {8};
  tensors[0].extents = {8, 10, 1};
  EXPECT_EQ(model_error(llama_pairs(), tensors),
            "f.gguf: 'model.embed_tokens.weight' has shape [1, 10, 8], but the configuration says [1, 8]");
}

}  // namespace
}  // namespace pareto
