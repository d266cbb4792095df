#include "engine/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

namespace pareto {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr std::size_t kMaxDimensions = 8;

struct TypeWord {
  const char* word;
  int bytes;
  std::optional<DType> dtype;
};
// The sizes of what we do not read are here so that a file that holds such tensors beside ours can be checked.
const TypeWord kTypeWords[] = {
    {"F32", 4, DType::kF32},      {"F16", 2, DType::kF16},  {"BF16", 2, DType::kBF16},    {"F64", 8, std::nullopt},
    {"I64", 8, std::nullopt},     {"I32", 4, std::nullopt}, {"I16", 2, std::nullopt},     {"I8", 1, std::nullopt},
    {"U64", 8, std::nullopt},     {"U32", 4, std::nullopt}, {"U16", 2, std::nullopt},     {"U8", 1, std::nullopt},
    {"BOOL", 1, std::nullopt},    {"C64", 8, std::nullopt}, {"F8_E4M3", 1, std::nullopt}, {"F8_E5M2", 1, std::nullopt},
    {"F8_E8M0", 1, std::nullopt},
};

// What the header says of one tensor.
struct Entry {
  std::string name, dtype;
  std::vector<std::uint64_t> shape, offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

// Reads the header's JSON as events: a tree would swallow duplicate keys and hold every number twice.
class HeaderReader {
 public:
  std::vector<Entry> entries;
  std::string problem;

  bool key(std::string& k) {
    if (!is_plain_name(k)) return bad("a name with control characters, or of more than 1000 bytes");
    if (depth_ == 1) {
      metadata_ = k == "__metadata__";
      if (!names_.insert(k).second) return bad(fmt::format("'{}' is there twice", k));
      if (!metadata_) entries.push_back({.name = k});
      return true;
    }
    if (metadata_) return true;
    Entry& entry = entries.back();
    field_ = k == "dtype"          ? Field::kDtype
             : k == "shape"        ? Field::kShape
             : k == "data_offsets" ? Field::kOffsets
                                   : Field::kNone;
    if (field_ == Field::kNone) return bad(fmt::format("'{}' has an unknown field '{}'", entry.name, k));
    bool& seen = field_ == Field::kDtype   ? entry.has_dtype
                 : field_ == Field::kShape ? entry.has_shape
                                           : entry.has_offsets;
    if (std::exchange(seen, true)) return bad(fmt::format("'{}' has its {} twice", entry.name, k));
    return true;
  }
  bool start_object(std::size_t) {
    ++depth_;
    if (depth_ == 1 || (depth_ == 2 && !in_array_)) return true;
    return bad(fmt::format("an object nested too deeply{}", where()));
  }
  bool end_object() {
    if (--depth_ != 1 || metadata_) return true;
    const Entry& entry = entries.back();
    if (entry.has_dtype && entry.has_shape && entry.has_offsets) return true;
    return bad(fmt::format("'{}' lacks its {}", entry.name,
                           !entry.has_dtype   ? "dtype"
                           : !entry.has_shape ? "shape"
                                              : "data_offsets"));
  }
  bool start_array(std::size_t) {
    if (in_array_ || metadata_ || depth_ != 2 || (field_ != Field::kShape && field_ != Field::kOffsets)) {
      return bad(fmt::format("a list where none belongs{}", where()));
    }
    in_array_ = true;
    return true;
  }
  bool end_array() {
    in_array_ = false;
    return true;
  }
  bool number_unsigned(std::uint64_t value) {
    if (!in_array_) return bad(fmt::format("a number where none belongs{}", where()));
    auto& list = field_ == Field::kShape ? entries.back().shape : entries.back().offsets;
    if (list.size() >= kMaxDimensions)
      return bad(fmt::format("more than {} numbers in a list{}", kMaxDimensions, where()));
    list.push_back(value);
    return true;
  }
  bool string(std::string& value) {
    if (metadata_ && depth_ == 2) return true;
    if (depth_ != 2 || in_array_ || field_ != Field::kDtype) {
      return bad(fmt::format("a text where none belongs{}", where()));
    }
    if (!is_plain_name(value)) return bad(fmt::format("a dtype with control characters{}", where()));
    entries.back().dtype = value;
    return true;
  }
  bool number_integer(std::int64_t value) { return bad(fmt::format("the negative number {}{}", value, where())); }
  bool number_float(double, const std::string& text) { return bad(fmt::format("the number {}{}", text, where())); }
  bool null() { return bad(fmt::format("null{}", where())); }
  bool boolean(bool) { return bad(fmt::format("true or false{}", where())); }
  bool binary(json::binary_t&) { return false; }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) {
    return bad(fmt::format("not JSON at byte {}", position));
  }

 private:
  enum class Field { kNone, kDtype, kShape, kOffsets };
  bool bad(std::string text) {
    problem = std::move(text);
    return false;
  }
  std::string where() const { return entries.empty() ? "" : fmt::format(" in '{}'", entries.back().name); }

  std::unordered_set<std::string> names_;
  int depth_ = 0;
  bool metadata_ = false, in_array_ = false;
  Field field_ = Field::kNone;
};

// The bytes that `shape` takes at `size` each, or nothing if that overflows.
std::optional<std::uint64_t> shape_bytes(const std::vector<std::uint64_t>& shape, std::uint64_t size) {
  for (std::uint64_t extent : shape) {
    if (__builtin_mul_overflow(size, extent, &size)) return std::nullopt;
  }
  return size;
}

Result<StoredTensor> place(const Entry& entry, std::span<const std::byte> data, std::string_view name) {
  if (entry.offsets.size() != 2) {
    return fail(Code::kInvalid, "{}: '{}' has {} data_offsets, wanted 2", name, entry.name, entry.offsets.size());
  }
  const std::uint64_t begin = entry.offsets[0], end = entry.offsets[1];
  if (begin > end || end > data.size()) {
    return fail(Code::kInvalid, "{}: '{}' is at bytes [{}, {}) of {} bytes of data; the file is truncated or damaged",
                name, entry.name, begin, end, data.size());
  }
  StoredTensor tensor{.name = entry.name, .dtype_text = entry.dtype};
  const auto* word = std::find_if(std::begin(kTypeWords), std::end(kTypeWords),
                                  [&](const TypeWord& w) { return entry.dtype == w.word; });
  if (word != std::end(kTypeWords)) {
    tensor.dtype = word->dtype;
    const auto bytes = shape_bytes(entry.shape, static_cast<std::uint64_t>(word->bytes));
    if (!bytes || *bytes != end - begin) {
      return fail(Code::kInvalid, "{}: '{}' of {} [{}] has {} bytes of data", name, entry.name, entry.dtype,
                  fmt::join(entry.shape, ", "), end - begin);
    }
  }
  for (std::uint64_t extent : entry.shape) {
    if (extent > INT64_MAX) return fail(Code::kInvalid, "{}: '{}' has an extent of {}", name, entry.name, extent);
    tensor.shape.push_back(static_cast<std::int64_t>(extent));
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

// REQUIRES: sorted by position.
Status check_cover(const std::vector<StoredTensor>& tensors, std::span<const std::byte> data, std::string_view name) {
  const std::byte* next = data.data();
  const StoredTensor* before = nullptr;
  for (const StoredTensor& tensor : tensors) {
    if (tensor.bytes.data() < next) {
      return fail(Code::kInvalid, "{}: the data of '{}' and '{}' overlap", name, before->name, tensor.name);
    }
    if (tensor.bytes.data() > next) {
      return fail(Code::kInvalid, "{}: {} bytes before '{}' belong to no tensor", name, tensor.bytes.data() - next,
                  tensor.name);
    }
    next += tensor.bytes.size();
    before = &tensor;
  }
  const std::size_t rest = static_cast<std::size_t>(data.data() + data.size() - next);
  if (rest != 0) return fail(Code::kInvalid, "{}: {} bytes at the end belong to no tensor", name, rest);
  return {};
}

}  // namespace

Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.size() < 8) {
    return fail(Code::kInvalid, "{}: {} bytes; a safetensors file starts with 8 bytes of header length", name,
                bytes.size());
  }
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  if (header > kMaxHeader || header > bytes.size() - 8) {
    return fail(Code::kInvalid, "{}: header of {} bytes in a file of {}; the file is truncated or not safetensors",
                name, header, bytes.size());
  }
  const auto text = std::string_view(reinterpret_cast<const char*>(bytes.data()) + 8, header);
  if (text.empty() || text.front() != '{') {
    return fail(Code::kInvalid, "{}: the header is not a JSON object", name);
  }
  HeaderReader reader;
  if (!json::sax_parse(text, &reader)) return fail(Code::kInvalid, "{}: header: {}", name, reader.problem);

  const auto data = bytes.subspan(8 + header);
  std::vector<StoredTensor> tensors;
  tensors.reserve(reader.entries.size());
  for (const Entry& entry : reader.entries) {
    PARETO_TRY(StoredTensor tensor, place(entry, data, name));
    tensors.push_back(std::move(tensor));
  }
  std::stable_sort(tensors.begin(), tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
  });
  PARETO_CHECK_OK(check_cover(tensors, data, name));
  return tensors;
}

}  // namespace pareto
