#include "results/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/hash.h"
#include "results/json_text.h"
#include "results/output_file.h"

namespace pareto {
namespace {

using nlohmann::json;

const char* finish_name(Finish finish) {
  switch (finish) {
    case Finish::kStop:
      return "stop";
    case Finish::kLength:
      return "length";
    case Finish::kError:
      return "error";
  }
  return "error";
}

void append_field(std::string* out, const char* name, std::string_view text) {
  *out += name;
  append_json(out, text);
}

template <class T>
void append_raw(std::string* out, const T& value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Length first, so that ("ab", "c") and ("a", "bc") differ.
void append_text(std::string* out, std::string_view text) {
  append_raw(out, static_cast<std::uint64_t>(text.size()));
  out->append(text);
}

void append_ids(std::string* out, const std::optional<std::vector<Token>>& ids) {
  append_raw(out, ids ? static_cast<std::int64_t>(ids->size()) : std::int64_t{-1});
  if (ids) out->append(reinterpret_cast<const char*>(ids->data()), ids->size() * sizeof(Token));
}

// What JSON cannot write stands there as text: −∞ is a log-likelihood like any other, and must stay one.
template <class Float>
Float number(const json& value) {
  if (!value.is_string()) return value.get<Float>();
  const std::string text = value.get<std::string>();
  if (text == "-inf") return -std::numeric_limits<Float>::infinity();
  if (text == "inf") return std::numeric_limits<Float>::infinity();
  if (text == "nan") return std::numeric_limits<Float>::quiet_NaN();
  throw json::type_error::create(302, "not a number", &value);
}

template <class Float>
void append_float(std::string* out, Float value) {
  if (std::isfinite(value)) {
    append_json(out, value);
  } else {
    *out += std::isnan(value) ? "\"nan\"" : value < 0 ? "\"-inf\"" : "\"inf\"";
  }
}

// A whole number that T holds; a journal that a crash or a person has changed may have anything else there.
template <class T>
T whole(const json& value) {
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<T>::max()}
                    : value.is_number_integer() ? std::in_range<T>(value.get<std::int64_t>())
                                                : false;
  if (!fits) throw json::out_of_range::create(406, "not a whole number in range", &value);
  return value.get<T>();
}

Response response_of(const json& line) {
  Response r;
  r.loglikelihood = number<double>(line.at("loglikelihood"));
  r.greedy = line.at("greedy").get<bool>();
  for (const json& x : line.at("logprobs")) r.logprobs.push_back(number<float>(x));
  r.text = line.at("text").get<std::string>();
  for (const json& x : line.at("tokens")) r.tokens.push_back(whole<Token>(x));
  if (const auto unnamed = line.find("unnamed_tokens"); unnamed != line.end())  // not in journals before 2026-12
    r.unnamed_tokens = whole<int>(*unnamed);
  r.prompt_tokens = whole<int>(line.at("prompt_tokens"));
  r.truncated_prompt_tokens = whole<int>(line.at("truncated_prompt_tokens"));
  r.cached_prompt_tokens = whole<int>(line.at("cached_prompt_tokens"));
  r.finish = line.at("finish").get<std::string>() == "length" ? Finish::kLength : Finish::kStop;
  r.due = whole<Nanos>(line.at("due"));
  r.start = whole<Nanos>(line.at("start"));
  r.first_token = whole<Nanos>(line.at("first_token"));
  r.end = whole<Nanos>(line.at("end"));
  // Unsigned: a damaged gap may overflow, and the run must not.
  auto time = static_cast<std::uint64_t>(r.first_token);
  for (const json& gap : line.at("token_gaps"))
    r.token_times.push_back(static_cast<Nanos>(time += static_cast<std::uint64_t>(whole<Nanos>(gap))));
  const json& work = line.at("work");
  r.work = {whole<std::int64_t>(work.at(0)), whole<std::int64_t>(work.at(1)), whole<std::int64_t>(work.at(2)),
            whole<std::int64_t>(work.at(3)), whole<std::int64_t>(work.at(4))};
  r.share_flops = number<double>(line.at("share").at(0));
  r.share_bytes = number<double>(line.at("share").at(1));
  return r;
}

tl::unexpected<Error> os_error(const std::string& path) {
  return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
}

Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error(path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::string> read_all(int fd, const std::string& path) {
  std::string bytes;
  struct stat info;
  if (::fstat(fd, &info) != 0) return os_error(path);
  bytes.resize(static_cast<std::size_t>(info.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error(path);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

std::string request_key(std::string_view run_identity, std::string_view task, const Request& request) {
  thread_local std::string material;
  material.clear();
  append_text(&material, run_identity);
  append_text(&material, task);
  append_raw(&material, static_cast<int>(request.kind));
  append_raw(&material, request.doc);
  append_raw(&material, request.part);
  append_text(&material, request.id);
  append_ids(&material, request.context_ids);
  append_ids(&material, request.continuation_ids);
  if (request.kind == Request::Kind::kGenerate) {
    append_raw(&material, static_cast<std::uint64_t>(request.until.size()));
    for (const std::string& stop : request.until) append_text(&material, stop);
    append_raw(&material, request.max_tokens);
    append_raw(&material, request.ignore_eos);
    if (request.sampling.temperature > 0) {
      append_raw(&material, request.sampling.temperature);
      append_raw(&material, request.sampling.top_p);
      append_raw(&material, request.sampling.top_k);
      append_raw(&material, request.sampling.seed);
    }
  }
  append_text(&material, request.continuation);
  append_text(&material, *request.context);
  return hex64(xxh3(material, 0)) + hex64(xxh3(material, 1));
}

void append_journal_line(std::string* line, std::string_view key, std::string_view task, const Request& request,
                         const Response& response) {
  const auto out = std::back_inserter(*line);
  append_field(line, "{\"key\": ", key);
  append_field(line, ", \"task\": ", task);
  fmt::format_to(out, ", \"doc\": {}, \"part\": {}, \"loglikelihood\": ", request.doc, request.part);
  append_float(line, response.loglikelihood);
  *line += response.greedy ? ", \"greedy\": true, \"logprobs\": " : ", \"greedy\": false, \"logprobs\": ";
  const char* comma = "[";
  for (const float logprob : response.logprobs) {
    *line += comma;
    append_float(line, logprob);
    comma = ", ";
  }
  *line += response.logprobs.empty() ? "[]" : "]";
  append_field(line, ", \"text\": ", response.text);
  *line += ", \"tokens\": ";
  append_json_array(line, response.tokens);
  fmt::format_to(out,
                 ", \"unnamed_tokens\": {}, \"prompt_tokens\": {}, \"truncated_prompt_tokens\": {}, "
                 "\"cached_prompt_tokens\": {}, \"finish\": "
                 "\"{}\", \"due\": {}, \"start\": {}, \"first_token\": {}, \"end\": {}, \"token_gaps\": [",
                 response.unnamed_tokens, response.prompt_tokens, response.truncated_prompt_tokens,
                 response.cached_prompt_tokens, finish_name(response.finish), response.due, response.start,
                 response.first_token, response.end);
  Nanos previous = response.first_token;
  const char* separator = "";
  for (const Nanos time : response.token_times) {
    fmt::format_to(out, "{}{}", separator,
                   static_cast<Nanos>(static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(previous)));
    previous = time;
    separator = ", ";
  }
  const ItemWork& work = response.work;
  fmt::format_to(out, "], \"work\": [{}, {}, {}, {}, {}], \"share\": [", work.flops, work.bytes, work.selected_tokens,
                 work.read_tokens, work.cached_tokens);
  append_float(line, response.share_flops);
  *line += ", ";
  append_float(line, response.share_bytes);
  *line += "]}\n";
}

JournalContent parse_journal(std::string_view bytes) {
  JournalContent content;
  std::size_t begin = 0;
  for (std::size_t end; (end = bytes.find('\n', begin)) != std::string_view::npos; begin = end + 1) {
    const std::string_view text = bytes.substr(begin, end - begin);
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.is_discarded()) {
      ++content.bad_lines;
      continue;
    }
    try {
      content.responses.emplace(line.at("key").get<std::string>(), response_of(line));
    } catch (const json::exception&) {
      ++content.bad_lines;
    }
  }
  content.whole_bytes = begin;
  return content;
}

Result<JournalContent> read_journal(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(errno == ENOENT ? Code::kNotFound : Code::kIo, "{}: {}", path, std::strerror(errno));
  const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
  Result<std::string> bytes = free ? read_all(fd, path) : fail(Code::kInvalid, "{}: another run is writing here", path);
  ::close(fd);
  if (!bytes) return tl::unexpected(bytes.error());
  return parse_journal(*bytes);
}

Result<Journal> Journal::open(const std::string& path, Mode mode) {
  Journal journal;
  journal.path_ = path;
  journal.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (journal.fd_ < 0) return os_error(path);
  if (::flock(journal.fd_, LOCK_EX | LOCK_NB) != 0)
    return fail(Code::kInvalid, "{}: another run is writing here; wait for it, or choose another --output", path);
  PARETO_TRY(const std::string bytes, read_all(journal.fd_, path));
  if (mode == Mode::kResume) journal.content_ = parse_journal(bytes);
  const std::size_t keep = journal.content_.whole_bytes;
  if (keep < bytes.size() && ::ftruncate(journal.fd_, static_cast<off_t>(keep)) != 0) return os_error(path);
  return journal;
}

Journal::Journal(Journal&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), content_(std::move(other.content_)) {}

Journal& Journal::operator=(Journal&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(content_, other.content_);
  return *this;
}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

const Response* Journal::find(const std::string& key) const {
  const auto found = content_.responses.find(key);
  return found == content_.responses.end() ? nullptr : &found->second;
}

Status Journal::append(std::string_view lines) { return write_all(fd_, lines, path_); }

Status Journal::sync() {
  if (::fsync(fd_) != 0) return os_error(path_);
  return sync_folder_of(path_);
}

}  // namespace pareto
