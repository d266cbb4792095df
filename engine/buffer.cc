#include "engine/buffer.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace pareto {
namespace {

// From here on the second-level TLB cannot hold all small pages. Below, clearing 2 MiB at a first touch costs more.
constexpr std::int64_t kLargePagesFrom = std::int64_t{32} << 20;

}  // namespace

Result<Buffer> Buffer::make(std::int64_t bytes) {
  Buffer buffer;
  if (bytes <= 0) return buffer;
  void* data = mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED)
    return fail(Code::kOutOfMemory, "the system refused {} bytes of memory: {}", bytes, std::strerror(errno));
  // Attention over a deep cache would miss the TLB at every small page.
  if (bytes >= kLargePagesFrom) madvise(data, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
  buffer.data_ = data;
  buffer.bytes_ = bytes;
  return buffer;
}

Buffer::~Buffer() {
  if (data_) munmap(data_, static_cast<std::size_t>(bytes_));
}

Buffer::Buffer(Buffer&& o) noexcept : data_(std::exchange(o.data_, nullptr)), bytes_(std::exchange(o.bytes_, 0)) {}

Buffer& Buffer::operator=(Buffer&& o) noexcept {
  std::swap(data_, o.data_);
  std::swap(bytes_, o.bytes_);
  return *this;
}

}  // namespace pareto
