// Every op but the products, of every table, against the reference: odd shapes, poisoned outputs, any thread count.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/kernels/oracle.h"

namespace pareto::oracle {
namespace {

class OpsOracle : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Ops> ops(ThreadPool& pool) const { return table(GetParam(), Numerics::kReference, pool); }
  std::unique_ptr<Ops> reference_ = make_reference_ops();
};

TEST_P(OpsOracle, Embed) {
  ThreadPool pool(3);
  const auto fast = ops(pool);
  for (const DType dtype : kAllDTypes) {
    const RandomWeight rows(dtype, 40, dtype_block(dtype) == 1 ? 77 : 512, 3);
    for (const int m : {1, 5, 200}) {
      std::vector<Token> tokens;
      for (int i = 0; i < m; ++i) tokens.push_back(i * 7 % 40);
      std::vector<float> got = poisoned(m * rows.weight.cols), want = poisoned(m * rows.weight.cols);
      fast->embed(rows.weight, tokens, got.data());
      reference_->embed(rows.weight, tokens, want.data());
      ASSERT_TRUE(same_bits(got.data(), want.data(), m * rows.weight.cols)) << dtype_name(dtype) << " m " << m;
    }
  }
}

TEST_P(OpsOracle, Rmsnorm) {
  ThreadPool pool(3);
  const auto fast = ops(pool);
  for (const std::int64_t dim : {1, 7, 64, 288, 896, 1031}) {
    for (const std::int64_t rows : {1, 3, 64}) {
      std::vector<float> x = normal(rows * dim, 1), weight = normal(dim, 2);
      std::vector<float> got = poisoned(rows * dim), want = poisoned(rows * dim);
      fast->rmsnorm(x.data(), weight.data(), rows, dim, 1e-5f, got.data());
      reference_->rmsnorm(x.data(), weight.data(), rows, dim, 1e-5f, want.data());
      expect_near(got, want, 3e-6, 1e-7, "dim " + std::to_string(dim));
      fast->rmsnorm(x.data(), weight.data(), rows, dim, 1e-5f, x.data());
      ASSERT_TRUE(same_bits(x.data(), got.data(), rows * dim)) << "in place, dim " << dim;
    }
  }
}

TEST_P(OpsOracle, Rope) {
  ThreadPool pool(3);
  const auto fast = ops(pool);
  for (const RopeStyle style : {RopeStyle::kHalves, RopeStyle::kAdjacent}) {
    for (const int head_dim : {2, 6, 32, 48, 64, 128}) {
      const int positions_count = 50, half = head_dim / 2;
      std::vector<float> cos, sin;
      for (int p = 0; p < positions_count; ++p) {
        for (int j = 0; j < half; ++j) {
          cos.push_back(std::cos(static_cast<float>(p) * std::pow(0.3f, static_cast<float>(j))));
          sin.push_back(std::sin(static_cast<float>(p) * std::pow(0.3f, static_cast<float>(j))));
        }
      }
      for (const int m : {1, 5, 40}) {
        std::vector<std::int32_t> positions;
        for (int i = 0; i < m; ++i) positions.push_back(i * 11 % positions_count);
        const int heads = 3;
        std::vector<float> got = normal(std::int64_t{m} * heads * head_dim, 4), want = got;
        fast->rope(got.data(), positions, heads, head_dim, cos.data(), sin.data(), style);
        reference_->rope(want.data(), positions, heads, head_dim, cos.data(), sin.data(), style);
        expect_near(got, want, 1e-6, 1e-6, "head_dim " + std::to_string(head_dim));
      }
    }
  }
}

TEST_P(OpsOracle, SiluMulAndAdd) {
  ThreadPool pool(3);
  const auto fast = ops(pool);
  for (const std::int64_t n : {1, 7, 8, 65, 4864, 100003}) {
    std::vector<float> gate = normal(n, 1, 6.0f), up = normal(n, 2);
    gate[0] = 90;
    if (n > 3) gate[1] = -90, gate[2] = 0, gate[3] = -104;
    std::vector<float> got = poisoned(n), want = poisoned(n);
    fast->silu_mul(gate.data(), up.data(), n, got.data());
    reference_->silu_mul(gate.data(), up.data(), n, want.data());
    expect_near(got, want, 2e-6, 1e-30, "silu_mul n " + std::to_string(n));
    fast->silu_mul(gate.data(), up.data(), n, gate.data());
    ASSERT_TRUE(same_bits(gate.data(), got.data(), n)) << "in place";
    got = up;
    want = up;
    fast->add(got.data(), gate.data(), n);
    reference_->add(want.data(), gate.data(), n);
    ASSERT_TRUE(same_bits(got.data(), want.data(), n)) << "add n " << n;
  }
}

TEST_P(OpsOracle, LogSoftmax) {
  ThreadPool pool(3);
  const auto fast = ops(pool);
  for (const std::int64_t vocab : {1, 3, 8, 100, 32000, 50257}) {
    for (const std::int64_t rows : {1, 4}) {
      std::vector<float> logits = normal(rows * vocab, 8, 5.0f);
      for (std::int64_t i = 0; i < rows; ++i) {  // two equal largest ones: the first counts
        logits[i * vocab + vocab / 3] = 40;
        logits[i * vocab + vocab - 1] = 40;
      }
      std::vector<float> got = poisoned(rows), want = poisoned(rows);
      std::vector<Token> got_best(rows, -1), want_best(rows, -1);
      fast->log_softmax(logits.data(), rows, vocab, got.data(), got_best.data());
      reference_->log_softmax(logits.data(), rows, vocab, want.data(), want_best.data());
      expect_near(got, want, 1e-6, 1e-6, "vocab " + std::to_string(vocab));
      EXPECT_EQ(got_best, want_best);
    }
  }
  // Extremes: a masked vocabulary, all equal, infinities.
  std::vector<float> masked(100, -kInf);
  masked[17] = 2.5f;
  float lse = kNan;
  Token best = -1;
  fast->log_softmax(masked.data(), 1, 100, &lse, &best);
  EXPECT_EQ(lse, 2.5f);
  EXPECT_EQ(best, 17);
  std::vector<float> bad(100, kNan);
  bad[60] = kInf;
  fast->log_softmax(bad.data(), 1, 100, &lse, &best);
  EXPECT_GE(best, 0);
  EXPECT_LT(best, 100);
}

// A cache of `pages` pages whose slots are handed out in a scattered order.
struct Cache {
  std::vector<std::byte> k, v;
  KvCache cache;
  std::vector<std::int32_t> slots;
  Cache(DType dtype, int kv_heads, int head_dim, int page, int positions) {
    const int pages = (positions + page - 1) / page + 1;
    k.resize(static_cast<std::size_t>(dtype_bytes(dtype, std::int64_t{pages} * page * kv_heads * head_dim)));
    v.resize(k.size());
    cache = {k.data(), v.data(), dtype, kv_heads, head_dim, page};
    for (int p = 0; p < positions; ++p) slots.push_back((pages - 1 - p / page) * page + p % page);
  }
};

TEST_P(OpsOracle, KvWriteStoresTheSameBits) {
  ThreadPool pool(3);
  const auto fast = ops(pool);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const int page : {1, 16}) {
      Cache got(dtype, 3, 20, page, 90), want(dtype, 3, 20, page, 90);
      std::vector<float> k = normal(90 * 60, 1, 100.0f), v = normal(90 * 60, 2, 1e-6f);
      k[0] = kInf, k[1] = -kInf, k[2] = 1e30f, k[3] = 65520, k[4] = -0.0f, k[5] = 5e-8f;
      fast->kv_write(got.cache, k.data(), v.data(), got.slots);
      reference_->kv_write(want.cache, k.data(), v.data(), want.slots);
      EXPECT_EQ(got.k, want.k) << dtype_name(dtype);
      EXPECT_EQ(got.v, want.v) << dtype_name(dtype);
    }
  }
}

struct AttendShape {
  int heads, kv_heads, head_dim, page, window;
  DType dtype;
};

std::vector<AttendSequence> sequences(const Cache& cache, const std::vector<std::pair<int, int>>& lengths) {
  std::vector<AttendSequence> all;
  std::int64_t begin = 0;
  for (const auto& [q_len, kv_len] : lengths) {
    all.push_back({begin, q_len, cache.slots.data(), kv_len});
    begin += q_len;
  }
  return all;
}

TEST_P(OpsOracle, Attend) {
  const std::vector<AttendShape> shapes = {{4, 4, 8, 16, 0, DType::kF32},   {14, 2, 64, 16, 0, DType::kBF16},
                                           {6, 6, 48, 16, 0, DType::kF16},  {6, 2, 20, 1, 0, DType::kF32},
                                           {8, 2, 128, 32, 7, DType::kF32}, {4, 1, 64, 16, 200, DType::kBF16},
                                           {5, 5, 33, 16, 128, DType::kF32}};
  ThreadPool pool(3);
  const auto fast = ops(pool);
  for (const AttendShape& s : shapes) {
    Cache cache(s.dtype, s.kv_heads, s.head_dim, s.page, 700);
    const std::int64_t width = std::int64_t{s.kv_heads} * s.head_dim;
    reference_->kv_write(cache.cache, normal(700 * width, 1).data(), normal(700 * width, 2).data(), cache.slots);
    const auto all = sequences(cache, {{1, 1}, {1, 127}, {1, 128}, {1, 129}, {1, 700}, {5, 5}, {70, 300}, {33, 257}});
    const std::int64_t total = all.back().q_begin + all.back().q_len, n = total * s.heads * s.head_dim;
    const std::vector<float> q = normal(n, 3);
    const float scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim));
    std::vector<float> got = poisoned(n), want = poisoned(n);
    fast->attend(q.data(), cache.cache, all, s.heads, scale, s.window, got.data());
    reference_->attend(q.data(), cache.cache, all, s.heads, scale, s.window, want.data());
    // The amx table rounds queries and softmax weights to bf16 there.
    const double tolerance = fast->isa() == "amx" && s.dtype == DType::kBF16 ? 1.5e-2 : 2e-5;
    expect_near(got, want, tolerance, tolerance,
                std::string(dtype_name(s.dtype)) + " head_dim " + std::to_string(s.head_dim));
  }
}

// Chunks, batches and threads never change bits: a prompt in one piece equals the same prompt token by token.
TEST_P(OpsOracle, AttendIsTheSameInAnyChunksAndThreads) {
  for (const int window : {0, 50}) {
    const int heads = 6, kv_heads = 2, head_dim = 64, length = 300;
    Cache cache(DType::kBF16, kv_heads, head_dim, 16, length);
    const std::int64_t width = kv_heads * head_dim, row = heads * head_dim;
    reference_->kv_write(cache.cache, normal(length * width, 1).data(), normal(length * width, 2).data(), cache.slots);
    const std::vector<float> q = normal(length * row, 3);
    ThreadPool one(1);
    const auto single = ops(one);
    std::vector<float> whole = poisoned(length * row);
    single->attend(q.data(), cache.cache, sequences(cache, {{length, length}}), heads, 0.125f, window, whole.data());
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      const auto fast = ops(pool);
      for (const int chunk : {1, 7, 64, 300}) {
        for (int begin = 0; begin < length; begin += chunk) {
          const int n = std::min(chunk, length - begin);
          std::vector<float> got = poisoned(n * row);
          fast->attend(&q[begin * row], cache.cache, sequences(cache, {{n, begin + n}}), heads, 0.125f, window,
                       got.data());
          ASSERT_TRUE(same_bits(got.data(), &whole[begin * row], n * row))
              << "threads " << threads << " chunk " << chunk << " at " << begin << " window " << window;
        }
      }
    }
  }
}

TEST_P(OpsOracle, RouteAndScatterAdd) {
  ThreadPool pool(3);
  const auto fast = ops(pool);
  const std::vector<float> logits = {1, 3, 3, 2, -1, 0, 0, 0, 0, 0};  // two rows of 5 experts; ties
  std::vector<std::int32_t> experts(4, -1);
  std::vector<float> weights = poisoned(4);
  fast->route(logits.data(), 2, 5, 2, true, experts.data(), weights.data());
  EXPECT_EQ(experts, (std::vector<std::int32_t>{1, 2, 0, 1}));
  for (const float w : weights) EXPECT_FLOAT_EQ(w, 0.5f);
  fast->route(logits.data(), 2, 5, 2, false, experts.data(), weights.data());
  EXPECT_FLOAT_EQ(weights[2], 0.2f);
  std::vector<float> bad(5, kNan);
  fast->route(bad.data(), 1, 5, 2, true, experts.data(), weights.data());
  for (int j = 0; j < 2; ++j) EXPECT_TRUE(experts[j] >= 0 && experts[j] < 5);

  const std::int64_t dim = 2000;
  std::vector<std::int32_t> rows(30);
  std::iota(rows.rbegin(), rows.rend(), 3);
  std::vector<float> got = normal(40 * dim, 1), want = got;
  const std::vector<float> y = normal(30 * dim, 2), scale = normal(30, 3);
  fast->scatter_add(got.data(), rows, scale.data(), y.data(), dim);
  reference_->scatter_add(want.data(), rows, scale.data(), y.data(), dim);
  EXPECT_TRUE(same_bits(got.data(), want.data(), 40 * dim));
}

INSTANTIATE_TEST_SUITE_P(Tables, OpsOracle, testing::ValuesIn(fast_isas()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pareto::oracle
