// Simulated coverage: of 95 % intervals 93-97 % hold the truth over the range that each is meant for, and one-sided
// tests reject a true hypothesis at its edge no more often than they say.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "results/paired.h"
#include "results/proportions.h"

namespace pareto {
namespace {

class Draws {
 public:
  explicit Draws(std::uint64_t seed) : random_(seed) {}
  double uniform() { return (static_cast<double>(random_() >> 11) + 0.5) * 0x1p-53; }
  double normal() {  // Box and Muller
    return std::sqrt(-2 * std::log(uniform())) * std::cos(6.283185307179586 * uniform());
  }
  bool chance(double p) { return uniform() < p; }

 private:
  std::mt19937_64 random_;
};

struct Coverage {
  int held = 0, all = 0;
  void add(const Interval& interval, double truth) {
    held += interval.low <= truth && truth <= interval.high;
    ++all;
  }
  double share() const { return static_cast<double>(held) / all; }
};

void expect_nominal(const Coverage& coverage, const std::string& what) {
  EXPECT_GE(coverage.share(), 0.93) << what;
  EXPECT_LE(coverage.share(), 0.97) << what;
}

// n of what a cell of a benchmark has, shares away from the edges by 5 items or more.
TEST(Coverage, WilsonAndClopperPearson) {
  Draws draws(1);
  for (const int n : {30, 100, 500, 1319})
    for (const double p : {0.2, 0.5, 0.8, 0.95}) {
      if (n * (1 - p) < 5) continue;
      Coverage score, exact;
      for (int i = 0; i < 4000; ++i) {
        int k = 0;
        for (int j = 0; j < n; ++j) k += draws.chance(p);
        score.add(wilson(k, n), p);
        if (i < 500) exact.add(clopper_pearson(k, n), p);
      }
      expect_nominal(score, fmt::format("wilson n {} p {}", n, p));
      EXPECT_GE(exact.share(), 0.93) << n << " " << p;  // conservative by construction: no upper end
    }
}

// 6 changed items expected or more; below that intervals are wider than they need to be, never narrower.
TEST(Coverage, PairedDifferenceOfShares) {
  Draws draws(2);
  for (const int n : {60, 200, 1000})
    for (const double changed : {0.05, 0.1, 0.3})
      for (const double difference : {0.0, 0.02}) {
        Coverage tango, newcombe;
        const double gain = (changed + difference) / 2;
        for (int i = 0; i < 2500; ++i) {
          PairedCounts counts;
          for (int j = 0; j < n; ++j) {
            const double u = draws.uniform();
            ++(u < gain ? counts.gained : u < changed ? counts.lost : draws.chance(0.6) ? counts.both : counts.neither);
          }
          tango.add(tango_interval(counts.gained, counts.lost, n), difference);
          newcombe.add(newcombe_paired(counts).interval, -difference);
        }
        const std::string what = fmt::format("n {} changed {} difference {}", n, changed, difference);
        if (changed * n >= 6) {
          expect_nominal(tango, "tango " + what);
          if (changed * n >= 10) expect_nominal(newcombe, "newcombe " + what);
        } else {
          EXPECT_GE(tango.share(), 0.93) << what;
          EXPECT_GE(newcombe.share(), 0.93) << what;
        }
      }
}

TEST(Coverage, IndependentDifferenceOfShares) {
  Draws draws(3);
  for (const int n : {50, 300})
    for (const double p : {0.3, 0.5, 0.8}) {
      Coverage coverage;
      for (int i = 0; i < 4000; ++i) {
        int k1 = 0, k2 = 0;
        for (int j = 0; j < n; ++j) k1 += draws.chance(p), k2 += draws.chance(p - 0.1);
        coverage.add(newcombe_independent(k1, n, k2, n).interval, 0.1);
      }
      expect_nominal(coverage, fmt::format("n {} p {}", n, p));
    }
}

// Scores in [0, 1] that often agree, as F1 or the share of needles found do.
TEST(Coverage, PairedT) {
  Draws draws(4);
  for (const int n : {50, 100, 500}) {
    Coverage coverage;
    for (int i = 0; i < 3000; ++i) {
      std::vector<double> differences;
      for (int j = 0; j < n; ++j)
        differences.push_back(draws.chance(0.5) ? 0 : draws.chance(0.6) ? 0.4 * draws.uniform() : -draws.uniform());
      coverage.add(paired_t(differences).interval, 0.5 * (0.6 * 0.2 - 0.4 * 0.5));
    }
    expect_nominal(coverage, fmt::format("n {}", n));
  }
}

// 30 problems answered 8 times each, as AIME is: answers to one problem agree.
TEST(Coverage, Clusters) {
  Draws draws(5);
  for (const int problems : {30, 100}) {
    Coverage clustered, naive;
    for (int i = 0; i < 3000; ++i) {
      std::vector<double> scores;
      std::vector<std::uint64_t> clusters;
      for (int c = 0; c < problems; ++c) {
        const double p = draws.uniform();
        for (int k = 0; k < 8; ++k) scores.push_back(draws.chance(p)), clusters.push_back(static_cast<unsigned>(c));
      }
      clustered.add(clustered_t(scores, clusters).interval, 0.5);
      naive.add(normal_interval(scores), 0.5);
    }
    expect_nominal(clustered, fmt::format("{} problems", problems));
    EXPECT_LT(naive.share(), 0.9) << "what ignoring the clusters would have claimed";
  }
}

// Bytes per right answer of one run over that of another on the same items.
TEST(Coverage, BootstrapRatio) {
  Draws draws(6);
  const double truth = 0.8 * std::exp(0.02) * 0.6 / 0.57;
  for (const int n : {50, 150}) {
    Coverage coverage;
    for (int i = 0; i < 1500; ++i) {
      std::vector<double> bytes_a, bytes_b, right_a, right_b;
      for (int j = 0; j < n; ++j) {
        bytes_a.push_back(std::exp(0.5 * draws.normal()));
        bytes_b.push_back(bytes_a.back() * 0.8 * std::exp(0.2 * draws.normal()));
        right_a.push_back(draws.chance(0.6));
        right_b.push_back(right_a.back() > 0 ? draws.chance(0.85) : draws.chance(0.15));
      }
      const auto got = bootstrap_ratio({{bytes_b, right_a}, {right_b, bytes_a}}, 0.05, 399, static_cast<unsigned>(i));
      ASSERT_TRUE(got.has_value());
      coverage.add(got->interval, truth);
    }
    expect_nominal(coverage, fmt::format("n {}", n));
  }
}

// At the edge of the hypothesis, differences of several kinds and sizes: no more than alpha are rejected.
TEST(Level, NonInferiorityOfMeans) {
  Draws draws(7);
  constexpr int kRuns = 3000;
  constexpr double kTolerance = 0.0125;  // 3 standard errors of .05 in kRuns
  for (const double margin : {0.02, 0.05})
    for (const int n : {20, 50, 200, 500}) {
      int rare = 0, mixed = 0, smooth = 0;
      for (int i = 0; i < kRuns; ++i) {
        std::vector<double> losses, swings, noise;
        for (int j = 0; j < n; ++j) {
          losses.push_back(draws.chance(2 * margin) ? -0.5 : 0);
          const double u = draws.uniform();
          swings.push_back(u < 0.1 + margin ? -0.5 : u < 0.2 ? 0.5 : 0);  // mean −margin
          noise.push_back(0.2 * draws.normal() - margin);
        }
        rare += paired_mean_p(losses, -margin, 1) <= 0.05;
        mixed += paired_mean_p(swings, -margin, 1) <= 0.05;
        smooth += paired_mean_p(noise, -margin, 1) <= 0.05;
      }
      for (const int rejected : {rare, mixed, smooth})
        EXPECT_LE(static_cast<double>(rejected) / kRuns, 0.05 + kTolerance) << "n " << n << " margin " << margin;
    }
}

}  // namespace
}  // namespace pareto
