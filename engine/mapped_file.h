// A file in memory, read only: its pages are the page cache's, so nothing is copied and a second process shares them.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/result.h"

namespace pareto {

class MappedFile {
 public:
  // kNotFound: there is no such file; kIo: the system refused; kInvalid: a folder, or something that is not a file.
  // An empty file maps to an empty span.
  static Result<MappedFile> open(const std::string& path);

  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Whether there is a file or folder of this name that we may look at.
bool file_exists(const std::string& path);

// What a text file beside the weights (config.json) may have at most.
inline constexpr std::size_t kLargestTextFile = 64u << 20;

}  // namespace pareto
