#include "engine/model_config.h"

#include "engine/model_file.h"

namespace pareto {

std::int64_t kv_bytes_per_token(const ModelConfig& config, DType dtype) {
  return dtype_bytes(dtype, std::int64_t{2} * config.layers * config.kv_dim());
}

}  // namespace pareto
