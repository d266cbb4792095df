// Filters on lists, dicts and whatever can be iterated.
#include <algorithm>

#include "tasks/jinja_filters.h"
#include "tasks/python.h"

namespace pareto::jinja {
namespace {

using Type = Value::Type;
using V = const Value&;
using A = const Args&;

Value generator(std::vector<Value> items) {
  auto made = std::make_shared<GeneratorObject>();
  made->items = std::move(items);
  return Value(std::static_pointer_cast<Object>(std::move(made)));
}

// item.a.0.b for the path "a.0.b" (or an integer, or none: the item itself); `fallback` stands in for what is
// undefined.
Result<Value> by_path(Interpreter& in, V item, V path, V fallback) {
  PARETO_CHECK_OK(in.spend(1));
  if (path.is_none()) return item;
  std::vector<Value> keys;
  if (path.is_string()) {
    for (const auto part : python::split(path.text(), ".")) {
      const bool is_number = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
      if (!is_number) {
        keys.emplace_back(part);
      } else {
        PARETO_TRY(Value index, parse_integer(part, 10));
        keys.push_back(std::move(index));
      }
    }
  } else {
    keys.push_back(path);
  }
  Value at = item;
  for (const Value& key : keys) {
    PARETO_TRY(at, jinja::item(in, at, key));
    if (at.is_undefined() && !fallback.is_none()) at = fallback;
  }
  return at;
}

Value fold_case(V value) { return value.is_string() ? Value(python::lower(value.text())) : value; }

// The attribute of an item by which it is compared.
Result<Value> sort_key(Interpreter& in, V item, V path, V case_sensitive) {
  PARETO_TRY(Value key, by_path(in, item, path, Value()));
  return case_sensitive.truthy() ? key : fold_case(key);
}

// Stable, by Python's <. Keys and items stand side by side.
Result<std::vector<Value>> sorted(Interpreter& in, std::vector<std::pair<Value, Value>> keyed, bool reverse) {
  Status status;
  const auto by_key = [&](const auto& a, const auto& b) {
    if (!status) return false;
    auto spent = in.spend(1);
    const auto before = reverse ? less(b.first, a.first) : less(a.first, b.first);
    if (!spent) status = spent;
    if (!before) status = tl::unexpected(before.error());
    return status && *before;
  };
  std::stable_sort(keyed.begin(), keyed.end(), by_key);
  if (!status) return tl::unexpected(status.error());
  std::vector<Value> items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return items;
}

Result<Value> sort(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("sort", args,
                                {optional("reverse", Value(false)), optional("case_sensitive", Value(false)),
                                 optional("attribute")}));
  PARETO_TRY(const auto items, items_of(in, value));
  const auto paths = a[2].is_string() ? python::split(a[2].text(), ",") : std::vector<std::string_view>{};
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : items) {
    if (paths.size() < 2) {
      PARETO_TRY(Value key, sort_key(in, item, a[2], a[1]));
      keyed.emplace_back(std::move(key), item);
      continue;
    }
    std::vector<Value> keys;
    for (const auto path : paths) {
      PARETO_TRY(Value key, sort_key(in, item, Value(path), a[1]));
      keys.push_back(std::move(key));
    }
    keyed.emplace_back(Value::list(std::move(keys)), item);
  }
  PARETO_TRY(auto ordered, sorted(in, std::move(keyed), a[0].truthy()));
  return in.make_list(std::move(ordered));
}

Result<Value> dict_sort(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("dictsort", args,
                                {optional("case_sensitive", Value(false)), optional("by", Value("key")),
                                 optional("reverse", Value(false))}));
  if (value.is_undefined()) return undefined_error(value);
  if (!value.is_dict()) return type_error(fmt::format("'{}' object has no attribute 'items'", value.type_name()));
  const bool by_key = a[1].is_string() && a[1].text() == "key";
  if (!by_key && !(a[1].is_string() && a[1].text() == "value")) {
    return type_error("You can only sort by either \"key\" or \"value\"");
  }
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [key, entry] : value.entries()) {
    const Value& by = by_key ? key : entry;
    keyed.emplace_back(a[0].truthy() ? by : fold_case(by), Value::tuple({key, entry}));
  }
  PARETO_TRY(auto ordered, sorted(in, std::move(keyed), a[2].truthy()));
  return in.make_list(std::move(ordered));
}

Result<Value> unique(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("unique", args, {optional("case_sensitive", Value(false)), optional("attribute")}));
  PARETO_TRY(const auto items, items_of(in, value));
  std::vector<Value> seen, kept;
  for (const Value& item : items) {
    PARETO_TRY(Value key, sort_key(in, item, a[1], a[0]));
    PARETO_CHECK_OK(check_hashable(in, key));
    PARETO_CHECK_OK(in.spend(static_cast<std::int64_t>(seen.size())));
    if (std::any_of(seen.begin(), seen.end(), [&](V other) { return equal(other, key); })) continue;
    seen.push_back(std::move(key));
    kept.push_back(item);
  }
  return generator(std::move(kept));
}

Result<Value> extreme(Interpreter& in, V value, A args, std::string_view name) {
  PARETO_TRY(const auto a, bind(name, args, {optional("case_sensitive", Value(false)), optional("attribute")}));
  PARETO_TRY(const auto items, items_of(in, value));
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  std::size_t best = 0;
  PARETO_TRY(Value best_key, sort_key(in, items[0], a[1], a[0]));
  for (std::size_t i = 1; i < items.size(); ++i) {
    PARETO_TRY(Value key, sort_key(in, items[i], a[1], a[0]));
    PARETO_TRY(const bool better, name == "max" ? less(best_key, key) : less(key, best_key));
    if (!better) continue;
    best = i;
    best_key = std::move(key);
  }
  return items[best];
}

Result<Value> sum(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("sum", args, {optional("attribute"), optional("start", Value(0))}));
  PARETO_TRY(const auto items, items_of(in, value));
  if (a[1].is_string()) return type_error("sum() can't sum strings [use ''.join(seq) instead]");
  Value total = a[1];
  for (const Value& item : items) {
    PARETO_TRY(const Value term, by_path(in, item, a[0], Value()));
    PARETO_TRY(total, binary(in, "+", total, term));
  }
  return total;
}

Result<Value> join(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("join", args, {optional("d", Value("")), optional("attribute")}));
  PARETO_TRY(const auto items, items_of(in, value));
  PARETO_TRY(const std::string separator, text_of(in, a[0]));
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    PARETO_TRY(const Value item, by_path(in, items[i], a[1], Value()));
    PARETO_TRY(const std::string text, text_of(in, item));
    if (i > 0) out += separator;
    out += text;
    PARETO_CHECK_OK(in.allocate(text.size() + separator.size()));
  }
  return in.make_text(std::move(out));
}

Result<Value> first(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("first", args, {}));
  if (auto* made = as<GeneratorObject>(value); made != nullptr && made->at < made->items.size()) {
    return made->items[made->at++];
  }
  PARETO_TRY(const auto items, items_of(in, value));
  return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Result<Value> last(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("last", args, {}));
  if (as<GeneratorObject>(value) != nullptr) return type_error("'generator' object is not reversible");
  PARETO_TRY(const auto items, items_of(in, value));
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Result<Value> reverse(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("reverse", args, {}));
  if (value.is_string()) return slice(in, value, Value(), Value(), Value(-1));
  PARETO_TRY(auto items, items_of(in, value));
  std::reverse(items.begin(), items.end());
  if (as<GeneratorObject>(value) != nullptr) return in.make_list(std::move(items));
  return generator(std::move(items));
}

Result<Value> length(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("length", args, {}));
  PARETO_TRY(const std::int64_t n, length_of(in, value));
  return Value(n);
}

Result<Value> list(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("list", args, {}));
  PARETO_TRY(auto items, items_of(in, value));
  return in.make_list(std::move(items));
}

Result<Value> items(Interpreter&, V value, A args) {
  PARETO_TRY(const auto a, bind("items", args, {}));
  std::vector<Value> pairs;
  if (!value.is_undefined()) {
    if (!value.is_dict()) return type_error("Can only get item pairs from a mapping.");
    for (const auto& [key, entry] : value.entries()) pairs.push_back(Value::tuple({key, entry}));
  }
  return generator(std::move(pairs));
}

Result<Value> batch(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("batch", args, {required("linecount"), optional("fill_with")}));
  PARETO_TRY(const auto items, items_of(in, value));
  PARETO_TRY(const std::int64_t count, integer_of(a[0], "linecount"));
  std::vector<Value> batches, now;
  for (const Value& item : items) {
    if (static_cast<std::int64_t>(now.size()) == count) batches.push_back(Value::list(std::exchange(now, {})));
    now.push_back(item);
  }
  if (!now.empty()) {
    if (!a[1].is_none() && count > static_cast<std::int64_t>(now.size())) {
      PARETO_CHECK_OK(in.allocate(static_cast<std::size_t>(std::min<std::int64_t>(count, 1 << 30)) * sizeof(Value)));
      now.resize(static_cast<std::size_t>(count), a[1]);
    }
    batches.push_back(Value::list(std::move(now)));
  }
  return generator(std::move(batches));
}

Result<Value> slices(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("slice", args, {required("slices"), optional("fill_with")}));
  PARETO_TRY(const auto items, items_of(in, value));
  PARETO_TRY(const std::int64_t count, integer_of(a[0], "slices"));
  if (count <= 0) return count == 0 ? type_error("integer division or modulo by zero") : Result<Value>(generator({}));
  PARETO_CHECK_OK(in.spend(count));
  PARETO_CHECK_OK(in.allocate(static_cast<std::size_t>(count) * 4 * sizeof(Value)));
  const auto n = static_cast<std::int64_t>(items.size());
  const std::int64_t each = n / count, longer = n % count;
  std::vector<Value> made;
  auto at = items.begin();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto end = at + each + (i < longer ? 1 : 0);
    std::vector<Value> part(at, end);
    if (!a[1].is_none() && i >= longer) part.push_back(a[1]);
    made.push_back(Value::list(std::move(part)));
    at = end;
  }
  return generator(std::move(made));
}

Result<Value> map(Interpreter& in, V value, A args) {
  PARETO_TRY(const bool some, truth(in, value));
  if (!some) return generator({});
  PARETO_TRY(const auto items, items_of(in, value));
  std::vector<Value> mapped;
  const bool by_attribute = args.positional.empty() && !args.named.empty();
  if (by_attribute) {
    PARETO_TRY(const auto a, bind("map", args, {required("attribute"), optional("default")}));
    for (const Value& item : items) {
      PARETO_TRY(Value found, by_path(in, item, a[0], a[1]));
      mapped.push_back(std::move(found));
    }
    return generator(std::move(mapped));
  }
  if (args.positional.empty()) return type_error("map requires a filter argument");
  if (!args.positional[0].is_string()) {
    return type_error(fmt::format("No filter named {}.", python::repr(args.positional[0])));
  }
  const Args rest{{args.positional.begin() + 1, args.positional.end()}, args.named};
  for (const Value& item : items) {
    PARETO_TRY(Value found, apply_filter(in, args.positional[0].text(), item, rest));
    mapped.push_back(std::move(found));
  }
  return generator(std::move(mapped));
}

enum class Choose { kSelect, kReject };
enum class By { kItem, kAttribute };

Result<Value> choose(Interpreter& in, V value, A args, Choose choose, By by) {
  PARETO_TRY(const bool some, truth(in, value));
  if (!some) return generator({});
  PARETO_TRY(const auto items, items_of(in, value));
  const std::size_t skipped = by == By::kAttribute ? 1 : 0;
  if (args.positional.size() < skipped) return type_error("Missing parameter for attribute name");
  const bool has_test = args.positional.size() > skipped;
  Args rest;
  if (has_test) {
    if (!args.positional[skipped].is_string()) {
      return type_error(fmt::format("No test named {}.", python::repr(args.positional[skipped])));
    }
    rest = {{args.positional.begin() + static_cast<std::ptrdiff_t>(skipped) + 1, args.positional.end()}, args.named};
  }
  std::vector<Value> kept;
  for (const Value& item : items) {
    PARETO_TRY(const Value tested, by == By::kAttribute ? by_path(in, item, args.positional[0], Value()) : item);
    PARETO_TRY(const bool yes,
               has_test ? apply_test(in, args.positional[skipped].text(), tested, rest) : truth(in, tested));
    if (yes == (choose == Choose::kSelect)) kept.push_back(item);
  }
  return generator(std::move(kept));
}

Result<Value> fallback(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a,
             bind("default", args, {optional("default_value", Value("")), optional("boolean", Value(false))}));
  if (value.is_undefined()) return a[0];
  PARETO_TRY(const bool boolean, truth(in, a[1]));
  if (!boolean) return value;
  PARETO_TRY(const bool yes, truth(in, value));
  return yes ? value : a[0];
}

Result<Value> attribute_of(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("attr", args, {required("name")}));
  if (!a[0].is_string()) return type_error("attr needs a name");
  if (value.is_dict() && !is_method(value, a[0].text())) {
    return Value::undefined(fmt::format("'dict object' has no attribute '{}'", a[0].text()));
  }
  return attribute(in, value, a[0].text());
}

constexpr Filter kSequenceFilters[] = {
    {"attr", attribute_of},
    {"batch", batch},
    {"count", length},
    {"d", fallback},
    {"default", fallback},
    {"dictsort", dict_sort},
    {"first", first},
    {"items", items},
    {"join", join},
    {"last", last},
    {"length", length},
    {"list", list},
    {"map", map},
    {"max", [](Interpreter& in, V v, A a) { return extreme(in, v, a, "max"); }},
    {"min", [](Interpreter& in, V v, A a) { return extreme(in, v, a, "min"); }},
    {"reject", [](Interpreter& in, V v, A a) { return choose(in, v, a, Choose::kReject, By::kItem); }},
    {"rejectattr", [](Interpreter& in, V v, A a) { return choose(in, v, a, Choose::kReject, By::kAttribute); }},
    {"reverse", reverse},
    {"select", [](Interpreter& in, V v, A a) { return choose(in, v, a, Choose::kSelect, By::kItem); }},
    {"selectattr", [](Interpreter& in, V v, A a) { return choose(in, v, a, Choose::kSelect, By::kAttribute); }},
    {"slice", slices},
    {"sort", sort},
    {"sum", sum},
    {"unique", unique},
};

}  // namespace

std::span<const Filter> sequence_filters() { return kSequenceFilters; }

}  // namespace pareto::jinja
