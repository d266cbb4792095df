#include "engine/account.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pareto {
namespace {

TEST(Account, VisiblePositionsAgainstCounting) {
  for (const int window : {0, 1, 3, 7, 50}) {
    for (std::int64_t kv = 1; kv < 20; ++kv) {
      for (std::int64_t q = 1; q <= kv; ++q) {
        std::int64_t counted = 0, read = 0;
        for (std::int64_t p = 0; p < kv; ++p) {
          bool seen = false;
          for (std::int64_t own = kv - q; own < kv; ++own)
            if (p <= own && (window == 0 || p > own - window)) ++counted, seen = true;
          read += seen;
        }
        EXPECT_EQ(visible_positions(q, kv, window), counted) << q << " " << kv << " " << window;
        const KvCache cache{.dtype = DType::kBF16, .kv_heads = 2, .head_dim = 8};
        const OpWork work = attend_work(cache, q, kv, 4, window);
        EXPECT_EQ(work.flops, 4 * 4 * 9 * counted);
        EXPECT_EQ(work.bytes.kv_read, 2 * 2 * 8 * 2 * read);
        EXPECT_EQ(work.bytes.index, 4 * read);
      }
    }
  }
}

TEST(Account, AMixedStepIsDividedByRowsAndLosesNothing) {
  const OpWork work{.calls = 1, .flops = 1001, .bytes = {.weights = 77, .kv_write = 14, .index = 7, .activations = 70}};
  Account account;
  PhaseRows rows{};
  rows[static_cast<int>(Phase::kPrefill)] = 2;
  rows[static_cast<int>(Phase::kDecode)] = 4;
  rows[static_cast<int>(Phase::kScore)] = 1;
  account.add(OpClass::kQkv, 3, work, rows);
  EXPECT_EQ(account.work().total(), work);
  EXPECT_EQ(account.weights(), 77);
  const OpWork prefill = account.work().at(Phase::kPrefill, OpClass::kQkv, 3);
  EXPECT_EQ(prefill.flops, 286);
  EXPECT_EQ(prefill.bytes.weights, 22);
  EXPECT_EQ(prefill.bytes.activations, 20);
  EXPECT_EQ(prefill.calls, 0);
  EXPECT_EQ(account.work().total(Phase::kDecode).calls, 1);  // most rows: the call counts there
  EXPECT_EQ(account.work().total(Phase::kScore).bytes.weights, 11);
}

// Llama-3.1-8B in bf16: 15.01 GB of weights per decode step, the input embedding not read but for one row.
TEST(Account, WeightsOfAKnownModel) {
  const auto linear = [](std::int64_t rows, std::int64_t cols) {
    return Linear{{.dtype = DType::kBF16, .rows = rows, .cols = cols}};
  };
  const Linear layer[] = {linear(4096, 4096), linear(1024, 4096), linear(1024, 4096), linear(4096, 4096)};
  const Linear gate_up[] = {linear(14336, 4096), linear(14336, 4096)};
  const Linear down[] = {linear(4096, 14336)}, head[] = {linear(128256, 4096)};
  std::int64_t bytes = 32 * (matmul_work(layer, 1).bytes.weights + matmul_work(gate_up, 1).bytes.weights +
                             matmul_work(down, 1).bytes.weights + 2 * norm_work(1, 4096).bytes.weights) +
                       matmul_work(head, 1).bytes.weights + norm_work(1, 4096).bytes.weights;
  EXPECT_NEAR(static_cast<double>(bytes) / 1e9, 15.01, 0.005);
}

}  // namespace
}  // namespace pareto
