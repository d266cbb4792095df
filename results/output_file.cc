#include "results/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
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
  PARETO_TRY(file.fd_, open_locked(file.temporary_));
  if (::ftruncate(file.fd_, 0) != 0) return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
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
  ::unlink(temporary_.c_str());  // while the lock is held: afterwards it may be another program's
  ::close(fd_);
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
  if (::fsync(fd_) != 0) return fail(Code::kIo, "{}: {}", path_, std::strerror(errno));
  PARETO_CHECK_OK(put_in_place(temporary_, path_));
  ::close(std::exchange(fd_, -1));
  return {};
}

Result<int> open_locked(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
  const auto refuse = [&](const char* why) {
    ::close(fd);
    return fail(Code::kIo, "{}: {}", path, why);
  };
  const bool held = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  if (!held && errno != EWOULDBLOCK) return refuse(std::strerror(errno));
  // Whoever had it may have renamed it between the two calls: then the lock is on the finished file.
  struct stat mine {
  }, named{};
  const bool same = held && ::fstat(fd, &mine) == 0 && ::stat(path.c_str(), &named) == 0 &&
                    mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
  if (!same) return refuse("another program is writing it; try again when that has ended");
  return fd;
}

Status put_in_place(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return fail(Code::kIo, "{}: {}", to, std::strerror(errno));
  return sync_folder_of(to);
}

Status sync_folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return {};                                    // a folder that may be written and not read
  const bool synced = ::fsync(fd) == 0 || errno == EINVAL;  // file systems that cannot sync a folder
  const int reason = errno;
  ::close(fd);
  return synced ? Status{} : fail(Code::kIo, "{}: {}", path, std::strerror(reason));
}

Status make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(Code::kIo, "{}: {}", path, error.message());
  return {};
}

}  // namespace pareto
