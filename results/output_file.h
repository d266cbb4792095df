// A file that appears whole or not at all: written under a temporary name beside its place, synced, renamed.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace pareto {

class WholeFile {
 public:
  // Makes `path`.partial. kIo: "PATH: Permission denied".
  static Result<WholeFile> create(const std::string& path);
  WholeFile(WholeFile&& other) noexcept;
  WholeFile& operator=(WholeFile&& other) noexcept;
  // Removes the temporary file unless commit() succeeded.
  ~WholeFile();

  // Buffered.
  Status write(std::string_view bytes);
  // Flush, fsync, rename to `path`.
  Status commit();

 private:
  WholeFile() = default;
  Status flush();
  std::string path_, temporary_, buffer_;
  int fd_ = -1;
};

// mkdir -p. kIo: "PATH: Permission denied".
Status make_folders(const std::string& path);

}  // namespace pareto
