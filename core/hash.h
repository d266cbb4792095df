// sha256 for provenance (hex, lower case), xxh3 for caches and keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pareto {

std::string sha256_hex(std::string_view bytes);

// Incremental sha256, for concatenations that need not exist in memory (task hashes).
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  std::string hex();  // ends the hash

 private:
  void* context_;
};

std::uint64_t xxh3(std::string_view bytes, std::uint64_t seed = 0);
std::string hex64(std::uint64_t value);  // 16 digits

}  // namespace pareto
