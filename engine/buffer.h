// Zeroed memory straight from the system: pages (of a large buffer 2 MiB ones, if it can) exist once they are touched,
// and go back when the buffer does.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/result.h"

namespace pareto {

class Buffer {
 public:
  // kOutOfMemory where the system refuses the address space.
  static Result<Buffer> make(std::int64_t bytes);
  Buffer() = default;
  ~Buffer();
  Buffer(Buffer&& o) noexcept;
  Buffer& operator=(Buffer&& o) noexcept;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;  // page-aligned
  std::int64_t bytes_ = 0;
};

}  // namespace pareto
