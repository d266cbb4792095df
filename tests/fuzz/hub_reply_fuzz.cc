// Any bytes as the hub's replies: a page of rows, a model's list of files. What is taken must be what was promised.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/fetch.h"
#include "data/hub_rows.h"
#include "tasks/rows.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto page = pareto::parse_rows_page(text, 0, "reply");
  if (page) {
    if (std::ssize(page->lines) != std::min(page->total, pareto::kRowsPerPage)) std::abort();
    for (const std::string& line : page->lines) {
      const auto rows = pareto::parse_jsonl(line, "line");
      if (!rows || rows->size() != 1) std::abort();
    }
  } else if (page.error().message.find('\n') != std::string::npos) {
    std::abort();
  }
  const auto model = pareto::parse_hub_model(text, "reply");
  if (!model) {
    if (model.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  // A file that would leave its folder is never wanted.
  const auto files = pareto::wanted_files(*model, {"org/name", "", "main"});
  if (!files && files.error().message.find('\n') != std::string::npos) std::abort();
  if (!files) return 0;
  for (const pareto::HubFile& file : *files)
    if (file.name.find('/') != std::string::npos || file.name == "..") std::abort();
  return 0;
}
