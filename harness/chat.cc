#include "harness/chat.h"

namespace pareto {

Result<ChatTemplate> load_chat_template(const CellOptions& cell, const ModelPlace&, std::string*) {
  if (cell.values.at("apply_chat_template").empty()) return ChatTemplate();
  return fail(Code::kUnsupported, "--apply_chat_template is not in this build");
}

}  // namespace pareto
