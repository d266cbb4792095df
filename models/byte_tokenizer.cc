#include "models/byte_tokenizer.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace pareto {
namespace {

using json = nlohmann::ordered_json;

std::string utf8(int code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

// Byte-level BPE spells bytes as printable characters: those of Latin-1 as they are, the others from U+0100 on.
std::string spelling(int byte) {
  const auto printable = [](int b) { return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae; };
  if (printable(byte)) return utf8(byte);
  int before = 0;
  for (int b = 0; b < byte; ++b) before += printable(b) ? 0 : 1;
  return utf8(0x100 + before);
}

json special_token(int id, const char* content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

json tokenizer() {
  json vocab = json::object();
  for (int b = 0; b < 256; ++b) vocab[spelling(b)] = b;
  vocab["<s>"] = 256;
  vocab["</s>"] = 257;
  const json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  const json start = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
             text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const json pair = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  json out;
  out["version"] = "1.0";
  out["truncation"] = nullptr;
  out["padding"] = nullptr;
  out["added_tokens"] = json::array({special_token(256, "<s>"), special_token(257, "</s>")});
  out["normalizer"] = nullptr;
  out["pre_tokenizer"] = byte_level;
  out["post_processor"] = {{"type", "TemplateProcessing"},
                           {"single", json::array({start, text})},
                           {"pair", json::array({start, text, pair})},
                           {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {256}}, {"tokens", {"<s>"}}}}}}};
  out["decoder"] = byte_level;
  out["model"] = {{"type", "BPE"},
                  {"dropout", nullptr},
                  {"unk_token", nullptr},
                  {"continuing_subword_prefix", nullptr},
                  {"end_of_word_suffix", nullptr},
                  {"fuse_unk", false},
                  {"byte_fallback", false},
                  {"ignore_merges", false},
                  {"vocab", vocab},
                  {"merges", json::array()}};
  return out;
}

Status write_text(const std::filesystem::path& path, const json& value) {
  std::ofstream file(path, std::ios::binary);
  file << value.dump(1) << "\n";
  file.close();
  if (!file) return fail(Code::kIo, "{}: cannot write", path.string());
  return {};
}

}  // namespace

Status write_byte_tokenizer(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(Code::kIo, "{}: cannot make this folder: {}", folder, error.message());
  PARETO_CHECK_OK(write_text(std::filesystem::path(folder) / "tokenizer.json", tokenizer()));
  return write_text(std::filesystem::path(folder) / "tokenizer_config.json",
                    {{"tokenizer_class", "PreTrainedTokenizerFast"},
                     {"bos_token", "<s>"},
                     {"eos_token", "</s>"},
                     {"clean_up_tokenization_spaces", false},
                     {"model_max_length", 16384}});
}

}  // namespace pareto
