// A Python value: what dataset rows, Jinja templates and lm-evaluation-harness's hashes are made of.
//
//   Value row = *value_from_json(R"({"question": "2+2?", "choices": ["3", "4"], "answer": 1})");
//   row.get("choices")->list()[1].text()            "4"
//   python::str(row)                                {'question': '2+2?', 'choices': ['3', '4'], 'answer': 1}
//
// Copying is cheap: strings are shared and never change; lists, dicts and objects are references, as in Python.
// Dicts keep insertion order. Integers are int64; whatever would leave that range is an error, never a float.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"

namespace pareto {

class Value;

// Things that only a running template has: namespace, macro, loop, function, bound method.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view type_name() const = 0;      // "Namespace", "Macro", …
  virtual std::string text() const = 0;                // str() of it
  virtual bool printable() const { return true; }      // false: Python would print an address
  virtual void children(std::vector<Value>*) const {}  // the values that it holds: found when looking for a cycle
};

class Value {
 public:
  enum class Type { kUndefined, kNone, kBool, kInt, kFloat, kString, kList, kTuple, kDict, kObject };
  struct List;
  struct Dict;
  using Entry = std::pair<Value, Value>;

  Value() : data_(None{}) {}
  Value(bool b) : data_(b) {}                           // NOLINT(google-explicit-constructor): literals read as such
  Value(std::int64_t i) : data_(i) {}                   // NOLINT(google-explicit-constructor)
  Value(int i) : data_(std::int64_t{i}) {}              // NOLINT(google-explicit-constructor)
  Value(double d) : data_(d) {}                         // NOLINT(google-explicit-constructor)
  Value(std::string s);                                 // NOLINT(google-explicit-constructor)
  Value(std::string_view s) : Value(std::string(s)) {}  // NOLINT(google-explicit-constructor)
  Value(const char* s) : Value(std::string(s)) {}       // NOLINT(google-explicit-constructor)
  Value(std::shared_ptr<Object> object) : data_(std::move(object)) {}  // NOLINT(google-explicit-constructor)

  // Markup is text that is already HTML (what |e and |safe give): joining it with other text escapes the latter.
  static Value markup(std::string html);
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  static Value dict(std::vector<Entry> entries);  // REQUIRES: no two keys are equal
  // `what` says what is missing: "'x' is undefined".
  static Value undefined(std::string what);
  // Undefined by Jinja's own rule even where undefined names are strict: `'x' if false` without an else.
  static Value lenient_undefined(std::string what);

  Type type() const;
  bool is(Type t) const { return type() == t; }
  bool is_string() const { return std::holds_alternative<StringPtr>(data_); }
  bool is_markup() const;
  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_lenient_undefined() const { return is_undefined() && std::get<Undefined>(data_).lenient; }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_sequence() const { return std::holds_alternative<ListPtr>(data_); }  // list or tuple
  bool is_dict() const { return std::holds_alternative<DictPtr>(data_); }
  bool is_number() const;  // bool, int or float

  // REQUIRES of each: the type is that one.
  bool boolean() const { return std::get<bool>(data_); }
  std::int64_t integer() const { return std::get<std::int64_t>(data_); }
  double real() const { return std::get<double>(data_); }
  const std::string& text() const;
  const std::vector<Value>& list() const;  // of a list or tuple
  std::vector<Value>& mutable_list();
  const std::vector<Entry>& entries() const;  // of a dict
  const std::shared_ptr<Object>& object() const { return std::get<ObjectPtr>(data_); }
  const std::string& undefined_what() const;

  double as_double() const;  // REQUIRES: is_number()
  // Of a dict: the value of a key, or null. Keys compare as in Python: 1 == 1.0 == True.
  const Value* get(std::string_view key) const;
  const Value* get(const char* key) const { return get(std::string_view(key)); }
  const Value* get(const Value& key) const;
  void set(const Value& key, Value value);  // replaces in place, or appends
  bool erase(const Value& key);             // false: no such key

  // The address that makes a list, dict or object the same one; null for the rest.
  const void* identity() const;
  // Python's bool(): empty, zero, None and undefined are false.
  bool truthy() const;
  // Python's type(x).__name__: "str", "int", "NoneType", …
  std::string_view type_name() const;

 private:
  struct None {};
  struct String;
  struct Undefined {
    std::shared_ptr<const std::string> what;
    bool lenient = false;
  };
  using StringPtr = std::shared_ptr<const String>;
  using ListPtr = std::shared_ptr<List>;
  using DictPtr = std::shared_ptr<Dict>;
  using ObjectPtr = std::shared_ptr<Object>;
  std::variant<None, Undefined, bool, std::int64_t, double, StringPtr, ListPtr, DictPtr, ObjectPtr> data_;
};

// Python's ==. Compares nested values down to 200 levels; deeper ones count as different.
bool equal(const Value& a, const Value& b);

// Lists and dicts hand their elements here when they die, so that a long chain of them does not overflow the stack.
void bury(std::vector<Value> values);

// One JSON text. Errors (kInvalid): "column 17: …" (1-based, in code points) or "line 3, column 17: …" where the text
// has several lines; also for integers beyond int64 and for more than 150 levels of nesting. Of equal keys the last
// wins.
Result<Value> value_from_json(std::string_view text);

}  // namespace pareto
