// Every op but the products, on the models' shapes.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <memory>

#include "profiles/kernels_bench.h"

namespace pareto::bench {
namespace {

using Floats = std::shared_ptr<std::vector<float>>;
Floats floats(std::int64_t n, unsigned seed) { return std::make_shared<std::vector<float>>(random_floats(n, seed)); }
Floats poison(std::int64_t n) {
  return std::make_shared<std::vector<float>>(static_cast<std::size_t>(n), std::nanf(""));
}

// A job whose op writes `got`, checked against the same op of the reference table, which writes `want`. op(ops, out).
template <class Op>
Job make_job(const Table& table, std::int64_t n, double bytes, double flops, double relative, double absolute, Op op) {
  const Floats got = poison(n);
  Job job;
  job.bytes = bytes;
  job.flops = flops;
  job.call = [=] { op(*table.ops, got->data()); };
  job.check = [=] {
    const Floats want = poison(n);
    op(*table.ops, got->data());
    op(*table.reference, want->data());
    return compare(got->data(), want->data(), n, relative, absolute);
  };
  return job;
}

void add_norm(const Table& table, const ModelShape& s, int m) {
  const std::int64_t n = std::int64_t{m} * s.hidden;
  add(fmt::format("rmsnorm/{}/{}/m:{}", table.isa, s.name, m), table, [=] {
    const Floats x = floats(n, 1), weight = floats(s.hidden, 2);
    return make_job(table, n, 4.0 * static_cast<double>(2 * n + s.hidden), 4.0 * static_cast<double>(n), 4e-6, 1e-6,
                    [=](Ops& ops, float* out) { ops.rmsnorm(x->data(), weight->data(), m, s.hidden, 1e-6f, out); });
  });
}

void add_activation(const Table& table, const ModelShape& s, int m) {
  const std::int64_t n = std::int64_t{m} * s.ffn;
  add(fmt::format("silu_mul/{}/{}/m:{}", table.isa, s.name, m), table, [=] {
    const Floats gate = floats(n, 1), up = floats(n, 2);
    return make_job(table, n, 12.0 * static_cast<double>(n), 5.0 * static_cast<double>(n), 4e-6, 1e-7,
                    [=](Ops& ops, float* out) { ops.silu_mul(gate->data(), up->data(), n, out); });
  });
}

void add_residual(const Table& table, const ModelShape& s, int m) {
  const std::int64_t n = std::int64_t{m} * s.hidden;
  add(fmt::format("add/{}/{}/m:{}", table.isa, s.name, m), table, [=] {
    const Floats x = floats(n, 1), y = floats(n, 2);
    Job job =
        make_job(table, n, 12.0 * static_cast<double>(n), static_cast<double>(n), 0, 0, [=](Ops& ops, float* out) {
          std::memcpy(out, x->data(), static_cast<std::size_t>(n) * sizeof(float));
          ops.add(out, y->data(), n);
        });
    job.call = [=] { table.ops->add(x->data(), y->data(), n); };  // without the copy
    return job;
  });
}

void add_rope(const Table& table, const ModelShape& s, int m) {
  const std::int64_t n = std::int64_t{m} * s.heads * s.head_dim;
  for (const RopeStyle style : {RopeStyle::kHalves, RopeStyle::kAdjacent}) {
    const char* name = style == RopeStyle::kHalves ? "halves" : "adjacent";
    add(fmt::format("rope/{}/{}/{}/m:{}", table.isa, name, s.name, m), table, [=] {
      const Floats x = floats(n, 1), cos = floats(std::int64_t{m} * s.head_dim / 2, 2),
                   sin = floats(std::int64_t{m} * s.head_dim / 2, 3);
      const auto positions = std::make_shared<std::vector<std::int32_t>>();
      for (int i = 0; i < m; ++i) positions->push_back(i);
      Job job = make_job(table, n, 8.0 * static_cast<double>(n), 3.0 * static_cast<double>(n), 4e-6, 4e-6,
                         [=](Ops& ops, float* out) {
                           std::memcpy(out, x->data(), static_cast<std::size_t>(n) * sizeof(float));
                           ops.rope(out, *positions, s.heads, s.head_dim, cos->data(), sin->data(), style);
                         });
      for (float& angle : *cos) angle = std::cos(angle);
      for (float& angle : *sin) angle = std::sin(angle);
      job.call = [=] { table.ops->rope(x->data(), *positions, s.heads, s.head_dim, cos->data(), sin->data(), style); };
      return job;
    });
  }
}

void add_head(const Table& table, const ModelShape& s, int m) {
  if (m > 32) return;
  const std::int64_t n = std::int64_t{m} * s.vocab;
  add(fmt::format("log_softmax/{}/{}/m:{}", table.isa, s.name, m), table, [=] {
    const Floats logits = floats(n, 1);
    return make_job(table, m, 4.0 * static_cast<double>(n), 4.0 * static_cast<double>(n), 2e-6, 2e-6,
                    [=](Ops& ops, float* out) {
                      std::vector<Token> best(static_cast<std::size_t>(m));
                      ops.log_softmax(logits->data(), m, s.vocab, out, best.data());
                    });
  });
}

void add_embed(const Table& table, const ModelShape& s, int m) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
    add(fmt::format("embed/{}/{}/{}/m:{}", table.isa, dtype_name(dtype), s.name, m), table, [=] {
      const std::int64_t rows = 1024, bytes = rows * dtype_bytes(dtype, s.hidden), n = std::int64_t{m} * s.hidden;
      const auto data = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(bytes));
      const std::vector<float> values = random_floats(rows * s.hidden, 4);
      if (dtype == DType::kF32) {
        std::memcpy(data->data(), values.data(), data->size());
      } else {
        quantise(dtype, values.data(), rows * s.hidden, data->data());
      }
      const auto tokens = std::make_shared<std::vector<Token>>();
      for (int i = 0; i < m; ++i) tokens->push_back(static_cast<Token>(i * 389 % rows));
      return make_job(table, n, static_cast<double>(m * dtype_bytes(dtype, s.hidden) + 4 * n), 0, 0, 0,
                      [=](Ops& ops, float* out) {
                        ops.embed({data->data(), dtype, rows, s.hidden}, *tokens, out);
                      });
    });
  }
}

// A filled cache of one layer: `sequences` of `length` positions each, pages in turn.
struct Cache {
  std::vector<std::byte> k, v;
  KvCache cache;
  std::vector<std::vector<std::int32_t>> slots;
  std::vector<AttendSequence> sequences;

  Cache(const ModelShape& s, DType dtype, int count, int length, int q_len) : slots(static_cast<std::size_t>(count)) {
    const std::int64_t positions = std::int64_t{count} * length, width = std::int64_t{s.kv_heads} * s.head_dim;
    const std::int64_t pages = (positions + 15) / 16 + count;
    k.resize(static_cast<std::size_t>(dtype_bytes(dtype, pages * 16 * width)));
    v.resize(k.size());
    cache = {k.data(), v.data(), dtype, s.kv_heads, s.head_dim, 16};
    std::int32_t page = 0;
    const auto reference = make_reference_ops();
    const std::vector<float> keys = random_floats(length * width, 6), values = random_floats(length * width, 7);
    for (int i = 0; i < count; ++i) {
      auto& own = slots[static_cast<std::size_t>(i)];
      for (int p = 0; p < length; ++p) own.push_back((page + p / 16) * 16 + p % 16);
      page += (length + 15) / 16;
      reference->kv_write(cache, keys.data(), values.data(), own);
      sequences.push_back({std::int64_t{i} * q_len, q_len, own.data(), length});
    }
  }
};

void add_attend(const Table& table, const ModelShape& s, DType dtype, int count, int length, int q_len) {
  const bool fast = table.numerics == Numerics::kFast;
  // Over a bf16 cache, fast numerics may round queries and weights to bf16: 2^-9 of each product.
  const double error = fast ? 2e-3 : 3e-5;
  add(fmt::format("attend/{}/{}/{}/{}/sequences:{}/kv:{}/q:{}", table.isa, fast ? "fast" : "reference",
                  dtype_name(dtype), s.name, count, length, q_len),
      table, [=] {
        const auto cache = std::make_shared<Cache>(s, dtype, count, length, q_len);
        const std::int64_t width = std::int64_t{s.heads} * s.head_dim, n = std::int64_t{count} * q_len * width;
        const Floats q = floats(n, 8), got = poison(n);
        const float scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim));
        const double pairs = count * (static_cast<double>(q_len) * (length - q_len) + q_len * (q_len + 1) / 2.0);
        const double kv = 2.0 * static_cast<double>(dtype_bytes(dtype, std::int64_t{s.kv_heads} * s.head_dim));
        Job job;
        if (fast) job.kind = "bf16";
        job.bytes = count * length * kv + 8.0 * static_cast<double>(n);
        job.flops = 4.0 * pairs * static_cast<double>(width);
        job.call = [=] {
          table.ops->attend(q->data(), cache->cache, cache->sequences, s.heads, scale, 0, got->data());
        };
        job.check = [=]() -> std::string {  // the last query of the first and of the last sequence
          job.call();
          for (const int i : {0, count - 1}) {
            AttendSequence last = cache->sequences[static_cast<std::size_t>(i)];
            const std::int64_t row = (last.q_begin + q_len - 1) * width;
            last.q_begin = 0;
            last.q_len = 1;
            const Floats want = poison(width);
            table.reference->attend(q->data() + row, cache->cache, {&last, 1}, s.heads, scale, 0, want->data());
            const std::string wrong = compare(got->data() + row, want->data(), width, error, error);
            if (!wrong.empty()) return wrong;
          }
          return "";
        };
        return job;
      });
}

void add_kv_write(const Table& table, const ModelShape& s, int m) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    add(fmt::format("kv_write/{}/{}/{}/m:{}", table.isa, dtype_name(dtype), s.name, m), table, [=] {
      const std::int64_t width = std::int64_t{s.kv_heads} * s.head_dim;
      const auto mine = std::make_shared<Cache>(s, dtype, 1, m, 1), want = std::make_shared<Cache>(s, dtype, 1, m, 1);
      const Floats k = floats(m * width, 1), v = floats(m * width, 2);
      Job job;
      job.bytes = static_cast<double>(m * width * 8 + 2 * dtype_bytes(dtype, m * width));
      job.call = [=] { table.ops->kv_write(mine->cache, k->data(), v->data(), mine->slots[0]); };
      job.check = [=] {
        table.ops->kv_write(mine->cache, k->data(), v->data(), mine->slots[0]);
        table.reference->kv_write(want->cache, k->data(), v->data(), want->slots[0]);
        return std::string(mine->k == want->k && mine->v == want->v ? "" : "other bits in the cache");
      };
      return job;
    });
  }
}

// A mixture's routing and the sum of its experts' outputs: 64 experts, 8 of them.
void add_mixture(const Table& table, int m) {
  constexpr int kExperts = 64, kChosen = 8, kDim = 2048;
  add(fmt::format("route/{}/64_experts/m:{}", table.isa, m), table, [=] {
    const Floats logits = floats(std::int64_t{m} * kExperts, 1);
    return make_job(table, std::int64_t{m} * kChosen, 4.0 * m * (kExperts + 2 * kChosen), 3.0 * m * kExperts, 1e-6, 0,
                    [=](Ops& ops, float* out) {
                      std::vector<std::int32_t> experts(static_cast<std::size_t>(m * kChosen));
                      ops.route(logits->data(), m, kExperts, kChosen, true, experts.data(), out);
                    });
  });
  add(fmt::format("scatter_add/{}/dim_2048/m:{}", table.isa, m), table, [=] {
    const std::int64_t n = std::int64_t{m} * kDim;
    const Floats y = floats(n, 1), weight = floats(m, 2);
    const auto rows = std::make_shared<std::vector<std::int32_t>>();
    for (int i = 0; i < m; ++i) rows->push_back(m - 1 - i);
    Job job = make_job(table, n, 12.0 * static_cast<double>(n), 2.0 * static_cast<double>(n), 0, 0,
                       [=](Ops& ops, float* out) {
                         std::fill_n(out, n, 1.0f);
                         ops.scatter_add(out, *rows, weight->data(), y->data(), kDim);
                       });
    const Floats x = floats(n, 3);
    job.call = [=] { table.ops->scatter_add(x->data(), *rows, weight->data(), y->data(), kDim); };
    return job;
  });
}

}  // namespace

void add_other_ops(const Table& table) {
  for (const ModelShape& s : kShapes) {
    for (const int m : kRows) {
      add_norm(table, s, m);
      add_activation(table, s, m);
      add_residual(table, s, m);
      add_rope(table, s, m);
      add_head(table, s, m);
      add_embed(table, s, m);
      add_kv_write(table, s, m);
    }
  }
  for (const int m : kRows) add_mixture(table, m);
}

void add_attends(const Table& table) {
  std::vector<DType> caches = {DType::kBF16};
  if (table.numerics == Numerics::kReference) caches = {DType::kF32, DType::kF16, DType::kBF16};
  for (const ModelShape& s : kShapes) {
    for (const DType dtype : caches) {
      for (const int length : {512, 4096}) {
        for (const int count : {1, 8, 32}) {
          if (count * length <= 32768) add_attend(table, s, dtype, count, length, 1);
        }
      }
      add_attend(table, s, dtype, 1, 512, 512);
      add_attend(table, s, dtype, 1, 4096, 512);
    }
  }
}

}  // namespace pareto::bench
