// config.json: spellings, defaults, windows, experts, and numbers that make no sense.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/hf_config.h"
#include "engine/model_file.h"
#include "engine/model_tensors.h"
#include "tests/engine/model_file_builder.h"

namespace pareto {
namespace {

using nlohmann::json;

json llama_json() {
  return {{"model_type", "llama"},    {"num_hidden_layers", 3},         {"hidden_size", 64},
          {"num_attention_heads", 8}, {"num_key_value_heads", 2},       {"intermediate_size", 96},
          {"vocab_size", 100},        {"max_position_embeddings", 512}, {"rms_norm_eps", 1e-6}};
}

json with(json base, const json& more) {
  base.merge_patch(more);  // null removes
  return base;
}

ModelConfig config_of(const json& object, std::string_view generation = "") {
  const auto config = parse_hf_config(object.dump(), "c.json", generation, "g.json");
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(ModelConfig{});
}

std::string error_of(const json& object) {
  const auto config = parse_hf_config(object.dump(), "c.json");
  return config ? "no error" : config.error().message;
}

TEST(HfConfig, DefaultsAreTransformers) {
  const ModelConfig config = config_of(llama_json());
  EXPECT_EQ(config.head_dim, 8);
  EXPECT_EQ(config.rope.theta, 10000);
  EXPECT_EQ(config.rope.scaling, RopeConfig::Scaling::kNone);
  EXPECT_FALSE(config.tied_embeddings);
  EXPECT_FALSE(config.qkv_bias);
  EXPECT_EQ(config.window, std::vector<int>(3, 0));
  EXPECT_EQ(config.bos, -1);
  EXPECT_TRUE(config.eos.empty());
  EXPECT_EQ(config_of(with(llama_json(), {{"num_key_value_heads", nullptr}})).kv_heads, 8);
}

TEST(HfConfig, BothSpellingsOfRope) {
  const json scaling = {{"rope_type", "llama3"},
                        {"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 64}};
  const ModelConfig four = config_of(with(llama_json(), {{"rope_theta", 5e5}, {"rope_scaling", scaling}}));
  const ModelConfig five = config_of(with(llama_json(), {{"rope_parameters", with(scaling, {{"rope_theta", 5e5}})}}));
  EXPECT_EQ(four, five);
  EXPECT_EQ(four.rope.scaling, RopeConfig::Scaling::kLlama3);
  EXPECT_EQ(four.rope.theta, 5e5);
  EXPECT_EQ(four.rope.original_max_positions, 64);
  const ModelConfig old = config_of(with(llama_json(), {{"rope_scaling", {{"type", "linear"}, {"factor", 2}}}}));
  EXPECT_EQ(old.rope.scaling, RopeConfig::Scaling::kLinear);
  EXPECT_EQ(old.rope.factor, 2);
}

TEST(HfConfig, EndTokensOfBothFiles) {
  const json config = with(llama_json(), {{"bos_token_id", 1}, {"eos_token_id", 2}});
  EXPECT_EQ(config_of(config, R"({"eos_token_id": [7, 2, 9]})").eos, (std::vector<Token>{2, 7, 9}));
  EXPECT_EQ(config_of(with(config, {{"eos_token_id", {4, 5}}})).eos, (std::vector<Token>{4, 5}));
  EXPECT_EQ(config_of(llama_json(), R"({"bos_token_id": 3})").bos, 3);
}

TEST(HfConfig, SlidingWindows) {
  const auto qwen2 = [](const json& more) {
    return config_of(with(with(llama_json(), {{"model_type", "qwen2"}}), more)).window;
  };
  EXPECT_EQ(qwen2({{"sliding_window", 16}}), (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(qwen2({{"sliding_window", 16}, {"use_sliding_window", true}}), (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(qwen2({{"sliding_window", 16}, {"use_sliding_window", true}, {"max_window_layers", 2}}),
            (std::vector<int>{0, 0, 16}));
  EXPECT_EQ(qwen2({{"sliding_window", 16},
                   {"use_sliding_window", true},
                   {"layer_types", {"sliding_attention", "full_attention", "sliding_attention"}}}),
            (std::vector<int>{16, 0, 16}));
  const json mistral = with(llama_json(), {{"model_type", "mistral"}, {"sliding_window", 16}});
  EXPECT_EQ(config_of(mistral).window, (std::vector<int>{16, 16, 16}));
  EXPECT_EQ(config_of(with(mistral, {{"sliding_window", nullptr}})).window, (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(error_of(with(llama_json(), {{"layer_types", {"full_attention", "sliding_attention", "full_attention"}}})),
            "c.json: layer 1 has sliding_attention, but there is no sliding_window");
  EXPECT_EQ(error_of(with(llama_json(), {{"layer_types", {"full_attention", "linear_attention", "full_attention"}}})),
            "c.json: layer 1 is \"linear_attention\"; supported: full_attention sliding_attention");
  EXPECT_EQ(error_of(with(llama_json(), {{"layer_types", {"full_attention"}}})),
            "c.json: layer_types is not a list of 3 texts");
}

TEST(HfConfig, WhichLayersHaveExperts) {
  const json moe = with(
      llama_json(),
      {{"model_type", "qwen3_moe"}, {"num_experts", 4}, {"num_experts_per_tok", 2}, {"moe_intermediate_size", 32}});
  EXPECT_EQ(config_of(moe).moe_layer, (std::vector<bool>{true, true, true}));
  EXPECT_FALSE(config_of(moe).norm_topk_prob);
  EXPECT_EQ(config_of(with(moe, {{"decoder_sparse_step", 2}})).moe_layer, (std::vector<bool>{false, true, false}));
  EXPECT_EQ(config_of(with(moe, {{"mlp_only_layers", {0}}})).moe_layer, (std::vector<bool>{false, true, true}));
  EXPECT_EQ(error_of(with(moe, {{"decoder_sparse_step", 0}})), "c.json: decoder_sparse_step = 0, must be positive");
  EXPECT_EQ(error_of(with(moe, {{"num_experts_per_tok", 5}})), "c.json: experts per token = 5, must be in [1, 4]");
  EXPECT_EQ(error_of(with(moe, {{"num_experts", nullptr}})), "c.json: num_local_experts is missing");
}

struct BadConfig {
  json patch;
  const char* message;
};

TEST(HfConfig, RefusesNonsense) {
  const std::vector<BadConfig> cases = {
      {{{"model_type", "gemma2"}},
       "c.json: architecture 'gemma2' is not supported; supported: llama mistral qwen2 qwen3 mixtral qwen3_moe"},
      {{{"model_type", nullptr}}, "c.json: model_type is missing"},
      {{{"hidden_act", "gelu"}}, "c.json: hidden_act 'gelu' is not supported; supported: silu"},
      {{{"hidden_size", nullptr}}, "c.json: hidden_size is missing"},
      {{{"hidden_size", "64"}}, "c.json: hidden_size is \"64\", wanted a whole number below 2^31"},
      {{{"hidden_size", 64.5}}, "c.json: hidden_size is 64.5, wanted a whole number below 2^31"},
      {{{"hidden_size", 99999999999}}, "c.json: hidden_size is 99999999999, wanted a whole number below 2^31"},
      {{{"hidden_size", 0}}, "c.json: hidden size = 0, must be in [1, 4194304]"},
      {{{"hidden_size", 65}}, "c.json: hidden_size 65 cannot be divided among 8 attention heads"},
      {{{"num_hidden_layers", 0}}, "c.json: num_hidden_layers = 0, must be in [1, 4096]"},
      {{{"num_hidden_layers", 2000000000}}, "c.json: num_hidden_layers = 2000000000, must be in [1, 4096]"},
      {{{"num_attention_heads", -8}}, "c.json: number of attention heads = -8, must be in [1, 4096]"},
      {{{"num_key_value_heads", 3}}, "c.json: 8 attention heads cannot be divided among 3 kv heads"},
      {{{"num_key_value_heads", 16}}, "c.json: number of kv heads = 16, must be in [1, 8]"},
      {{{"head_dim", 7}}, "c.json: head dimension 7 is odd; RoPE turns pairs"},
      {{{"vocab_size", 0}}, "c.json: vocabulary size = 0, must be in [1, 16777216]"},
      {{{"intermediate_size", -1}}, "c.json: intermediate size = -1, must be in [1, 4194304]"},
      {{{"max_position_embeddings", 0}}, "c.json: number of positions = 0, must be in [1, 1073741824]"},
      {{{"rms_norm_eps", 0}}, "c.json: rms_norm_eps = 0, must be in [1e-12, 1]"},
      {{{"rms_norm_eps", "x"}}, "c.json: rms_norm_eps is \"x\", wanted a number"},
      {{{"rope_theta", -1}}, "c.json: rope theta = -1, must be in [1, 1e+18]"},
      {{{"rope_scaling", {{"rope_type", "longrope"}}}},
       "c.json: rope scaling 'longrope' is not supported; supported: default linear llama3 yarn"},
      {{{"rope_scaling", {{"rope_type", "linear"}}}}, "c.json: rope factor is missing"},
      {{{"rope_scaling", {{"rope_type", "linear"}, {"factor", 0}}}},
       "c.json: rope scaling factor = 0, must be in [0.001, 1000000]"},
      {{{"rope_scaling", 4}}, "c.json: rope scaling is not an object"},
      {{{"partial_rotary_factor", 0.5}}, "c.json: partial_rotary_factor is not supported"},
      {{{"tie_word_embeddings", "yes"}}, "c.json: tie_word_embeddings is \"yes\", wanted true or false"},
      {{{"eos_token_id", 100}}, "c.json: eos token = 100, must be in [0, 99]"},
      {{{"eos_token_id", {1, -2}}}, "c.json: eos_token_id is [1,-2], wanted a token id or a list of them"},
      {{{"bos_token_id", 100}}, "c.json: bos token = 100, must be in [-1, 99]"},
  };
  for (const BadConfig& bad : cases) EXPECT_EQ(error_of(with(llama_json(), bad.patch)), bad.message) << bad.patch;
  EXPECT_EQ(parse_hf_config("{", "c.json").error().message, "c.json: not valid JSON");
  EXPECT_EQ(parse_hf_config("", "c.json").error().message, "c.json: not valid JSON");
  EXPECT_EQ(parse_hf_config("[1]", "c.json").error().message, "c.json: not a JSON object");
  EXPECT_EQ(parse_hf_config(llama_json().dump(), "c.json", "nonsense", "g.json").error().message,
            "g.json: not valid JSON");
}

// What we write is what we read.
TEST(HfConfig, WriteThenParse) {
  for (const std::string& name : model_shape_names()) {
    const ModelConfig config = *model_shape(name);
    const auto text = write_hf_config(config, "bfloat16");
    ASSERT_TRUE(text) << text.error().message;
    const auto back = parse_hf_config(*text, "c.json");
    ASSERT_TRUE(back) << name << ": " << back.error().message;
    EXPECT_EQ(*back, config) << name << *text;
  }
  ModelConfig yarn = *model_shape("tiny-qwen2");
  yarn.window = {0, 32};
  yarn.rope.scaling = RopeConfig::Scaling::kYarn;
  yarn.rope.factor = 4;
  yarn.rope.original_max_positions = 128;
  yarn.rope.attention_factor = 1.25;
  yarn.rope.truncate = false;
  yarn.eos = {5, 6};
  EXPECT_EQ(*parse_hf_config(*write_hf_config(yarn, "float32"), "c.json"), yarn);
  yarn.rope.factors.assign(32, 1);
  EXPECT_EQ(write_hf_config(yarn, "float32").error().code, Code::kUnsupported);
}

TEST(ModelConfig, KvBytesPerToken) {
  const ModelConfig config = *model_shape("qwen2.5-0.5b");
  EXPECT_EQ(kv_bytes_per_token(config, DType::kBF16), 2 * 24 * 2 * 64 * 2);
}

}  // namespace
}  // namespace pareto
