// Safetensors files.
//
//   u64 n | n bytes of JSON | tensor data
//   JSON: {"__metadata__": {"k": "v"}, "NAME": {"dtype": "F32", "shape": [out, in], "data_offsets": [begin, end]}, …}
// Little-endian; offsets count from the end of the JSON; the data hold every tensor exactly once, without gaps.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "engine/stored_tensor.h"

namespace pareto {

// Every tensor of the file in `bytes`, in the order of their data. `name` is what messages call the file. Checks the
// header, duplicate names, sizes against shapes, overlaps and gaps. Errors are kInvalid.
Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> bytes, std::string_view name);

}  // namespace pareto
