// Methods of lists, tuples, dicts, loops and numbers; and which methods there are.
#include "tasks/jinja_methods.h"

#include <algorithm>
#include <cmath>

namespace pareto::jinja {
namespace {

using Type = Value::Type;
using V = const Value&;
using A = const Args&;

Value none() { return {}; }

Result<Value> append(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("append", args, {required("object")}));
  PARETO_CHECK_OK(check_acyclic(in, self, a[0]));
  PARETO_CHECK_OK(in.allocate(sizeof(Value)));
  Value(self).mutable_list().push_back(a[0]);
  return none();
}

Result<Value> extend(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("extend", args, {required("iterable")}));
  PARETO_TRY(const auto items, items_of(in, a[0]));
  for (const Value& item : items) PARETO_CHECK_OK(check_acyclic(in, self, item));
  auto& list = Value(self).mutable_list();
  list.insert(list.end(), items.begin(), items.end());
  return none();
}

Result<Value> insert(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("insert", args, {required("index"), required("object")}));
  PARETO_TRY(std::int64_t at, integer_of(a[0], "index"));
  PARETO_CHECK_OK(check_acyclic(in, self, a[1]));
  PARETO_CHECK_OK(in.allocate(sizeof(Value)));
  auto& list = Value(self).mutable_list();
  const auto n = static_cast<std::int64_t>(list.size());
  if (at < 0) at = std::max<std::int64_t>(at + n, 0);
  list.insert(list.begin() + std::min(at, n), a[1]);
  return none();
}

Result<Value> pop(Interpreter&, V self, A args) {
  PARETO_TRY(const auto a, bind("pop", args, {optional("index", Value(-1))}));
  PARETO_TRY(std::int64_t at, integer_of(a[0], "index"));
  auto& list = Value(self).mutable_list();
  const auto n = static_cast<std::int64_t>(list.size());
  if (n == 0) return type_error("pop from empty list");
  if (at < 0) at += n;
  if (at < 0 || at >= n) return type_error("pop index out of range");
  Value item = std::move(list[static_cast<std::size_t>(at)]);
  list.erase(list.begin() + at);
  return item;
}

Result<std::size_t> position(Interpreter& in, V self, V wanted) {
  const auto& list = self.list();
  for (std::size_t i = 0; i < list.size(); ++i) {
    PARETO_CHECK_OK(in.spend(1));
    PARETO_TRY(const bool same, equals(in, list[i], wanted));
    if (same) return i;
  }
  return list.size();
}

Result<Value> remove(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("remove", args, {required("value")}));
  PARETO_TRY(const std::size_t at, position(in, self, a[0]));
  if (at == self.list().size()) return type_error("list.remove(x): x not in list");
  auto& list = Value(self).mutable_list();
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
  return none();
}

Result<Value> index(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("index", args, {required("value")}));
  PARETO_TRY(const std::size_t at, position(in, self, a[0]));
  if (at == self.list().size()) return type_error(fmt::format("value is not in {}", self.type_name()));
  return Value(static_cast<std::int64_t>(at));
}

Result<Value> count(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("count", args, {required("value")}));
  std::int64_t n = 0;
  for (const Value& item : self.list()) {
    PARETO_CHECK_OK(in.spend(1));
    PARETO_TRY(const bool same, equals(in, item, a[0]));
    n += same;
  }
  return Value(n);
}

constexpr Method kListMethods[] = {
    {"append", append},
    {"clear",
     [](Interpreter&, V self, A args) -> Result<Value> {
       PARETO_TRY(const auto a, bind("clear", args, {}));
       Value(self).mutable_list().clear();
       return none();
     }},
    {"copy",
     [](Interpreter& in, V self, A args) -> Result<Value> {
       PARETO_TRY(const auto a, bind("copy", args, {}));
       return in.make_list(self.list());
     }},
    {"count", count},
    {"extend", extend},
    {"index", index},
    {"insert", insert},
    {"pop", pop},
    {"remove", remove},
    {"reverse",
     [](Interpreter&, V self, A args) -> Result<Value> {
       PARETO_TRY(const auto a, bind("reverse", args, {}));
       auto& list = Value(self).mutable_list();
       std::reverse(list.begin(), list.end());
       return none();
     }},
    {"sort", nullptr},
};

constexpr Method kTupleMethods[] = {{"count", count}, {"index", index}};

Value view(V dict, ViewObject::Kind kind) {
  auto made = std::make_shared<ViewObject>();
  made->dict = dict;
  made->kind = kind;
  return Value(std::static_pointer_cast<Object>(std::move(made)));
}

template <ViewObject::Kind kind>
Result<Value> make_view(Interpreter&, V self, A args) {
  PARETO_TRY(const auto a, bind("items", args, {}));
  return view(self, kind);
}

Result<Value> get(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("get", args, {required("key"), optional("default")}));
  if (in.forbids(a[0])) return undefined_error(a[0]);
  PARETO_CHECK_OK(check_hashable(in, a[0]));
  const Value* found = self.get(a[0]);
  return found != nullptr ? *found : a[1];
}

Result<Value> dict_pop(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("pop", args, {required("key"), optional("default")}));
  PARETO_CHECK_OK(check_hashable(in, a[0]));
  const Value* found = self.get(a[0]);
  if (found == nullptr) {
    if (args.positional.size() + args.named.size() > 1) return a[1];
    return type_error("KeyError: the dict has no such key");
  }
  Value value = *found;
  Value(self).erase(a[0]);
  return value;
}

Result<Value> set_default(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("setdefault", args, {required("key"), optional("default")}));
  PARETO_CHECK_OK(check_hashable(in, a[0]));
  if (const Value* found = self.get(a[0])) return *found;
  PARETO_CHECK_OK(check_acyclic(in, self, a[1]));
  PARETO_CHECK_OK(in.allocate(2 * sizeof(Value)));
  Value(self).set(a[0], a[1]);
  return a[1];
}

// dict(*args, **named) and dict.update(*args, **named).
Status merge(Interpreter& in, Value into, A args) {
  if (args.positional.size() > 1) return type_error("dict expected at most 1 argument");
  std::vector<Value::Entry> entries;
  if (!args.positional.empty()) {
    const Value& from = args.positional[0];
    if (from.is_dict()) {
      entries = from.entries();
    } else if (const auto* space = as<NamespaceObject>(from)) {
      entries = space->attributes.entries();
    } else {
      PARETO_TRY(const auto pairs, items_of(in, from));
      for (const Value& pair : pairs) {
        PARETO_TRY(const auto two, items_of(in, pair));
        if (two.size() != 2) return type_error("dictionary update sequence element must have length 2");
        entries.emplace_back(two[0], two[1]);
      }
    }
  }
  for (const auto& [key, value] : args.named) entries.emplace_back(Value(key), value);
  PARETO_CHECK_OK(in.allocate(entries.size() * 2 * sizeof(Value)));
  for (const auto& [key, value] : entries) {
    PARETO_CHECK_OK(check_hashable(in, key));
    PARETO_CHECK_OK(check_acyclic(in, into, value));
    PARETO_CHECK_OK(in.spend(static_cast<std::int64_t>(into.entries().size())));
    into.set(key, value);
  }
  return {};
}

constexpr Method kDictMethods[] = {
    {"clear",
     [](Interpreter&, V self, A args) -> Result<Value> {
       PARETO_TRY(const auto a, bind("clear", args, {}));
       while (!self.entries().empty()) Value(self).erase(Value(self.entries().back().first));
       return none();
     }},
    {"copy",
     [](Interpreter& in, V self, A args) -> Result<Value> {
       PARETO_TRY(const auto a, bind("copy", args, {}));
       PARETO_CHECK_OK(in.allocate(self.entries().size() * 2 * sizeof(Value)));
       return Value::dict(self.entries());
     }},
    {"fromkeys", nullptr},
    {"get", get},
    {"items", make_view<ViewObject::Kind::kItems>},
    {"keys", make_view<ViewObject::Kind::kKeys>},
    {"pop", dict_pop},
    {"popitem", nullptr},
    {"setdefault", set_default},
    {"update",
     [](Interpreter& in, V self, A args) -> Result<Value> {
       PARETO_CHECK_OK(merge(in, self, args));
       return none();
     }},
    {"values", make_view<ViewObject::Kind::kValues>},
};

constexpr std::string_view kIntegerNames[] = {"as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
                                              "from_bytes",       "imag",      "numerator",  "real",      "to_bytes"};
constexpr std::string_view kFloatNames[] = {"as_integer_ratio", "conjugate", "fromhex", "hex", "imag",
                                            "is_integer",       "real"};
constexpr std::string_view kRangeNames[] = {"count", "index", "start", "stop", "step"};
constexpr std::string_view kViewNames[] = {"isdisjoint", "mapping"};
constexpr std::string_view kGeneratorNames[] = {"close", "send", "throw"};

template <class Names>
bool one_of(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::span<const Method> methods(V self) {
  if (self.is_string()) return text_methods();
  if (self.is(Type::kList)) return list_methods();
  if (self.is(Type::kTuple)) return tuple_methods();
  if (self.is_dict()) return dict_methods();
  return {};
}

const Method* find_method(V self, std::string_view name) {
  const auto all = methods(self);
  const auto found = std::find_if(all.begin(), all.end(), [&](const Method& method) { return method.name == name; });
  return found == all.end() ? nullptr : &*found;
}

Result<Value> loop_method(Interpreter&, LoopObject* loop, std::string_view name, A args) {
  if (!args.named.empty()) return type_error("loop methods take no keyword arguments");
  if (name == "cycle") {
    if (args.positional.empty()) return type_error("no items for cycling given");
    return args.positional[loop->index % args.positional.size()];
  }
  const Value seen = Value::tuple(args.positional);
  const bool changed = !equal(loop->changed, seen);
  loop->changed = seen;
  return Value(changed);
}

}  // namespace

std::span<const Method> list_methods() { return kListMethods; }
std::span<const Method> tuple_methods() { return kTupleMethods; }
std::span<const Method> dict_methods() { return kDictMethods; }

bool is_method(const Value& self, std::string_view name) {
  if (find_method(self, name) != nullptr) return true;
  if (self.is(Type::kFloat)) return one_of(kFloatNames, name);
  if (self.is_number()) return one_of(kIntegerNames, name);
  if (as<RangeObject>(self) != nullptr) return one_of(kRangeNames, name);
  if (as<ViewObject>(self) != nullptr) return one_of(kViewNames, name);
  if (as<GeneratorObject>(self) != nullptr) return one_of(kGeneratorNames, name);
  return as<LoopObject>(self) != nullptr && (name == "cycle" || name == "changed");
}

Result<Value> call_method(Interpreter& in, const Value& self, std::string_view name, const Args& args) {
  PARETO_CHECK_OK(in.spend(1));
  if (const Method* method = find_method(self, name); method != nullptr && method->call != nullptr) {
    return method->call(in, self, args);
  }
  if (auto* loop = as<LoopObject>(self)) return loop_method(in, loop, name, args);
  if (self.is(Type::kFloat) && name == "is_integer") return Value(self.real() == std::floor(self.real()));
  return unsupported("the method {} of {}", name, self.type_name());
}

bool is_global(std::string_view name, Dialect dialect) {
  static constexpr std::string_view kGlobals[] = {"range", "dict", "namespace", "lipsum", "cycler", "joiner"};
  if (one_of(kGlobals, name)) return true;
  return dialect == Dialect::kChat && (name == "raise_exception" || name == "strftime_now");
}

namespace {

Result<Value> make_range(Interpreter& in, A args) {
  if (!args.named.empty()) return type_error("range() takes no keyword arguments");
  if (args.positional.empty() || args.positional.size() > 3) return type_error("range expected 1 to 3 arguments");
  std::vector<std::int64_t> n;
  for (const Value& value : args.positional) {
    PARETO_TRY(const std::int64_t i, integer_of(value, "range()'s argument"));
    n.push_back(i);
  }
  auto made = std::make_shared<RangeObject>();
  made->start = n.size() == 1 ? 0 : n[0];
  made->stop = n.size() == 1 ? n[0] : n[1];
  made->step = n.size() == 3 ? n[2] : 1;
  if (made->step == 0) return type_error("range() arg 3 must not be zero");
  // In 128 bits: the distance of two int64 does not fit 64.
  const __int128 distance = static_cast<__int128>(made->stop) - made->start, step = made->step;
  const __int128 count = (distance + step + (step > 0 ? -1 : 1)) / step;
  if ((step > 0 ? distance : -distance) > 0)
    made->count = static_cast<std::int64_t>(std::min<__int128>(count, INT64_MAX));
  if (in.options().dialect == Dialect::kChat && made->count > 100000) {
    return type_error("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
  }
  return Value(std::static_pointer_cast<Object>(std::move(made)));
}

Result<Value> make_namespace(Interpreter& in, A args) {
  auto made = std::make_shared<NamespaceObject>();
  PARETO_CHECK_OK(merge(in, made->attributes, args));
  for (const auto& [key, value] : made->attributes.entries()) {
    if (!key.is_string()) return unsupported("a namespace with names that are not strings");
    PARETO_CHECK_OK(check_namespace_name(in, key.text()));
  }
  return Value(std::static_pointer_cast<Object>(std::move(made)));
}

Result<Value> show_time(Interpreter& in, A args) {
  PARETO_TRY(const auto a, bind("strftime_now", args, {required("format")}));
  if (!a[0].is_string()) return type_error("strftime() argument 1 must be str");
  std::tm now{};
  if (in.options().now) {
    now = *in.options().now;
  } else {
    const std::time_t seconds = std::time(nullptr);
    localtime_r(&seconds, &now);
  }
  const std::string& format = a[0].text();
  PARETO_CHECK_OK(in.allocate(format.size() * 64));
  if (format.find('\0') != std::string::npos) return type_error("embedded null character");
  for (std::size_t at = format.find('%'); at != std::string::npos; at = format.find('%', at + 2)) {
    static constexpr std::string_view kKnown = "aAbBcdHIjmMpSUwWxXyYZ%-eFTDR";
    if (at + 1 >= format.size() || kKnown.find(format[at + 1]) == std::string_view::npos) {
      return unsupported("%{} in strftime_now", at + 1 < format.size() ? format.substr(at + 1, 1) : "");
    }
  }
  std::string out(format.size() * 64 + 64, '\0');
  out.resize(std::strftime(out.data(), out.size(), format.c_str(), &now));
  return in.make_text(std::move(out));
}

}  // namespace

Status check_namespace_name(const Interpreter& in, std::string_view name) {
  if (in.options().dialect != Dialect::kChat || !name.starts_with("_")) return {};
  return fail(Code::kInvalid, "a namespace of a chat template cannot hold names that begin with _: {}", name);
}

Result<Value> call_global(Interpreter& in, std::string_view name, const Args& args) {
  if (name == "range") return make_range(in, args);
  if (name == "namespace") return make_namespace(in, args);
  if (name == "strftime_now") return show_time(in, args);
  if (name == "dict") {
    Value made = Value::dict({});
    PARETO_CHECK_OK(merge(in, made, args));
    return made;
  }
  if (name == "raise_exception") {
    PARETO_TRY(const auto a, bind(name, args, {required("message")}));
    PARETO_TRY(const std::string message, text_of(in, a[0]));
    return fail(Code::kInvalid, "{}", message);
  }
  return unsupported("the function {}", name);
}

}  // namespace pareto::jinja
