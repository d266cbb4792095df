// --apply_chat_template: the model's own template, ready for the tasks.
#pragma once

#include <string>

#include "core/result.h"
#include "core/task.h"
#include "harness/options.h"
#include "harness/resolve_model.h"

namespace pareto {

// Empty unless the cell asks for it. `text` gets the template itself, for the record. kInvalid when the tokenizer has
// none.
Result<ChatTemplate> load_chat_template(const CellOptions& cell, const ModelPlace& model, std::string* text);

}  // namespace pareto
