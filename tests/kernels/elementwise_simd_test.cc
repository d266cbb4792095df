// The elementwise ops of each instruction set against the definition, at every length around the vector widths.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/internal.h"

namespace pareto {
namespace {

struct Path {
  const char* isa;
  decltype(cpu::Kernels::rmsnorm) rmsnorm;
  decltype(cpu::Kernels::rope) rope;
  decltype(cpu::Kernels::silu_mul) silu_mul;
  decltype(cpu::Kernels::add) add;
  decltype(cpu::Kernels::log_softmax) log_softmax;
  decltype(cpu::Kernels::narrow) narrow;
};

std::vector<Path> paths() {
  std::vector<Path> all;
  if (cpu::cpu_features().avx2) {
    using namespace cpu::avx2;
    all.push_back({"avx2", rmsnorm, rope, silu_mul, add, log_softmax, narrow});
  }
  if (cpu::cpu_features().avx512) {
    using namespace cpu::avx512;
    all.push_back({"avx512", rmsnorm, rope, silu_mul, add, log_softmax, narrow});
  }
  return all;
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<float> random_values(std::int64_t n, float sigma = 1) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0, sigma);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& value : x) value = normal(random);
  return x;
}

// n values between two guards, so that a store beyond the end shows.
struct Guarded {
  explicit Guarded(std::int64_t n) : values(static_cast<std::size_t>(n) + 32, kNan), n(n) {
    for (int i = 0; i < 16; ++i) values[static_cast<std::size_t>(i)] = values[values.size() - 1 - i] = 77;
  }
  float* data() { return values.data() + 16; }
  float operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i) + 16]; }
  void check(const std::string& what) const {
    for (int i = 0; i < 16; ++i) {
      EXPECT_EQ(values[static_cast<std::size_t>(i)], 77) << what;
      EXPECT_EQ(values[values.size() - 1 - static_cast<std::size_t>(i)], 77) << what;
    }
  }
  std::vector<float> values;
  std::int64_t n;
};

void expect_near(float got, double want, double relative, const std::string& what) {
  ASSERT_NEAR(got, want, relative * std::fabs(want) + 1e-37) << what;
}

TEST(Elementwise, RmsnormEqualsDefinition) {
  for (const Path& path : paths()) {
    for (const int dim : {1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 127, 288, 896, 1000}) {
      const std::string what = std::string(path.isa) + " dim " + std::to_string(dim);
      const std::vector<float> x = random_values(3 * dim), w = random_values(dim);
      std::vector<float> want(x.size());
      make_reference_ops()->rmsnorm(x.data(), w.data(), 3, dim, 1e-5f, want.data());
      Guarded out(3 * dim);
      path.rmsnorm(x.data(), w.data(), 3, dim, 1e-5f, out.data());
      out.check(what);
      for (int i = 0; i < 3 * dim; ++i) expect_near(out[i], want[static_cast<std::size_t>(i)], 5e-7, what);
      std::vector<float> in_place = x;
      path.rmsnorm(in_place.data(), w.data(), 3, dim, 1e-5f, in_place.data());
      EXPECT_EQ(std::memcmp(in_place.data(), out.data(), in_place.size() * 4), 0) << what;
    }
  }
}

TEST(Elementwise, RopeEqualsDefinitionInBothStyles) {
  const std::vector<std::int32_t> positions = {4, 0, 9};
  for (const Path& path : paths()) {
    for (const RopeStyle style : {RopeStyle::kHalves, RopeStyle::kAdjacent}) {
      for (const int head_dim : {2, 4, 6, 8, 10, 14, 16, 18, 24, 30, 32, 34, 48, 64, 80, 128}) {
        const std::string what = std::string(path.isa) + " head_dim " + std::to_string(head_dim);
        std::vector<float> angles = random_values(10 * head_dim / 2, 3), cos, sin;
        for (const float a : angles) cos.push_back(std::cos(a)), sin.push_back(std::sin(a));
        std::vector<float> want = random_values(3 * 2 * head_dim);
        Guarded x(3 * 2 * head_dim);
        std::memcpy(x.data(), want.data(), want.size() * 4);
        make_reference_ops()->rope(want.data(), positions, 2, head_dim, cos.data(), sin.data(), style);
        path.rope(x.data(), positions.data(), 3, 2, head_dim, cos.data(), sin.data(), style);
        x.check(what);
        for (std::size_t i = 0; i < want.size(); ++i)
          ASSERT_NEAR(x[static_cast<std::int64_t>(i)], want[i], 6e-7) << what << " element " << i;
      }
    }
  }
}

TEST(Elementwise, SiluMulEqualsDefinition) {
  for (const Path& path : paths()) {
    const int n = 6001;
    std::vector<float> gate(n), up = random_values(n);
    for (int i = 0; i < n; ++i) gate[static_cast<std::size_t>(i)] = 0.03f * static_cast<float>(i - n / 2);
    std::vector<float> want(gate.size());
    make_reference_ops()->silu_mul(gate.data(), up.data(), n, want.data());
    Guarded out(n);
    path.silu_mul(gate.data(), up.data(), n, out.data());
    out.check(path.isa);
    for (int i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::string what = std::string(path.isa) + " gate " + std::to_string(gate[at]);
      if (gate[at] > -87)
        expect_near(out[i], want[at], 5e-7, what);
      else
        ASSERT_NEAR(out[i], want[at], 1e-35) << what;  // exp saturates
    }
    const float special[4] = {kNan, kInf, -kInf, -1e30f}, ones[4] = {1, 1, 1, 1};
    float result[4];
    path.silu_mul(special, ones, 4, result);
    EXPECT_TRUE(std::isnan(result[0])) << path.isa;
    EXPECT_EQ(result[1], kInf) << path.isa;
    EXPECT_FALSE(std::isfinite(result[3]) && std::fabs(result[3]) > 1e-7f) << path.isa;
  }
}

// The same element in every place of a vector, and in a tail.
TEST(Elementwise, BitsDoNotDependOnThePlace) {
  for (const Path& path : paths()) {
    const std::vector<float> gate = random_values(100), up = random_values(200);
    std::vector<float> whole(100), add_whole(gate), part(100);
    path.silu_mul(gate.data(), up.data(), 100, whole.data());
    path.add(add_whole.data(), up.data(), 100);
    for (int begin = 0; begin < 100; begin += 3) {
      for (int end = begin + 1; end <= 100; end += 7) {
        path.silu_mul(gate.data() + begin, up.data() + begin, end - begin, part.data());
        ASSERT_EQ(std::memcmp(part.data(), whole.data() + begin, 4 * static_cast<std::size_t>(end - begin)), 0);
        std::memcpy(part.data(), gate.data() + begin, 4 * static_cast<std::size_t>(end - begin));
        path.add(part.data(), up.data() + begin, end - begin);
        ASSERT_EQ(std::memcmp(part.data(), add_whole.data() + begin, 4 * static_cast<std::size_t>(end - begin)), 0);
      }
    }
  }
}

TEST(Elementwise, LogSoftmaxEqualsDefinition) {
  for (const Path& path : paths()) {
    for (const int vocab : {1, 2, 7, 8, 9, 16, 17, 33, 512, 1000, 1023, 1024, 1025, 32000, 151936}) {
      for (const float sigma : {1.0f, 30.0f}) {
        const std::string what = std::string(path.isa) + " vocab " + std::to_string(vocab);
        const std::vector<float> x = random_values(2 * vocab, sigma);
        float want[2], got[2] = {kNan, kNan};
        Token best[2], got_best[2] = {-1, -1};
        make_reference_ops()->log_softmax(x.data(), 2, vocab, want, best);
        path.log_softmax(x.data(), 2, vocab, got, got_best);
        for (int i = 0; i < 2; ++i) {
          EXPECT_NEAR(got[i], want[i], 5e-7 * (1 + std::fabs(want[i]))) << what;
          EXPECT_EQ(got_best[i], best[i]) << what;
        }
      }
    }
  }
}

TEST(Elementwise, LogSoftmaxArgmaxIsTheFirst) {
  for (const Path& path : paths()) {
    for (const int first : {0, 5, 8, 500, 1023, 1024, 2040, 2990}) {
      std::vector<float> x(3000, -2);
      for (int i = first; i < 3000; i += 3) x[static_cast<std::size_t>(i)] = 4;
      float lse;
      Token best;
      path.log_softmax(x.data(), 1, 3000, &lse, &best);
      EXPECT_EQ(best, first) << path.isa;
    }
    std::vector<float> x(40, 1);
    x[33] = kNan;
    float lse;
    Token best;
    path.log_softmax(x.data(), 1, 40, &lse, &best);
    EXPECT_TRUE(std::isnan(lse)) << path.isa;
    std::fill(x.begin(), x.end(), -kInf);
    x[20] = 3;
    path.log_softmax(x.data(), 1, 40, &lse, &best);
    EXPECT_EQ(lse, 3) << path.isa;
    EXPECT_EQ(best, 20) << path.isa;
  }
}

TEST(Elementwise, NarrowEqualsDefinition) {
  std::vector<float> x = random_values(1000, 1);
  for (const float special :
       {0.0f,  -0.0f, kInf,    -kInf, kNan,   -kNan,   65504.0f, 65519.9f,    65520.0f,    -1e9f,
        1e-7f, 6e-8f, 2.9e-8f, 3e-8f, 1e-40f, -1e-45f, 3.4e38f,  1.00390625f, 1.01171875f, 6.1e-5f})
    x.push_back(special);
  for (std::uint32_t bits = 0; bits < 0xfff00000u; bits += 0x3f7f1) {
    float value;
    std::memcpy(&value, &bits, 4);
    x.push_back(value);
  }
  const auto n = static_cast<std::int64_t>(x.size());
  for (const Path& path : paths()) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      for (const std::int64_t length : {n, n - 1, n - 5, std::int64_t{1}, std::int64_t{3}}) {
        std::vector<std::uint16_t> want(static_cast<std::size_t>(2 * n + 1), 0x1234), got = want;
        cpu::scalar::narrow(dtype, x.data(), length, want.data());
        path.narrow(dtype, x.data(), length, got.data());
        EXPECT_EQ(got, want) << path.isa << " " << dtype_name(dtype) << " " << length;
      }
    }
  }
}

}  // namespace
}  // namespace pareto
