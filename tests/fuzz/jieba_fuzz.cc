// Any bytes as jieba's dictionary, its model's dicts and a text: what is read cuts a text into pieces that are the
// text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tasks/jieba.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  pareto::Jieba::Files files;
  files.dict = "我 3 n\n我们 2 n\n";
  files.start = "P={'B': -0.3, 'E': -3.14e+100, 'M': -3.14e+100, 'S': -1.5}";
  files.trans =
      "P={'B': {'E': -0.5, 'M': -0.9}, 'E': {'B': -0.6, 'S': -0.8}, 'M': {'E': -0.3, 'M': -1.3}, 'S': {'B': "
      "-0.7, 'S': -0.7}}";
  files.emit = "P={'B': {'\\u6211': -1.0}, 'E': {}, 'M': {}, 'S': {'\\u4eec': -2.0}}";
  const auto jieba = pareto::Jieba::parse(files, "jieba");
  if (!jieba) std::abort();
  std::string joined;
  for (const std::string& word : (*jieba)->cut(text)) joined += word;
  if (joined != text) std::abort();
  for (std::string* part : {&files.dict, &files.start, &files.trans, &files.emit}) {
    pareto::Jieba::Files broken = files;
    (part == &files.dict    ? broken.dict
     : part == &files.start ? broken.start
     : part == &files.trans ? broken.trans
                            : broken.emit) = text;
    const auto parsed = pareto::Jieba::parse(broken, "jieba");
    if (!parsed && parsed.error().message.find('\n') != std::string::npos) std::abort();
    if (parsed) (void)(*parsed)->cut("我们x1.5%");
  }
  return 0;
}
