#include "engine/model_file_parts.h"

namespace pareto {

Result<ModelParts> open_gguf(const std::string& path) { return fail(Code::kUnsupported, "{}: GGUF", path); }

}  // namespace pareto
