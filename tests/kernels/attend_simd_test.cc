// Attention of each instruction set against the definition, and its bits against the query's surroundings.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/internal.h"

namespace pareto {
namespace {

struct Path {
  const char* isa;
  std::size_t (*scratch)(int head_dim, int group);
  decltype(cpu::Kernels::attend) attend;
  bool rounds = false;  // queries and weights to bf16, over a bf16 cache
};

std::vector<Path> paths() {
  std::vector<Path> all;
  if (cpu::cpu_features().avx2) all.push_back({"avx2", cpu::avx2::attend_scratch, cpu::avx2::attend});
  if (cpu::cpu_features().avx512) all.push_back({"avx512", cpu::avx512::attend_scratch, cpu::avx512::attend});
  if (cpu::cpu_features().avx512_bf16)
    all.push_back({"avx512_bf16", cpu::avx512_bf16::attend_scratch, cpu::avx512_bf16::attend, true});
  if (cpu::cpu_features().amx_bf16) all.push_back({"amx", cpu::amx::attend_scratch, cpu::amx::attend, true});
  return all;
}

struct Shape {
  int heads = 4, kv_heads = 2, head_dim = 64;
  DType dtype = DType::kBF16;
  int window = 0;
};

// One sequence of `length` tokens: its q, k and v, and a cache whose pages are shuffled by `placement`; an even one
// also turns the rows of a page around.
struct Sequence {
  Sequence(const Shape& s, int length, int page_size, unsigned placement) : shape(s), length(length) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    const std::size_t width = static_cast<std::size_t>(s.kv_heads) * static_cast<std::size_t>(s.head_dim);
    std::vector<float> k(static_cast<std::size_t>(length) * width), v(k.size());
    q.resize(static_cast<std::size_t>(length) * static_cast<std::size_t>(s.heads) *
             static_cast<std::size_t>(s.head_dim));
    for (auto* x : {&k, &v, &q})
      for (float& value : *x) value = normal(random);

    const int pages = (length + page_size - 1) / page_size + 3;
    std::vector<int> order(static_cast<std::size_t>(pages));
    for (int i = 0; i < pages; ++i) order[static_cast<std::size_t>(i)] = i;
    std::shuffle(order.begin(), order.end(), std::mt19937(placement));
    for (int p = 0; p < length; ++p) {
      const int inside = placement % 2 ? p % page_size : page_size - 1 - p % page_size;
      slots.push_back(order[static_cast<std::size_t>(p / page_size)] * page_size + inside);
    }

    const auto elements = static_cast<std::size_t>(pages * page_size) * width;
    const auto bytes = static_cast<std::size_t>(dtype_bytes(s.dtype, static_cast<std::int64_t>(elements)));
    k_cache.assign(bytes, 0xff);  // NaN in every dtype: whatever is not written must not be read
    v_cache = k_cache;
    cache = {k_cache.data(), v_cache.data(), s.dtype, s.kv_heads, s.head_dim, page_size};
    make_reference_ops()->kv_write(cache, k.data(), v.data(), slots);
  }

  Shape shape;
  int length;
  std::vector<float> q;  // (length, heads, head_dim)
  std::vector<std::int32_t> slots;
  std::vector<unsigned char> k_cache, v_cache;
  KvCache cache;
};

std::size_t width(const Shape& s) { return static_cast<std::size_t>(s.heads) * static_cast<std::size_t>(s.head_dim); }

// The outputs of the queries at positions [begin, end), asked for in one call per [q0, q1) of `step` queries.
std::vector<float> attend(const Path& path, const Sequence& s, int begin, int end, int step, int head_step) {
  const int group = s.shape.heads / s.shape.kv_heads;
  std::vector<float> out(static_cast<std::size_t>(end - begin) * width(s.shape),
                         std::numeric_limits<float>::quiet_NaN());
  std::vector<char> storage(path.scratch(s.shape.head_dim, group) + 64, static_cast<char>(0xff));
  void* scratch = storage.data();
  std::size_t space = storage.size();
  std::align(64, 1, scratch, space);
  const AttendSequence sequence{0, end - begin, s.slots.data(), end};
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.shape.head_dim));
  for (int q0 = 0; q0 < end - begin; q0 += step) {
    for (int h = 0; h < s.shape.kv_heads; h += head_step) {
      path.attend(s.q.data() + static_cast<std::size_t>(begin) * width(s.shape), s.cache, sequence, s.shape.heads,
                  scale, s.shape.window, q0, std::min(end - begin, q0 + step), h,
                  std::min(s.shape.kv_heads, h + head_step), scratch, out.data());
    }
  }
  return out;
}

std::vector<float> reference(const Sequence& s, int begin, int end) {
  std::vector<float> out(static_cast<std::size_t>(end - begin) * width(s.shape));
  const AttendSequence sequence{0, end - begin, s.slots.data(), end};
  make_reference_ops()->attend(s.q.data() + static_cast<std::size_t>(begin) * width(s.shape), s.cache, {&sequence, 1},
                               s.shape.heads, 1.0f / std::sqrt(static_cast<float>(s.shape.head_dim)), s.shape.window,
                               out.data());
  return out;
}

// Rounding to bf16 is 2^-9 of a number. With normal q, k and v of 64 values: a score is off by at most 2^-9 Σ|q k| / 8,
// about 2^-9 · 5 = .01, so its weight by 1 % and 2^-9 more, and an output by that part of Σ P |v| ≈ .8.
constexpr float kExact = 4e-6f, kRounded = 1.5e-2f;

void expect_near(const std::vector<float>& got, const std::vector<float>& want, const std::string& what,
                 float tolerance = kExact) {
  ASSERT_EQ(got.size(), want.size());
  float worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_TRUE(std::isfinite(got[i])) << what << " element " << i;
    worst = std::max(worst, std::fabs(got[i] - want[i]));
  }
  EXPECT_LT(worst, tolerance) << what;
}

void expect_same_bits(const std::vector<float>& a, const float* b, const std::string& what) {
  EXPECT_EQ(std::memcmp(a.data(), b, a.size() * sizeof(float)), 0) << what;
}

TEST(Attend, EqualsDefinitionAtAnyHeadDimension) {
  for (const Path& path : paths()) {
    for (const int head_dim : {1, 2, 5, 8, 12, 16, 31, 32, 48, 64, 80, 96, 100, 128, 256, 300}) {
      for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
        const Sequence s({6, 2, head_dim, dtype, 0}, 150, 16, 1);
        expect_near(attend(path, s, 140, 150, 100, 2), reference(s, 140, 150),
                    std::string(path.isa) + " " + dtype_name(dtype) + " head_dim " + std::to_string(head_dim),
                    path.rounds && dtype == DType::kBF16 ? kRounded : kExact);
      }
    }
  }
}

TEST(Attend, EqualsDefinitionAroundBlockBounds) {
  for (const Path& path : paths()) {
    for (const int length : {1, 2, 7, 8, 9, 127, 128, 129, 255, 256, 257, 400}) {
      for (const int queries : {1, 2, 3, 5, 6, 7, 13, 129, 400}) {
        if (queries > length) continue;
        const Sequence s({7, 1, 16, DType::kF32, 0}, length, 16, 2);
        expect_near(
            attend(path, s, length - queries, length, 1000, 1), reference(s, length - queries, length),
            std::string(path.isa) + " length " + std::to_string(length) + " queries " + std::to_string(queries));
      }
    }
  }
}

// The bf16 cache, where paths differ most: lengths, windows and groups around tiles and blocks.
TEST(Attend, EqualsDefinitionOverBf16) {
  for (const Path& path : paths()) {
    for (const int window : {0, 1, 33, 140}) {
      for (const int length : {1, 15, 17, 127, 128, 129, 300}) {
        for (const Shape& shape : {Shape{7, 1, 64, DType::kBF16, window}, Shape{20, 1, 32, DType::kBF16, window},
                                   Shape{4, 4, 96, DType::kBF16, window}}) {
          const Sequence s(shape, length, 16, 9);
          const int begin = std::max(0, length - 40);
          expect_near(attend(path, s, begin, length, 1000, 1000), reference(s, begin, length),
                      std::string(path.isa) + " heads " + std::to_string(shape.heads) + " length " +
                          std::to_string(length) + " window " + std::to_string(window),
                      path.rounds ? kRounded : kExact);
        }
      }
    }
  }
}

TEST(Attend, EqualsDefinitionAtWindowEdges) {
  for (const Path& path : paths()) {
    for (const int window : {1, 2, 8, 127, 128, 129, 200, 300, 1000}) {
      for (const int begin : {0, 126, 255, 299}) {
        const Sequence s({4, 2, 24, DType::kF32, window}, 300, 16, 3);
        expect_near(attend(path, s, begin, 300, 1000, 1), reference(s, begin, 300),
                    std::string(path.isa) + " window " + std::to_string(window) + " from " + std::to_string(begin));
      }
    }
  }
}

// What lies before every query's window may have been given away: neither its slots nor its rows are looked at.
TEST(Attend, ReadsNothingBeforeTheWindow) {
  for (const Path& path : paths()) {
    Sequence s({4, 2, 24, DType::kF32, 20}, 300, 16, 3);
    const std::vector<float> want = reference(s, 290, 300);
    std::fill(s.slots.begin(), s.slots.begin() + 271, std::numeric_limits<std::int32_t>::max());
    expect_near(attend(path, s, 290, 300, 1000, 1), want, path.isa);
  }
}

TEST(Attend, BitsDependOnThePositionAlone) {
  for (const Path& path : paths()) {
    for (const int window : {0, 50, 130}) {
      for (const Shape& shape : {Shape{14, 2, 64, DType::kBF16, window}, Shape{6, 6, 48, DType::kF32, window},
                                 Shape{3, 1, 20, DType::kF16, window}, Shape{32, 1, 128, DType::kBF16, window}}) {
        const std::string what =
            std::string(path.isa) + " heads " + std::to_string(shape.heads) + " window " + std::to_string(window);
        const Sequence s(shape, 390, 16, 5), elsewhere(shape, 390, 64, 4), scattered(shape, 390, 4, 7);
        const std::vector<float> whole = attend(path, s, 0, 390, 1000, 1000);
        expect_same_bits(attend(path, elsewhere, 0, 390, 1000, 1000), whole.data(), what + ": other pages");
        expect_same_bits(attend(path, scattered, 0, 390, 1000, 1000), whole.data(), what + ": pages of four");
        expect_same_bits(attend(path, s, 0, 390, 32, 1), whole.data(), what + ": other split");
        expect_same_bits(attend(path, s, 0, 390, 1, 1), whole.data(), what + ": one query a call");
        for (const int position : {0, 1, 63, 126, 127, 128, 129, 255, 256, 300, 389}) {
          expect_same_bits(attend(path, s, position, position + 1, 1, 1000),
                           whole.data() + static_cast<std::size_t>(position) * width(shape),
                           what + ": decode at " + std::to_string(position));
        }
        const int chunk = 37;
        for (int begin = 0; begin < 390; begin += chunk) {
          expect_same_bits(attend(path, s, begin, std::min(390, begin + chunk), 1000, 1000),
                           whole.data() + static_cast<std::size_t>(begin) * width(shape),
                           what + ": chunk at " + std::to_string(begin));
        }
      }
    }
  }
}

// A score far above the others in a later block must drown the earlier ones, and one far below must vanish.
TEST(Attend, SurvivesLargeScores) {
  for (const Path& path : paths()) {
    Sequence s({2, 1, 8, DType::kF32, 0}, 260, 16, 6);
    for (float& x : s.q) x *= 200;
    expect_near(attend(path, s, 250, 260, 1000, 1), reference(s, 250, 260), path.isa);
  }
}

TEST(Attend, NanInAKeyShowsOverBf16) {
  for (const Path& path : paths()) {
    Sequence s({2, 1, 32, DType::kBF16, 0}, 20, 16, 6);
    auto* k = reinterpret_cast<std::uint16_t*>(s.k_cache.data());
    k[s.slots[3] * 32 + 2] = 0x7fc0;
    const std::vector<float> out = attend(path, s, 2, 4, 1000, 1);
    EXPECT_TRUE(std::isfinite(out[0])) << path.isa;
    EXPECT_TRUE(std::isnan(out[64])) << path.isa;
  }
}

TEST(Attend, NanInAKeyShows) {
  for (const Path& path : paths()) {
    Sequence s({2, 1, 8, DType::kF32, 0}, 20, 16, 6);
    auto* k = reinterpret_cast<float*>(s.k_cache.data());
    k[s.slots[3] * 8 + 2] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> out = attend(path, s, 2, 4, 1000, 1);
    EXPECT_TRUE(std::isfinite(out[0])) << path.isa;
    EXPECT_TRUE(std::isnan(out[16])) << path.isa;
  }
}

}  // namespace
}  // namespace pareto
