// HTTP GETs that survive a bad network: redirects, proxies (libcurl's own environment variables), time limits, retries.
//
//   get(url)             one attempt after another until a whole reply came
//   download(url, path)  the same into path.part, from where an earlier attempt or an earlier run stopped, then renamed
//
// Tried again, after 1, 2, 4, … waits or what Retry-After says: 429, 408, 5xx, connections that are refused, cut or
// silent. Everything else is an answer and fails at once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace pareto {

struct HttpOptions {
  std::string token;                       // bearer; sent to `token_origins` only, never shown
  std::vector<std::string> token_origins;  // "https://huggingface.co": scheme, host and port of a URL that may have it
  int retries = 5;                         // after the first attempt
  double retry_wait_s = 1;                 // before the first retry; doubles
  double stall_s = 30;                     // a transfer that brings under 100 bytes a second for so long is cut
  std::function<bool()> stopped;           // true: give up (Ctrl-C)
  std::function<void(const std::string&)> say;  // one line of progress, without a newline
};

// What is known of a file before it is fetched.
struct Expected {
  std::int64_t bytes = -1;  // -1: not known
  std::string sha256;       // hex; empty: not known
  std::string git_sha1;     // hex, of "blob <bytes>\0" + content, as git and the hub name small files; empty: not known
};

struct HttpReply {
  std::string body;
  std::string revision;  // its X-Revision, which commit of a repository it is made from; "" where it says none
};

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options) : options_(std::move(options)) {}

  // A 200 whose body has up to 512 MiB. Errors: kIo (unreachable, cut), kNotFound (404), kInvalid (other replies),
  // kInterrupted.
  Result<HttpReply> get(const std::string& url) const;

  // `path` appears whole and checked, or not at all. path.part and path.part.json keep what came for the next attempt.
  // Errors: those of get(), kIo where another program is at it, kInvalid where length or hash is not the expected one
  // (the part is then removed).
  Status download(const std::string& url, const std::string& path, const Expected& expected) const;

  const HttpOptions& options() const { return options_; }

 private:
  HttpOptions options_;
};

// The right to write a part file: two programs that append to one would leave holes in it. Ends with the object or the
// program.
class PartLock {
 public:
  // Makes the file where it is not there. kIo: another program has it.
  static Result<PartLock> take(const std::string& part);
  PartLock(PartLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  PartLock& operator=(PartLock&&) = delete;
  ~PartLock();

 private:
  explicit PartLock(int fd) : fd_(fd) {}
  int fd_;
};

// "https://host:8080/a/b" → "https://host:8080", "" for what is no http(s) URL.
std::string origin_of(std::string_view url);
// RFC 3986: everything but letters, digits, "-._~" as %XX; `keep` as it is too ("/").
std::string url_encoded(std::string_view text, std::string_view keep = "");

// A file's checks: its length, sha256 and git_sha1 where expected. `name` is what messages call it.
Status check_file(const std::string& path, const std::string& name, const Expected& expected);
// sha256 of a file's bytes. kIo, kNotFound.
Result<std::string> file_sha256(const std::string& path);

}  // namespace pareto
