// Arithmetic and comparison as Python 3 has them, on int64.
#include <algorithm>
#include <cmath>

#include "tasks/jinja_runtime.h"
#include "tasks/python.h"

namespace pareto::jinja {
namespace {

using Type = Value::Type;

tl::unexpected<Error> operands(std::string_view op, const Value& a, const Value& b) {
  return type_error(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", op, a.type_name(), b.type_name()));
}

tl::unexpected<Error> overflow(std::string_view op) { return fail(Code::kInvalid, "{} goes beyond 64 bits", op); }

std::int64_t whole(const Value& v) { return v.is(Type::kBool) ? std::int64_t{v.boolean()} : v.integer(); }

Result<Value> integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return type_error("0.0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  std::int64_t result = 1;
  while (true) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) return overflow("**");
    exponent >>= 1;
    if (exponent == 0) return Value(result);
    if (__builtin_mul_overflow(base, base, &base)) return overflow("**");
  }
}

Result<Value> integer_operation(std::string_view op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (op == "+") return __builtin_add_overflow(a, b, &result) ? Result<Value>(overflow(op)) : Value(result);
  if (op == "-") return __builtin_sub_overflow(a, b, &result) ? Result<Value>(overflow(op)) : Value(result);
  if (op == "*") return __builtin_mul_overflow(a, b, &result) ? Result<Value>(overflow(op)) : Value(result);
  if (op == "**") return integer_power(a, b);
  if (b == 0) return type_error(op == "/" ? "division by zero" : "integer division or modulo by zero");
  // Beyond 2^53 a double would round each side first.
  if (op == "/") return Value(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
  if (b == -1) return op == "%" ? Result<Value>(Value(0)) : integer_operation("-", 0, a);
  const std::int64_t remainder = a % b;
  const bool down = remainder != 0 && (remainder < 0) != (b < 0);
  if (op == "%") return Value(down ? remainder + b : remainder);
  return Value(a / b - (down ? 1 : 0));
}

Result<Value> float_operation(std::string_view op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") {
    if (a == 0 && b < 0) return type_error("0.0 cannot be raised to a negative power");
    if (a < 0 && std::isfinite(b) && b != std::floor(b)) return unsupported("complex numbers");
    const double power = std::pow(a, b);
    if (std::isinf(power) && std::isfinite(a) && std::isfinite(b)) return type_error("Result too large");
    return Value(power);
  }
  if (b == 0) return type_error(op == "/" ? "float division by zero" : "float modulo");
  if (op == "/") return Value(a / b);
  double remainder = std::fmod(a, b);
  double quotient = (a - remainder) / b;
  if (remainder != 0 && (remainder < 0) != (b < 0)) {
    remainder += b;
    quotient -= 1;
  }
  if (op == "%") return Value(remainder == 0 ? std::copysign(0.0, b) : remainder);
  if (quotient == 0) return Value(std::copysign(0.0, a / b));
  const double floor = std::floor(quotient);
  return Value(quotient - floor > 0.5 ? floor + 1 : floor);
}

Result<Value> repeat(Interpreter& in, const Value& what, std::int64_t times) {
  const std::size_t n = times < 0 ? 0 : static_cast<std::size_t>(times);
  const std::size_t each = what.is_string() ? what.text().size() : what.list().size() * sizeof(Value);
  std::size_t all = 0;
  if (__builtin_mul_overflow(n, each, &all)) all = SIZE_MAX;
  if (what.is_string()) {
    if (all > in.options().limits.text_bytes) return fail(Code::kInvalid, "a value of {} bytes", all);
    std::string text;
    text.reserve(all);
    for (std::size_t i = 0; each > 0 && i < n; ++i) text += what.text();
    return in.make_text(std::move(text), what);
  }
  PARETO_CHECK_OK(in.allocate(all));
  std::vector<Value> items;
  for (std::size_t i = 0; each > 0 && i < n; ++i) items.insert(items.end(), what.list().begin(), what.list().end());
  return what.is(Type::kTuple) ? Value::tuple(std::move(items)) : Value::list(std::move(items));
}

Result<Value> add_sequences(Interpreter& in, const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) {
    if (a.is_markup() || b.is_markup()) {
      PARETO_TRY(const Value left, escaped(in, a));
      PARETO_TRY(const Value right, escaped(in, b));
      return in.make_text(left.text() + right.text(), left);
    }
    return in.make_text(a.text() + b.text());
  }
  if (a.type() == b.type() && a.is_sequence()) {
    PARETO_CHECK_OK(in.allocate((a.list().size() + b.list().size()) * sizeof(Value)));
    std::vector<Value> items = a.list();
    items.insert(items.end(), b.list().begin(), b.list().end());
    return a.is(Type::kTuple) ? Value::tuple(std::move(items)) : Value::list(std::move(items));
  }
  if (a.is_string() && !b.is_undefined()) {
    return type_error(fmt::format("can only concatenate str (not \"{}\") to str", b.type_name()));
  }
  return operands("+", a, b);
}

}  // namespace

Result<Value> binary(Interpreter& in, std::string_view op, const Value& a, const Value& b) {
  if (op == "%" && a.is_string() && !in.forbids(b)) {
    if (a.is_markup()) return unsupported("% on Markup");
    PARETO_TRY(std::string text, percent_format(in, a.text(), b));
    return in.make_text(std::move(text));
  }
  if (a.is_undefined()) return undefined_error(a);
  if (b.is_undefined()) return undefined_error(b);
  if (a.is_number() && b.is_number()) {
    if (a.is(Type::kFloat) || b.is(Type::kFloat)) return float_operation(op, a.as_double(), b.as_double());
    return integer_operation(op, whole(a), whole(b));
  }
  if (op == "+") return add_sequences(in, a, b);
  if (op == "*") {
    const auto is_whole = [](const Value& v) { return v.is(Type::kInt) || v.is(Type::kBool); };
    if ((a.is_string() || a.is_sequence()) && is_whole(b)) return repeat(in, a, whole(b));
    if ((b.is_string() || b.is_sequence()) && is_whole(a)) return repeat(in, b, whole(a));
  }
  return operands(op == "**" ? "** or pow()" : op, a, b);
}

Result<Value> negate(std::string_view op, const Value& value) {
  if (value.is_undefined()) return undefined_error(value);
  if (!value.is_number()) {
    return type_error(fmt::format("bad operand type for unary {}: '{}'", op, value.type_name()));
  }
  if (value.is(Type::kFloat)) return Value(op == "-" ? -value.real() : value.real());
  if (op == "+") return Value(whole(value));
  return integer_operation("-", 0, whole(value));
}

Result<bool> equals(const Interpreter& in, const Value& a, const Value& b) {
  if (in.forbids(a)) return undefined_error(a);
  if (in.forbids(b)) return undefined_error(b);
  const auto *x = as<RangeObject>(a), *y = as<RangeObject>(b);
  if (x != nullptr && y != nullptr) {
    return x->count == y->count && (x->count == 0 || x->start == y->start) && (x->count < 2 || x->step == y->step);
  }
  return equal(a, b);
}

namespace {

Result<bool> less_at(const Value& a, const Value& b, int depth) {
  if (a.is_undefined()) return undefined_error(a);
  if (b.is_undefined()) return undefined_error(b);
  if (depth > 100) return fail(Code::kInvalid, "comparing lists nested deeper than 100 levels");
  if (a.is_number() && b.is_number()) {
    if (!a.is(Type::kFloat) && !b.is(Type::kFloat)) return whole(a) < whole(b);
    const auto exact = [](const Value& v) {  // 64 bits of mantissa hold both kinds
      return v.is(Type::kFloat) ? static_cast<long double>(v.real()) : static_cast<long double>(whole(v));
    };
    return exact(a) < exact(b);
  }
  if (a.is_string() && b.is_string()) return a.text() < b.text();  // bytes of UTF-8 sort as code points
  if (a.is_sequence() && a.type() == b.type()) {
    const auto &x = a.list(), &y = b.list();
    for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) {
      if (!equal(x[i], y[i])) return less_at(x[i], y[i], depth + 1);
    }
    return x.size() < y.size();
  }
  return type_error(fmt::format("'<' not supported between instances of '{}' and '{}'", a.type_name(), b.type_name()));
}

}  // namespace

Result<bool> less(const Value& a, const Value& b) { return less_at(a, b, 0); }

Result<bool> contains(Interpreter& in, const Value& container, const Value& item) {
  if (container.is_undefined()) {
    if (in.forbids(container)) return undefined_error(container);
    return false;
  }
  if (container.is_string()) {
    if (!item.is_string()) {
      if (item.is_undefined()) return type_error("'in <string>' requires string as left operand, not Undefined");
      return type_error(fmt::format("'in <string>' requires string as left operand, not {}", item.type_name()));
    }
    return container.text().find(item.text()) != std::string::npos;
  }
  if (container.is_dict()) {
    if (in.forbids(item)) return undefined_error(item);
    PARETO_CHECK_OK(check_hashable(in, item));
    return container.get(item) != nullptr;
  }
  if (const auto* range = as<RangeObject>(container)) {
    for (std::int64_t i = 0; i < range->count; ++i) {
      PARETO_CHECK_OK(in.spend(1));
      if (equal(Value(range->at(i)), item)) return true;
    }
    return false;
  }
  if (!container.is_sequence() && as<ViewObject>(container) == nullptr && as<GeneratorObject>(container) == nullptr) {
    return type_error(fmt::format("argument of type '{}' is not iterable", container.type_name()));
  }
  PARETO_TRY(const std::vector<Value> items, items_of(in, container));
  for (const Value& candidate : items) {
    PARETO_TRY(const bool same, equals(in, candidate, item));
    if (same) return true;
  }
  return false;
}

Result<bool> compare(Interpreter& in, std::string_view op, const Value& a, const Value& b) {
  const auto negated = [](Result<bool> yes) { return yes ? Result<bool>(!*yes) : yes; };
  if (op == "==") return equals(in, a, b);
  if (op == "!=") return negated(equals(in, a, b));
  if (op == "in") return contains(in, b, a);
  if (op == "not in") return negated(contains(in, b, a));
  const bool swapped = op == ">" || op == "<=";
  const auto strictly = swapped ? less(b, a) : less(a, b);
  if (!strictly && !a.is_undefined() && !b.is_undefined() && strictly.error().code == Code::kInvalid) {
    return type_error(
        fmt::format("'{}' not supported between instances of '{}' and '{}'", op, a.type_name(), b.type_name()));
  }
  if (op == "<" || op == ">") return strictly;
  const auto is_nan = [](const Value& v) { return v.is(Type::kFloat) && std::isnan(v.real()); };
  if (strictly && (is_nan(a) || is_nan(b))) return false;
  return negated(strictly);
}

}  // namespace pareto::jinja
