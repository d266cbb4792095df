// Filters on numbers, and Python's readings of numbers from text.
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "tasks/jinja_filters.h"
#include "tasks/python.h"

namespace pareto::jinja {
namespace {

using Type = Value::Type;
using V = const Value&;
using A = const Args&;

// Digits with single underscores between them; false if they stand elsewhere.
bool drop_underscores(std::string_view text, std::string* out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out->push_back(text[i]);
      continue;
    }
    const auto is_digit = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) return false;
  }
  return true;
}

bool take_sign(std::string_view* text) {
  const bool negative = text->starts_with("-");
  if (negative || text->starts_with("+")) text->remove_prefix(1);
  return negative;
}

// int(float): towards zero. Errors: what int() says of nan and inf, and 64 bits.
Result<Value> truncated(double number) {
  if (std::isnan(number)) return fail(Code::kNotFound, "cannot convert float NaN to integer");
  if (std::isinf(number)) return fail(Code::kNotFound, "cannot convert float infinity to integer");
  if (!(std::abs(number) < 9223372036854775808.0)) return fail(Code::kInvalid, "int goes beyond 64 bits");
  return Value(static_cast<std::int64_t>(number));
}

Result<Value> to_integer(Interpreter&, V value, A args) {
  PARETO_TRY(const auto a, bind("int", args, {optional("default", Value(0)), optional("base", Value(10))}));
  PARETO_TRY(const std::int64_t base, integer_of(a[1], "base"));
  if (value.is_undefined()) return undefined_error(value);
  if (value.is(Type::kInt)) return value;
  if (value.is(Type::kBool)) return Value(value.boolean() ? 1 : 0);
  Result<Value> read = fail(Code::kNotFound, "");
  if (value.is(Type::kFloat)) {
    // int(inf) raises OverflowError, which only the second attempt catches: an error. int(nan) gives the default.
    if (std::isinf(value.real())) return type_error("cannot convert float infinity to integer");
    read = truncated(value.real());
  } else if (value.is_string()) {
    read = parse_integer(value.text(), base);
    if (!read && read.error().code == Code::kNotFound) {
      read = parse_float(value.text());
      if (read) read = truncated(read->real());
    }
  }
  if (!read && read.error().code == Code::kNotFound) return a[0];
  return read;
}

Result<Value> to_float(Interpreter&, V value, A args) {
  PARETO_TRY(const auto a, bind("float", args, {optional("default", Value(0.0))}));
  if (value.is_undefined()) return undefined_error(value);
  if (value.is_number()) return Value(value.as_double());
  if (value.is_string()) {
    auto read = parse_float(value.text());
    if (read || read.error().code != Code::kNotFound) return read;
  }
  return a[0];
}

Result<Value> absolute(Interpreter&, V value, A args) {
  PARETO_TRY(const auto a, bind("abs", args, {}));
  if (value.is_undefined()) return undefined_error(value);
  if (value.is(Type::kFloat)) return Value(std::abs(value.real()));
  if (!value.is_number()) return type_error(fmt::format("bad operand type for abs(): '{}'", value.type_name()));
  const std::int64_t n = integer_of(value, "").value();
  return n < 0 ? negate("-", value) : Result<Value>(Value(n));
}

// round(float, digits): the decimal nearest to the exact binary value, ties to even.
double rounded(double number, std::int64_t digits) {
  if (!std::isfinite(number) || digits > 300) return number;
  if (digits < -308) return std::copysign(0.0, number);
  if (digits >= 0) return std::strtod(fmt::format("{:.{}f}", number, digits).c_str(), nullptr);
  const double unit = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(number / unit) * unit;
}

Result<Value> round_integer(std::int64_t number, std::int64_t digits) {
  if (digits >= 0) return Value(number);
  if (digits < -18) return Value(0);
  std::int64_t unit = 1;
  for (std::int64_t i = 0; i < -digits; ++i) unit *= 10;
  std::int64_t low = number % unit;
  if (low < 0) low += unit;
  std::int64_t down = 0;
  if (__builtin_sub_overflow(number, low, &down)) return fail(Code::kInvalid, "round goes beyond 64 bits");
  const bool up = low > unit - low || (low == unit - low && (down / unit) % 2 != 0);
  if (up && __builtin_add_overflow(down, unit, &down)) return fail(Code::kInvalid, "round goes beyond 64 bits");
  return Value(down);
}

Result<Value> round(Interpreter&, V value, A args) {
  PARETO_TRY(const auto a, bind("round", args, {optional("precision", Value(0)), optional("method", Value("common"))}));
  const std::string method = a[1].is_string() ? a[1].text() : "";
  if (method != "common" && method != "ceil" && method != "floor") {
    return type_error("method must be common, ceil or floor");
  }
  if (value.is_undefined()) return undefined_error(value);
  if (!value.is_number()) return type_error(fmt::format("type {} doesn't define __round__ method", value.type_name()));
  PARETO_TRY(const std::int64_t digits, integer_of(a[0], "precision"));
  if (method == "common") {
    if (value.is(Type::kFloat)) return Value(rounded(value.real(), digits));
    return round_integer(integer_of(value, "").value(), digits);
  }
  const double unit = std::pow(10.0, static_cast<double>(digits));
  const double scaled = value.as_double() * unit;
  if (!std::isfinite(scaled)) return type_error("cannot convert float infinity to integer");
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

constexpr Filter kNumberFilters[] = {{"abs", absolute}, {"float", to_float}, {"int", to_integer}, {"round", round}};

}  // namespace

// kNotFound where Python raises ValueError.
Result<Value> parse_integer(std::string_view text, std::int64_t base) {
  const auto no_integer = [] { return fail(Code::kNotFound, "invalid literal for int()"); };
  if (base != 0 && (base < 2 || base > 36)) return no_integer();
  text = python::strip(text);
  const bool negative = take_sign(&text);
  const auto prefix_base = [&]() -> std::int64_t {
    if (text.size() < 2 || text[0] != '0') return 0;
    const char letter = static_cast<char>(text[1] | 0x20);
    return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  }();
  if (prefix_base != 0 && (base == 0 || base == prefix_base)) {
    text.remove_prefix(2);
    if (text.starts_with("_")) text.remove_prefix(1);
    base = prefix_base;
  } else if (base == 0) {
    if (text.starts_with("0") && text.find_first_not_of("0_") != std::string_view::npos) return no_integer();
    base = 10;
  }
  std::string digits;
  if (text.empty() || !drop_underscores(text, &digits)) return no_integer();
  if (negative) digits.insert(digits.begin(), '-');
  if (digits[negative ? 1 : 0] == '-') return no_integer();
  std::int64_t value = 0;
  const auto [end, status] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, static_cast<int>(base));
  if (end != digits.data() + digits.size()) return no_integer();
  if (status == std::errc::result_out_of_range) return fail(Code::kInvalid, "integer {} is beyond 64 bits", digits);
  if (status != std::errc()) return no_integer();
  return Value(value);
}

Result<Value> parse_float(std::string_view text) {
  const auto no_float = [] { return fail(Code::kNotFound, "could not convert string to float"); };
  text = python::strip(text);
  const bool negative = take_sign(&text);
  const std::string lower = python::lower(text);
  const double sign = negative ? -1 : 1;
  if (lower == "inf" || lower == "infinity") return Value(sign * INFINITY);
  if (lower == "nan") return Value(std::copysign(NAN, sign));
  std::string digits;
  if (text.empty() || !drop_underscores(text, &digits)) return no_float();
  if (digits.find_first_not_of("0123456789.eE+-") != std::string::npos || digits[0] == '-' || digits[0] == '+') {
    return no_float();
  }
  char* end = nullptr;
  const double value = std::strtod(digits.c_str(), &end);  // overflows to inf and underflows to 0, as Python
  if (end != digits.c_str() + digits.size()) return no_float();
  return Value(sign * value);
}

std::span<const Filter> number_filters() { return kNumberFilters; }

}  // namespace pareto::jinja
