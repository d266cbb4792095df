// A peer for the products in f32: OpenBLAS on the same shapes, where it is installed when CMake runs.
#include <cblas.h>
#include <fmt/format.h>

#include <memory>

#include "profiles/kernels_bench.h"

extern "C" void openblas_set_num_threads(int);

namespace pareto::bench {

void add_peers(int threads) {
  openblas_set_num_threads(threads);
  const Table table{"peer", Numerics::kReference, nullptr, nullptr, threads};
  for (const ModelShape& s : kShapes) {
    for (const int m : kRows) {
      const int n = 2 * s.ffn, k = s.hidden;
      add(fmt::format("peer_openblas/f32/{}_gate_up/m:{}", s.name, m), table, [=] {
        const auto x = std::make_shared<std::vector<float>>(random_floats(std::int64_t{m} * k, 1));
        const auto w = std::make_shared<std::vector<float>>(random_floats(std::int64_t{n} * k, 2));
        const auto out =
            std::make_shared<std::vector<float>>(static_cast<std::size_t>(m) * static_cast<std::size_t>(n));
        Job job;
        job.bytes = 4.0 * (static_cast<double>(n) * k + static_cast<double>(m) * (n + k));
        job.flops = 2.0 * m * n * k;
        job.call = [=] {
          cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1.0f, x->data(), k, w->data(), k, 0.0f,
                      out->data(), n);
        };
        return job;
      });
    }
  }
}

}  // namespace pareto::bench
