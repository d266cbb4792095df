// Whole files into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/result.h"

namespace pareto {

// The file's bytes. Errors: kNotFound "no file PATH"; kInvalid where it has more than `most` bytes; kIo naming path and
// reason. Pipes and devices are read to their end.
Result<std::string> read_file(const std::string& path, std::size_t most = SIZE_MAX);

}  // namespace pareto
