#include "engine/model_stream.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kernels/cpu/blocks.h"
#include "kernels/ops.h"

namespace pareto {
namespace {

// Values converted between two writes: enough to keep threads busy, little enough to stay in cache.
constexpr std::int64_t kChunkValues = 1 << 20;
// Fewer values than this are not worth waking a thread.
constexpr std::int64_t kThreadValues = 1 << 16;

// Rows of q and k, and of their biases, are the ones that RoPE turns. A bias is a row of single values.
bool is_turned(std::string_view name) {
  return name.find(".self_attn.q_proj.") != std::string_view::npos ||
         name.find(".self_attn.k_proj.") != std::string_view::npos;
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path) {
  OutputFile out;
  out.path_ = path;
  out.partial_ = path + ".partial";
  out.file_ = std::fopen(out.partial_.c_str(), "wb");
  if (out.file_ == nullptr) return fail(Code::kIo, "{}: cannot write: {}", path, std::strerror(errno));
  return out;
}

OutputFile::~OutputFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::remove(partial_.c_str());
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      partial_(std::move(other.partial_)),
      file_(std::exchange(other.file_, nullptr)),
      position_(other.position_) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(partial_, other.partial_);
  std::swap(file_, other.file_);
  std::swap(position_, other.position_);
  return *this;
}

Status OutputFile::write(const void* data, std::size_t size) {
  if (size > 0 && std::fwrite(data, 1, size, file_) != size) {
    return fail(Code::kIo, "{}: cannot write: {}", path_, std::strerror(errno));
  }
  position_ += size;
  return {};
}

Status OutputFile::pad(std::size_t alignment) {
  const std::vector<char> zeros((alignment - position_ % alignment) % alignment, 0);
  return write(zeros.data(), zeros.size());
}

Status OutputFile::commit() {
  // A full disk may show only when the last buffer is written.
  const bool flushed = std::fclose(std::exchange(file_, nullptr)) == 0;
  if (flushed && std::rename(partial_.c_str(), path_.c_str()) == 0) return {};
  const int reason = errno;
  std::remove(partial_.c_str());
  return fail(Code::kIo, "{}: cannot write: {}", path_, std::strerror(reason));
}

std::int64_t RowOrder::source(std::int64_t row) const {
  if (from == to) return row;
  const std::int64_t head = row / head_dim * head_dim, i = row % head_dim, half = head_dim / 2;
  if (to == RopeStyle::kAdjacent) return head + i / 2 + (i % 2) * half;
  return head + (i < half ? 2 * i : 2 * (i - half) + 1);
}

std::int64_t Piece::bytes() const {
  std::int64_t n = 1;
  for (std::int64_t extent : shape) n *= extent;
  return dtype_bytes(dtype, n);
}

namespace {

// A vector: its values are its rows, so that a bias is permuted as its matrix is.
Status write_vector(const TensorSource& source, const Piece& piece, const RowOrder& order, OutputFile& file) {
  const std::int64_t n = piece.shape[0];
  std::vector<float> in(static_cast<std::size_t>(n)), values(in.size());
  source.row(piece.name, piece.shape, 0, in.data());
  for (std::int64_t i = 0; i < n; ++i)
    values[static_cast<std::size_t>(i)] = in[static_cast<std::size_t>(order.source(i))];
  std::vector<std::byte> bytes(static_cast<std::size_t>(piece.bytes()));
  quantise(piece.dtype, values.data(), n, bytes.data());
  if (first_bad_block(piece.dtype, bytes.data(), n) >= 0) {
    return fail(Code::kInvalid, "'{}' has a value that is not finite in {}", piece.name, dtype_name(piece.dtype));
  }
  return file.write(bytes.data(), bytes.size());
}

}  // namespace

Status write_piece(const TensorSource& source, const Piece& piece, RopeStyle style, ThreadPool& pool,
                   OutputFile& file) {
  RowOrder order{.from = source.config().rope.style, .to = style, .head_dim = source.config().head_dim};
  if (!is_turned(piece.name)) order.to = order.from;
  if (piece.shape.size() == 1) return write_vector(source, piece, order, file);

  const std::int64_t rows = piece.shape[0], cols = piece.shape[1], row_bytes = dtype_bytes(piece.dtype, cols);
  const std::int64_t chunk = std::max<std::int64_t>(1, kChunkValues / cols);
  const auto stored = source.stored(piece.name);
  const bool copy = stored && stored->dtype == piece.dtype;
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(chunk, rows) * row_bytes));
  std::vector<std::vector<float>> scratch(static_cast<std::size_t>(pool.size()));
  std::atomic<bool> bad{false};
  for (std::int64_t first = 0; first < rows; first += chunk) {
    const std::int64_t count = std::min(chunk, rows - first);
    pool.split(count, std::max<std::int64_t>(1, kThreadValues / cols),
               [&](std::int64_t begin, std::int64_t end, int thread) {
                 auto& values = scratch[static_cast<std::size_t>(thread)];
                 values.resize(static_cast<std::size_t>(cols));
                 for (std::int64_t r = begin; r < end; ++r) {
                   std::byte* out = bytes.data() + r * row_bytes;
                   const std::int64_t from = order.source(first + r);
                   if (copy) {
                     std::memcpy(out, stored->data + from * row_bytes, static_cast<std::size_t>(row_bytes));
                   } else {
                     source.row(piece.name, piece.shape, from, values.data());
                     if (first_bad_block(DType::kF32, values.data(), cols) >= 0) bad = true;
                     quantise(piece.dtype, values.data(), cols, out);
                   }
                   if (first_bad_block(piece.dtype, out, cols) >= 0) bad = true;
                 }
               });
    if (bad)
      return fail(Code::kInvalid, "'{}' has a value that is not finite in {}", piece.name, dtype_name(piece.dtype));
    PARETO_CHECK_OK(file.write(bytes.data(), static_cast<std::size_t>(count * row_bytes)));
  }
  return {};
}

}  // namespace pareto
