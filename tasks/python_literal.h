// Python literals as text, as ast.literal_eval() reads them: what a template that prints a list is turned back into.
//
//   python::literal_eval("['a', \"it's\", 3]")      Value::list({"a", "it's", 3})
#pragma once

#include <string_view>

#include "core/result.h"
#include "tasks/value.h"

namespace pareto::python {

// Strings without prefix, numbers, True, False, None, lists, tuples, dicts. Errors: kInvalid, naming the place.
Result<Value> literal_eval(std::string_view text);

}  // namespace pareto::python
