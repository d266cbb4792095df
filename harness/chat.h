// What tasks need of the model before it is opened: its chat template (--apply_chat_template); its tokenizer and window
// where tasks cut their prompts, ask in tokens or are made to a length.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/task.h"
#include "harness/options.h"
#include "harness/resolve_model.h"

namespace pareto {

// Empty unless the cell asks for it; the turns as JSON where the backend has a template of its own. `text` gets the
// template itself, for the record. kInvalid when the tokenizer has none.
Result<ChatTemplate> load_chat_template(const CellOptions& cell, const ModelPlace& model, std::string* text);

// The tokenizer of tasks that count tokens: --tokenizer, else the model's; null where no task does. Where there is
// neither: null if the tasks only cut their prompts, else kInvalid.
Result<std::unique_ptr<Tokenizer>> load_counter(const CellOptions& cell, const ModelPlace& model,
                                                const std::vector<std::string>& tasks);
// --max_length, else the model's; 0: not known.
Result<int> window_of(const CellOptions& cell, const ModelPlace& model);

}  // namespace pareto
