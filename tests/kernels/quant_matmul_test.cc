// Products and dequantisation of GGUF's block formats on each instruction set against the definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/internal.h"

namespace pareto {
namespace {

using cpu::MatmulKernel;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr DType kFormats[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

struct Path {
  const char* isa;
  MatmulKernel (*matmul)(DType, Numerics);
  decltype(cpu::Kernels::dequantise) dequantise;
  bool fast_only = false;  // reference numerics fall through to another table
};

std::vector<Path> paths() {
  std::vector<Path> all;
  if (cpu::cpu_features().avx2) all.push_back({"avx2", cpu::avx2::matmul_quant, cpu::avx2::dequantise});
  if (cpu::cpu_features().avx512_vnni) all.push_back({"avx512", cpu::avx512::matmul_quant, cpu::avx512::dequantise});
  if (cpu::cpu_features().amx_int8) all.push_back({"amx", cpu::amx::matmul_quant, cpu::avx512::dequantise, true});
  return all;
}

// Blocks of random bytes: every integer and every packed scale occurs; the f16 scales are finite and of mixed sign.
std::vector<unsigned char> random_blocks(DType dtype, std::int64_t values, unsigned seed) {
  std::mt19937 random(seed);
  const int bytes = dtype_block_bytes(dtype);
  std::vector<unsigned char> data(static_cast<std::size_t>(dtype_bytes(dtype, values)));
  for (unsigned char& b : data) b = static_cast<unsigned char>(random());
  const auto set_half = [&](std::size_t at) {
    const std::uint16_t half = static_cast<std::uint16_t>((random() & 0x83ff) | (0x1400 + (random() % 4 << 10)));
    std::memcpy(data.data() + at, &half, 2);
  };
  for (std::size_t block = 0; block < data.size(); block += static_cast<std::size_t>(bytes)) {
    set_half(block + (dtype == DType::kQ6_K ? 208 : 0));
    if (dtype == DType::kQ4_1 || dtype == DType::kQ4_K || dtype == DType::kQ5_K) set_half(block + 2);
  }
  return data;
}

std::vector<float> random_values(std::int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& value : x) value = normal(random);
  return x;
}

std::vector<float> dequantised(DType dtype, const std::vector<unsigned char>& data, std::int64_t n) {
  std::vector<float> out(static_cast<std::size_t>(n));
  dequantise(dtype, data.data(), n, out.data());
  return out;
}

// x after rounding to int8, with a scale for each 32 values; for Q8_0 for each 16.
std::vector<float> rounded(DType dtype, const std::vector<float>& x) {
  const std::size_t block = dtype == DType::kQ8_0 ? 16 : 32;
  std::vector<float> out(x.size());
  for (std::size_t b = 0; b < x.size(); b += block) {
    float top = 0;
    for (std::size_t i = b; i < b + block; ++i) top = std::max(top, std::fabs(x[i]));
    for (std::size_t i = b; i < b + block; ++i)
      out[i] = top > 0 ? std::nearbyint(x[i] * (127.0f / top)) * (top / 127.0f) : 0;
  }
  return out;
}

struct Product {
  DType dtype;
  std::int64_t rows, k;
  std::vector<unsigned char> data;
  std::vector<float> bias;
  Product(DType dtype, std::int64_t rows, std::int64_t k, unsigned seed)
      : dtype(dtype),
        rows(rows),
        k(k),
        data(random_blocks(dtype, rows * k, seed)),
        bias(random_values(rows, seed + 1)) {}
  Weight weight() const { return {data.data(), dtype, rows, k}; }
};

// out[m, rows] with two columns of NaN to the right of it, which must stay.
std::vector<float> run(const MatmulKernel& kernel, const Product& p, const std::vector<float>& x, std::int64_t m,
                       const std::vector<std::int64_t>& bounds, bool with_bias) {
  std::vector<std::byte> storage;
  const void* prepared = x.data();
  if (kernel.prepare) {
    storage.resize(kernel.prepared_bytes(m, p.k) + 64);
    void* at = storage.data();
    std::size_t space = storage.size();
    std::align(64, 1, at, space);
    for (std::int64_t i = m - 1; i >= 0; --i) kernel.prepare(x.data(), m, p.k, i, i + 1, at);
    prepared = at;
  }
  const std::int64_t ldo = p.rows + 2;
  std::vector<float> wide(static_cast<std::size_t>(m * ldo), kNan), out;
  for (std::size_t b = 0; b + 1 < bounds.size(); ++b)
    kernel.run(p.weight(), prepared, m, bounds[b], bounds[b + 1], with_bias ? p.bias.data() : nullptr, wide.data(),
               ldo);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t r = 0; r < ldo; ++r) {
      const float value = wide[static_cast<std::size_t>(i * ldo + r)];
      if (r < p.rows) out.push_back(value);
      EXPECT_EQ(std::isnan(value), r >= p.rows) << "row " << i << " column " << r;
    }
  }
  return out;
}

void expect_product(const std::vector<float>& got, const Product& p, const std::vector<float>& x, std::int64_t m,
                    bool with_bias, double tolerance, const std::string& what) {
  const std::vector<float> w = dequantised(p.dtype, p.data, p.rows * p.k);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t r = 0; r < p.rows; ++r) {
      double sum = with_bias ? p.bias[static_cast<std::size_t>(r)] : 0, size = std::fabs(sum);
      for (std::int64_t j = 0; j < p.k; ++j) {
        const double part =
            static_cast<double>(x[static_cast<std::size_t>(i * p.k + j)]) * w[static_cast<std::size_t>(r * p.k + j)];
        sum += part;
        size += std::fabs(part);
      }
      ASSERT_NEAR(got[static_cast<std::size_t>(i * p.rows + r)], sum, tolerance * size)
          << what << " row " << i << " output " << r;
    }
  }
}

std::string name(const Path& path, DType dtype) { return std::string(path.isa) + " " + dtype_name(dtype); }

TEST(Quant, DequantiseEqualsDefinitionBitForBit) {
  for (const Path& path : paths()) {
    for (const DType dtype : kFormats) {
      for (const int blocks : {1, 2, 7, 8, 9, 16, 33}) {
        const std::int64_t n = static_cast<std::int64_t>(blocks) * dtype_block(dtype);
        const std::vector<unsigned char> data = random_blocks(dtype, n, 3);
        std::vector<float> out(static_cast<std::size_t>(n) + 1, 77);
        path.dequantise(dtype, data.data(), n, out.data());
        EXPECT_EQ(std::memcmp(out.data(), dequantised(dtype, data, n).data(), 4 * static_cast<std::size_t>(n)), 0)
            << name(path, dtype) << " " << blocks;
        EXPECT_EQ(out.back(), 77);
      }
    }
    const std::vector<float> x = random_values(41, 4);
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      for (const int n : {1, 7, 8, 9, 16, 17, 41}) {
        std::vector<unsigned char> data(41 * 4);
        cpu::scalar::narrow(dtype, x.data(), n, data.data());
        std::vector<float> out(static_cast<std::size_t>(n) + 1, 77);
        path.dequantise(dtype, data.data(), n, out.data());
        EXPECT_EQ(std::memcmp(out.data(), dequantised(dtype, data, n).data(), 4 * static_cast<std::size_t>(n)), 0);
        EXPECT_EQ(out.back(), 77);
      }
    }
  }
}

TEST(Quant, FastProductIsExactOnRoundedActivations) {
  for (const Path& path : paths()) {
    for (const DType dtype : kFormats) {
      const MatmulKernel kernel = path.matmul(dtype, Numerics::kFast);
      ASSERT_NE(kernel.run, nullptr);
      for (const int rows : {1, 3, 8, 9, 23, 40}) {
        for (const int m : {1, 2, 3, 17, 50}) {
          for (const int k : {256, 1280}) {
            const Product p(dtype, rows, k, static_cast<unsigned>(rows));
            const std::vector<float> x = random_values(m * k, 5);
            const bool bias = rows % 2 == 1;
            expect_product(run(kernel, p, x, m, {0, rows}, bias), p, rounded(dtype, x), m, bias, 1e-6,
                           name(path, dtype) + " rows " + std::to_string(rows) + " m " + std::to_string(m));
          }
        }
      }
    }
  }
}

TEST(Quant, ReferenceProductEqualsDefinition) {
  for (const Path& path : paths()) {
    for (const DType dtype : kFormats) {
      const MatmulKernel kernel = path.matmul(dtype, Numerics::kReference);
      ASSERT_EQ(kernel.run == nullptr, path.fast_only);
      if (path.fast_only) continue;
      for (const int rows : {1, 8, 23, 40}) {
        for (const int m : {1, 2, 9}) {
          const Product p(dtype, rows, 1280, static_cast<unsigned>(rows));
          const std::vector<float> x = random_values(m * p.k, 5);
          expect_product(run(kernel, p, x, m, {0, rows}, true), p, x, m, true, 1e-6,
                         name(path, dtype) + " rows " + std::to_string(rows) + " m " + std::to_string(m));
        }
      }
    }
  }
}

TEST(Quant, BitsDependNeitherOnTheBatchNorOnTheSplit) {
  for (const Path& path : paths()) {
    for (const DType dtype : kFormats) {
      for (const Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
        if (path.fast_only && numerics == Numerics::kReference) continue;
        const MatmulKernel kernel = path.matmul(dtype, numerics);
        const int rows = 70, k = 768, most = 600;
        const Product p(dtype, rows, k, 9);
        const std::vector<float> x = random_values(most * k, 6);
        const std::vector<float> whole = run(kernel, p, x, most, {0, rows}, true);
        for (const int m : {1, 2, 3, 4, 5, 8, 31, 64, 257}) {
          const std::vector<float> part = run(kernel, p, x, m, {0, 16, 48, rows}, true);
          ASSERT_EQ(std::memcmp(part.data(), whole.data(), part.size() * 4), 0) << name(path, dtype) << " m " << m;
        }
        for (const int i : {0, 5, 599}) {  // alone what it is in the batch
          const std::vector<float> row(x.begin() + i * k, x.begin() + (i + 1) * k);
          const std::vector<float> alone = run(kernel, p, row, 1, {0, 32, rows}, true);
          ASSERT_EQ(std::memcmp(alone.data(), whole.data() + i * rows, alone.size() * 4), 0) << name(path, dtype);
        }
      }
    }
  }
}

// Largest magnitudes everywhere, in one sign and in both: sums of int16 must not saturate.
TEST(Quant, ExtremeIntegersDoNotSaturate) {
  for (const Path& path : paths()) {
    for (const DType dtype : kFormats) {
      for (const unsigned char byte : {0xff, 0x80, 0x7f, 0x00}) {
        const MatmulKernel kernel = path.matmul(dtype, Numerics::kFast);
        Product p(dtype, 16, 512, 10);
        const std::vector<unsigned char> scales = p.data;
        std::fill(p.data.begin(), p.data.end(), byte);
        for (std::size_t b = 0; b < p.data.size(); b += static_cast<std::size_t>(dtype_block_bytes(dtype))) {
          const std::size_t d = b + (dtype == DType::kQ6_K ? 208 : 0);
          std::memcpy(p.data.data() + d, scales.data() + d, 2);
          if (dtype == DType::kQ4_1 || dtype == DType::kQ4_K || dtype == DType::kQ5_K)
            std::memcpy(p.data.data() + d + 2, scales.data() + d + 2, 2);
        }
        for (const int m : {1, 4}) {
          std::vector<float> x(static_cast<std::size_t>(m * p.k), 2.5f);
          expect_product(run(kernel, p, x, m, {0, 16}, false), p, rounded(dtype, x), m, false, 1e-6, name(path, dtype));
          for (float& value : x) value = -value;
          expect_product(run(kernel, p, x, m, {0, 16}, false), p, rounded(dtype, x), m, false, 1e-6, name(path, dtype));
          for (std::size_t i = 0; i < x.size(); i += 3) x[i] = -x[i];
          expect_product(run(kernel, p, x, m, {0, 16}, false), p, rounded(dtype, x), m, false, 1e-6, name(path, dtype));
        }
      }
    }
  }
}

TEST(Quant, ZeroAndNanActivations) {
  for (const Path& path : paths()) {
    for (const DType dtype : kFormats) {
      const MatmulKernel kernel = path.matmul(dtype, Numerics::kFast);
      const Product p(dtype, 9, 512, 11);
      for (const int m : {1, 3}) {
        std::vector<float> x(static_cast<std::size_t>(m * p.k), 0.0f);
        for (const float value : run(kernel, p, x, m, {0, 9}, false)) EXPECT_EQ(value, 0) << name(path, dtype);
        std::vector<std::byte> prepared(kernel.prepared_bytes(m, p.k));
        x[40] = kNan;
        kernel.prepare(x.data(), m, p.k, 0, m, prepared.data());
        std::vector<float> out(static_cast<std::size_t>(m * p.rows), 0.0f);
        kernel.run(p.weight(), prepared.data(), m, 0, p.rows, nullptr, out.data(), p.rows);
        for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i < 9) << name(path, dtype);
      }
    }
  }
}

}  // namespace
}  // namespace pareto
