#include "tasks/value.h"

#include <algorithm>
#include <cmath>

namespace pareto {

struct Value::String {
  std::string text;
  bool markup = false;
};

struct Value::List {
  std::vector<Value> items;
  bool is_tuple = false;
  ~List() { bury(std::move(items)); }
};

struct Value::Dict {
  std::vector<Entry> entries;
  ~Dict() {
    std::vector<Value> values;
    values.reserve(entries.size() * 2);
    for (auto& [key, value] : entries) {
      values.push_back(std::move(key));
      values.push_back(std::move(value));
    }
    bury(std::move(values));
  }
};

void bury(std::vector<Value> values) {
  thread_local std::vector<Value>* grave = nullptr;  // set while an outer call is emptying it
  const auto is_container = [](const Value& v) { return v.identity() != nullptr; };
  if (std::none_of(values.begin(), values.end(), is_container)) return;
  if (grave != nullptr) {
    for (auto& v : values) grave->push_back(std::move(v));
    return;
  }
  grave = &values;
  while (!values.empty()) {
    // Dropped after the pop: its destructor may push onto `values`.
    const Value dead = std::move(values.back());
    values.pop_back();
  }
  grave = nullptr;
}

Value::Value(std::string s) : data_(std::make_shared<const String>(String{std::move(s), false})) {}

Value Value::markup(std::string html) {
  Value v;
  v.data_ = std::make_shared<const String>(String{std::move(html), true});
  return v;
}

Value Value::list(std::vector<Value> items) {
  Value v;
  auto list = std::make_shared<List>();
  list->items = std::move(items);
  v.data_ = std::move(list);
  return v;
}

Value Value::tuple(std::vector<Value> items) {
  Value v = list(std::move(items));
  std::get<ListPtr>(v.data_)->is_tuple = true;
  return v;
}

Value Value::dict(std::vector<Entry> entries) {
  Value v;
  auto dict = std::make_shared<Dict>();
  dict->entries = std::move(entries);
  v.data_ = std::move(dict);
  return v;
}

Value Value::undefined(std::string what) {
  Value v;
  v.data_ = Undefined{std::make_shared<const std::string>(std::move(what)), false};
  return v;
}

Value Value::lenient_undefined(std::string what) {
  Value v = undefined(std::move(what));
  std::get<Undefined>(v.data_).lenient = true;
  return v;
}

Value::Type Value::type() const {
  switch (data_.index()) {
    case 0:
      return Type::kNone;
    case 1:
      return Type::kUndefined;
    case 2:
      return Type::kBool;
    case 3:
      return Type::kInt;
    case 4:
      return Type::kFloat;
    case 5:
      return Type::kString;
    case 6:
      return std::get<ListPtr>(data_)->is_tuple ? Type::kTuple : Type::kList;
    case 7:
      return Type::kDict;
    default:
      return Type::kObject;
  }
}

bool Value::is_markup() const {
  const auto* s = std::get_if<StringPtr>(&data_);
  return s != nullptr && (*s)->markup;
}

bool Value::is_number() const { return data_.index() >= 2 && data_.index() <= 4; }

const std::string& Value::text() const { return std::get<StringPtr>(data_)->text; }
const std::vector<Value>& Value::list() const { return std::get<ListPtr>(data_)->items; }
std::vector<Value>& Value::mutable_list() { return std::get<ListPtr>(data_)->items; }
const std::vector<Value::Entry>& Value::entries() const { return std::get<DictPtr>(data_)->entries; }
const std::string& Value::undefined_what() const { return *std::get<Undefined>(data_).what; }

double Value::as_double() const {
  if (const auto* d = std::get_if<double>(&data_)) return *d;
  if (const auto* i = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*i);
  return boolean() ? 1 : 0;
}

const Value* Value::get(std::string_view key) const {
  for (const auto& [k, v] : entries()) {
    if (k.is_string() && k.text() == key) return &v;
  }
  return nullptr;
}

const Value* Value::get(const Value& key) const {
  for (const auto& [k, v] : entries()) {
    if (equal(k, key)) return &v;
  }
  return nullptr;
}

void Value::set(const Value& key, Value value) {
  auto& all = std::get<DictPtr>(data_)->entries;
  for (auto& [k, v] : all) {
    if (equal(k, key)) {
      v = std::move(value);
      return;
    }
  }
  all.emplace_back(key, std::move(value));
}

bool Value::erase(const Value& key) {
  auto& all = std::get<DictPtr>(data_)->entries;
  for (auto it = all.begin(); it != all.end(); ++it) {
    if (equal(it->first, key)) {
      all.erase(it);
      return true;
    }
  }
  return false;
}

const void* Value::identity() const {
  if (const auto* p = std::get_if<ListPtr>(&data_)) return p->get();
  if (const auto* p = std::get_if<DictPtr>(&data_)) return p->get();
  if (const auto* p = std::get_if<ObjectPtr>(&data_)) return p->get();
  return nullptr;
}

bool Value::truthy() const {
  switch (type()) {
    case Type::kUndefined:
    case Type::kNone:
      return false;
    case Type::kBool:
      return boolean();
    case Type::kInt:
      return integer() != 0;
    case Type::kFloat:
      return real() != 0;
    case Type::kString:
      return !text().empty();
    case Type::kList:
    case Type::kTuple:
      return !list().empty();
    case Type::kDict:
      return !entries().empty();
    case Type::kObject:
      return true;
  }
  return false;
}

std::string_view Value::type_name() const {
  switch (type()) {
    case Type::kUndefined:
      return "Undefined";
    case Type::kNone:
      return "NoneType";
    case Type::kBool:
      return "bool";
    case Type::kInt:
      return "int";
    case Type::kFloat:
      return "float";
    case Type::kString:
      return is_markup() ? "Markup" : "str";
    case Type::kList:
      return "list";
    case Type::kTuple:
      return "tuple";
    case Type::kDict:
      return "dict";
    case Type::kObject:
      return object()->type_name();
  }
  return "";
}

namespace {

// int64 against double without rounding the integer.
bool equal_numbers(const Value& a, const Value& b) {
  const auto as_int = [](const Value& v) { return v.is(Value::Type::kBool) ? std::int64_t{v.boolean()} : v.integer(); };
  const bool a_real = a.is(Value::Type::kFloat), b_real = b.is(Value::Type::kFloat);
  if (!a_real && !b_real) return as_int(a) == as_int(b);
  if (a_real && b_real) return a.real() == b.real();
  const double real = a_real ? a.real() : b.real();
  const std::int64_t whole = as_int(a_real ? b : a);
  if (!(real >= -9223372036854775808.0 && real < 9223372036854775808.0) || real != std::trunc(real)) return false;
  return static_cast<std::int64_t>(real) == whole;
}

bool equal_at(const Value& a, const Value& b, int depth) {
  using Type = Value::Type;
  if (a.is_number() && b.is_number()) return equal_numbers(a, b);
  const Type type = a.type();
  if (type != b.type() || depth > 200) return false;
  if (a.identity() != nullptr && a.identity() == b.identity()) return true;
  switch (type) {
    case Type::kUndefined:
    case Type::kNone:
      return true;
    case Type::kString:
      return a.text() == b.text();
    case Type::kList:
    case Type::kTuple: {
      const auto &x = a.list(), &y = b.list();
      if (x.size() != y.size()) return false;
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (!equal_at(x[i], y[i], depth + 1)) return false;
      }
      return true;
    }
    case Type::kDict:
      if (a.entries().size() != b.entries().size()) return false;
      for (const auto& [key, value] : a.entries()) {
        const Value* other = b.get(key);
        if (other == nullptr || !equal_at(value, *other, depth + 1)) return false;
      }
      return true;
    default:
      return false;  // objects are equal by identity alone
  }
}

}  // namespace

bool equal(const Value& a, const Value& b) { return equal_at(a, b, 0); }

}  // namespace pareto
