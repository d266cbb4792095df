// Products of every table with weights of every dtype: against the reference, and bit for bit the same at every batch,
// position and thread count.
#include <gtest/gtest.h>

#include "tests/kernels/oracle.h"

namespace pareto::oracle {
namespace {

struct Case {
  std::string isa;
  Numerics numerics;
  DType dtype;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::string& isa : fast_isas()) {
    for (const Numerics numerics : {Numerics::kReference, Numerics::kFast}) {
      for (const DType dtype : kAllDTypes) all.push_back({isa, numerics, dtype});
    }
  }
  return all;
}

std::string name(const testing::TestParamInfo<Case>& info) {
  return info.param.isa + (info.param.numerics == Numerics::kFast ? "_fast_" : "_reference_") +
         dtype_name(info.param.dtype);
}

class Matmul : public testing::TestWithParam<Case> {
 protected:
  // Inner sizes: for plain types also such that end in the middle of every vector, tile and block.
  std::vector<std::int64_t> inner() const {
    const int block = dtype_block(GetParam().dtype);
    if (block == 1) return {1, 5, 8, 31, 33, 64, 288, 1000, 1031, 2100};
    return {block, 3 * block, 9 * block};
  }

  // The error that the numerics allow in Σ x w: rounding of every sum and product in f32, and of the activations to
  // bf16 (2^-8 of each), or to int8 in blocks (half a step of the block's largest, here of the row's).
  double allowed(const float* x, const float* w, std::int64_t k) const {
    double products = 0, weights = 0, largest = 0;
    for (std::int64_t j = 0; j < k; ++j) {
      products += std::abs(static_cast<double>(x[j]) * w[j]);
      weights += std::abs(w[j]);
      largest = std::max(largest, static_cast<double>(std::abs(x[j])));
    }
    double error = 4e-6 * products + 1e-6;
    if (GetParam().numerics == Numerics::kFast) {
      if (GetParam().dtype == DType::kBF16) error += 0.004 * products;
      if (is_quantised(GetParam().dtype)) error += weights * largest / 250;
    }
    return error;
  }
};

TEST_P(Matmul, EqualsReference) {
  const auto [isa, numerics, dtype] = GetParam();
  ThreadPool pool(2);
  const auto ops = table(isa, numerics, pool);
  const auto reference = make_reference_ops();
  unsigned seed = 1;
  for (const std::int64_t k : inner()) {
    for (const std::int64_t n : {1, 7, 16, 37, 130}) {
      const RandomWeight weight(dtype, n, k, ++seed);
      const std::vector<float> bias = normal(n, ++seed);
      for (const std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 65, 149}) {
        const bool many = n == 37 && (k == 33 || k == 2100);  // every loop, once around every bound
        if ((m > 9 && k > 1100 && !many) || (m == 149 && !many)) continue;
        const std::vector<float> x = normal(m * k, ++seed);
        std::vector<float> got = poisoned(m * n), want = poisoned(m * n);
        const bool biased = m % 2 == 1;
        const Linear linear{weight.weight, biased ? bias.data() : nullptr, got.data()};
        const Linear oracle{weight.weight, biased ? bias.data() : nullptr, want.data()};
        ops->matmul(x.data(), m, {&linear, 1});
        reference->matmul(x.data(), m, {&oracle, 1});
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t r = 0; r < n; ++r) {
            ASSERT_NEAR(got[i * n + r], want[i * n + r], allowed(&x[i * k], &weight.values[r * k], k))
                << "m " << m << " n " << n << " k " << k << " at " << i << ", " << r;
          }
        }
      }
    }
  }
}

// A row's result is a function of the row: the same bits alone, in any batch, at any place in it, on any number of
// threads.
TEST_P(Matmul, BatchAndThreadsNeverChangeBits) {
  const auto [isa, numerics, dtype] = GetParam();
  const std::int64_t n = 203, k = dtype_block(dtype) == 1 ? 1031 : 1024, most = 146;
  const RandomWeight weight(dtype, n, k, 5);
  const std::vector<float> bias = normal(n, 6), x = normal(most * k, 7);
  ThreadPool one(1);
  std::vector<float> alone = poisoned(most * n);
  for (std::int64_t i = 0; i < most; ++i) {
    const Linear linear{weight.weight, bias.data(), &alone[i * n]};
    table(isa, numerics, one)->matmul(&x[i * k], 1, {&linear, 1});
  }
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    const auto ops = table(isa, numerics, pool);
    for (const std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 32, 33, 65, 141}) {
      for (const std::int64_t first : {std::int64_t{0}, std::int64_t{5}}) {
        std::vector<float> got = poisoned(m * n);
        const Linear linear{weight.weight, bias.data(), got.data()};
        ops->matmul(&x[first * k], m, {&linear, 1});
        ASSERT_TRUE(same_bits(got.data(), &alone[first * n], m * n))
            << "threads " << threads << " m " << m << " from row " << first;
      }
    }
  }
}

// A weight with few rows and many threads: then the rows of x are split as well.
TEST_P(Matmul, NarrowWeightsOnManyThreads) {
  const auto [isa, numerics, dtype] = GetParam();
  const std::int64_t n = 33, k = 256, m = 300;
  const RandomWeight weight(dtype, n, k, 5);
  const std::vector<float> bias = normal(n, 6), x = normal(m * k, 7);
  ThreadPool one(1), four(4);
  std::vector<float> want = poisoned(m * n), got = poisoned(m * n);
  Linear linear{weight.weight, bias.data(), want.data()};
  table(isa, numerics, one)->matmul(x.data(), m, {&linear, 1});
  linear.out = got.data();
  table(isa, numerics, four)->matmul(x.data(), m, {&linear, 1});
  EXPECT_TRUE(same_bits(got.data(), want.data(), m * n));
}

// Several matrices of one input, of different dtypes, equal each alone.
TEST_P(Matmul, SharedInputEqualsSeparateProducts) {
  const auto [isa, numerics, dtype] = GetParam();
  ThreadPool pool(3);
  const auto ops = table(isa, numerics, pool);
  const std::int64_t k = 512;
  const RandomWeight a(dtype, 90, k, 1), b(DType::kF32, 33, k, 2), c(dtype, 17, k, 3), d(DType::kQ8_0, 48, k, 4);
  for (const std::int64_t m : {1, 6, 40}) {
    const std::vector<float> x = normal(m * k, 9);
    std::vector<std::vector<float>> together, apart;
    std::vector<Linear> linears;
    for (const RandomWeight* w : {&a, &b, &c, &d}) {
      together.push_back(poisoned(m * w->weight.rows));
      apart.push_back(poisoned(m * w->weight.rows));
      linears.push_back({w->weight, nullptr, together.back().data()});
      const Linear single{w->weight, nullptr, apart.back().data()};
      ops->matmul(x.data(), m, {&single, 1});
    }
    for (std::size_t i = 0; i < linears.size(); ++i) linears[i].out = together[i].data();
    ops->matmul(x.data(), m, linears);
    for (std::size_t i = 0; i < linears.size(); ++i) {
      ASSERT_TRUE(same_bits(together[i].data(), apart[i].data(), static_cast<std::int64_t>(apart[i].size())))
          << "matrix " << i << " m " << m;
    }
  }
}

// NaN and infinity stay in their row.
TEST_P(Matmul, BadInputsStayInTheirRow) {
  const auto [isa, numerics, dtype] = GetParam();
  ThreadPool pool(2);
  const auto ops = table(isa, numerics, pool);
  const std::int64_t n = 50, k = 512, m = 12;
  const RandomWeight weight(dtype, n, k, 3);
  std::vector<float> x = normal(m * k, 4);
  std::vector<float> good = poisoned(m * n), bad = poisoned(m * n);
  Linear linear{weight.weight, nullptr, good.data()};
  ops->matmul(x.data(), m, {&linear, 1});
  x[3 * k + 100] = kNan;
  x[7 * k + 1] = kInf;
  x[8 * k + 2] = -kInf;
  x[8 * k + 3] = 3e38f;
  linear.out = bad.data();
  ops->matmul(x.data(), m, {&linear, 1});
  for (std::int64_t i = 0; i < m; ++i) {
    if (i == 3 || i == 7 || i == 8) continue;
    ASSERT_TRUE(same_bits(&bad[i * n], &good[i * n], n)) << "row " << i;
  }
  if (!is_quantised(dtype) || numerics == Numerics::kReference) {
    for (std::int64_t r = 0; r < n; ++r) ASSERT_TRUE(std::isnan(bad[3 * n + r])) << "NaN lost in column " << r;
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, Matmul, testing::ValuesIn(cases()), name);

TEST(CpuOps, UnknownInstructionSetIsRefusedWithTheList) {
  ThreadPool pool(1);
  const auto ops = make_cpu_ops({.isa = "avx9"}, pool);
  ASSERT_FALSE(ops.has_value());
  EXPECT_EQ(ops.error().code, Code::kUnsupported);
  EXPECT_NE(ops.error().message.find("avx9"), std::string::npos);
  EXPECT_NE(ops.error().message.find("scalar reference"), std::string::npos);
}

TEST(CpuOps, BestTableIsTheDefault) {
  ThreadPool pool(1);
  EXPECT_EQ((*make_cpu_ops({}, pool))->isa(), cpu_isas().front());
  EXPECT_EQ(cpu_isas().back(), "reference");
  for (const std::string& isa : cpu_isas()) EXPECT_EQ((*make_cpu_ops({.isa = isa}, pool))->isa(), isa);
}

}  // namespace
}  // namespace pareto::oracle
