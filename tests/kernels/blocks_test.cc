// GGUF's blocks: bytes to floats exactly as PyPI's gguf reads them (golden hashes), floats to bytes with small errors.
#include "kernels/cpu/blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/hash.h"
#include "kernels/cpu/half.h"
#include "kernels/ops.h"

namespace pareto {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// Roughly normal values of standard deviation `sigma`.
std::vector<float> normal_values(std::size_t n, float sigma, std::uint64_t seed) {
  std::vector<float> out(n);
  for (float& x : out) {
    float sum = 0;
    for (int i = 0; i < 12; ++i) sum += static_cast<float>(splitmix64(seed) >> 40) * 0x1p-24f;
    x = (sum - 6) * sigma;
  }
  return out;
}

struct TypeCase {
  DType dtype;
  const char* word;      // in the golden file
  std::uint64_t number;  // in the file format: the seed
  std::vector<int> finite;
  double worst;  // relative RMS error of quantise() on normal values
};
// The errors are a little above what quantise() reaches on these values.
const TypeCase kCases[] = {
    {DType::kF32, "F32", 0, {2}, 0},           {DType::kF16, "F16", 1, {0}, 3e-4},
    {DType::kBF16, "BF16", 30, {0}, 2e-3},     {DType::kQ8_0, "Q8_0", 8, {0}, 0.006},
    {DType::kQ4_0, "Q4_0", 2, {0}, 0.083},     {DType::kQ4_1, "Q4_1", 3, {0, 2}, 0.072},
    {DType::kQ4_K, "Q4_K", 12, {0, 2}, 0.074}, {DType::kQ5_K, "Q5_K", 13, {0, 2}, 0.038},
    {DType::kQ6_K, "Q6_K", 14, {208}, 0.018},
};

// The bytes that ci/peers/gguf_goldens.py makes.
std::vector<std::uint8_t> golden_bytes(const TypeCase& c, std::size_t blocks) {
  const std::size_t size = static_cast<std::size_t>(dtype_block_bytes(c.dtype));
  std::vector<std::uint8_t> bytes(blocks * size);
  std::uint64_t state = c.number, word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 8 == 0) word = splitmix64(state);
    bytes[i] = static_cast<std::uint8_t>(word >> (i % 8 * 8));
  }
  for (std::size_t b = 0; b < blocks; ++b) {
    for (int offset : c.finite) bytes[b * size + static_cast<std::size_t>(offset) + 1] &= 0xBF;
  }
  return bytes;
}

TEST(Blocks, DequantiseEqualsGguf) {
  std::ifstream file(std::string(PARETO_GOLDEN) + "/gguf/dequantise.json");
  ASSERT_TRUE(file) << "tests/golden/gguf/dequantise.json is missing";
  const nlohmann::json golden = nlohmann::json::parse(file);
  const std::size_t blocks = golden["blocks"];
  ASSERT_EQ(golden["sha256"].size(), std::size(kCases));
  for (const TypeCase& c : kCases) {
    const auto bytes = golden_bytes(c, blocks);
    std::vector<float> out(blocks * static_cast<std::size_t>(dtype_block(c.dtype)), NAN);
    dequantise(c.dtype, bytes.data(), std::ssize(out), out.data());
    const std::string_view raw(reinterpret_cast<const char*>(out.data()), out.size() * sizeof(float));
    EXPECT_EQ(sha256_hex(raw), golden["sha256"][c.word].get<std::string>()) << c.word;
  }
}

TEST(Blocks, QuantiseErrorIsSmall) {
  const std::vector<float> x = normal_values(1 << 16, 0.02f, 7);
  double squares = 0;
  for (float v : x) squares += double{v} * v;
  for (const TypeCase& c : kCases) {
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(dtype_bytes(c.dtype, std::ssize(x))));
    quantise(c.dtype, x.data(), std::ssize(x), bytes.data());
    std::vector<float> back(x.size(), NAN);
    dequantise(c.dtype, bytes.data(), std::ssize(x), back.data());
    double error = 0;
    for (std::size_t i = 0; i < x.size(); ++i) error += (double{x[i]} - back[i]) * (double{x[i]} - back[i]);
    EXPECT_LE(std::sqrt(error / squares), c.worst) << c.word;
    EXPECT_EQ(first_bad_block(c.dtype, bytes.data(), std::ssize(x)), -1) << c.word;
  }
}

// What blocks can hold exactly comes back exactly.
TEST(Blocks, QuantiseKeepsZerosAndConstants) {
  for (const TypeCase& c : kCases) {
    for (const float value : {0.f, 0.5f, -0.5f}) {
      const std::vector<float> x(512, value);
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(dtype_bytes(c.dtype, 512)));
      quantise(c.dtype, x.data(), 512, bytes.data());
      std::vector<float> back(512, NAN);
      dequantise(c.dtype, bytes.data(), 512, back.data());
      for (float v : back) ASSERT_NEAR(v, value, 5e-4f) << c.word << " of " << value;
    }
  }
}

TEST(Blocks, FirstBadBlockFindsEveryField) {
  for (const TypeCase& c : kCases) {
    const auto good = golden_bytes(c, 64);
    const std::int64_t n = 64 * dtype_block(c.dtype);
    ASSERT_EQ(first_bad_block(c.dtype, good.data(), n), -1) << c.word;
    for (int offset : c.finite) {
      for (const std::uint16_t bad : {0x7fc0, 0xff80, 0x7fff}) {  // not finite as f16, nor as the top half of an f32
        auto bytes = good;
        std::memcpy(bytes.data() + 41 * dtype_block_bytes(c.dtype) + offset, &bad, 2);
        EXPECT_EQ(first_bad_block(c.dtype, bytes.data(), n), 41) << c.word << " at byte " << offset;
      }
    }
  }
}

}  // namespace
}  // namespace pareto
