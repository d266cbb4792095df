#include "engine/gguf.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

namespace pareto {
namespace {

constexpr std::uint64_t kMaxDimensions = 4;
constexpr std::uint64_t kMaxAlignment = 1 << 20;

struct TensorType {
  std::uint32_t number;
  const char* word;
  std::optional<DType> dtype;
};
// Types that we do not read are here for the message only.
const TensorType kTensorTypes[] = {
    {0, "F32", DType::kF32},       {1, "F16", DType::kF16},      {30, "BF16", DType::kBF16},
    {8, "Q8_0", DType::kQ8_0},     {2, "Q4_0", DType::kQ4_0},    {3, "Q4_1", DType::kQ4_1},
    {12, "Q4_K", DType::kQ4_K},    {13, "Q5_K", DType::kQ5_K},   {14, "Q6_K", DType::kQ6_K},
    {6, "Q5_0", std::nullopt},     {7, "Q5_1", std::nullopt},    {9, "Q8_1", std::nullopt},
    {10, "Q2_K", std::nullopt},    {11, "Q3_K", std::nullopt},   {15, "Q8_K", std::nullopt},
    {16, "IQ2_XXS", std::nullopt}, {17, "IQ2_XS", std::nullopt}, {18, "IQ3_XXS", std::nullopt},
    {19, "IQ1_S", std::nullopt},   {20, "IQ4_NL", std::nullopt}, {21, "IQ3_S", std::nullopt},
    {22, "IQ2_S", std::nullopt},   {23, "IQ4_XS", std::nullopt}, {24, "I8", std::nullopt},
    {25, "I16", std::nullopt},     {26, "I32", std::nullopt},    {27, "I64", std::nullopt},
    {28, "F64", std::nullopt},     {29, "IQ1_M", std::nullopt},  {34, "TQ1_0", std::nullopt},
    {35, "TQ2_0", std::nullopt},   {39, "MXFP4", std::nullopt},
};

// Bytes of one value of a fixed-size type, 0 for text and arrays.
std::size_t fixed_size(GgufType type) {
  constexpr std::array<std::size_t, 13> kSizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kSizes[static_cast<std::size_t>(type)];
}

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Walks the head of the file; once something did not fit, everything after it is refused too.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  std::size_t position() const { return position_; }
  std::size_t rest() const { return bytes_.size() - position_; }

  template <class T>
  Result<T> number(std::string_view what) {
    if (rest() < sizeof(T)) return short_of(what, sizeof(T));
    const T value = load<T>(bytes_.data() + position_);
    position_ += sizeof(T);
    return value;
  }
  Result<std::span<const std::byte>> take(std::uint64_t size, std::string_view what) {
    if (size > rest()) return short_of(what, size);
    const auto part = bytes_.subspan(position_, size);
    position_ += size;
    return part;
  }
  Result<std::string_view> text(std::string_view what) {
    PARETO_TRY(const std::uint64_t size, number<std::uint64_t>(what));
    PARETO_TRY(const auto part, take(size, what));
    return std::string_view(reinterpret_cast<const char*>(part.data()), part.size());
  }
  // A count of things that take at least `least` bytes each.
  Result<std::uint64_t> count(std::uint64_t least, std::string_view what) {
    PARETO_TRY(const std::uint64_t value, number<std::uint64_t>(what));
    if (value > rest() / least) {
      return fail(Code::kInvalid, "{}: {} {} cannot be in the {} bytes that follow", name_, value, what, rest());
    }
    return value;
  }
  std::span<const std::byte> since(std::size_t start) const { return bytes_.subspan(start, position_ - start); }

 private:
  tl::unexpected<Error> short_of(std::string_view what, std::uint64_t size) const {
    return fail(Code::kInvalid, "{}: truncated: {} at byte {} needs {} bytes, {} are left", name_, what, position_,
                size, rest());
  }
  std::span<const std::byte> bytes_;
  std::string_view name_;
  std::size_t position_ = 0;
};

Result<GgufType> read_type(Reader& reader, std::string_view key, std::string_view name) {
  PARETO_TRY(const std::uint32_t number, reader.number<std::uint32_t>("the type of a value"));
  if (number > static_cast<std::uint32_t>(GgufType::kF64)) {
    return fail(Code::kInvalid, "{}: '{}' has the unknown value type {}", name, key, number);
  }
  return static_cast<GgufType>(number);
}

Status read_array(Reader& reader, std::string_view key, std::string_view name, GgufValue& value) {
  PARETO_TRY(value.type, read_type(reader, key, name));
  value.is_array = true;
  if (value.type == GgufType::kArray) return fail(Code::kUnsupported, "{}: '{}' is an array of arrays", name, key);
  const std::size_t size = fixed_size(value.type);
  PARETO_TRY(value.count, reader.count(size == 0 ? 8 : size, "array elements"));
  const std::size_t start = reader.position();
  if (size > 0) {
    PARETO_TRY(value.bytes, reader.take(value.count * size, key));
    return {};
  }
  for (std::uint64_t i = 0; i < value.count; ++i) PARETO_CHECK_OK(reader.text(key));
  value.bytes = reader.since(start);
  return {};
}

Status read_pair(Reader& reader, std::string_view name, Gguf& file) {
  PARETO_TRY(const std::string_view key, reader.text("a key"));
  if (!is_plain_name(key)) return fail(Code::kInvalid, "{}: a key is too long or has control characters", name);
  GgufValue value;
  PARETO_TRY(value.type, read_type(reader, key, name));
  if (value.type == GgufType::kArray) {
    PARETO_CHECK_OK(read_array(reader, key, name, value));
  } else if (value.type == GgufType::kText) {
    const std::size_t start = reader.position();
    PARETO_CHECK_OK(reader.text(key));
    value.bytes = reader.since(start);
  } else {
    PARETO_TRY(value.bytes, reader.take(fixed_size(value.type), key));
  }
  if (!file.pairs.emplace(key, value).second) return fail(Code::kInvalid, "{}: key '{}' is there twice", name, key);
  return {};
}

// A tensor's description; its bytes are not looked at yet.
struct TensorHead {
  StoredTensor tensor;
  std::uint64_t offset = 0;
};

Result<TensorHead> read_tensor_head(Reader& reader, std::string_view name) {
  TensorHead head;
  PARETO_TRY(const std::string_view tensor, reader.text("a tensor's name"));
  if (!is_plain_name(tensor)) {
    return fail(Code::kInvalid, "{}: a tensor's name is too long or has control characters", name);
  }
  head.tensor.name = tensor;
  PARETO_TRY(const std::uint32_t dimensions, reader.number<std::uint32_t>("a tensor's dimensions"));
  if (dimensions < 1 || dimensions > kMaxDimensions) {
    return fail(Code::kInvalid, "{}: '{}' has {} dimensions, must be in [1, {}]", name, tensor, dimensions,
                kMaxDimensions);
  }
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    PARETO_TRY(const std::uint64_t extent, reader.number<std::uint64_t>("a tensor's extent"));
    if (extent < 1 || extent > (std::uint64_t{1} << 40)) {
      return fail(Code::kInvalid, "{}: '{}' has an extent of {}", name, tensor, extent);
    }
    head.tensor.shape.insert(head.tensor.shape.begin(), static_cast<std::int64_t>(extent));
  }
  PARETO_TRY(const std::uint32_t type, reader.number<std::uint32_t>("a tensor's type"));
  const auto* known = std::find_if(std::begin(kTensorTypes), std::end(kTensorTypes),
                                   [&](const TensorType& t) { return t.number == type; });
  head.tensor.dtype_text = known != std::end(kTensorTypes) ? known->word : fmt::format("type {}", type);
  if (known != std::end(kTensorTypes)) head.tensor.dtype = known->dtype;
  PARETO_TRY(head.offset, reader.number<std::uint64_t>("a tensor's offset"));
  return head;
}

// Finds the tensor's bytes in the data section.
Status place(TensorHead& head, std::span<const std::byte> data, std::uint64_t alignment, std::string_view name) {
  StoredTensor& tensor = head.tensor;
  if (head.offset % alignment != 0) {
    return fail(Code::kInvalid, "{}: '{}' is at offset {}, not a multiple of the alignment {}", name, tensor.name,
                head.offset, alignment);
  }
  if (head.offset > data.size()) {
    return fail(Code::kInvalid, "{}: '{}' is at offset {} of {} bytes of data; the file is truncated or damaged", name,
                tensor.name, head.offset, data.size());
  }
  tensor.bytes = data.subspan(head.offset, 0);
  if (!tensor.dtype) return {};
  const int block = dtype_block(*tensor.dtype);
  if (tensor.shape.back() % block != 0) {
    return fail(Code::kInvalid, "{}: '{}' has rows of {} values, not a multiple of {}'s block of {}", name, tensor.name,
                tensor.shape.back(), tensor.dtype_text, block);
  }
  __int128 size = dtype_block_bytes(*tensor.dtype);
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    size *= i + 1 == tensor.shape.size() ? tensor.shape[i] / block : tensor.shape[i];
    if (size > static_cast<__int128>(data.size() - head.offset)) {
      return fail(Code::kInvalid,
                  "{}: '{}' of {} [{}] at offset {} runs beyond the {} bytes of data; the file is truncated", name,
                  tensor.name, tensor.dtype_text, fmt::join(tensor.shape, ", "), head.offset, data.size());
    }
  }
  tensor.bytes = data.subspan(head.offset, static_cast<std::size_t>(size));
  return {};
}

Status check_disjoint(const std::vector<StoredTensor>& tensors, std::string_view name) {
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->bytes.data() < b->bytes.data(); });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const auto before = order[i - 1]->bytes;
    if (before.data() + before.size() > order[i]->bytes.data() || before.data() == order[i]->bytes.data()) {
      return fail(Code::kInvalid, "{}: the data of '{}' and '{}' overlap", name, order[i - 1]->name, order[i]->name);
    }
  }
  return {};
}

Status read_alignment(std::string_view name, Gguf& file) {
  if (!file.has("general.alignment")) return {};
  const std::int64_t value = file.integer("general.alignment").value_or(0);
  if (value < 1 || value > static_cast<std::int64_t>(kMaxAlignment) || (value & (value - 1)) != 0) {
    return fail(Code::kInvalid, "{}: general.alignment = {}, must be a power of two up to {}", name, value,
                kMaxAlignment);
  }
  file.alignment = static_cast<std::uint64_t>(value);
  return {};
}

Status read_version(Reader& reader, std::string_view name, Gguf& file) {
  PARETO_TRY(const auto magic, reader.take(4, "the magic 'GGUF'"));
  if (std::memcmp(magic.data(), "GGUF", 4) != 0) return fail(Code::kInvalid, "{}: does not start with 'GGUF'", name);
  PARETO_TRY(const std::uint32_t version, reader.number<std::uint32_t>("the version"));
  if (version == 2 || version == 3) {
    file.version = static_cast<int>(version);
    return {};
  }
  if ((version & 0xffff) == 0) return fail(Code::kUnsupported, "{}: a big-endian GGUF file", name);
  return fail(Code::kUnsupported, "{}: GGUF version {}; supported: 2 3", name, version);
}

}  // namespace

Result<Gguf> parse_gguf(std::span<const std::byte> bytes, std::string_view name) {
  Gguf file;
  Reader reader(bytes, name);
  PARETO_CHECK_OK(read_version(reader, name, file));
  PARETO_TRY(const std::uint64_t tensors, reader.count(24, "tensors"));
  PARETO_TRY(const std::uint64_t pairs, reader.count(13, "metadata pairs"));
  for (std::uint64_t i = 0; i < pairs; ++i) PARETO_CHECK_OK(read_pair(reader, name, file));
  PARETO_CHECK_OK(read_alignment(name, file));

  std::vector<TensorHead> heads;
  std::unordered_set<std::string> names;
  for (std::uint64_t i = 0; i < tensors; ++i) {
    PARETO_TRY(TensorHead head, read_tensor_head(reader, name));
    if (!names.insert(head.tensor.name).second) {
      return fail(Code::kInvalid, "{}: tensor '{}' is there twice", name, head.tensor.name);
    }
    heads.push_back(std::move(head));
  }
  const std::uint64_t start = (reader.position() + file.alignment - 1) / file.alignment * file.alignment;
  if (tensors > 0 && start > bytes.size()) {
    return fail(Code::kInvalid, "{}: truncated: the data would start at byte {} of {}", name, start, bytes.size());
  }
  const auto data = bytes.subspan(std::min<std::size_t>(start, bytes.size()));
  for (TensorHead& head : heads) {
    PARETO_CHECK_OK(place(head, data, file.alignment, name));
    file.tensors.push_back(std::move(head.tensor));
  }
  PARETO_CHECK_OK(check_disjoint(file.tensors, name));
  return file;
}

namespace {

std::optional<std::int64_t> as_integer(GgufType type, const std::byte* p) {
  switch (type) {
    case GgufType::kU8:
      return load<std::uint8_t>(p);
    case GgufType::kI8:
      return load<std::int8_t>(p);
    case GgufType::kU16:
      return load<std::uint16_t>(p);
    case GgufType::kI16:
      return load<std::int16_t>(p);
    case GgufType::kU32:
      return load<std::uint32_t>(p);
    case GgufType::kI32:
      return load<std::int32_t>(p);
    case GgufType::kBool:
      return load<std::uint8_t>(p) != 0;
    case GgufType::kI64:
      return load<std::int64_t>(p);
    case GgufType::kU64: {
      const auto value = load<std::uint64_t>(p);
      if (value > INT64_MAX) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> as_real(GgufType type, const std::byte* p) {
  if (type == GgufType::kF32) return load<float>(p);
  if (type == GgufType::kF64) return load<double>(p);
  const auto value = as_integer(type, p);
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

const GgufValue* find_value(const Gguf& file, std::string_view key, bool is_array) {
  const auto it = file.pairs.find(key);
  return it != file.pairs.end() && it->second.is_array == is_array ? &it->second : nullptr;
}

std::string_view as_text(const std::byte* p) { return {reinterpret_cast<const char*>(p) + 8, load<std::uint64_t>(p)}; }

// Every element by `convert`; nothing at all if one of them is of another kind.
template <class T, class Convert>
std::vector<T> as_array(const Gguf& file, std::string_view key, Convert convert) {
  std::vector<T> out;
  const GgufValue* value = find_value(file, key, true);
  if (value == nullptr || value->type == GgufType::kText) return out;
  const std::size_t size = fixed_size(value->type);
  out.reserve(value->count);
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const auto element = convert(value->type, value->bytes.data() + i * size);
    if (!element) return {};
    out.push_back(*element);
  }
  return out;
}

}  // namespace

std::optional<std::int64_t> Gguf::integer(std::string_view key) const {
  const GgufValue* value = find_value(*this, key, false);
  if (value == nullptr || value->type == GgufType::kText) return std::nullopt;
  return as_integer(value->type, value->bytes.data());
}

std::optional<double> Gguf::real(std::string_view key) const {
  const GgufValue* value = find_value(*this, key, false);
  if (value == nullptr || value->type == GgufType::kText) return std::nullopt;
  return as_real(value->type, value->bytes.data());
}

std::optional<bool> Gguf::flag(std::string_view key) const {
  const GgufValue* value = find_value(*this, key, false);
  if (value == nullptr || value->type != GgufType::kBool) return std::nullopt;
  return load<std::uint8_t>(value->bytes.data()) != 0;
}

std::optional<std::string_view> Gguf::text(std::string_view key) const {
  const GgufValue* value = find_value(*this, key, false);
  if (value == nullptr || value->type != GgufType::kText) return std::nullopt;
  return as_text(value->bytes.data());
}

std::vector<std::string_view> Gguf::texts(std::string_view key) const {
  std::vector<std::string_view> out;
  const GgufValue* value = find_value(*this, key, true);
  if (value == nullptr || value->type != GgufType::kText) return out;
  out.reserve(value->count);
  const std::byte* p = value->bytes.data();
  for (std::uint64_t i = 0; i < value->count; ++i) {
    out.push_back(as_text(p));
    p += 8 + out.back().size();
  }
  return out;
}

std::vector<std::int64_t> Gguf::integers(std::string_view key) const {
  return as_array<std::int64_t>(*this, key, as_integer);
}

std::vector<double> Gguf::reals(std::string_view key) const { return as_array<double>(*this, key, as_real); }

std::uint32_t gguf_type_number(DType dtype) {
  return std::find_if(std::begin(kTensorTypes), std::end(kTensorTypes), [&](auto& t) { return t.dtype == dtype; })
      ->number;
}

const char* gguf_type_word(DType dtype) {
  return std::find_if(std::begin(kTensorTypes), std::end(kTensorTypes), [&](auto& t) { return t.dtype == dtype; })
      ->word;
}

}  // namespace pareto
