#include "profiles/ceilings.h"

#include <emmintrin.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "kernels/cpu/peak.h"

namespace pareto {
namespace {

constexpr std::int64_t kChunk = std::int64_t{64} << 20, kBuffer = std::int64_t{1} << 30,
                       kLeast = std::int64_t{128} << 20;
constexpr std::int64_t kLine = 64;

// Anonymous memory in huge pages where there are any; empty when there is none left.
class Memory {
 public:
  explicit Memory(std::int64_t bytes) : bytes_(bytes) {
    void* p = mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    data_ = p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
    if (data_) madvise(data_, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
  }
  ~Memory() {
    if (data_) munmap(data_, static_cast<std::size_t>(bytes_));
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  std::byte* data() const { return data_; }
  std::span<const std::byte> span() const { return {data_, data_ ? static_cast<std::size_t>(bytes_) : 0}; }

 private:
  std::int64_t bytes_;
  std::byte* data_ = nullptr;
};

std::int64_t free_memory() {
  const long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return static_cast<std::int64_t>(pages) * size;
}

// Reads all of it in kStreams streams; the result keeps the compiler from dropping the loads.
template <int kStreams>
std::int64_t read_streams(const std::byte* p, std::int64_t n) {
  const std::int64_t part = n / kStreams / kLine * kLine;
  __m128i sum[kStreams] = {};
  for (std::int64_t i = 0; i < part; i += kLine) {
#pragma GCC unroll 12
    for (int s = 0; s < kStreams; ++s) {
      const auto* line = reinterpret_cast<const __m128i*>(p + s * part + i);
      const __m128i low = _mm_xor_si128(_mm_loadu_si128(line), _mm_loadu_si128(line + 1));
      const __m128i high = _mm_xor_si128(_mm_loadu_si128(line + 2), _mm_loadu_si128(line + 3));
      sum[s] = _mm_xor_si128(sum[s], _mm_xor_si128(low, high));
    }
  }
  __m128i all = sum[0];
  for (int s = 1; s < kStreams; ++s) all = _mm_xor_si128(all, sum[s]);
  return _mm_cvtsi128_si64(all);
}

using Reader = std::int64_t (*)(const std::byte*, std::int64_t);

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

// Bytes/s of every chunk.
std::vector<double> read_chunks(ThreadPool& pool, std::span<const std::byte> buffer, std::int64_t chunk,
                                Reader reader) {
  std::vector<double> rates;
  std::vector<std::int64_t> sink(static_cast<std::size_t>(pool.size()) * 8);
  const auto size = static_cast<std::int64_t>(buffer.size());
  for (std::int64_t at = 0; at + chunk <= size; at += chunk) {
    const Nanos start = now_ns();
    pool.split(chunk, 4096, [&](std::int64_t begin, std::int64_t end, int thread) {
      sink[static_cast<std::size_t>(thread) * 8] ^= reader(buffer.data() + at + begin, end - begin);
    });
    rates.push_back(static_cast<double>(chunk) * 1e9 / static_cast<double>(std::max<Nanos>(now_ns() - start, 1)));
  }
  volatile std::int64_t keep = sink[0];
  (void)keep;
  return rates;
}

// FLOP/s of a product of `m` rows with a random weight of [size, size].
double product_rate(Ops& ops, DType dtype, std::int64_t m, std::int64_t size, Nanos budget) {
  std::vector<float> x(static_cast<std::size_t>(m * size)), row(static_cast<std::size_t>(size));
  std::vector<float> out(x.size());
  std::vector<std::byte> weight(static_cast<std::size_t>(dtype_bytes(dtype, size * size)));
  std::uint32_t state = 1;
  const auto next = [&] { return static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1.0f; };
  for (float& v : x) v = next();
  for (float& v : row) v = next();
  const std::size_t row_bytes = weight.size() / static_cast<std::size_t>(size);
  if (dtype == DType::kF32) {
    std::copy_n(reinterpret_cast<const std::byte*>(row.data()), row_bytes, weight.data());
  } else {
    quantise(dtype, row.data(), size, weight.data());
  }
  for (std::size_t at = row_bytes; at < weight.size(); at += row_bytes) {
    std::copy_n(weight.data(), row_bytes, weight.data() + at);
  }
  const Linear linear{{weight.data(), dtype, size, size}, nullptr, out.data()};
  Nanos best = 0, spent = 0;
  for (int i = 0; i == 0 || spent < budget; ++i) {
    const Nanos start = now_ns();
    ops.matmul(x.data(), m, {&linear, 1});
    const Nanos took = std::max<Nanos>(now_ns() - start, 1);
    best = best == 0 ? took : std::min(best, took);
    spent += took;
  }
  return 2e9 * static_cast<double>(m * size) * static_cast<double>(size) / static_cast<double>(best);
}

double peak_rate(ThreadPool& pool, cpu::PeakLoop loop) {
  // Rounds of about 0.4 ms: long beside waking the pool, short beside a time slice.
  Nanos shortest = 0;
  for (int i = 0; i < 5; ++i) {
    const Nanos start = now_ns();
    loop(1000);
    const Nanos took = std::max<Nanos>(now_ns() - start, 1);
    shortest = i == 0 ? took : std::min(shortest, took);
  }
  const std::int64_t iterations = std::max<std::int64_t>(1000, 1000 * 400'000 / shortest);
  double best = 0;
  std::vector<double> flops(static_cast<std::size_t>(pool.size()) * 8);
  for (const Nanos end = now_ns() + 20'000'000; now_ns() < end;) {
    const Nanos start = now_ns();
    pool.run([&](int thread) { flops[static_cast<std::size_t>(thread) * 8] = loop(iterations); });
    const Nanos took = std::max<Nanos>(now_ns() - start, 1);
    double sum = 0;
    for (const double f : flops) sum += f;
    best = std::max(best, sum * 1e9 / static_cast<double>(took));
  }
  return best;
}

}  // namespace

ReadCeiling measure_read(ThreadPool& pool, std::span<const std::byte> buffer) {
  if (buffer.empty()) {
    const Memory memory(std::clamp(free_memory() / 2, kLeast, kBuffer));
    if (!memory.data()) return {};
    const auto size = static_cast<std::int64_t>(memory.span().size());
    pool.split(size, std::int64_t{2} << 20, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; i += 4096) memory.data()[i] = std::byte{1};  // else all is one zero page
    });
    return measure_read(pool, memory.span());
  }
  ReadCeiling ceiling;
  ceiling.buffer_bytes = static_cast<std::int64_t>(buffer.size());
  ceiling.chunk_bytes = std::min(kChunk, ceiling.buffer_bytes);
  for (const Reader reader : {read_streams<4>, read_streams<8>, read_streams<12>}) {
    const std::vector<double> rates = read_chunks(pool, buffer, ceiling.chunk_bytes, reader);
    ceiling.best = std::max(ceiling.best, quantile(rates, 1));
    ceiling.median = std::max(ceiling.median, quantile(rates, 0.5));
    double seconds = 0;
    for (const double rate : rates) seconds += static_cast<double>(ceiling.chunk_bytes) / rate;
    const double bytes = static_cast<double>(ceiling.chunk_bytes) * static_cast<double>(rates.size());
    ceiling.sustained = std::max(ceiling.sustained, bytes / seconds);
  }
  return ceiling;
}

FlopCeiling measure_flops(ThreadPool& pool, Ops& ops, const std::string& kind) {
  FlopCeiling ceiling;
  ceiling.kind = kind;
  if (kind != "f32" && kind != "bf16" && kind != "int8") return ceiling;
  if (const cpu::PeakLoop loop = cpu::peak_loop(ops.isa(), kind)) ceiling.peak = peak_rate(pool, loop);
  const std::vector<DType> dtypes = kind == "f32"    ? std::vector{DType::kF32}
                                    : kind == "bf16" ? std::vector{DType::kBF16}
                                                     : std::vector{DType::kQ8_0, DType::kQ4_0};
  for (const DType dtype : dtypes) {
    double rate = product_rate(ops, dtype, 32, 256, 1'000'000);
    if (rate >= 2e9) {  // else a table without vectors: a large product would take seconds
      const Nanos budget = 20'000'000;
      rate = product_rate(ops, dtype, 192, 1024, budget);
      if (rate > 200e9) rate = std::max(rate, product_rate(ops, dtype, 512, 2048, budget));
    }
    ceiling.gemm = std::max(ceiling.gemm, rate);
  }
  return ceiling;
}

Ceilings measure_ceilings(ThreadPool& pool, Ops& ops, std::span<const std::byte> buffer) {
  const Nanos start = now_ns();
  Ceilings ceilings;
  ceilings.threads = pool.size();
  ceilings.isa = ops.isa();
  ceilings.read = measure_read(pool, buffer);
  for (const char* kind : {"f32", "bf16", "int8"}) ceilings.flops.push_back(measure_flops(pool, ops, kind));
  ceilings.took = now_ns() - start;
  return ceilings;
}

}  // namespace pareto
