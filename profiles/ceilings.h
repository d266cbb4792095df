// What this machine can do at most, measured now: the denominators of every percentage.
//
// Shared machines change from minute to minute, so a ceiling counts only beside what was measured in the same run.
// Units: bytes/s and FLOP/s (a multiply-add is 2 FLOPs; of int8 products likewise), of all threads of the pool
// together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "core/types.h"
#include "kernels/ops.h"

namespace pareto {

struct ReadCeiling {
  double best = 0;       // bytes/s of the fastest chunk: what the memory can do
  double median = 0;     // of all chunks: what it did, other processes included
  double sustained = 0;  // the whole buffer by the fastest reader: what to set beside work of the same seconds
  std::int64_t chunk_bytes = 0, buffer_bytes = 0;
};

struct FlopCeiling {
  std::string kind;  // "f32", "bf16", "int8": what the products of the table run on
  double peak = 0;   // FLOP/s of multiply-adds that touch no memory; 0: not known for this table
  double gemm = 0;   // FLOP/s of the best large product through the table (weights f32, bf16; q8_0 or q4_0)
};

struct Ceilings {
  int threads = 1;
  std::string isa;
  ReadCeiling read;
  std::vector<FlopCeiling> flops;
  Nanos took = 0;
};

// Reads `buffer` in chunks of 64 MiB (one if it is smaller), each thread its part in several streams, with several
// numbers of streams; keeps the best. An empty buffer: 1 GiB is allocated for the time of the call (less where there is
// no memory for it). Pass the model's weights to need no memory of one's own. About 0.2 s.
ReadCeiling measure_read(ThreadPool& pool, std::span<const std::byte> buffer = {});

// One kind, about 0.1 s. Unknown kinds give zeros.
FlopCeiling measure_flops(ThreadPool& pool, Ops& ops, const std::string& kind);

// Everything: memory and the three kinds. Below 1 s.
Ceilings measure_ceilings(ThreadPool& pool, Ops& ops, std::span<const std::byte> buffer = {});

}  // namespace pareto
