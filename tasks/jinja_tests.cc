// What stands after "is", and the filters that choose by it.
#include <algorithm>

#include "tasks/jinja_parser.h"
#include "tasks/jinja_runtime.h"
#include "tasks/python.h"
#include "tasks/python_text.h"

namespace pareto::jinja {
namespace {

using Type = Value::Type;

bool is_iterable(const Value& v) {
  return v.is_undefined() || v.is_string() || v.is_sequence() || v.is_dict() || as<RangeObject>(v) != nullptr ||
         as<ViewObject>(v) != nullptr || as<GeneratorObject>(v) != nullptr || as<LoopObject>(v) != nullptr;
}

bool is_callable(const Value& v) {
  return v.is_undefined() || as<MacroObject>(v) != nullptr || as<FunctionObject>(v) != nullptr ||
         as<MethodObject>(v) != nullptr || as<LoopObject>(v) != nullptr;
}

Result<bool> remainder_is(Interpreter& in, const Value& value, std::int64_t divisor, std::int64_t wanted) {
  PARETO_TRY(const Value rest, binary(in, "%", value, Value(divisor)));
  return equal(rest, Value(wanted));
}

// str.islower() and str.isupper(): some cased character, and none of the other case.
bool all_cased(std::string_view text, bool (*wanted)(char32_t)) {
  bool some = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = python::decode(text, at);
    if (python::is_cased(c.value)) {
      if (!wanted(c.value)) return false;
      some = true;
    }
    at += static_cast<std::size_t>(c.bytes);
  }
  return some;
}

Result<bool> is_case(Interpreter& in, const Value& value, bool (*wanted)(char32_t)) {
  PARETO_TRY(const std::string text, text_of(in, value));
  return all_cased(text, wanted);
}

Result<bool> same_as(const Value& a, const Value& b) {
  if (a.type() != b.type()) return false;
  if (a.is_none()) return true;
  if (a.is(Type::kBool)) return a.boolean() == b.boolean();
  if (a.identity() != nullptr) return a.identity() == b.identity();
  if (!equal(a, b)) return false;
  return unsupported("sameas for equal values of type {}: it depends on Python's caches", a.type_name());
}

using Test = Result<bool> (*)(Interpreter&, const Value&, const std::vector<Value>&);

struct Entry {
  std::string_view name;
  int arguments;
  Test test;
};

using V = const Value&;
using A = const std::vector<Value>&;

// Sorted as they are grouped in Jinja's documentation; names share a test where they mean the same.
const Entry kTests[] = {
    {"defined", 0, [](Interpreter&, V v, A) -> Result<bool> { return !v.is_undefined(); }},
    {"undefined", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is_undefined(); }},
    {"none", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is_none(); }},
    {"boolean", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is(Type::kBool); }},
    {"true", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is(Type::kBool) && v.boolean(); }},
    {"false", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is(Type::kBool) && !v.boolean(); }},
    {"integer", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is(Type::kInt); }},
    {"float", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is(Type::kFloat); }},
    {"number", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is_number(); }},
    {"string", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is_string(); }},
    {"mapping", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is_dict(); }},
    {"escaped", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is_markup(); }},
    {"callable", 0, [](Interpreter&, V v, A) -> Result<bool> { return is_callable(v); }},
    {"lower", 0, [](Interpreter& in, V v, A) { return is_case(in, v, python::is_lower); }},
    {"upper", 0, [](Interpreter& in, V v, A) { return is_case(in, v, python::is_upper); }},
    {"odd", 0, [](Interpreter& in, V v, A) { return remainder_is(in, v, 2, 1); }},
    {"even", 0, [](Interpreter& in, V v, A) { return remainder_is(in, v, 2, 0); }},
    {"iterable", 0,
     [](Interpreter& in, V v, A) -> Result<bool> {
       if (in.forbids(v)) return undefined_error(v);
       return is_iterable(v);
     }},
    {"sequence", 0,
     [](Interpreter& in, V v, A) -> Result<bool> {
       return (v.is_undefined() && !in.forbids(v)) || v.is_string() || v.is_sequence() || v.is_dict() ||
              as<RangeObject>(v) != nullptr;
     }},
    {"filter", 0,
     [](Interpreter& in, V v, A) -> Result<bool> {
       return v.is_string() && is_filter(v.text(), in.options().dialect);
     }},
    {"test", 0, [](Interpreter&, V v, A) -> Result<bool> { return v.is_string() && is_test(v.text()); }},
    {"divisibleby", 1,
     [](Interpreter& in, V v, A a) -> Result<bool> {
       PARETO_TRY(const Value rest, binary(in, "%", v, a[0]));
       return equal(rest, Value(0));
     }},
    {"sameas", 1, [](Interpreter&, V v, A a) { return same_as(v, a[0]); }},
    {"in", 1, [](Interpreter& in, V v, A a) { return compare(in, "in", v, a[0]); }},
    {"==", 1, [](Interpreter& in, V v, A a) { return compare(in, "==", v, a[0]); }},
    {"eq", 1, [](Interpreter& in, V v, A a) { return compare(in, "==", v, a[0]); }},
    {"equalto", 1, [](Interpreter& in, V v, A a) { return compare(in, "==", v, a[0]); }},
    {"!=", 1, [](Interpreter& in, V v, A a) { return compare(in, "!=", v, a[0]); }},
    {"ne", 1, [](Interpreter& in, V v, A a) { return compare(in, "!=", v, a[0]); }},
    {">", 1, [](Interpreter& in, V v, A a) { return compare(in, ">", v, a[0]); }},
    {"gt", 1, [](Interpreter& in, V v, A a) { return compare(in, ">", v, a[0]); }},
    {"greaterthan", 1, [](Interpreter& in, V v, A a) { return compare(in, ">", v, a[0]); }},
    {">=", 1, [](Interpreter& in, V v, A a) { return compare(in, ">=", v, a[0]); }},
    {"ge", 1, [](Interpreter& in, V v, A a) { return compare(in, ">=", v, a[0]); }},
    {"<", 1, [](Interpreter& in, V v, A a) { return compare(in, "<", v, a[0]); }},
    {"lt", 1, [](Interpreter& in, V v, A a) { return compare(in, "<", v, a[0]); }},
    {"lessthan", 1, [](Interpreter& in, V v, A a) { return compare(in, "<", v, a[0]); }},
    {"<=", 1, [](Interpreter& in, V v, A a) { return compare(in, "<=", v, a[0]); }},
    {"le", 1, [](Interpreter& in, V v, A a) { return compare(in, "<=", v, a[0]); }},
};

const Entry* find_test(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kTests), std::end(kTests), [&](const Entry& entry) { return entry.name == name; });
  return found == std::end(kTests) ? nullptr : found;
}

}  // namespace

bool is_test(std::string_view name) { return find_test(name) != nullptr; }

Result<bool> apply_test(Interpreter& in, std::string_view name, const Value& value, const Args& args) {
  PARETO_CHECK_OK(in.spend(1));
  const Entry* entry = find_test(name);
  if (entry == nullptr) return fail(Code::kInvalid, "No test named '{}'.", name);
  std::vector<Value> bound = args.positional;
  for (const auto& [key, given] : args.named) bound.push_back(given);  // each test has one parameter at most
  if (static_cast<int>(bound.size()) != entry->arguments) {
    return type_error(fmt::format("test '{}' takes {} argument(s), got {}", name, entry->arguments, bound.size()));
  }
  return entry->test(in, value, bound);
}

}  // namespace pareto::jinja
