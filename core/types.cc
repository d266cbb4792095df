#include "core/types.h"

namespace pareto {
namespace {

struct DTypeInfo {
  const char* name;
  int block, bytes;
};
constexpr DTypeInfo kDTypes[] = {
    {"f32", 1, 4},    {"f16", 1, 2},      {"bf16", 1, 2},     {"q8_0", 32, 34},   {"q4_0", 32, 18},
    {"q4_1", 32, 20}, {"q4_k", 256, 144}, {"q5_k", 256, 176}, {"q6_k", 256, 210},
};

}  // namespace

const char* dtype_name(DType dtype) { return kDTypes[static_cast<int>(dtype)].name; }
int dtype_block(DType dtype) { return kDTypes[static_cast<int>(dtype)].block; }
int dtype_block_bytes(DType dtype) { return kDTypes[static_cast<int>(dtype)].bytes; }

}  // namespace pareto
