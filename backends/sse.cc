#include "backends/sse.h"

#include <algorithm>

namespace pareto {

Status SseParser::feed(std::string_view bytes, const std::function<Status(std::string_view)>& event) {
  while (!bytes.empty()) {
    if (after_return_ && bytes.front() == '\n') bytes.remove_prefix(1);  // the second half of \r\n
    after_return_ = false;
    const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    line_.append(bytes.substr(0, end));
    if (line_.size() + data_.size() > kLargestEvent) return fail(Code::kInvalid, "an event is larger than 16 MiB");
    if (end == bytes.size()) return {};
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    PARETO_CHECK_OK(end_line(event));
  }
  return {};
}

Status SseParser::end_line(const std::function<Status(std::string_view)>& event) {
  std::string_view line = line_;
  if (line.empty()) {
    Status status;
    if (has_data_) status = event(data_);
    data_.clear();
    has_data_ = false;
    return status;
  }
  if (line.starts_with("data") && (line.size() == 4 || line[4] == ':')) {
    line.remove_prefix(std::min<std::size_t>(5, line.size()));
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (has_data_) data_ += '\n';
    data_ += line;
    has_data_ = true;
  }
  line_.clear();
  return {};
}

}  // namespace pareto
