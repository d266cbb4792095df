// Any bytes as a manifest: what is read is written and read again as the same, and no path leaves the folder.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto manifest = pareto::parse_manifest({reinterpret_cast<const char*>(data), size}, "manifest.json");
  if (!manifest) {
    if (manifest.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  for (const auto& [path, entry] : *manifest)
    if (path.empty() || path.front() == '/' || path == ".." || path.starts_with("../")) std::abort();
  const std::string text = pareto::manifest_text(*manifest);
  const auto again = pareto::parse_manifest(text, "manifest.json");
  if (!again || pareto::manifest_text(*again) != text) std::abort();
  return 0;
}
