// Methods of built-in types, in parts by type.
#pragma once

#include <span>
#include <string_view>

#include "tasks/jinja_runtime.h"

namespace pareto::jinja {

// A null `call` is a method that Python has and we do not.
struct Method {
  std::string_view name;
  Result<Value> (*call)(Interpreter& in, const Value& self, const Args& args);
};

std::span<const Method> text_methods();
std::span<const Method> list_methods();
std::span<const Method> tuple_methods();
std::span<const Method> dict_methods();

}  // namespace pareto::jinja
