// Task files: whatever the bytes, they are a tree or one line that says why not; and a tree is a task or one such line.
#include <cstdlib>
#include <string>

#include "tasks/declared.h"
#include "tasks/yaml.h"

namespace {

// A bug aborts, so that the fuzzer sees it.
void check(bool holds) {
  if (!holds) std::abort();
}

void check_error(const pareto::Error& error) {
  check(!error.message.empty() && error.message.find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto tree = pareto::parse_yaml(text, "fuzz.yaml");
  if (!tree) {
    check_error(tree.error());
    return 0;
  }
  if (tree->type != pareto::Yaml::Type::kMap) return 0;
  for (const pareto::YamlEntry& entry : tree->entries) check(tree->get(entry.key) == &entry.value);
  const auto spec = pareto::declared_spec(*tree);
  if (spec) {
    check(!spec->filters.empty() && spec->ask != nullptr && spec->repeats >= 1);
    check(pareto::make_declared_task(*spec) != nullptr);
  } else {
    check_error(spec.error());
  }
  return 0;
}
