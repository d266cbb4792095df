// Are two LaTeX answers the same number or expression? A proof by exact arithmetic, or none.
//
//   \frac{1}{2}  0.5     equal          2\sqrt{3}  \sqrt{12}   equal          (x+1)^2  x^2+2x+1   equal
//   \sin{30}  0.5        not proved     \frac{x^2-1}{x-1}  x+1 not proved     (2,3)  (2,3.0)      not proved
//
// An answer becomes a polynomial with rational coefficients over symbols, square roots of primes, and what is opaque
// (other roots, powers, denominators that are sums): equal polynomials are equal answers. What upstream reads with
// sympy's parse_latex is read the same way where we read it: 1\frac{1}{2} is a product, a decimal needs a digit before
// its point.
#pragma once

#include <string_view>

namespace pareto {

// True only where equality is proved. False says nothing more: functions, units, tuples, intervals, sets, equations,
// subscripts and numbers beyond 64 bits are not read.
bool proved_equal(std::string_view a, std::string_view b);

}  // namespace pareto
