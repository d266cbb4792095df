// What a running template is made of: the interpreter, the objects that only templates have, and Python's operations on
// values. All errors are Python's or Jinja2's own (the message begins as theirs does), a limit, or "not supported: …".
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "tasks/jinja.h"
#include "tasks/jinja_ast.h"
#include "tasks/value.h"

namespace pareto::jinja {

// The arguments of one call.
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// A parameter of something built in.
struct Formal {
  const char* name;
  enum class Need { kRequired, kOptional } need;
  Value fallback = Value();
};
inline Formal required(const char* name) { return {name, Formal::Need::kRequired}; }
inline Formal optional(const char* name, Value fallback = Value()) {
  return {name, Formal::Need::kOptional, std::move(fallback)};
}
// The arguments in the order of the parameters. Errors: missing, too many, unknown or given twice.
Result<std::vector<Value>> bind(std::string_view callee, const Args& args, std::initializer_list<Formal> formals);

// Variables of one block. Scopes nest; a macro keeps those around it alive until the render ends.
struct Scope {
  Scope* outer = nullptr;
  std::vector<std::pair<std::string, Value>> variables;
  bool captured = false;  // by a macro
  bool left = false;      // a block that ended: what Jinja2 shows of its variables is no longer theirs

  // Here or further out; null: nowhere. `where` becomes the scope that has it.
  const Value* find(std::string_view name, const Scope** where) const;
  void set(std::string_view name, Value value);  // here
};

// --- Objects ----------------------------------------------------------------------------------------------------

struct NamespaceObject final : Object {
  Value attributes = Value::dict({});
  std::string_view type_name() const override { return "Namespace"; }
  std::string text() const override;
  void children(std::vector<Value>* out) const override { out->push_back(attributes); }
};

struct MacroObject final : Object {
  const Stmt* statement = nullptr;
  Scope* scope = nullptr;  // where it was defined; owned by the interpreter
  std::string name;        // "caller" of a call block's body
  std::string_view type_name() const override { return "Macro"; }
  std::string text() const override;
};

struct FunctionObject final : Object {  // a global: range, namespace, …
  explicit FunctionObject(std::string name) : name(std::move(name)) {}
  std::string name;
  std::string_view type_name() const override { return "function"; }
  std::string text() const override { return name; }
  bool printable() const override { return false; }
};

struct MethodObject final : Object {
  MethodObject(Value self, std::string name) : self(std::move(self)), name(std::move(name)) {}
  Value self;
  std::string name;
  std::string_view type_name() const override { return "builtin_function_or_method"; }
  std::string text() const override { return name; }
  bool printable() const override { return false; }
  void children(std::vector<Value>* out) const override { out->push_back(self); }
};

struct RangeObject final : Object {
  std::int64_t start = 0, stop = 0, step = 1, count = 0;
  std::int64_t at(std::int64_t i) const { return start + i * step; }
  std::string_view type_name() const override { return "range"; }
  std::string text() const override;
};

struct ViewObject final : Object {  // dict.keys(), .values(), .items(): sees later changes
  enum class Kind { kKeys, kValues, kItems } kind = Kind::kKeys;
  Value dict;
  std::vector<Value> items() const;
  std::string_view type_name() const override;
  std::string text() const override;
  void children(std::vector<Value>* out) const override { out->push_back(dict); }
};

// What |map, |select, |reverse, … give: true, without a length, and empty once it was read.
struct GeneratorObject final : Object {
  std::vector<Value> items;
  std::size_t at = 0;
  std::string_view type_name() const override { return "generator"; }
  std::string text() const override { return "generator"; }
  bool printable() const override { return false; }
  void children(std::vector<Value>* out) const override { out->insert(out->end(), items.begin(), items.end()); }
  ~GeneratorObject() override { bury(std::move(items)); }
};

struct LoopObject final : Object {
  std::shared_ptr<const std::vector<Value>> items;
  std::size_t index = 0;  // of the current item
  Value changed;          // what loop.changed() saw last; none: nothing yet
  std::string_view type_name() const override { return "LoopContext"; }
  std::string text() const override;
  void children(std::vector<Value>* out) const override { out->insert(out->end(), items->begin(), items->end()); }
};

// Null if the value is not such an object.
template <class T>
T* as(const Value& value) {
  return value.is(Value::Type::kObject) ? dynamic_cast<T*>(value.object().get()) : nullptr;
}

// --- Interpreter ------------------------------------------------------------------------------------------------

class Interpreter {
 public:
  Interpreter(const Options& options, const Value& context) : options_(options), context_(context) {}
  Result<std::string> run(const Program& program);

  const Options& options() const { return options_; }
  // Undefined, and anything done with it but a test for that is an error.
  bool forbids(const Value& value) const {
    return options_.undefined == UndefinedRule::kStrict && value.is_undefined() && !value.is_lenient_undefined();
  }

  // Accounts for work and memory; errors name the limit that was reached.
  Status spend(std::int64_t steps);
  Status allocate(std::size_t bytes);
  Result<Value> make_text(std::string text, const Value& like = Value());  // Markup if `like` is
  Result<Value> make_list(std::vector<Value> items);

  Result<Value> call(const Value& callee, const Args& args);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class Depth;

  Result<Flow> execute(const Body& body);
  Result<Flow> execute(const Stmt& statement);
  Result<Flow> if_statement(const Stmt& statement);
  Result<Flow> for_statement(const Stmt& statement);
  Result<std::vector<Value>> loop_items(const Stmt& statement);
  Result<Flow> with_statement(const Stmt& statement);
  Status set_block(const Stmt& statement);
  Status call_block(const Stmt& statement);
  Status filter_block(const Stmt& statement);
  Result<std::string> captured(const Body& body, Flow* flow);  // its text, in a scope of its own
  Result<Flow> scoped(const Body& body);
  Status output(const Value& value);
  Status assign(const Expr& target, const Value& value);
  Value define_macro(const Stmt& statement, std::string name);

  Result<Value> evaluate(const Expr& expression);
  Result<Value> evaluate_optional(const ExprPtr& expression);  // none if absent
  Result<Value> name(const Expr& expression);
  Result<std::vector<Value>> evaluate_all(const std::vector<ExprPtr>& expressions);
  Result<Value> dict(const Expr& expression);
  Result<Value> unary(const Expr& expression);
  Result<Value> logic(const Expr& expression);
  Result<Value> concat(const Expr& expression);
  Result<Value> compare(const Expr& expression);
  Result<Value> condition(const Expr& expression);
  Result<Value> call_expression(const Expr& expression, const Value* caller);
  Result<Value> filter(const Expr& expression, const Value* block_text);
  Result<Value> test(const Expr& expression);
  Result<Args> arguments(const CallArgs& args);
  Result<Value> call_macro(const MacroObject& macro, const Args& args);
  Status bind_macro(const MacroObject& macro, const Args& args);

  const Options& options_;
  const Value& context_;
  Scope root_;
  Scope* scope_ = &root_;
  std::vector<std::unique_ptr<Scope>> kept_;  // scopes that macros may still look into
  std::string* out_ = nullptr;
  int line_ = 1;
  int depth_ = 0;
  std::int64_t steps_ = 0;
  std::size_t bytes_ = 0;

  friend class ScopeGuard;
};

// --- Operations -------------------------------------------------------------------------------------------------

tl::unexpected<Error> undefined_error(const Value& value);
tl::unexpected<Error> type_error(std::string message);  // kInvalid
template <class... A>
tl::unexpected<Error> unsupported(fmt::format_string<A...> format, A&&... args) {
  return fail(Code::kUnsupported, "not supported: {}", fmt::format(format, std::forward<A>(args)...));
}

Result<bool> truth(const Interpreter& in, const Value& value);
Result<std::string> text_of(Interpreter& in, const Value& value);          // str()
Result<std::vector<Value>> items_of(Interpreter& in, const Value& value);  // list(iter())
Result<std::int64_t> length_of(const Interpreter& in, const Value& value);
Result<std::int64_t> integer_of(const Value& value, std::string_view what);  // int or bool
Status check_hashable(const Interpreter& in, const Value& value);
// An error if putting `value` into `container` would make a cycle.
Status check_acyclic(Interpreter& in, const Value& container, const Value& value);

Result<Value> binary(Interpreter& in, std::string_view op, const Value& a, const Value& b);
Result<Value> negate(std::string_view op, const Value& value);
Result<bool> equals(const Interpreter& in, const Value& a, const Value& b);
Result<bool> less(const Value& a, const Value& b);
Result<bool> contains(Interpreter& in, const Value& container, const Value& item);
Result<bool> compare(Interpreter& in, std::string_view op, const Value& a, const Value& b);

// foo.name and foo[key] with Jinja's fallbacks from one to the other.
Result<Value> attribute(Interpreter& in, const Value& of, std::string_view name);
Result<Value> item(Interpreter& in, const Value& of, const Value& key);
Result<Value> slice(Interpreter& in, const Value& of, const Value& start, const Value& stop, const Value& step);

Result<Value> apply_filter(Interpreter& in, std::string_view name, const Value& value, const Args& args);
Result<bool> apply_test(Interpreter& in, std::string_view name, const Value& value, const Args& args);
bool is_method(const Value& self, std::string_view name);
Result<Value> call_method(Interpreter& in, const Value& self, std::string_view name, const Args& args);
// transformers refuses names that begin with "_" in namespaces.
Status check_namespace_name(const Interpreter& in, std::string_view name);
bool is_global(std::string_view name, Dialect dialect);
Result<Value> call_global(Interpreter& in, std::string_view name, const Args& args);

// "%s, %d" % args and "{}, {name}".format(args). `escapes`: what is put in is HTML-escaped (the format is Markup).
Result<std::string> percent_format(Interpreter& in, std::string_view format, const Value& args);
Result<std::string> brace_format(Interpreter& in, std::string_view format, const Args& args);
// value as Markup, escaped if it is not Markup yet.
Result<Value> escaped(Interpreter& in, const Value& value);

}  // namespace pareto::jinja
