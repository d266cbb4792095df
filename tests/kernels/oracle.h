// What the oracle tests share: seeded data, weights of every dtype, and a table for each instruction set that this
// processor runs. The oracle is reference_ops; outputs are filled with NaN before every call.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/ops.h"

namespace pareto::oracle {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr DType kAllDTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kQ8_0, DType::kQ4_0,
                                       DType::kQ4_1, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

inline std::vector<float> normal(std::int64_t n, unsigned seed, float scale = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw(0.0f, scale);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& v : x) v = draw(random);
  return x;
}

inline std::vector<float> poisoned(std::int64_t n) { return std::vector<float>(static_cast<std::size_t>(n), kNan); }

// A random weight [rows, cols], and the values that it stands for.
struct RandomWeight {
  std::vector<std::byte> bytes;
  std::vector<float> values;
  Weight weight;

  RandomWeight(DType dtype, std::int64_t rows, std::int64_t cols, unsigned seed) : values(normal(rows * cols, seed)) {
    bytes.resize(static_cast<std::size_t>(dtype_bytes(dtype, rows * cols)));
    if (dtype == DType::kF32) {
      std::memcpy(bytes.data(), values.data(), bytes.size());
    } else {
      quantise(dtype, values.data(), rows * cols, bytes.data());
      dequantise(dtype, bytes.data(), rows * cols, values.data());
    }
    weight = {bytes.data(), dtype, rows, cols};
  }
  RandomWeight(const RandomWeight&) = delete;
  RandomWeight& operator=(const RandomWeight&) = delete;
};

// Every table of this processor but the oracle itself.
inline std::vector<std::string> fast_isas() {
  std::vector<std::string> names = cpu_isas();
  names.pop_back();
  return names;
}

inline std::unique_ptr<Ops> table(const std::string& isa, Numerics numerics, ThreadPool& pool) {
  auto ops = make_cpu_ops({.isa = isa, .numerics = numerics}, pool);
  EXPECT_TRUE(ops.has_value()) << isa;
  return std::move(*ops);
}

inline bool same_bits(const float* a, const float* b, std::int64_t n) {
  return std::memcmp(a, b, static_cast<std::size_t>(n) * sizeof(float)) == 0;
}

// |got - want| ≤ relative · |want| + absolute, element by element; equal infinities pass, NaN never does.
inline void expect_near(const std::vector<float>& got, const std::vector<float>& want, double relative, double absolute,
                        const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == want[i]) continue;
    ASSERT_LE(std::abs(static_cast<double>(got[i]) - want[i]), relative * std::abs(want[i]) + absolute)
        << what << " element " << i << ": " << got[i] << ", reference " << want[i];
  }
}

}  // namespace pareto::oracle
