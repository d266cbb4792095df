// Objects of templates, and access to what is inside of values: attributes, subscripts, slices, iteration.
#include <algorithm>
#include <unordered_set>

#include "tasks/jinja_runtime.h"
#include "tasks/python.h"

namespace pareto::jinja {
namespace {

using Type = Value::Type;

// How Jinja names a value's type in messages about undefined things.
std::string described(const Value& value) {
  if (value.is_none()) return "None";
  const std::string_view type = value.type_name();
  if (value.is(Type::kObject) && (type == "Namespace" || type == "Macro" || type == "LoopContext")) {
    return fmt::format("jinja2.{}.{} object", type == "Namespace" ? "utils" : "runtime", type);
  }
  return fmt::format("{} object", type);
}

Value no_attribute(const Value& of, std::string_view name) {
  return Value::undefined(fmt::format("'{}' has no attribute '{}'", described(of), name));
}

Value no_element(const Value& of, const Value& key) {
  if (key.is_string()) return no_attribute(of, key.text());
  return Value::undefined(fmt::format("{} has no element {}", described(of), python::repr(key)));
}

Result<Value> loop_attribute(const LoopObject& loop, std::string_view name) {
  const auto count = static_cast<std::int64_t>(loop.items->size()), at = static_cast<std::int64_t>(loop.index);
  if (name == "index") return Value(at + 1);
  if (name == "index0") return Value(at);
  if (name == "revindex") return Value(count - at);
  if (name == "revindex0") return Value(count - at - 1);
  if (name == "first") return Value(at == 0);
  if (name == "last") return Value(at + 1 == count);
  if (name == "length") return Value(count);
  if (name == "depth") return Value(1);
  if (name == "depth0") return Value(0);
  if (name == "previtem") {
    return at == 0 ? Value::undefined("there is no previous item") : (*loop.items)[loop.index - 1];
  }
  if (name == "nextitem") {
    return at + 1 == count ? Value::undefined("there is no next item") : (*loop.items)[loop.index + 1];
  }
  return fail(Code::kNotFound, "");
}

// getattr(): kNotFound if there is no such attribute.
Result<Value> plain_attribute(Interpreter& in, const Value& of, std::string_view name) {
  if (const auto* space = as<NamespaceObject>(of)) {
    if (const Value* found = space->attributes.get(name)) return *found;
    return fail(Code::kNotFound, "");
  }
  if (const auto* loop = as<LoopObject>(of); loop != nullptr && name != "cycle" && name != "changed") {
    return loop_attribute(*loop, name);
  }
  if (const auto* macro = as<MacroObject>(of)) {
    if (name == "name") return Value(macro->name);
    if (name == "arguments" || name.starts_with("catch_")) return unsupported("attribute {} of a macro", name);
  }
  if (name.starts_with("__")) {
    if (in.options().dialect == Dialect::kTask) return unsupported("attribute {}", name);
    return Value::undefined(fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, of.type_name()));
  }
  if (!is_method(of, name)) return fail(Code::kNotFound, "");
  static constexpr std::string_view kListChanges[] = {"append", "clear", "pop",    "reverse",
                                                      "insert", "sort",  "extend", "remove"};
  static constexpr std::string_view kDictChanges[] = {"clear", "pop", "popitem", "setdefault", "update"};
  const auto is_in = [&](auto& names) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
  };
  const bool changes = of.is(Type::kList) ? is_in(kListChanges) : of.is_dict() && is_in(kDictChanges);
  if (changes && in.options().dialect == Dialect::kChat) {
    return Value::undefined(fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, of.type_name()));
  }
  return Value(std::static_pointer_cast<Object>(std::make_shared<MethodObject>(of, std::string(name))));
}

// The index as Python takes it (negative: from the end); none if it is out of range.
std::optional<std::int64_t> wrapped(std::int64_t index, std::int64_t count) {
  if (index < 0) index += count;
  if (index < 0 || index >= count) return std::nullopt;
  return index;
}

// The byte offset of each code point, and the length at the end.
std::vector<std::size_t> offsets(std::string_view text) {
  std::vector<std::size_t> out;
  for (std::size_t at = 0; at < text.size(); at += static_cast<std::size_t>(python::decode(text, at).bytes)) {
    out.push_back(at);
  }
  out.push_back(text.size());
  return out;
}

// of[index]: kNotFound where Python raises IndexError or TypeError.
Result<Value> plain_item(Interpreter& in, const Value& of, const Value& key) {
  if (of.is_dict()) {
    if (in.forbids(key)) return undefined_error(key);
    if (!check_hashable(in, key)) return fail(Code::kNotFound, "");
    if (const Value* found = of.get(key)) return *found;
    return fail(Code::kNotFound, "");
  }
  if (!key.is(Type::kInt) && !key.is(Type::kBool)) return fail(Code::kNotFound, "");
  const std::int64_t index = key.is(Type::kBool) ? key.boolean() : key.integer();
  if (of.is_string()) {
    const auto at = offsets(of.text());
    PARETO_CHECK_OK(in.spend(static_cast<std::int64_t>(at.size() / 64)));
    if (const auto i = wrapped(index, static_cast<std::int64_t>(at.size()) - 1)) {
      const auto u = static_cast<std::size_t>(*i);
      return in.make_text(of.text().substr(at[u], at[u + 1] - at[u]), of);
    }
  } else if (of.is_sequence()) {
    if (const auto i = wrapped(index, static_cast<std::int64_t>(of.list().size()))) {
      return of.list()[static_cast<std::size_t>(*i)];
    }
  } else if (const auto* range = as<RangeObject>(of)) {
    if (const auto i = wrapped(index, range->count)) return Value(range->at(*i));
  }
  return fail(Code::kNotFound, "");
}

}  // namespace

std::string NamespaceObject::text() const { return "<Namespace " + python::repr(attributes) + ">"; }
std::string MacroObject::text() const { return "<Macro " + python::text_repr(name) + ">"; }
std::string LoopObject::text() const { return fmt::format("<LoopContext {}/{}>", index + 1, items->size()); }

std::string RangeObject::text() const {
  return step == 1 ? fmt::format("range({}, {})", start, stop) : fmt::format("range({}, {}, {})", start, stop, step);
}

std::vector<Value> ViewObject::items() const {
  std::vector<Value> out;
  for (const auto& [key, value] : dict.entries()) {
    out.push_back(kind == Kind::kKeys ? key : kind == Kind::kValues ? value : Value::tuple({key, value}));
  }
  return out;
}

std::string_view ViewObject::type_name() const {
  return kind == Kind::kKeys ? "dict_keys" : kind == Kind::kValues ? "dict_values" : "dict_items";
}

std::string ViewObject::text() const { return fmt::format("{}({})", type_name(), python::repr(Value::list(items()))); }

tl::unexpected<Error> undefined_error(const Value& value) { return fail(Code::kInvalid, "{}", value.undefined_what()); }

tl::unexpected<Error> type_error(std::string message) { return fail(Code::kInvalid, "{}", message); }

Result<bool> truth(const Interpreter& in, const Value& value) {
  if (in.forbids(value)) return undefined_error(value);
  if (const auto* range = as<RangeObject>(value)) return range->count > 0;
  if (const auto* view = as<ViewObject>(value)) return view->dict.truthy();
  if (const auto* loop = as<LoopObject>(value)) return !loop->items->empty();
  return value.truthy();
}

Result<std::string> text_of(Interpreter& in, const Value& value) {
  if (in.forbids(value)) return undefined_error(value);
  if (value.is_undefined()) return "";
  if (value.is_string()) return value.text();
  std::string text;
  if (!python::append_repr(value, in.options().limits.text_bytes, &text)) {
    if (value.is(Type::kObject) && !value.object()->printable()) return unsupported("printing a {}", value.type_name());
    return fail(Code::kInvalid, "a {} that cannot be printed: too large, too deep, or with a function in it",
                value.type_name());
  }
  PARETO_CHECK_OK(in.allocate(text.size()));
  return text;
}

Result<std::vector<Value>> items_of(Interpreter& in, const Value& value) {
  std::vector<Value> items;
  if (value.is_undefined()) {
    if (in.forbids(value)) return undefined_error(value);
  } else if (value.is_sequence()) {
    items = value.list();
  } else if (value.is_string()) {
    const auto at = offsets(value.text());
    PARETO_CHECK_OK(in.allocate(at.size() * 64));
    for (std::size_t i = 0; i + 1 < at.size(); ++i) {
      const std::string one = value.text().substr(at[i], at[i + 1] - at[i]);
      items.push_back(value.is_markup() ? Value::markup(one) : Value(one));
    }
  } else if (value.is_dict()) {
    for (const auto& [key, entry] : value.entries()) items.push_back(key);
  } else if (const auto* range = as<RangeObject>(value)) {
    PARETO_CHECK_OK(in.spend(range->count));
    PARETO_CHECK_OK(in.allocate(static_cast<std::size_t>(range->count) * sizeof(Value)));
    for (std::int64_t i = 0; i < range->count; ++i) items.push_back(Value(range->at(i)));
  } else if (const auto* view = as<ViewObject>(value)) {
    items = view->items();
  } else if (auto* generator = as<GeneratorObject>(value)) {
    items.assign(generator->items.begin() + static_cast<std::ptrdiff_t>(generator->at), generator->items.end());
    generator->at = generator->items.size();
  } else if (as<LoopObject>(value) != nullptr) {
    return unsupported("iterating over loop");
  } else {
    return type_error(fmt::format("'{}' object is not iterable", value.type_name()));
  }
  PARETO_CHECK_OK(in.spend(static_cast<std::int64_t>(items.size())));
  PARETO_CHECK_OK(in.allocate(items.size() * sizeof(Value)));
  return items;
}

Result<std::int64_t> length_of(const Interpreter& in, const Value& value) {
  if (value.is_undefined()) {
    if (in.forbids(value)) return undefined_error(value);
    return 0;
  }
  if (value.is_string()) return python::length(value.text());
  if (value.is_sequence()) return static_cast<std::int64_t>(value.list().size());
  if (value.is_dict()) return static_cast<std::int64_t>(value.entries().size());
  if (const auto* range = as<RangeObject>(value)) return range->count;
  if (const auto* view = as<ViewObject>(value)) return static_cast<std::int64_t>(view->dict.entries().size());
  if (const auto* loop = as<LoopObject>(value)) return static_cast<std::int64_t>(loop->items->size());
  return type_error(fmt::format("object of type '{}' has no len()", value.type_name()));
}

Result<std::int64_t> integer_of(const Value& value, std::string_view what) {
  if (value.is(Type::kInt)) return value.integer();
  if (value.is(Type::kBool)) return std::int64_t{value.boolean()};
  if (value.is_undefined()) return undefined_error(value);
  return type_error(fmt::format("{} must be an integer, not {}", what, value.type_name()));
}

Status check_hashable(const Interpreter& in, const Value& value) {
  if (in.forbids(value)) return undefined_error(value);
  if (value.is(Type::kList) || value.is_dict()) {
    return type_error(fmt::format("unhashable type: '{}'", value.type_name()));
  }
  if (value.is(Type::kTuple)) {
    for (const Value& item : value.list()) PARETO_CHECK_OK(check_hashable(in, item));
  }
  return {};
}

Status check_acyclic(Interpreter& in, const Value& container, const Value& value) {
  std::unordered_set<const void*> seen;
  std::vector<Value> open{value};
  while (!open.empty()) {
    const Value at = std::move(open.back());
    open.pop_back();
    const void* identity = at.identity();
    if (identity == nullptr || !seen.insert(identity).second) continue;
    PARETO_CHECK_OK(in.spend(1));
    if (identity == container.identity()) return unsupported("a {} that contains itself", container.type_name());
    if (at.is_sequence()) {
      for (const Value& item : at.list()) {
        if (item.identity() != nullptr) open.push_back(item);
      }
    } else if (at.is_dict()) {
      for (const auto& [key, item] : at.entries()) {
        if (item.identity() != nullptr) open.push_back(item);
      }
    } else {
      at.object()->children(&open);
    }
  }
  return {};
}

Result<Value> attribute(Interpreter& in, const Value& of, std::string_view name) {
  if (of.is_undefined()) return undefined_error(of);
  auto found = plain_attribute(in, of, name);
  if (found || found.error().code != Code::kNotFound) return found;
  found = plain_item(in, of, Value(name));
  if (found || found.error().code != Code::kNotFound) return found;
  return no_attribute(of, name);
}

Result<Value> item(Interpreter& in, const Value& of, const Value& key) {
  if (of.is_undefined()) return undefined_error(of);
  auto found = plain_item(in, of, key);
  if (found || found.error().code != Code::kNotFound) return found;
  if (key.is_string()) {
    found = plain_attribute(in, of, key.text());
    if (found || found.error().code != Code::kNotFound) return found;
  }
  return no_element(of, key);
}

namespace {

struct Bounds {
  std::int64_t start, stop, step, count;
};

// PySlice_AdjustIndices over `length` items.
Result<Bounds> slice_bounds(const Value& start, const Value& stop, const Value& step, std::int64_t length) {
  Bounds b{0, 0, 1, 0};
  for (const Value* part : {&start, &stop, &step}) {
    if (!part->is_none() && !part->is(Type::kInt) && !part->is(Type::kBool)) {
      if (part->is_undefined()) return undefined_error(*part);
      return type_error("slice indices must be integers or None or have an __index__ method");
    }
  }
  if (!step.is_none()) b.step = integer_of(step, "step").value();
  if (b.step == 0) return type_error("slice step cannot be zero");
  if (b.step == INT64_MIN) b.step = -INT64_MAX;
  const std::int64_t low = b.step < 0 ? -1 : 0, high = b.step < 0 ? length - 1 : length;
  const auto clamp = [&](const Value& part, std::int64_t absent) {
    if (part.is_none()) return absent;
    const std::int64_t i = integer_of(part, "index").value();
    if (i < 0) return i < -length ? low : std::max(low, i + length);
    return std::min(i, high);
  };
  b.start = clamp(start, b.step < 0 ? high : low);
  b.stop = clamp(stop, b.step < 0 ? low : high);
  if (b.step > 0 && b.start < b.stop) b.count = (b.stop - b.start - 1) / b.step + 1;
  if (b.step < 0 && b.stop < b.start) b.count = (b.start - b.stop - 1) / -b.step + 1;
  return b;
}

}  // namespace

Result<Value> slice(Interpreter& in, const Value& of, const Value& start, const Value& stop, const Value& step) {
  if (of.is_undefined()) return undefined_error(of);
  if (of.is_string()) {
    const auto at = offsets(of.text());
    PARETO_TRY(const Bounds b, slice_bounds(start, stop, step, static_cast<std::int64_t>(at.size()) - 1));
    PARETO_CHECK_OK(in.spend(static_cast<std::int64_t>(at.size() / 64)));
    std::string out;
    for (std::int64_t i = 0; i < b.count; ++i) {
      const auto u = static_cast<std::size_t>(b.start + i * b.step);
      out.append(of.text(), at[u], at[u + 1] - at[u]);
    }
    return in.make_text(std::move(out), of);
  }
  if (of.is_sequence()) {
    PARETO_TRY(const Bounds b, slice_bounds(start, stop, step, static_cast<std::int64_t>(of.list().size())));
    std::vector<Value> out;
    for (std::int64_t i = 0; i < b.count; ++i) out.push_back(of.list()[static_cast<std::size_t>(b.start + i * b.step)]);
    PARETO_CHECK_OK(in.allocate(out.size() * sizeof(Value)));
    return of.is(Type::kTuple) ? Value::tuple(std::move(out)) : Value::list(std::move(out));
  }
  if (const auto* range = as<RangeObject>(of)) {
    PARETO_TRY(const Bounds b, slice_bounds(start, stop, step, range->count));
    auto made = std::make_shared<RangeObject>();
    std::int64_t offset = 0;
    if (__builtin_mul_overflow(b.stop, range->step, &offset) ||
        __builtin_add_overflow(range->start, offset, &made->stop) ||
        __builtin_mul_overflow(b.start, range->step, &offset) ||
        __builtin_add_overflow(range->start, offset, &made->start) ||
        __builtin_mul_overflow(range->step, b.step, &made->step)) {
      return fail(Code::kInvalid, "a range beyond 64 bits");
    }
    made->count = b.count;
    return Value(std::static_pointer_cast<Object>(std::move(made)));
  }
  return type_error(fmt::format("'{}' object is not subscriptable", of.type_name()));
}

}  // namespace pareto::jinja
