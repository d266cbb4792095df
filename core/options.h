// Options that are declared once: name, type, range, default and help give parsing, --help, sweeps and the record.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pareto {

struct OptionSpec {
  enum class Type {
    kInt,
    kFloat,
    kBool,
    kString,
    kBudget,  // "0.02" or "2%" of the context, or "2048" tokens
  };
  std::string name;
  Type type = Type::kInt;
  std::string default_value;
  double min = 0, max = 0;           // closed range of kInt and kFloat
  std::vector<std::string> choices;  // of kString; empty: anything
  std::string help;
  std::vector<std::string> aliases;  // other tools' names for it
  // kSpeed: never changes an answer, so a run may be resumed with another value.
  enum class Effect { kAnswers, kSpeed } effect = Effect::kAnswers;
};

using OptionMap = std::map<std::string, std::string>;

// A method and its options as the user wrote them: `magicpig:K=10,L=150`.
struct BackendSpec {
  std::string name;
  OptionMap options;
  // "name:key=value,key=value", keys sorted: the same spec always gives the same text.
  std::string text() const;
};

// "topk:budget=0.02|0.05,dense" → three specs. A piece after a comma is an option if it has '=' with no ':' before it,
// else it starts a new spec; values joined by '|' are a sweep. Errors are kUsage.
Result<std::vector<BackendSpec>> parse_backend_specs(std::string_view text);

// Fills in defaults and checks names and ranges against `specs`. Errors are kUsage, name the option, the value, the
// range, and suggest the nearest name.
Result<OptionMap> check_options(const OptionMap& given, const std::vector<OptionSpec>& specs, std::string_view owner);

// The nearest of `names` within an edit distance that suggests a typing error, or "".
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);
// "no task 'arc_esy'; built in: …; did you mean 'arc_easy'?" (kUsage)
Error unknown_name(std::string_view kind, std::string_view name, const std::vector<std::string>& names);

}  // namespace pareto
