// Small model files for the tests: written by our writer, or byte by byte where they have to be wrong.
#pragma once

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model_writer.h"

namespace pareto::testing {

// A folder that goes when the test ends.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pareto_model_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline void write_bytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
std::string raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// A safetensors file: the header's length, the header, `data_bytes` zeros.
inline std::string safetensors_bytes(std::string_view header, std::size_t data_bytes) {
  return raw<std::uint64_t>(header.size()) + std::string(header) + std::string(data_bytes, '\0');
}

// The smallest model of an architecture that has every kind of tensor: rows of 256 everywhere, so that all types fit.
inline ModelConfig small_shape(const std::string& name) {
  ModelConfig config = *model_shape(name);
  config.max_positions = 128;
  config.vocab = 64;
  config.bos = 1;
  config.eos = {2};
  config.intermediate = 256;
  if (config.experts > 0) {
    config.experts = 3;
    config.expert_intermediate = 256;
  }
  return config;
}

}  // namespace pareto::testing
