// Requests files: whatever the bytes, load() returns requests that hold together, or one line that says why not.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/task.h"

namespace {

pareto::Result<std::string> plain_chat(const std::vector<pareto::ChatMessage>& messages, const pareto::ChatRender&) {
  std::string text;
  for (const pareto::ChatMessage& message : messages) text += message.role + ": " + message.content + "\n";
  return text;
}

// A bug aborts, so that the fuzzer sees it.
void check(bool holds) {
  if (!holds) std::abort();
}

void check_requests(const pareto::Task& task) {
  const auto documents = task.documents();
  const auto requests = task.requests();
  check(!requests.empty() && requests.size() == documents.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const pareto::Request& request = requests[i];
    check(request.doc == documents[i].doc_id && request.context != nullptr);
    check(documents[i].doc_hash.size() == 64 && documents[i].prompt_hash.size() == 64);
    if (request.kind == pareto::Request::Kind::kGenerate) {
      check(request.max_tokens >= 1 && request.sampling.temperature >= 0 && request.sampling.top_k >= 0);
      check(request.sampling.top_p > 0 && request.sampling.top_p <= 1);
    }
    if (request.kind == pareto::Request::Kind::kScore) {
      check(request.context_ids.has_value() == request.continuation_ids.has_value());
      check(request.continuation_ids ? !request.continuation_ids->empty() : !request.continuation.empty());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const int fd = memfd_create("requests", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  check(fd >= 0 && ftruncate(fd, 0) == 0);
  check(pwrite(fd, data, size, 0) == static_cast<ssize_t>(size));
  const auto task = pareto::find_task("requests")->make();
  pareto::TaskOptions options;
  options.file = path;
  options.chat_template = plain_chat;
  if (const pareto::Status loaded = task->load(options)) {
    check_requests(*task);
  } else {
    check(!loaded.error().message.empty() && loaded.error().message.find('\n') == std::string::npos);
  }
  return 0;
}
