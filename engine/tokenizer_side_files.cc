// Reads what stands beside a vocabulary file; the layouts are drawn in tokenizer_parts.h.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "engine/mapped_file.h"
#include "engine/tokenizer_parts.h"

namespace pareto {
namespace {

using nlohmann::json;

// An object, or null where the file does not exist.
Result<json> read_object(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return json();
  PARETO_TRY(const std::string text, read_file(path, kLargestTextFile));
  json value = json::parse(text, nullptr, false);
  if (!value.is_object()) return fail(Code::kInvalid, "{}: not a JSON object", path);
  return value;
}

// "<s>" or {"content": "<s>", …}; unset otherwise (null is common).
std::optional<std::string> token_name(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end()) return std::nullopt;
  if (at->is_string()) return at->get<std::string>();
  if (at->is_object() && at->contains("content") && (*at)["content"].is_string())
    return (*at)["content"].get<std::string>();
  return std::nullopt;
}

bool flag(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_boolean() && at->get<bool>();
}

// One template, or a list of named ones of which "default" counts.
std::string template_text(const json& config) {
  const auto at = config.find("chat_template");
  if (at == config.end()) return "";
  if (at->is_string()) return at->get<std::string>();
  if (!at->is_array()) return "";
  for (const json& entry : *at) {
    if (entry.is_object() && entry.value("name", json()) == "default" && entry.value("template", json()).is_string())
      return entry["template"].get<std::string>();
  }
  return "";
}

Result<Token> checked_id(const json& value, const std::string& path, const std::string& text) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() >= kMaxVocab)
    return fail(Code::kInvalid, "{}: token '{}' has no usable id ({})", path, text, value.dump());
  return static_cast<Token>(value.get<std::int64_t>());
}

Status read_added_decoder(const json& config, const std::string& path, SideFiles* side) {
  const auto at = config.find("added_tokens_decoder");
  if (at == config.end() || !at->is_object()) return {};
  for (const auto& [key, entry] : at->items()) {
    const auto text = token_name(json{{"t", entry}}, "t");
    if (!text) return fail(Code::kInvalid, "{}: added_tokens_decoder[\"{}\"] has no content", path, key);
    if (key.empty() || key.size() > 9 || key.find_first_not_of("0123456789") != std::string::npos)
      return fail(Code::kInvalid, "{}: added_tokens_decoder key \"{}\" is not a token id", path, key);
    PARETO_TRY(const Token id, checked_id(json(std::stoll(key)), path, *text));
    side->added.push_back({*text, id, flag(entry, "special"), false, flag(entry, "lstrip"), flag(entry, "rstrip"),
                           flag(entry, "single_word")});
  }
  return {};
}

}  // namespace

Result<SideFiles> read_side_files(const std::string& folder) {
  const std::filesystem::path dir = folder.empty() ? "." : folder;
  SideFiles side;
  const std::string map_path = (dir / "special_tokens_map.json").string();
  PARETO_TRY(const json map, read_object(map_path));
  const std::string config_path = (dir / "tokenizer_config.json").string();
  PARETO_TRY(const json config, read_object(config_path));
  for (const json* object : {&map, &config}) {  // the config's word goes last
    if (!object->is_object()) continue;
    if (const auto bos = token_name(*object, "bos_token")) side.bos = bos;
    if (const auto eos = token_name(*object, "eos_token")) side.eos = eos;
  }
  if (config.is_object()) {
    if (config.contains("add_bos_token") && config["add_bos_token"].is_boolean())
      side.add_bos = config["add_bos_token"].get<bool>();
    side.chat_template = template_text(config);
    PARETO_CHECK_OK(read_added_decoder(config, config_path, &side));
  }
  const std::string added_path = (dir / "added_tokens.json").string();
  PARETO_TRY(const json added, read_object(added_path));
  if (added.is_object()) {
    for (const auto& [text, id] : added.items()) {
      PARETO_TRY(const Token token, checked_id(id, added_path, text));
      side.added.push_back({text, token, false});
    }
  }
  const std::string jinja = (dir / "chat_template.jinja").string();
  std::error_code error;
  if (std::filesystem::is_regular_file(jinja, error)) {
    PARETO_TRY(side.chat_template, read_file(jinja, kLargestTextFile));
  }
  return side;
}

}  // namespace pareto
