// CpuOps: the op table of the CPU. Threads, scratch memory and the choice of kernels are here; the inner loops are not.
//
// Work is split statically over the pool, and only where it is worth waking somebody: which thread computes an output
// element never changes its bits, since every element is one reduction of fixed order (ops.h, Determinism).
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/options.h"
#include "kernels/cpu/internal.h"

namespace pareto {
namespace cpu {
namespace {

constexpr int kDTypes = 9;
// An op that takes less than this on one thread stays there: about what waking a spinning worker and waiting for it
// costs.
constexpr double kWorthwhileNs = 4000;
// Rough speeds of one thread, for that decision alone.
constexpr double kBytesPerNs = 16, kFlopsPerNs = 32;

constexpr std::int64_t kXGrain = 16;  // a multiple of every divisible kernel's prepare_grain
constexpr int kTaskRows = 256;        // (queries × heads of a group) of one attention task, about

class Buffer {  // grows, never shrinks; 64-byte aligned
 public:
  std::byte* at_least(std::size_t bytes) {
    if (bytes > size_) {
      size_ = (bytes + bytes / 2 + 4095) / 4096 * 4096;
      data_.reset(static_cast<std::byte*>(std::aligned_alloc(4096, size_)));
      if (!data_) std::abort();  // scratch of a few MB: the memory plan has its reserve
    }
    return data_.get();
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

std::size_t align64(std::size_t n) { return (n + 63) / 64 * 64; }

// Every kernel from the first table of `chain` that has it. The last table is complete.
Kernels merge(const std::vector<const Kernels*>& chain, Numerics numerics) {
  Kernels all;
  all.isa = chain.front()->isa;
  for (const Kernels* k : chain) {
    const bool exact = k->attend_numerics == Numerics::kReference;
    if (!all.attend && (exact || numerics == Numerics::kFast))
      all.attend = k->attend, all.attend_scratch = k->attend_scratch;
    if (!all.rmsnorm) all.rmsnorm = k->rmsnorm;
    if (!all.rope) all.rope = k->rope;
    if (!all.silu_mul) all.silu_mul = k->silu_mul;
    if (!all.add) all.add = k->add;
    if (!all.log_softmax) all.log_softmax = k->log_softmax;
    if (!all.dequantise) all.dequantise = k->dequantise;
    if (!all.narrow) all.narrow = k->narrow;
  }
  return all;
}

MatmulKernel find_matmul(const std::vector<const Kernels*>& chain, DType dtype, Numerics numerics) {
  for (const Kernels* k : chain) {
    if (!k->matmul) continue;
    const MatmulKernel kernel = k->matmul(dtype, numerics);
    if (kernel.run) return kernel;
  }
  return {};
}

class CpuOps final : public Ops {
 public:
  CpuOps(const std::vector<const Kernels*>& chain, Numerics numerics, ThreadPool& pool)
      : kernels_(merge(chain, numerics)), pool_(pool), scratch_(static_cast<std::size_t>(pool.size())) {
    for (int d = 0; d < kDTypes; ++d) {
      matmul_[static_cast<std::size_t>(d)] = find_matmul(chain, static_cast<DType>(d), numerics);
    }
  }

  std::string isa() const override { return kernels_.isa; }

  void embed(const Weight& table, std::span<const Token> tokens, float* out) override {
    const auto n = static_cast<std::int64_t>(tokens.size());
    split(n, 1, static_cast<double>(n * table.row_bytes()), 0, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const char* row =
            static_cast<const char*>(table.data) + tokens[static_cast<std::size_t>(i)] * table.row_bytes();
        kernels_.dequantise(table.dtype, row, table.cols, out + i * table.cols);
      }
    });
  }

  void rmsnorm(const float* x, const float* weight, std::int64_t rows, std::int64_t dim, float eps,
               float* out) override {
    split(rows, 1, 8.0 * static_cast<double>(rows * dim), 0, [&](std::int64_t begin, std::int64_t end, int) {
      kernels_.rmsnorm(x + begin * dim, weight, end - begin, dim, eps, out + begin * dim);
    });
  }

  void matmul(const float* x, std::int64_t m, std::span<const Linear> linears) override;

  void rope(float* x, std::span<const std::int32_t> positions, int heads, int head_dim, const float* cos,
            const float* sin, RopeStyle style) override {
    const auto rows = static_cast<std::int64_t>(positions.size());
    const std::int64_t width = static_cast<std::int64_t>(heads) * head_dim;
    split(rows, 1, 8.0 * static_cast<double>(rows * width), 0, [&](std::int64_t begin, std::int64_t end, int) {
      kernels_.rope(x + begin * width, positions.data() + begin, end - begin, heads, head_dim, cos, sin, style);
    });
  }

  void kv_write(const KvCache& cache, const float* k, const float* v, std::span<const std::int32_t> slots) override {
    const auto rows = static_cast<std::int64_t>(slots.size());
    const std::int64_t width = static_cast<std::int64_t>(cache.kv_heads) * cache.head_dim;
    split(rows, 1, 16.0 * static_cast<double>(rows * width), 0, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        write_row(cache, cache.k, k + i * width, slots[static_cast<std::size_t>(i)]);
        write_row(cache, cache.v, v + i * width, slots[static_cast<std::size_t>(i)]);
      }
    });
  }

  void attend(const float* q, const KvCache& cache, std::span<const AttendSequence> sequences, int heads, float scale,
              int window, float* out) override;

  void silu_mul(const float* gate, const float* up, std::int64_t n, float* out) override {
    split(n, 64, 12.0 * static_cast<double>(n), 8.0 * static_cast<double>(n),
          [&](std::int64_t begin, std::int64_t end, int) {
            kernels_.silu_mul(gate + begin, up + begin, end - begin, out + begin);
          });
  }

  void add(float* x, const float* y, std::int64_t n) override {
    split(n, 64, 12.0 * static_cast<double>(n), 0,
          [&](std::int64_t begin, std::int64_t end, int) { kernels_.add(x + begin, y + begin, end - begin); });
  }

  void route(const float* logits, std::int64_t m, int experts, int k, bool normalise, std::int32_t* experts_out,
             float* weights_out) override {
    cpu::route(logits, m, experts, k, normalise, experts_out, weights_out);
  }

  void scatter_add(float* x, std::span<const std::int32_t> rows, const float* weight, const float* y,
                   std::int64_t dim) override {
    const auto n = static_cast<std::int64_t>(rows.size());
    split(n, 1, 12.0 * static_cast<double>(n * dim), 0, [&](std::int64_t begin, std::int64_t end, int) {
      cpu::scatter_add(x, rows.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
                       weight + begin, y + begin * dim, dim);
    });
  }

  void log_softmax(const float* logits, std::int64_t rows, std::int64_t vocab, float* lse, Token* argmax) override {
    const double elements = static_cast<double>(rows * vocab);
    split(rows, 1, 8.0 * elements, 8.0 * elements, [&](std::int64_t begin, std::int64_t end, int) {
      kernels_.log_softmax(logits + begin * vocab, end - begin, vocab, lse + begin, argmax + begin);
    });
  }

 private:
  // One matrix of a product, and what its kernel reads.
  struct Part {
    const Linear* linear;
    const MatmulKernel* kernel;
    const void* prepared;
    std::int64_t first;  // its rows are [first, first + rows) of all parts' rows
  };
  // Queries [q0, q1) of one sequence for kv head h.
  struct Task {
    const AttendSequence* sequence;
    int q0, q1, h;
    double end_cost;  // of this and all tasks before it
  };

  bool worthwhile(double bytes, double flops) const {
    return pool_.size() > 1 && std::max(bytes / kBytesPerNs, flops / kFlopsPerNs) > kWorthwhileNs;
  }
  template <class Body>
  void split(std::int64_t n, std::int64_t grain, double bytes, double flops, Body&& body) {
    if (worthwhile(bytes, flops))
      pool_.split(n, grain, body);
    else if (n > 0)
      body(std::int64_t{0}, n, 0);
  }

  void write_row(const KvCache& c, void* base, const float* x, std::int32_t slot) const {
    for (int h = 0; h < c.kv_heads; ++h, x += c.head_dim) {
      const std::int64_t at =
          (static_cast<std::int64_t>(slot / c.page_size) * c.kv_heads + h) * c.page_size + slot % c.page_size;
      kernels_.narrow(c.dtype, x, c.head_dim, static_cast<char*>(base) + at * c.head_dim * dtype_block_bytes(c.dtype));
    }
  }

  void prepare(const float* x, std::int64_t m, std::int64_t k, std::span<const Linear> linears);
  void run_rows(std::int64_t begin, std::int64_t end, std::int64_t x0, std::int64_t x1) const;
  int x_parts(std::int64_t rows, std::int64_t m) const;
  void run_tasks(std::size_t begin, std::size_t end, const float* q, const KvCache& cache, int heads, float scale,
                 int window, int thread, float* out);

  const Kernels kernels_;
  std::array<MatmulKernel, kDTypes> matmul_;
  ThreadPool& pool_;
  Buffer prepared_;
  std::vector<Buffer> scratch_;  // per thread
  std::vector<Part> parts_;
  std::vector<Task> tasks_;
};

// Fills parts_: the input is converted once for all matrices whose kernels read the same form.
void CpuOps::prepare(const float* x, std::int64_t m, std::int64_t k, std::span<const Linear> linears) {
  parts_.clear();
  std::size_t bytes = 0;
  std::int64_t first = 0;
  const auto same_form = [&](const MatmulKernel& kernel, std::size_t before) -> const Part* {
    for (std::size_t i = 0; i < before; ++i) {
      if (parts_[i].kernel->prepare == kernel.prepare) return &parts_[i];
    }
    return nullptr;
  };
  for (const Linear& linear : linears) {
    const MatmulKernel& kernel = matmul_[static_cast<std::size_t>(linear.weight.dtype)];
    if (kernel.prepare && !same_form(kernel, parts_.size())) bytes += align64(kernel.prepared_bytes(m, k));
    parts_.push_back({&linear, &kernel, nullptr, first});
    first += linear.weight.rows;
  }
  std::byte* next = bytes ? prepared_.at_least(bytes) : nullptr;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    if (!part.kernel->prepare) {
      part.prepared = x;
    } else if (const Part* before = same_form(*part.kernel, i)) {
      part.prepared = before->prepared;
    } else {
      part.prepared = next;
      next += align64(part.kernel->prepared_bytes(m, k));
      void* to = const_cast<void*>(part.prepared);
      split(m, part.kernel->prepare_grain, 8.0 * static_cast<double>(m * k), 0,
            [&](std::int64_t begin, std::int64_t end, int) { part.kernel->prepare(x, m, k, begin, end, to); });
    }
  }
}

// Rows [begin, end) of all parts' rows, laid end to end, against rows [x0, x1) of x. Bounds inside a part are moved to
// a multiple of its grain, the same way for the thread that ends there and the one that begins there.
void CpuOps::run_rows(std::int64_t begin, std::int64_t end, std::int64_t x0, std::int64_t x1) const {
  for (const Part& part : parts_) {
    const Weight& w = part.linear->weight;
    const std::int64_t grain = part.kernel->grain;
    const auto bound = [&](std::int64_t row) {
      row = std::clamp<std::int64_t>(row - part.first, 0, w.rows);
      return row == w.rows ? row : std::min(w.rows, (row + grain / 2) / grain * grain);
    };
    const std::int64_t from = bound(begin), to = bound(end);
    if (from >= to) continue;
    const std::size_t skip = x0 == 0                ? 0
                             : part.kernel->prepare ? part.kernel->prepared_bytes(x0, w.cols)
                                                    : static_cast<std::size_t>(x0 * w.cols) * sizeof(float);
    part.kernel->run(w, static_cast<const std::byte*>(part.prepared) + skip, x1 - x0, from, to, part.linear->bias,
                     part.linear->out + x0 * w.rows, w.rows);
  }
}

// Into how many parts the rows of x are split, a divisor of the threads: 1 unless the weight has too few rows for them.
int CpuOps::x_parts(std::int64_t rows, std::int64_t m) const {
  for (const Part& part : parts_) {
    if (part.kernel->prepare && !part.kernel->divisible) return 1;
  }
  int parts = 1;
  while (pool_.size() % (2 * parts) == 0 && rows * parts < kLeastSplitRows * pool_.size() &&
         m >= kLeastSplitRows * 2 * parts) {
    parts *= 2;
  }
  return parts;
}

void CpuOps::matmul(const float* x, std::int64_t m, std::span<const Linear> linears) {
  if (m <= 0 || linears.empty()) return;
  const std::int64_t k = linears.front().weight.cols;
  prepare(x, m, k, linears);
  std::int64_t rows = 0;
  double bytes = 0;
  for (const Linear& linear : linears) {
    rows += linear.weight.rows;
    bytes += static_cast<double>(linear.weight.bytes());
  }
  if (!worthwhile(bytes, 2.0 * static_cast<double>(m * k) * static_cast<double>(rows))) {
    run_rows(0, rows, 0, m);
    return;
  }
  const int x_split = x_parts(rows, m), w_split = pool_.size() / x_split;
  const auto x_bound = [&](int i) { return i == x_split ? m : m * i / x_split / kXGrain * kXGrain; };
  pool_.run([&](int thread) {
    const int i = thread % x_split, j = thread / x_split;
    run_rows(rows * j / w_split, rows * (j + 1) / w_split, x_bound(i), x_bound(i + 1));
  });
}

void CpuOps::run_tasks(std::size_t begin, std::size_t end, const float* q, const KvCache& cache, int heads, float scale,
                       int window, int thread, float* out) {
  const int group = heads / cache.kv_heads;
  void* scratch =
      scratch_[static_cast<std::size_t>(thread)].at_least(align64(kernels_.attend_scratch(cache.head_dim, group)) + 64);
  for (std::size_t i = begin; i < end; ++i) {
    const Task& task = tasks_[i];
    const std::int64_t first = task.sequence->q_begin * heads * cache.head_dim;
    kernels_.attend(q + first, cache, *task.sequence, heads, scale, window, task.q0, task.q1, task.h, task.h + 1,
                    scratch, out + first);
  }
}

void CpuOps::attend(const float* q, const KvCache& cache, std::span<const AttendSequence> sequences, int heads,
                    float scale, int window, float* out) {
  tasks_.clear();
  const int group = heads / cache.kv_heads, chunk = std::clamp(kTaskRows / group, 32, 128);
  double cost = 0;  // in key visits
  for (const AttendSequence& s : sequences) {
    for (int q0 = 0; q0 < s.q_len; q0 += chunk) {
      const int q1 = std::min(s.q_len, q0 + chunk);
      double keys = static_cast<double>(s.kv_len - s.q_len + q1);
      if (window > 0) keys = std::min(keys, static_cast<double>(window + q1 - q0));
      for (int h = 0; h < cache.kv_heads; ++h) {
        cost += keys * (1.0 + (q1 - q0) * group / 4.0);
        tasks_.push_back({&s, q0, q1, h, cost});
      }
    }
  }
  const std::size_t n = tasks_.size();
  if (n == 0) return;
  if (n == 1 || !worthwhile(0, 8.0 * cost * cache.head_dim)) {
    run_tasks(0, n, q, cache, heads, scale, window, 0, out);
    return;
  }
  // Thread t takes the tasks whose middle lies in its share of the cost.
  const auto bound = [&](int thread) {
    const double share = cost * thread / pool_.size();
    const auto it = std::partition_point(tasks_.begin(), tasks_.end(), [&](const Task& task) {
      const double before = &task == tasks_.data() ? 0 : (&task - 1)->end_cost;
      return (before + task.end_cost) / 2 < share;
    });
    return static_cast<std::size_t>(it - tasks_.begin());
  };
  pool_.run([&](int thread) {
    run_tasks(bound(thread), thread + 1 == pool_.size() ? n : bound(thread + 1), q, cache, heads, scale, window, thread,
              out);
  });
}

// All tables that this processor runs, best first.
std::vector<const Kernels*> available() {
  std::vector<const Kernels*> tables;
  for (const Kernels* k : {amx_kernels(), avx512_bf16_kernels(), avx512_kernels(), avx2_kernels(), scalar_kernels()}) {
    if (k) tables.push_back(k);
  }
  return tables;
}

}  // namespace
}  // namespace cpu

std::vector<std::string> cpu_isas() {
  std::vector<std::string> names;
  for (const cpu::Kernels* k : cpu::available()) names.emplace_back(k->isa);
  names.emplace_back("reference");
  return names;
}

Result<std::unique_ptr<Ops>> make_cpu_ops(const OpsOptions& options, ThreadPool& pool) {
  if (options.isa == "reference") return make_reference_ops();
  std::vector<const cpu::Kernels*> chain = cpu::available();
  if (!options.isa.empty()) {
    while (!chain.empty() && options.isa != chain.front()->isa) chain.erase(chain.begin());
  }
  if (chain.empty()) {
    return fail(Code::kUnsupported, "no instruction set '{}' here; this processor runs: {}", options.isa,
                fmt::join(cpu_isas(), " "));
  }
  return std::make_unique<cpu::CpuOps>(chain, options.numerics, pool);
}

}  // namespace pareto
