// What a run will need, decided before anything is allocated; what cannot fit is refused with its numbers.
#pragma once

#include <cstdint>
#include <string>

#include "core/backend.h"
#include "core/result.h"
#include "engine/model_config.h"

namespace pareto {

struct MemoryPlan {
  int max_length = 0;   // tokens of one sequence
  int batch = 0;        // sequences decoded together
  int chunk = 0;        // prompt tokens per step
  int step_tokens = 0;  // rows of one step
  int logit_rows = 0;   // rows of logits that exist at a time
  int page_size = 16;
  int pages = 0;  // of the KV cache
  DType kv_dtype = DType::kF32;
  std::int64_t weights = 0, converted = 0, kv = 0, activations = 0, logits = 0, tables = 0;  // bytes
  std::int64_t available = 0;                                                                // bytes
  std::int64_t total() const { return weights + converted + kv + activations + logits + tables; }
  // "weights 0.99 GB (mapped) + KV 0.40 GB (2048 pages of 16 tokens) + …"
  std::string text() const;
};

struct MemoryNeeds {
  std::int64_t weight_bytes = 0;     // mapped
  std::int64_t converted_bytes = 0;  // copies in another dtype (--dtype bf16 of an f32 file)
  DType kv_dtype = DType::kF32;
};

// Bytes that this process may still use: the least of MemAvailable and the rooms of its memory cgroups (v1 and v2).
std::int64_t available_memory();

// options: batch, chunk, page, max_length. kOutOfMemory names every part and the way out; kUsage for a page size that
// is no power of two and for negative numbers.
Result<MemoryPlan> plan_memory(const ModelConfig& config, const MemoryNeeds& needs, const BackendOptions& options,
                               std::int64_t available);

}  // namespace pareto
