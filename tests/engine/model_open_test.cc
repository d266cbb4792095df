// ModelFile::open on the published models of ../shared/models.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/model_file.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;
const fs::path kModels = fs::path(PARETO_SHARED) / "models";

std::vector<fs::path> hf_tiny_folders() {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kModels / "hf-tiny", error)) {
    if (entry.is_directory()) out.push_back(entry.path());
  }
  return out;
}

// A folder with `source`'s weights and its config_legacy.json as config.json.
fs::path legacy_copy(const fs::path& source) {
  const fs::path copy = fs::temp_directory_path() / ("pareto_legacy_" + source.filename().string());
  fs::remove_all(copy);
  fs::create_directories(copy);
  fs::create_symlink(fs::absolute(source / "model.safetensors"), copy / "model.safetensors");
  fs::copy_file(source / "config_legacy.json", copy / "config.json");
  return copy;
}

TEST(ModelOpen, HfTinyInBothSpellings) {
  const auto folders = hf_tiny_folders();
  if (folders.empty()) GTEST_SKIP() << "needs ../shared/models/hf-tiny";
  int opened = 0;
  for (const fs::path& folder : folders) {
    SCOPED_TRACE(folder.string());
    const auto model = ModelFile::open(folder.string());
    if (folder.filename() == "gemma2-softcap") {
      ASSERT_FALSE(model);
      EXPECT_EQ(model.error().code, Code::kUnsupported);
      EXPECT_EQ(model.error().message, (folder / "config.json").string() +
                                           ": architecture 'gemma2' is not supported; supported: llama mistral qwen2 "
                                           "qwen3 mixtral qwen3_moe");
      continue;
    }
    ASSERT_TRUE(model) << model.error().message;
    const fs::path copy = legacy_copy(folder);
    const auto legacy = ModelFile::open(copy.string());
    ASSERT_TRUE(legacy) << legacy.error().message;
    EXPECT_EQ((*model)->config(), (*legacy)->config());
    EXPECT_EQ((*model)->summary().parameters, (*legacy)->summary().parameters);
    fs::remove_all(copy);
    ++opened;
  }
  EXPECT_EQ(opened, 9);
}

}  // namespace
}  // namespace pareto
