// A tensor as a file names and types it, before anybody knows whether the model needs it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"

namespace pareto {

struct StoredTensor {
  std::string name;
  std::string dtype_text;            // the file's own word
  std::optional<DType> dtype;        // none: a type that we do not read
  std::vector<std::int64_t> shape;   // outermost first
  std::span<const std::byte> bytes;  // inside the file
};

// Messages quote names, and a message is one line: names that would break it are refused where they are read.
inline bool is_plain_name(std::string_view text) {
  return text.size() <= 1000 && std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; });
}

}  // namespace pareto
