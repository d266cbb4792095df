// Ceilings are measurements: what must hold of them on any machine, however busy.
#include "profiles/ceilings.h"

#include <gtest/gtest.h>

namespace pareto {
namespace {

TEST(Ceilings, ReadOfAGivenBuffer) {
  ThreadPool pool(2);
  const std::vector<std::byte> buffer(std::size_t{3} << 20, std::byte{7});
  const ReadCeiling read = measure_read(pool, buffer);
  EXPECT_EQ(read.buffer_bytes, static_cast<std::int64_t>(buffer.size()));
  EXPECT_EQ(read.chunk_bytes, read.buffer_bytes) << "a buffer below the chunk is one chunk";
  EXPECT_GT(read.median, 0);
  EXPECT_GE(read.best, read.median);
  EXPECT_LT(read.best, 100e12) << "more than any memory reads: nothing was read";
}

TEST(Ceilings, EveryTableHasRates) {
  ThreadPool pool(2);
  for (const std::string& isa : cpu_isas()) {
    const auto ops = make_cpu_ops({.isa = isa}, pool);
    ASSERT_TRUE(ops.has_value());
    for (const char* kind : {"f32", "bf16", "int8"}) {
      const FlopCeiling flops = measure_flops(pool, **ops, kind);
      EXPECT_EQ(flops.kind, kind);
      EXPECT_GT(flops.gemm, 0) << isa << " " << kind;
      EXPECT_EQ(flops.peak > 0, isa != "scalar" && isa != "reference") << isa << " " << kind;
    }
    const FlopCeiling unknown = measure_flops(pool, **ops, "f8");
    EXPECT_EQ(unknown.peak, 0);
    EXPECT_EQ(unknown.gemm, 0);
  }
}

TEST(Ceilings, AllNamesTheThreadsAndTheTable) {
  ThreadPool pool(1);
  const auto ops = make_cpu_ops({.isa = "scalar"}, pool);
  ASSERT_TRUE(ops.has_value());
  const std::vector<std::byte> buffer(std::size_t{1} << 20);
  const Ceilings all = measure_ceilings(pool, **ops, buffer);
  EXPECT_EQ(all.threads, 1);
  EXPECT_EQ(all.isa, "scalar");
  EXPECT_EQ(all.flops.size(), 3u);
  EXPECT_GT(all.took, 0);
}

}  // namespace
}  // namespace pareto
