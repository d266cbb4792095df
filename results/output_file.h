// A file that appears whole or not at all: written under a temporary name beside its place, synced, renamed.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace pareto {

class WholeFile {
 public:
  // Makes `path`.partial, or takes over one that a killed program left. kIo: "PATH: Permission denied", or that another
  // program is writing it.
  static Result<WholeFile> create(const std::string& path);
  WholeFile(WholeFile&& other) noexcept;
  WholeFile& operator=(WholeFile&& other) noexcept;
  // Removes the temporary file unless commit() succeeded.
  ~WholeFile();

  // Buffered.
  Status write(std::string_view bytes);
  // Flush, fsync, put_in_place().
  Status commit();

 private:
  WholeFile() = default;
  Status flush();
  std::string path_, temporary_, buffer_;
  int fd_ = -1;
};

// Opens a file for reading and writing, or makes it, and locks it for as long as it stays open. kIo: "PATH: another
// program is writing it; …", "PATH: Permission denied".
Result<int> open_locked(const std::string& path);

// Renames, and syncs the folder, so that the new name survives a power cut. kIo: "TO: …".
Status put_in_place(const std::string& from, const std::string& to);

// The name of a new file to the disk. kIo: "PATH: …".
Status sync_folder_of(const std::string& path);

// mkdir -p. kIo: "PATH: Permission denied".
Status make_folders(const std::string& path);

}  // namespace pareto
