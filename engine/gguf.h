// GGUF files, versions 2 and 3.
//
//   "GGUF" | u32 version | u64 tensors | u64 pairs
//   pairs ×   key text | u32 type | value           text: u64 length, bytes
//   tensors × name text | u32 n | u64 extent[n], innermost first | u32 type | u64 offset
//   padding to `general.alignment` (32) | tensor data, each at its offset
// Little-endian. An array value is u32 element type, u64 count, elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "engine/stored_tensor.h"

namespace pareto {

// The numbers are the file's.
enum class GgufType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kText,
  kArray,
  kU64,
  kI64,
  kF64,
};

struct GgufValue {
  GgufType type = GgufType::kU8;  // of the value, or of an array's elements
  bool is_array = false;
  std::uint64_t count = 1;           // elements; all of them lie inside `bytes`
  std::span<const std::byte> bytes;  // the elements as the file has them
};

class Gguf {
 public:
  int version = 0;
  std::uint64_t alignment = 32;
  std::map<std::string, GgufValue, std::less<>> pairs;
  std::vector<StoredTensor> tensors;  // in the file's order

  bool has(std::string_view key) const { return pairs.find(key) != pairs.end(); }
  // Nothing where the key is absent or its value is of another kind. Any integer type (bools too) is an integer;
  // integers are reals. Views point into the file.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> real(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<std::string_view> text(std::string_view key) const;
  // Whole arrays; empty where there is none of that kind.
  std::vector<std::string_view> texts(std::string_view key) const;
  std::vector<std::int64_t> integers(std::string_view key) const;
  std::vector<double> reals(std::string_view key) const;
};

// Checks everything that can be checked without knowing the model: counts and lengths against the file's size,
// duplicate keys and tensors, types, block sizes, alignment, overlaps. `name` is what messages call the file.
// kUnsupported: another version, big-endian, an array of arrays; else kInvalid. Views point into `bytes`.
Result<Gguf> parse_gguf(std::span<const std::byte> bytes, std::string_view name);

// The file's number for one of our types, and its word ("Q4_K").
std::uint32_t gguf_type_number(DType dtype);
const char* gguf_type_word(DType dtype);

}  // namespace pareto
