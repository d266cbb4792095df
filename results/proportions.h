// Shares of right answers and their differences: intervals and tests of 0/1 scores.
//
//                 b right   b wrong
//   a right       both      lost            McNemar's exact p, Tango's interval and the non-inferiority test
//   a wrong       gained    neither         look at gained and lost alone; Newcombe's at all four cells
//
// Pure functions of counts. Intervals are two-sided, 1 − alpha. Which one is reported where was settled by simulated
// coverage (tests/results/coverage_test.cc): Tango's for paired differences, Wilson's for one share.
#pragma once

#include <cstdint>

#include "results/statistics.h"

namespace pareto {

// Clopper and Pearson's interval of k successes in n: never less than 1 − alpha, often more.
// REQUIRES: 0 <= k <= n, n >= 1, 0 < alpha < 1.
Interval clopper_pearson(std::int64_t k, std::int64_t n, double alpha = 0.05);

// What became of n items in two runs.
struct PairedCounts {
  std::int64_t both = 0, lost = 0, gained = 0, neither = 0;
  std::int64_t n() const { return both + lost + gained + neither; }
};

// Exact two-sided McNemar: min(1, 2·P(Bin(gained + lost, ½) <= min(gained, lost))); 1 where nothing changed.
double mcnemar_exact(std::int64_t gained, std::int64_t lost);

struct Difference {
  double value = 0;
  Interval interval;
  double phi = 0;  // correlation that the interval used; 0 for independent groups
};

// First minus second share of the same n items, Newcombe 1998 (Statistics in Medicine 17:2635), method 10: Wilson's
// bounds joined with phi, which is continuity-corrected where it is positive. Here "first" is a of the table above.
// REQUIRES: n >= 1.
Difference newcombe_paired(const PairedCounts& counts, double alpha = 0.05);

// k1/n1 − k2/n2 of different items, Newcombe 1998 (17:873), method 10 there: Wilson's bounds, no correction.
// REQUIRES: n1, n2 >= 1.
Difference newcombe_independent(std::int64_t k1, std::int64_t n1, std::int64_t k2, std::int64_t n2,
                                double alpha = 0.05);

// Tango 1998 (Statistics in Medicine 17:891): the score statistic of "(gained − lost)/n is really `difference`", about
// standard normal there. REQUIRES: n >= 1, −1 < difference < 1.
double tango_z(std::int64_t gained, std::int64_t lost, std::int64_t n, double difference);

// All differences (gained − lost)/n that tango_z() does not refute.
Interval tango_interval(std::int64_t gained, std::int64_t lost, std::int64_t n, double alpha = 0.05);

// One-sided exact p-value of "the true (gained − lost)/n is at most `difference`" against "it is more": the largest
// probability of a table at least as extreme by tango_z(), over all shares of changed items in their 1 − 10⁻⁶
// interval, plus 10⁻⁶ (Berger and Boos 1994). Holds its level at any n, where z alone is too bold on few changes.
// Non-inferiority by `margin`: difference = −margin. Inferiority: gained and lost exchanged, difference = +margin.
// REQUIRES: n >= 1, −1 < difference < 1.
double paired_share_p(std::int64_t gained, std::int64_t lost, std::int64_t n, double difference);

}  // namespace pareto
