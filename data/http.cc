#include "data/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "core/files.h"
#include "core/hash.h"
#include "results/output_file.h"
#include "tasks/python.h"
#include "tasks/value.h"

namespace pareto {
namespace {

constexpr std::size_t kLargestReply = std::size_t{512} << 20;
constexpr std::size_t kErrorBody = 4096;  // of a reply that is an error: enough for its message
constexpr double kLongestWait = 300;      // a Retry-After beyond that is cut
constexpr long kConnectSeconds = 20;
constexpr long kSlowest = 100;  // bytes a second: a server that drips is as good as silent

struct CurlFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, CurlFree>;
using HeaderList = std::unique_ptr<curl_slist, CurlFree>;

struct ReplyHead {
  std::string etag, revision;
};

// Where a reply's body goes, decided once its status is known.
class Sink {
 public:
  virtual ~Sink() = default;
  // Before the first byte of a 200 or 206. An error ends the transfer.
  virtual Status begin(long status, const ReplyHead& head) = 0;
  virtual Status write(std::string_view bytes) = 0;
};

class TextSink final : public Sink {
 public:
  Status begin(long, const ReplyHead& head) override {
    reply = {"", head.revision};
    return {};
  }
  Status write(std::string_view bytes) override {
    if (reply.body.size() + bytes.size() > kLargestReply)
      return fail(Code::kInvalid, "the reply is larger than 512 MiB");
    reply.body += bytes;
    return {};
  }
  HttpReply reply;
};

// path.part.json: which file the part is of.
struct PartState {
  std::string url, etag;
};

PartState read_part_state(const std::string& path) {
  PartState state;
  const auto value = value_from_json(read_file(path).value_or(""));
  if (!value || !value->is_dict()) return state;
  const Value *url = value->get("url"), *etag = value->get("etag");
  if (url != nullptr && url->is_string()) state.url = url->text();
  if (etag != nullptr && etag->is_string()) state.etag = etag->text();
  return state;
}

Status write_part_state(const std::string& path, const PartState& state) {
  PARETO_TRY(WholeFile file, WholeFile::create(path));
  PARETO_TRY(const std::string text,
             python::json_dumps(Value::dict({{Value("url"), Value(state.url)}, {Value("etag"), Value(state.etag)}})));
  PARETO_CHECK_OK(file.write(text));
  return file.commit();
}

// Appends to the part file where the server goes on from there (206), starts it over where it sends all (200). Which
// file the part is of is on disk before its first byte, so a killed program's part is gone on from, and never taken for
// another.
class FileSink final : public Sink {
 public:
  // `most`: bytes that the file may have; -1: any number.
  FileSink(int fd, std::int64_t have, std::int64_t most, std::string state_path, PartState state)
      : fd_(fd), have_(have), most_(most), state_path_(std::move(state_path)), state_(std::move(state)) {}
  Status begin(long status, const ReplyHead& head) override {
    if (status != 206) PARETO_CHECK_OK(clear());
    state_.etag = head.etag;
    return write_part_state(state_path_, state_);
  }
  Status write(std::string_view bytes) override {
    if (most_ >= 0 && std::ssize(bytes) > most_ - have_) {
      PARETO_CHECK_OK(clear());
      return fail(Code::kInvalid, "more than the {} bytes that belong there: another version, or damaged", most_);
    }
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(Code::kIo, "{}", std::strerror(errno));
      bytes.remove_prefix(static_cast<std::size_t>(n));
      have_ += n;
    }
    return {};
  }
  Status clear() {
    have_ = 0;
    if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0) return fail(Code::kIo, "{}", std::strerror(errno));
    return {};
  }
  std::int64_t have() const { return have_; }

 private:
  int fd_;
  std::int64_t have_, most_;
  std::string state_path_;
  PartState state_;
};

// One attempt's state, shared with libcurl's callbacks.
struct Transfer {
  CURL* handle = nullptr;
  Sink* sink = nullptr;
  const std::function<bool()>* stopped = nullptr;
  std::int64_t asked_from = 0;  // the first byte of the range that was asked for
  bool begun = false;
  bool bounded = false;  // the reply says where it ends
  std::string error_body, etag, content_range, revision;
  std::optional<Error> error;  // of the sink
};

std::size_t take_header(const char* data, std::size_t, std::size_t n, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  const std::string_view line = python::strip(std::string_view(data, n));
  if (line.starts_with("HTTP/")) {  // of a redirect's target, or after a 1xx: what came before is no longer of interest
    transfer->etag.clear();
    transfer->content_range.clear();
    transfer->revision.clear();
    transfer->error_body.clear();
    transfer->bounded = line.starts_with("HTTP/2");
    return n;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return n;
  const std::string name = python::lower(line.substr(0, colon));
  const std::string_view value = python::strip(line.substr(colon + 1));
  if (name == "etag") transfer->etag = value;
  if (name == "content-range") transfer->content_range = value;
  if (name == "x-revision") transfer->revision = value;
  transfer->bounded =
      transfer->bounded || name == "content-length" || (name == "transfer-encoding" && value == "chunked");
  return n;
}

std::size_t take_body(const char* data, std::size_t, std::size_t n, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  long status = 0;
  curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 && status != 206) {
    transfer->error_body.append(data, std::min(n, kErrorBody - std::min(kErrorBody, transfer->error_body.size())));
    return n;
  }
  Status written;
  if (!transfer->begun) {
    transfer->begun = true;
    const std::string wanted = fmt::format("bytes {}-", transfer->asked_from);
    if (status == 206 && !transfer->content_range.starts_with(wanted)) {
      written = fail(Code::kInvalid, "asked for the bytes from {} on, got '{}'", transfer->asked_from,
                     transfer->content_range);
    } else {
      written = transfer->sink->begin(status, {transfer->etag, transfer->revision});
    }
  }
  if (written) written = transfer->sink->write(std::string_view(data, n));
  if (!written) transfer->error = written.error();
  return written ? n : 0;
}

int watch(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto* transfer = static_cast<const Transfer*>(user);
  return *transfer->stopped && (*transfer->stopped)() ? 1 : 0;
}

// What became of one attempt.
struct Attempt {
  Status status;
  long http = 0;  // its status; 0: no reply
  bool retry = false;
  bool progress = false;  // more of the file is there than ever before
  double wait_s = 0;      // what the server asked for
};

Error with_url(Error error, const std::string& url) { return {error.code, fmt::format("{}: {}", url, error.message)}; }

// One line of an error reply's body: the hub's {"error": "…"} or the start of the text.
std::string reason_in(const std::string& body) {
  std::string text = body;
  if (const auto value = value_from_json(body); value && value->is_dict()) {
    const Value* error = value->get("error");
    if (error != nullptr && error->is_string()) text = error->text();
  }
  std::string line;
  for (const std::string_view word : python::split_space(text)) {
    if (line.size() + word.size() > 120) break;
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  // A terminal takes what is left of the control characters as commands.
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return line.empty() || line.front() == '<' ? "" : ": " + line;
}

Error refusal(const std::string& url, long status, const std::string& body) {
  const std::string text = fmt::format("{}: HTTP {}{}", url, status, reason_in(body));
  if (status == 401 || status == 403)
    return {Code::kInvalid, text + "; it needs the consent of its owner and a token in $HF_TOKEN"};
  if (status == 404) return {Code::kNotFound, text};
  return {Code::kInvalid, text};
}

bool is_passing(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR:
      return true;
    default:
      return false;
  }
}

Attempt judge(const std::string& url, CURLcode code, const Transfer& transfer) {
  Attempt attempt;
  long status = 0;
  curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
  attempt.http = status;
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    attempt.status = fail(Code::kInterrupted, "interrupted; the same command goes on from there");
  } else if (transfer.error) {
    attempt.status = tl::unexpected(with_url(*transfer.error, url));
  } else if (code != CURLE_OK) {
    attempt.status = fail(Code::kIo, "{}: {}", url, curl_easy_strerror(code));
    attempt.retry = is_passing(code);
  } else if (status == 429 || status == 408 || status >= 500) {
    attempt.status = tl::unexpected(Error{Code::kIo, refusal(url, status, transfer.error_body).message});
    attempt.retry = true;
    curl_off_t wait = 0;
    curl_easy_getinfo(transfer.handle, CURLINFO_RETRY_AFTER, &wait);
    attempt.wait_s = static_cast<double>(wait);
  } else if (status != 200 && status != 206) {
    attempt.status = tl::unexpected(refusal(url, status, transfer.error_body));
  } else if (!transfer.bounded) {
    attempt.status =
        fail(Code::kInvalid, "{}: the reply says neither its length nor where it ends, so it may be cut", url);
  }
  return attempt;
}

// Headers of one attempt: the token where it may go, and which bytes.
HeaderList headers_of(const HttpOptions& options, const std::string& url, std::int64_t from, const std::string& etag) {
  curl_slist* list = nullptr;
  const auto add = [&list](const std::string& line) { list = curl_slist_append(list, line.c_str()); };
  const auto& origins = options.token_origins;
  // libcurl drops this header where a redirect leaves the host.
  if (!options.token.empty() && std::find(origins.begin(), origins.end(), origin_of(url)) != origins.end())
    add("Authorization: Bearer " + options.token);
  if (from > 0) {
    add(fmt::format("Range: bytes={}-", from));
    if (!etag.empty()) add("If-Range: " + etag);
  }
  return HeaderList(list);
}

Attempt attempt_get(const HttpOptions& options, const std::string& url, std::int64_t from, const std::string& etag,
                    Sink* sink) {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  const CurlHandle handle(kStarted == CURLE_OK ? curl_easy_init() : nullptr);
  if (handle == nullptr) return {fail(Code::kOutOfMemory, "{}: libcurl does not start", url)};
  Transfer transfer;
  transfer.handle = handle.get();
  transfer.sink = sink;
  transfer.stopped = &options.stopped;
  transfer.asked_from = from;
  const HeaderList headers = headers_of(options, url, from, etag);
  const auto set = [&handle](CURLoption option, auto value) { curl_easy_setopt(handle.get(), option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, url.starts_with("https:") ? "https" : "http,https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 10L);
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_USERAGENT, "pareto");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(CURLOPT_LOW_SPEED_LIMIT, kSlowest);
  set(CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(options.stall_s)));
  set(CURLOPT_HEADERFUNCTION, take_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, take_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, watch);
  set(CURLOPT_XFERINFODATA, &transfer);
  const CURLcode code = curl_easy_perform(handle.get());
  Attempt attempt = judge(url, code, transfer);
  // An empty body reaches no callback: the sink must still learn that the file starts over.
  if (attempt.status && !transfer.begun) attempt.status = sink->begin(200, {transfer.etag, transfer.revision});
  return attempt;
}

bool stopped_while_waiting(const HttpOptions& options, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    if (options.stopped && options.stopped()) return true;
    const std::chrono::duration<double> left = end - Clock::now();
    std::this_thread::sleep_for(std::min(left, std::chrono::duration<double>(0.1)));
  }
  return options.stopped && options.stopped();
}

// Attempts until one ends well, or in a way that another would not change.
Status with_retries(const HttpOptions& options, const std::function<Attempt()>& attempt) {
  double wait = options.retry_wait_s;
  for (int n = 0;; ++n) {
    Attempt result = attempt();
    if (result.status || !result.retry) return result.status;
    if (result.progress) {
      n = 0;
      wait = options.retry_wait_s;
    }
    if (n >= options.retries)
      return fail(result.status.error().code, "{}; {} attempts failed, the same command goes on from there",
                  result.status.error().message, n + 1);
    const double seconds = std::min(std::max(wait, result.wait_s), kLongestWait);
    if (options.say) options.say(fmt::format("{}; trying again in {:.3g} s", result.status.error().message, seconds));
    if (stopped_while_waiting(options, seconds))
      return fail(Code::kInterrupted, "interrupted; the same command goes on from there");
    wait *= 2;
  }
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// One attempt to complete the part file, of `bytes` (-1: not known). `most` is the most that was ever there: a server
// that ignores ranges and cuts every time makes no progress.
Attempt attempt_part(const HttpOptions& options, const std::string& url, const std::string& part, std::int64_t bytes,
                     std::int64_t* most) {
  const Descriptor fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (fd.get() < 0) return {fail(Code::kIo, "{}: {}", part, std::strerror(errno))};
  const PartState state = read_part_state(part + ".json");
  const bool same = state.url == url;
  const std::int64_t have = same ? std::max<std::int64_t>(0, ::lseek(fd.get(), 0, SEEK_END)) : 0;
  FileSink sink(fd.get(), have, bytes, part + ".json", {url, ""});
  if (have == 0)
    if (Status emptied = sink.clear(); !emptied) return {emptied};
  Attempt attempt = attempt_get(options, url, have, same ? state.etag : "", &sink);
  if (attempt.http == 416 && have > 0) {
    // The part is as long as the file, or longer: it is of another one. All of it, then.
    if (Status emptied = sink.clear(); !emptied) return {emptied};
    attempt.retry = true;
  }
  attempt.progress = sink.have() > *most;
  *most = std::max(*most, sink.have());
  if (::fsync(fd.get()) != 0) return {fail(Code::kIo, "{}: {}", part, std::strerror(errno))};
  return attempt;
}

}  // namespace

PartLock::~PartLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<PartLock> PartLock::take(const std::string& part) {
  PARETO_TRY(const int fd, open_locked(part));
  return PartLock(fd);
}

std::string origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos || !url.starts_with("http")) return "";
  return std::string(url.substr(0, std::min(url.size(), url.find_first_of("/?#", scheme + 3))));
}

std::string url_encoded(std::string_view text, std::string_view keep) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos ||
                       keep.find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<HttpReply> HttpClient::get(const std::string& url) const {
  TextSink sink;
  PARETO_CHECK_OK(with_retries(options_, [&] { return attempt_get(options_, url, 0, "", &sink); }));
  return std::move(sink.reply);
}

Status HttpClient::download(const std::string& url, const std::string& path, const Expected& expected) const {
  const std::string part = path + ".part";
  PARETO_CHECK_OK(make_folders(std::filesystem::path(path).parent_path().string()));
  PARETO_TRY([[maybe_unused]] const PartLock lock, PartLock::take(part));
  // A part that is already as long as the file needs no request, only its check.
  std::error_code none;
  const bool whole = expected.bytes >= 0 && read_part_state(part + ".json").url == url &&
                     static_cast<std::int64_t>(std::filesystem::file_size(part, none)) == expected.bytes && !none;
  std::int64_t most = 0;
  if (!whole) {
    const Status brought =
        with_retries(options_, [&] { return attempt_part(options_, url, part, expected.bytes, &most); });
    if (!brought && std::filesystem::file_size(part, none) == 0) {  // nothing to go on from
      std::filesystem::remove(part, none);
      std::filesystem::remove(part + ".json", none);
    }
    PARETO_CHECK_OK(brought);
  }
  const Status checked = check_file(part, url, expected);
  std::error_code error;
  if (checked) {
    PARETO_CHECK_OK(put_in_place(part, path));
  } else {
    std::filesystem::remove(part, error);
  }
  std::filesystem::remove(part + ".json", error);
  return checked;
}

namespace {

// Feeds a file's bytes to `take`.
Status read_through(const std::string& path, const std::function<void(std::string_view)>& take) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return fail(errno == ENOENT ? Code::kNotFound : Code::kIo, "{}: {}", path, std::strerror(errno));
  std::vector<char> buffer(std::size_t{1} << 18);
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
    if (n == 0) return {};
    take(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
  }
}

Result<std::string> git_blob_sha1(const std::string& path, std::int64_t bytes) {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr);
  const std::string header = fmt::format("blob {}", bytes);
  EVP_DigestUpdate(context.get(), header.c_str(), header.size() + 1);  // with its NUL
  PARETO_CHECK_OK(
      read_through(path, [&](std::string_view piece) { EVP_DigestUpdate(context.get(), piece.data(), piece.size()); }));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest, &size);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace

Result<std::string> file_sha256(const std::string& path) {
  Sha256 hash;
  PARETO_CHECK_OK(read_through(path, [&](std::string_view piece) { hash.update(piece); }));
  return hash.hex();
}

Status check_file(const std::string& path, const std::string& name, const Expected& expected) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return fail(errno == ENOENT ? Code::kNotFound : Code::kIo, "{}: {}", name, std::strerror(errno));
  if (expected.bytes >= 0 && info.st_size != expected.bytes)
    return fail(Code::kInvalid, "{}: {} bytes, not {}", name, static_cast<std::int64_t>(info.st_size), expected.bytes);
  if (!expected.sha256.empty()) {
    PARETO_TRY(const std::string hash, file_sha256(path));
    if (hash != expected.sha256)
      return fail(Code::kInvalid, "{}: sha256 is {}, not {}: another version, or damaged", name, hash, expected.sha256);
  }
  if (!expected.git_sha1.empty()) {
    PARETO_TRY(const std::string hash, git_blob_sha1(path, info.st_size));
    if (hash != expected.git_sha1)
      return fail(Code::kInvalid, "{}: git hash is {}, not {}: another version, or damaged", name, hash,
                  expected.git_sha1);
  }
  return {};
}

}  // namespace pareto
