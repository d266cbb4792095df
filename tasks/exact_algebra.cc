#include "tasks/exact_algebra.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>

namespace pareto {
namespace {

constexpr int kDeepestNesting = 60;
constexpr std::size_t kMostTerms = 200;
constexpr int kLargestPower = 12;
constexpr int kLargestDegree = 1'000'000;
constexpr std::size_t kLongestName = 4000;  // an opaque thing inside another stands there once per term

// In lowest terms, denominator positive. Operations return nothing where a part leaves 64 bits.
struct Rational {
  std::int64_t above = 0, below = 1;
  bool operator==(const Rational&) const = default;
};

using Wide = __int128;

std::optional<Rational> reduced(Wide above, Wide below) {
  if (below == 0) return std::nullopt;
  if (below < 0) above = -above, below = -below;
  Wide a = above < 0 ? -above : above, b = below;
  while (b != 0) std::swap(a %= b, b);
  if (a > 1) above /= a, below /= a;
  constexpr Wide kLimit = INT64_MAX;
  if (above > kLimit || above < -kLimit || below > kLimit) return std::nullopt;
  return Rational{static_cast<std::int64_t>(above), static_cast<std::int64_t>(below)};
}
std::optional<Rational> sum(const Rational& a, const Rational& b) {
  return reduced(Wide{a.above} * b.below + Wide{b.above} * a.below, Wide{a.below} * b.below);
}
std::optional<Rational> product(const Rational& a, const Rational& b) {
  return reduced(Wide{a.above} * b.above, Wide{a.below} * b.below);
}

// Symbols and opaque things by name, with their powers; "√2" stands for the root of a prime and has power 0 or 1.
using Monomial = std::map<std::string, int>;
using Polynomial = std::map<Monomial, Rational>;
using Maybe = std::optional<Polynomial>;

Polynomial constant(const Rational& value) {
  Polynomial p;
  if (value.above != 0) p[{}] = value;
  return p;
}
Polynomial symbol(const std::string& name) { return {{{{name, 1}}, Rational{1, 1}}}; }

Maybe opaque(const std::string& name) {
  if (name.size() > kLongestName) return std::nullopt;
  return symbol(name);
}

std::optional<Rational> as_constant(const Polynomial& p) {
  if (p.empty()) return Rational{};
  if (p.size() == 1 && p.begin()->first.empty()) return p.begin()->second;
  return std::nullopt;
}

std::string printed(const Polynomial& p) {
  std::string text;
  for (const auto& [monomial, factor] : p) {
    text += fmt::format("+{}/{}", factor.above, factor.below);
    for (const auto& [name, power] : monomial) text += fmt::format("*({})^{}", name, power);
  }
  return text;
}

bool add_term(Polynomial* p, const Monomial& monomial, const Rational& factor) {
  const auto total = sum((*p)[monomial], factor);
  if (!total || p->size() > kMostTerms) return false;
  (*p)[monomial] = *total;
  if (total->above == 0) p->erase(monomial);
  return true;
}

Maybe plus(Polynomial a, const Polynomial& b, int sign) {
  for (const auto& [monomial, factor] : b)
    if (!add_term(&a, monomial, {sign * factor.above, factor.below})) return std::nullopt;
  return a;
}

constexpr std::string_view kRoot = "√";

// Powers add up; a root of a prime squared is the prime, and one over it is the root over the prime.
bool multiply_in(const std::string& name, int power, Monomial* monomial, Rational* factor) {
  int total = power;
  if (const auto known = monomial->find(name); known != monomial->end()) total += known->second;
  if (total < -kLargestDegree || total > kLargestDegree) return false;
  if (name.starts_with(kRoot)) {
    const std::int64_t prime = std::stoll(name.substr(kRoot.size()));
    for (; total > 1 || total<0; total += total> 1 ? -2 : 2) {
      const auto next = product(*factor, total > 1 ? Rational{prime, 1} : Rational{1, prime});
      if (!next) return false;
      *factor = *next;
    }
  }
  if (total == 0) {
    monomial->erase(name);
  } else {
    (*monomial)[name] = total;
  }
  return true;
}

Maybe times(const Polynomial& a, const Polynomial& b) {
  Polynomial out;
  for (const auto& [left, f] : a) {
    for (const auto& [right, g] : b) {
      auto factor = product(f, g);
      if (!factor) return std::nullopt;
      Monomial monomial = left;
      for (const auto& [name, power] : right)
        if (!multiply_in(name, power, &monomial, &*factor)) return std::nullopt;
      if (!add_term(&out, monomial, *factor)) return std::nullopt;
    }
  }
  return out;
}

// One over: of a sum, an opaque factor whose first coefficient is 1.
Maybe inverse(const Polynomial& p) {
  if (p.empty()) return std::nullopt;
  const auto lead = reduced(p.begin()->second.below, p.begin()->second.above);
  if (!lead) return std::nullopt;
  if (p.size() > 1) {
    const Maybe monic = times(p, constant(*lead));
    const Maybe below = monic ? opaque("1/(" + printed(*monic) + ")") : std::nullopt;
    return below ? times(constant(*lead), *below) : std::nullopt;
  }
  Monomial monomial;
  Rational factor = *lead;
  for (const auto& [name, power] : p.begin()->first)
    if (!multiply_in(name, -power, &monomial, &factor)) return std::nullopt;
  return Polynomial{{monomial, factor}};
}

Maybe to_whole_power(const Polynomial& base, std::int64_t power) {
  if (power < -kLargestPower || power > kLargestPower) return std::nullopt;
  if (power < 0) {
    const Maybe below = inverse(base);
    return below ? to_whole_power(*below, -power) : std::nullopt;
  }
  Maybe out = constant({1, 1});
  for (std::int64_t i = 0; i < power && out; ++i) out = times(*out, base);
  return out;
}

// The positive n-th root where it is whole.
std::optional<std::int64_t> whole_root(std::int64_t value, std::int64_t n) {
  const auto near =
      static_cast<std::int64_t>(std::llround(std::pow(static_cast<double>(value), 1.0 / static_cast<double>(n))));
  for (std::int64_t root = std::max<std::int64_t>(0, near - 1); root <= near + 1; ++root) {
    Wide power = 1;
    for (std::int64_t i = 0; i < n && power <= value; ++i) power *= root;
    if (power == value) return root;
  }
  return std::nullopt;
}

// √(p/q) = √(pq)/q, squares taken out, the rest as roots of primes.
Maybe square_root(const Rational& value) {
  const auto whole = product({value.above, 1}, {value.below, 1});
  constexpr std::int64_t kLargest = 10'000'000'000;  // a tenth of a million divisions
  if (!whole || whole->above < 0 || whole->above > kLargest) return std::nullopt;
  Maybe out = constant({1, value.below});
  std::int64_t rest = whole->above;
  if (rest == 0) return Polynomial{};
  for (std::int64_t prime = 2; prime * prime <= rest; ++prime) {
    for (; rest % prime == 0 && out; rest /= prime)
      out = times(*out, symbol(std::string(kRoot) + std::to_string(prime)));
  }
  return rest > 1 && out ? times(*out, symbol(std::string(kRoot) + std::to_string(rest))) : out;
}

Maybe root(const Polynomial& inside, std::int64_t n) {
  if (n < 2 || n > kLargestPower) return std::nullopt;
  const auto value = as_constant(inside);
  if (value && n == 2) return square_root(*value);
  if (value && value->above >= 0) {
    const auto above = whole_root(value->above, n), below = whole_root(value->below, n);
    if (above && below) return constant({*above, *below});
  }
  return opaque(fmt::format("root{}({})", n, printed(inside)));
}

Maybe power(const Polynomial& base, const Polynomial& exponent) {
  const auto value = as_constant(exponent);
  if (value && value->below == 1) return to_whole_power(base, value->above);
  if (value && value->above == 1) return root(base, value->below);
  return opaque(fmt::format("({})^({})", printed(base), printed(exponent)));
}

// expression := term (± term)*     term := factor (· or / or nothing, factor)*     factor := base ^ exponent
class LatexReader {
 public:
  explicit LatexReader(std::string_view text) : text_(text) {}

  Maybe whole() {
    const Maybe out = expression();
    return at_ == text_.size() ? out : std::nullopt;
  }

 private:
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  // A command must end where its letters end: \pi is not the beginning of \pink.
  bool take_command(std::string_view name) {
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(name)) return false;
    if (rest.size() > name.size() && is_letter(rest[name.size()])) return false;
    at_ += name.size();
    return true;
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  Maybe expression() {
    if (++depth_ > kDeepestNesting) return std::nullopt;
    Maybe out = term();
    while (out && (peek() == '+' || peek() == '-')) {
      const int sign = text_[at_++] == '+' ? 1 : -1;
      const Maybe next = term();
      out = next ? plus(*out, *next, sign) : std::nullopt;
    }
    --depth_;
    return out;
  }

  Maybe term() {
    int sign = 1;
    while (peek() == '-' || peek() == '+') sign *= text_[at_++] == '-' ? -1 : 1;
    Maybe out = factor();
    while (out) {
      bool divide = false;
      if (take("/") || take_command("\\div")) {
        divide = true;
      } else if (!take("*") && !take_command("\\cdot") && !take_command("\\times") && !begins_factor()) {
        break;
      }
      Maybe next = factor();
      if (next && divide) next = inverse(*next);
      out = next ? times(*out, *next) : std::nullopt;
    }
    return out && sign < 0 ? times(*out, constant({-1, 1})) : out;
  }

  bool begins_factor() const {
    const char c = peek();
    if (c == '\\') return !text_.substr(at_).starts_with("\\right");
    return is_digit(c) || is_letter(c) || c == '(' || c == '{';
  }

  Maybe factor() {
    Maybe out = base();
    if (!out || !take("^")) return out;
    Maybe exponent;
    if (take("{")) {
      exponent = expression();
      if (!take("}")) return std::nullopt;
    } else if (is_digit(peek())) {
      exponent = constant({text_[at_++] - '0', 1});  // x^12 is x¹·2, as TeX sets it
    } else if (is_letter(peek())) {
      exponent = symbol(std::string(1, text_[at_++]));
    }
    if (!exponent || peek() == '^') return std::nullopt;
    return power(*out, *exponent);
  }

  Maybe base() {
    const char c = peek();
    if (is_digit(c)) return number();
    if (is_letter(c)) {
      ++at_;
      return peek() == '(' ? std::nullopt : Maybe(symbol(std::string(1, c)));  // f(x): upstream reads a function
    }
    if (take_command("\\left")) return peek() == '(' ? group("(", "\\right)") : std::nullopt;
    if (c == '(') return group("(", ")");
    if (c == '{') return group("{", "}");
    if (take_command("\\frac")) return fraction();
    if (take("\\sqrt")) return radical();
    if (take_command("\\pi")) return symbol("π");
    return std::nullopt;
  }

  Maybe group(std::string_view open, std::string_view close) {
    if (!take(open)) return std::nullopt;
    Maybe inside = expression();
    return take(close) ? inside : std::nullopt;
  }

  Maybe fraction() {
    const Maybe above = group("{", "}");
    const Maybe below = above ? group("{", "}") : std::nullopt;
    const Maybe inverted = below ? inverse(*below) : std::nullopt;
    return inverted ? times(*above, *inverted) : std::nullopt;
  }

  Maybe radical() {
    std::int64_t n = 2;
    if (take("[")) {
      const Maybe index = expression();
      const auto value = index ? as_constant(*index) : std::nullopt;
      if (!value || value->below != 1 || !take("]")) return std::nullopt;
      n = value->above;
    }
    const Maybe inside = group("{", "}");
    return inside ? root(*inside, n) : std::nullopt;
  }

  // 18, 18.90: exact.
  Maybe number() {
    Wide digits = 0, scale = 1;
    bool after_point = false;
    for (; is_digit(peek()) || (peek() == '.' && !after_point); ++at_) {
      if (peek() == '.') {
        after_point = true;
        continue;
      }
      digits = digits * 10 + (peek() - '0');
      if (after_point) scale *= 10;
      if (digits > INT64_MAX || scale > INT64_MAX) return std::nullopt;
    }
    const auto value = reduced(digits, scale);
    return value ? Maybe(constant(*value)) : std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

bool proved_equal(std::string_view a, std::string_view b) {
  constexpr std::size_t kLongest = 1000;  // bytes: a model that repeats itself writes no answer that long
  if (std::max(a.size(), b.size()) > kLongest) return false;
  const Maybe left = LatexReader(a).whole();
  if (!left) return false;
  const Maybe right = LatexReader(b).whole();
  return right && *left == *right;
}

}  // namespace pareto
