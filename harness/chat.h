// What tasks need of the model's tokenizer: its chat template (--apply_chat_template), and the tokenizer itself where
// tasks ask in tokens.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/task.h"
#include "harness/options.h"
#include "harness/resolve_model.h"

namespace pareto {

// Empty unless the cell asks for it. `text` gets the template itself, for the record. kInvalid when the tokenizer has
// none.
Result<ChatTemplate> load_chat_template(const CellOptions& cell, const ModelPlace& model, std::string* text);

// The tokenizer of the tasks that need one: --tokenizer, else the model's; null where no task does. kInvalid where one
// is needed and there is none.
Result<std::unique_ptr<Tokenizer>> load_counter(const CellOptions& cell, const ModelPlace& model,
                                                const std::vector<std::string>& tasks);

}  // namespace pareto
