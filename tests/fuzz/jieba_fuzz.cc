// The first byte says what the rest is: a text to cut, jieba's dictionary, or one of its model's three dicts. The
// pieces of a text are the text; what is read cuts, what is refused is one line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tasks/jieba.h"

namespace {

pareto::Jieba::Files own_files() {
  pareto::Jieba::Files files;
  files.dict = "我 3 n\n我们 2 n\n";
  files.start = "P={'B': -0.3, 'E': -3.14e+100, 'M': -3.14e+100, 'S': -1.5}";
  files.trans =
      "P={'B': {'E': -0.5, 'M': -0.9}, 'E': {'B': -0.6, 'S': -0.8}, 'M': {'E': -0.3, 'M': -1.3}, 'S': {'B': -0.7, 'S': "
      "-0.7}}";
  files.emit = "P={'B': {'\\u6211': -1.0}, 'E': {}, 'M': {}, 'S': {'\\u4eec': -2.0}}";
  return files;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  pareto::Jieba::Files files = own_files();
  const auto parts = files.named();
  const std::size_t which = data[0] % (parts.size() + 1);
  if (which < parts.size()) *parts[which].second = text;
  const auto jieba = pareto::Jieba::parse(files, "jieba");
  if (!jieba) {
    if (which == parts.size() || jieba.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  const std::string cut = which < parts.size() ? "我们x1.5%我" : text;
  std::string joined;
  for (const std::string& word : (*jieba)->cut(cut)) joined += word;
  if (joined != cut) std::abort();
  return 0;
}
