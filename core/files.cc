#include "core/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pareto {

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return fail(Code::kNotFound, "no file {}", path);
    return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
  }
  struct stat info {};
  std::string text;
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && static_cast<std::size_t>(info.st_size) <= most)
    text.reserve(static_cast<std::size_t>(info.st_size));
  int error = S_ISDIR(info.st_mode) ? EISDIR : 0;
  while (error == 0 && text.size() <= most) {
    char buffer[1 << 16];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) break;
    if (n > 0) {
      text.append(buffer, static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  ::close(fd);
  if (error != 0) return fail(Code::kIo, "{}: {}", path, std::strerror(error));
  if (text.size() > most)
    return fail(Code::kInvalid, "{}: more than the {} bytes that such a file may have", path, most);
  return text;
}

}  // namespace pareto
