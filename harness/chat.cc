#include "harness/chat.h"

#include <algorithm>
#include <cstdlib>

#include "engine/model_file.h"
#include "engine/tokenizer.h"
#include "results/json_text.h"
#include "tasks/chat_template.h"

namespace pareto {
namespace {

// The file of --tokenizer, else the model's own; `why` is what needs it.
Result<std::string> tokenizer_of(const CellOptions& cell, const ModelPlace& model, const std::string& why) {
  if (const std::string& named = cell.values.at("tokenizer"); !named.empty()) return named;
  if (model.path.empty()) return fail(Code::kInvalid, "{} needs a model or --tokenizer PATH", why);
  PARETO_TRY(const std::unique_ptr<ModelFile> file, ModelFile::open(model.path));
  const std::string path = file->tokenizer_path();
  if (path.empty())
    return fail(Code::kInvalid, "{}: no tokenizer, which {} needs; name one with --tokenizer", model.path, why);
  return path;
}

// What a backend with a template of its own gets: the turns, as lm-eval's chat models get and record them. An open turn
// of the assistant at the end is the one to go on with.
Result<std::string> conversation_text(const std::vector<ChatMessage>& turns, const ChatRender&) {
  std::string text;
  for (const ChatMessage& turn : turns) {
    text += text.empty() ? "[{\"role\": " : ", {\"role\": ";
    append_json(&text, turn.role);
    text += ", \"content\": ";
    append_json(&text, turn.content);
    text += "}";
  }
  return text + "]";
}

}  // namespace

Result<ChatTemplate> load_chat_template(const CellOptions& cell, const ModelPlace& model, std::string* text) {
  const std::string& asked = cell.values.at("apply_chat_template");
  if (!asks_for_template(asked)) return ChatTemplate();
  if (cell.conversations()) return ChatTemplate(conversation_text);
  PARETO_TRY(const std::string path, tokenizer_of(cell, model, "--apply_chat_template"));
  PARETO_TRY(const std::unique_ptr<Tokenizer> tokenizer, load_tokenizer(path));
  const Tokenizer::Info& info = tokenizer->info();
  if (info.chat_template.empty())
    return fail(Code::kInvalid, "{}: this tokenizer has no chat template; leave out --apply_chat_template", path);
  if (asked != "true" && asked != "True" && asked != "default")
    return fail(Code::kUnsupported, "--apply_chat_template {}: {} has one template only; leave the name out", asked,
                path);
  *text = info.chat_template;
  return make_chat_template(info.chat_template, info.bos_text, info.eos_text);
}

Result<std::unique_ptr<Tokenizer>> load_counter(const CellOptions& cell, const ModelPlace& model,
                                                const std::vector<std::string>& tasks) {
  const TaskEntry* counts = nullptr;
  const auto needs = [](const TaskEntry& task) { return task.sized || task.needs_tokenizer; };
  for (const std::string& name : tasks) {
    const TaskEntry* entry = find_task(name);
    if (entry == nullptr || !(needs(*entry) || entry->cuts_prompts)) continue;
    counts = entry;
    if (needs(*entry)) break;
  }
  if (counts == nullptr) return nullptr;
  const bool known = !cell.values.at("tokenizer").empty() || !model.path.empty();
  if (!known && !needs(*counts)) return nullptr;
  PARETO_TRY(const std::string path, tokenizer_of(cell, model, fmt::format("task '{}'", counts->name)));
  return load_tokenizer(path);
}

Result<int> window_of(const CellOptions& cell, const ModelPlace& model) {
  if (const int given = std::atoi(cell.values.at("max_length").c_str()); given > 0 || model.path.empty()) return given;
  PARETO_TRY(const std::unique_ptr<ModelFile> file, ModelFile::open(model.path));
  return file->config().max_positions;
}

}  // namespace pareto
