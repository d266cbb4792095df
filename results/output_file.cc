#include "results/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace pareto {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 20;

}  // namespace

Result<WholeFile> WholeFile::create(const std::string& path) {
  WholeFile file;
  file.path_ = path;
  file.temporary_ = path + ".partial";
  file.fd_ = ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file.fd_ < 0) return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
  return file;
}

WholeFile::WholeFile(WholeFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      buffer_(std::move(other.buffer_)),
      fd_(std::exchange(other.fd_, -1)) {}

WholeFile& WholeFile::operator=(WholeFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(buffer_, other.buffer_);
  std::swap(fd_, other.fd_);
  return *this;
}

WholeFile::~WholeFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

Status WholeFile::write(std::string_view bytes) {
  buffer_.append(bytes);
  return buffer_.size() < kBuffer ? Status{} : flush();
}

Status WholeFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::kIo, "{}: {}", path_, std::strerror(errno));
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  buffer_.clear();
  return {};
}

Status WholeFile::commit() {
  PARETO_CHECK_OK(flush());
  if (::fsync(fd_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0)
    return fail(Code::kIo, "{}: {}", path_, std::strerror(errno));
  ::close(std::exchange(fd_, -1));
  return {};
}

Status make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(Code::kIo, "{}: {}", path, error.message());
  return {};
}

}  // namespace pareto
