// Which tensors a configuration asks for, and whether a file has them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "engine/model_config.h"
#include "engine/model_file.h"

namespace pareto {

using TensorMap = std::map<std::string, TensorView, std::less<>>;

// The architectures that the forward pass knows.
const std::vector<std::string>& known_architectures();

// Numbers that fit together and stay below sane limits (so that nothing is ever allocated in proportion to nonsense).
// `name` is what the message calls the file. Errors are kInvalid, for an unknown architecture kUnsupported.
Status check_config(const ModelConfig& config, std::string_view name);

// Calls `visit` for each tensor that the model needs, by canonical name, in file order; stops at the first error.
// REQUIRES: check_config() passed.
using TensorVisitor = std::function<Status(const std::string& name, const std::vector<std::int64_t>& shape)>;
Status for_each_tensor(const ModelConfig& config, const TensorVisitor& visit);

// `tensors` has exactly the tensors that `config` asks for, with the right shapes; vectors are plain floats and finite;
// no row splits a block; no scale of a quantised block is NaN or infinite. Reads every block's scale once: for a
// quantised model that is one pass over the mapped file.
Status check_tensors(const ModelConfig& config, const TensorMap& tensors, std::string_view name);

}  // namespace pareto
