// The part of Jinja2 3.1 that chat templates and evaluation tasks use, with Python's semantics.
//
//   auto t = jinja::Template::parse("{% for m in messages %}{{ m.role ~ ': ' ~ m.content|trim }}\n{% endfor %}",
//                                   jinja::chat_options());
//   t->render(*value_from_json(R"({"messages": [{"role": "user", "content": " hi "}]})"))   "user: hi\n"
//
// Two dialects exist, as their users set Jinja up:
//   kChat   transformers' apply_chat_template: ImmutableSandboxedEnvironment, trim_blocks, lstrip_blocks, break and
//           continue, {% generation %}, tojson without HTML escapes, raise_exception, strftime_now
//   kTask   lm-evaluation-harness: StrictUndefined, keep_trailing_newline, regex_replace, Jinja's own tojson
// Constructs outside the subset (include, extends, import, block, recursive loops, …) are refused by name, at parse
// time where they are tags and when they are reached where they are filters, tests, methods or functions. What Python
// would print with an address in it (a generator, a function) is an error too. Integers are int64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "tasks/value.h"

namespace pareto::jinja {

enum class Dialect { kChat, kTask };
enum class UndefinedRule {
  kLenient,  // Jinja's Undefined: prints nothing, is empty and false; its attributes and arithmetic are errors
  kStrict,   // StrictUndefined: anything but `is defined` and |default is an error
};

// Against templates that run away. Reached: an error that names the limit.
struct Limits {
  std::int64_t steps = 20'000'000;               // nodes evaluated, items visited
  std::size_t text_bytes = 64u << 20;            // of one string
  std::size_t all_bytes = std::size_t{4} << 30;  // of everything made while rendering, dropped or not
};

struct Options {
  Dialect dialect = Dialect::kChat;
  UndefinedRule undefined = UndefinedRule::kLenient;
  bool trim_blocks = false;            // the newline after a block tag goes
  bool lstrip_blocks = false;          // blanks before a block tag at the start of a line go
  bool keep_trailing_newline = false;  // of the template's text
  std::optional<std::tm> now;          // what strftime_now() shows; unset: the local time
  Limits limits;
};
Options chat_options();
Options task_options();

struct Program;  // the parsed template

class Template {
 public:
  // Errors: kInvalid ("line 3: …") for what Jinja2 calls a syntax error, kUnsupported for what we leave out.
  static Result<Template> parse(std::string_view text, const Options& options);

  // `context` is a dict of the variables. Errors carry "line N: " and Python's message where it has one:
  // kInvalid (undefined names, wrong types, raise_exception, a limit), kUnsupported.
  Result<std::string> render(const Value& context) const;

 private:
  Template(std::shared_ptr<const Program> program, Options options) : program_(std::move(program)), options_(options) {}
  std::shared_ptr<const Program> program_;
  Options options_;
};

}  // namespace pareto::jinja
