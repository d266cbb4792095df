// Products of the models' shapes with weights of every dtype.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "profiles/kernels_bench.h"

namespace pareto::bench {
namespace {

constexpr std::int64_t kArenaBytes = std::int64_t{512} << 20;
constexpr DType kDTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kQ8_0, DType::kQ4_0,
                             DType::kQ4_1, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

// Half a gigabyte of valid blocks of one dtype, from which weights of any shape are cut.
class Arena {
 public:
  const std::byte* of(DType dtype) {
    if (bytes_.empty() || dtype_ != dtype) fill(dtype);
    return bytes_.data();
  }

 private:
  void fill(DType dtype) {
    const std::vector<float> values = random_floats(256 * 4096 + 256, 11);
    const auto n = static_cast<std::int64_t>(values.size());
    std::vector<std::byte> pattern(static_cast<std::size_t>(dtype_bytes(dtype, n)));
    if (dtype == DType::kF32) {
      std::memcpy(pattern.data(), values.data(), pattern.size());
    } else {
      quantise(dtype, values.data(), n, pattern.data());
    }
    bytes_.resize(static_cast<std::size_t>(kArenaBytes));
    for (std::size_t at = 0; at < bytes_.size(); at += pattern.size()) {
      std::memcpy(&bytes_[at], pattern.data(), std::min(pattern.size(), bytes_.size() - at));
    }
    dtype_ = dtype;
  }
  std::vector<std::byte> bytes_;
  DType dtype_ = DType::kF32;
};

Arena& arena() {
  static Arena shared;
  return shared;
}

struct Shape {
  std::string name;
  std::int64_t rows, cols;
};

std::vector<Shape> shapes(const ModelShape& s) {
  const std::int64_t qkv = std::int64_t{s.heads + 2 * s.kv_heads} * s.head_dim;
  const std::string model(s.name);
  return {{model + "_qkv", qkv, s.hidden},
          {model + "_out", s.hidden, std::int64_t{s.heads} * s.head_dim},
          {model + "_gate_up", 2 * s.ffn, s.hidden},
          {model + "_down", s.hidden, s.ffn},
          {model + "_head", s.vocab, s.hidden}};
}

// The error that the numerics allow, as in tests/kernels: f32 rounding, activations in bf16 or in int8 blocks.
double allowed(const Table& table, DType dtype, const float* x, const float* w, std::int64_t k) {
  double products = 0, weights = 0, largest = 0;
  for (std::int64_t j = 0; j < k; ++j) {
    products += std::abs(static_cast<double>(x[j]) * w[j]);
    weights += std::abs(w[j]);
    largest = std::max(largest, static_cast<double>(std::abs(x[j])));
  }
  double error = 4e-6 * products + 1e-6;
  if (table.numerics == Numerics::kFast && dtype == DType::kBF16) error += 0.004 * products;
  if (table.numerics == Numerics::kFast && is_quantised(dtype)) error += weights * largest / 250;
  return error;
}

struct Product {
  Table table;
  DType dtype;
  std::int64_t m, n, k;
  std::vector<float> x, out;
  std::int64_t turn = 0, copies = 1;

  Weight weight(std::int64_t copy) const {
    const std::int64_t bytes = n * dtype_bytes(dtype, k);
    return {arena().of(dtype) + copy * bytes, dtype, n, k};
  }
  void call() {
    const Linear linear{weight(turn), nullptr, out.data()};
    table.ops->matmul(x.data(), m, {&linear, 1});
    turn = (turn + 1) % copies;
  }
  // The first, the middle and the last row of x against the first 48 and the last 24 rows of the weight.
  std::string check() {
    std::fill(out.begin(), out.end(), std::nanf(""));
    turn = 0;
    call();
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < n; ++r) {
      if (r < 48 || r >= n - 24) rows.push_back(r);
    }
    std::vector<float> values(static_cast<std::size_t>(k));
    for (const std::int64_t r : rows) {
      const Weight w = weight(0);
      const Weight row{static_cast<const std::byte*>(w.data) + r * w.row_bytes(), dtype, 1, k};
      dequantise(dtype, row.data, k, values.data());
      for (const std::int64_t i : {std::int64_t{0}, m / 2, m - 1}) {
        float want = 0;
        const Linear linear{row, nullptr, &want};
        table.reference->matmul(&x[static_cast<std::size_t>(i * k)], 1, {&linear, 1});
        const float got = out[static_cast<std::size_t>(i * n + r)];
        const double error = allowed(table, dtype, &x[static_cast<std::size_t>(i * k)], values.data(), k);
        if (!(std::abs(static_cast<double>(got) - want) <= error)) {
          return fmt::format("row {} column {} is {}, should be {}", i, r, got, want);
        }
      }
    }
    return "";
  }
};

Job make_product(const Table& table, DType dtype, const Shape& shape, std::int64_t m) {
  auto product = std::make_shared<Product>();
  product->table = table;
  product->dtype = dtype;
  product->m = m;
  product->n = shape.rows;
  product->k = shape.cols;
  product->x = random_floats(m * shape.cols, 5);
  product->out.resize(static_cast<std::size_t>(m * shape.rows));
  const std::int64_t bytes = shape.rows * dtype_bytes(dtype, shape.cols);
  product->copies = std::max<std::int64_t>(1, kArenaBytes / bytes);
  Job job;
  job.call = [product] { product->call(); };
  job.check = [product] { return product->check(); };
  job.bytes = static_cast<double>(bytes + 4 * m * (shape.rows + shape.cols));
  job.flops = 2.0 * static_cast<double>(m * shape.cols) * static_cast<double>(shape.rows);
  if (table.numerics == Numerics::kFast) {
    job.kind = is_quantised(dtype) ? "int8" : dtype == DType::kBF16 ? "bf16" : "f32";
  }
  return job;
}

}  // namespace

void add_matmuls(const Table& table) {
  for (const DType dtype : kDTypes) {
    for (const ModelShape& model : kShapes) {
      for (const Shape& shape : shapes(model)) {
        if (shape.cols % dtype_block(dtype) != 0) continue;  // K blocks hold 256: not every row is a multiple
        if (shape.rows * dtype_bytes(dtype, shape.cols) > kArenaBytes) continue;
        for (const int m : kRows) {
          const char* numerics = table.numerics == Numerics::kFast ? "fast" : "reference";
          add(fmt::format("matmul/{}/{}/{}/{}/m:{}", table.isa, numerics, dtype_name(dtype), shape.name, m), table,
              [=] { return make_product(table, dtype, shape, m); });
        }
      }
    }
  }
}

}  // namespace pareto::bench
