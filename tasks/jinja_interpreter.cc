// Statements, scopes and limits.
#include <algorithm>

#include "tasks/jinja_lexer.h"
#include "tasks/jinja_parser.h"
#include "tasks/jinja_runtime.h"
#include "tasks/python.h"

namespace pareto::jinja {

namespace {

constexpr int kMaxDepth = 500;  // of statements, expressions and macro calls within each other

}  // namespace

const Value* Scope::find(std::string_view name, const Scope** where) const {
  for (const Scope* at = this; at != nullptr; at = at->outer) {
    for (const auto& [key, value] : at->variables) {
      if (key != name) continue;
      *where = at;
      return &value;
    }
  }
  return nullptr;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& [key, old] : variables) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  variables.emplace_back(std::string(name), std::move(value));
}

// A scope for as long as this lives; if a macro captured it, the interpreter keeps it.
class ScopeGuard {
 public:
  ScopeGuard(Interpreter* in, Scope* outer, bool is_macro)
      : in_(in), is_macro_(is_macro), before_(in->scope_), scope_(std::make_unique<Scope>()) {
    scope_->outer = outer;
    in_->scope_ = scope_.get();
  }
  static constexpr bool kBlock = false, kMacro = true;
  explicit ScopeGuard(Interpreter* in) : ScopeGuard(in, in->scope_, kBlock) {}
  ~ScopeGuard() {
    in_->scope_ = before_;
    scope_->left = !is_macro_;
    if (scope_->captured) in_->kept_.push_back(std::move(scope_));
  }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;
  Scope& scope() { return *scope_; }

 private:
  Interpreter* in_;
  bool is_macro_;
  Scope* before_;
  std::unique_ptr<Scope> scope_;
};

class Interpreter::Depth {
 public:
  explicit Depth(Interpreter* in) : in_(in) { ++in_->depth_; }
  ~Depth() { --in_->depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;
  Status check() const {
    if (in_->depth_ <= kMaxDepth) return {};
    return fail(Code::kInvalid, "recursion deeper than {} levels", kMaxDepth);
  }

 private:
  Interpreter* in_;
};

Status Interpreter::spend(std::int64_t steps) {
  steps_ += steps;
  if (steps_ <= options_.limits.steps) return {};
  return fail(Code::kInvalid, "more than {} steps", options_.limits.steps);
}

Status Interpreter::allocate(std::size_t bytes) {
  if (bytes > options_.limits.text_bytes) {
    return fail(Code::kInvalid, "a value of more than {} bytes", options_.limits.text_bytes);
  }
  bytes_ += bytes;
  if (bytes_ <= options_.limits.all_bytes) return {};
  return fail(Code::kInvalid, "values of more than {} bytes in all", options_.limits.all_bytes);
}

Result<Value> Interpreter::make_text(std::string text, const Value& like) {
  PARETO_CHECK_OK(allocate(text.size()));
  return like.is_markup() ? Value::markup(std::move(text)) : Value(std::move(text));
}

Result<Value> Interpreter::make_list(std::vector<Value> items) {
  PARETO_CHECK_OK(allocate(items.size() * sizeof(Value)));
  return Value::list(std::move(items));
}

Result<std::string> Interpreter::run(const Program& program) {
  std::string text;
  out_ = &text;
  const auto flow = execute(program.body);
  if (!flow) return fail(flow.error().code, "line {}: {}", line_, flow.error().message);
  return text;
}

Result<Interpreter::Flow> Interpreter::execute(const Body& body) {
  for (const auto& statement : body) {
    PARETO_TRY(const Flow flow, execute(*statement));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::execute(const Stmt& statement) {
  const Depth depth(this);
  PARETO_CHECK_OK(depth.check());
  PARETO_CHECK_OK(spend(1));
  line_ = statement.line;
  switch (statement.kind) {
    case Stmt::Kind::kText:
      PARETO_CHECK_OK(allocate(statement.text.size()));
      PARETO_CHECK_OK(output(Value(std::string_view(statement.text))));
      break;
    case Stmt::Kind::kOutput:
      for (const auto& expression : statement.exprs) {
        PARETO_TRY(const Value value, evaluate(*expression));
        PARETO_CHECK_OK(output(value));
      }
      break;
    case Stmt::Kind::kIf:
      return if_statement(statement);
    case Stmt::Kind::kFor:
      return for_statement(statement);
    case Stmt::Kind::kWith:
      return with_statement(statement);
    case Stmt::Kind::kGeneration:
      return scoped(statement.bodies[0]);
    case Stmt::Kind::kSet: {
      PARETO_TRY(const Value value, evaluate(*statement.exprs[0]));
      PARETO_CHECK_OK(assign(*statement.targets[0], value));
      break;
    }
    case Stmt::Kind::kSetBlock:
      PARETO_CHECK_OK(set_block(statement));
      break;
    case Stmt::Kind::kMacro:
      scope_->set(statement.text, define_macro(statement, statement.text));
      break;
    case Stmt::Kind::kCallBlock:
      PARETO_CHECK_OK(call_block(statement));
      break;
    case Stmt::Kind::kFilterBlock:
      PARETO_CHECK_OK(filter_block(statement));
      break;
    case Stmt::Kind::kBreak:
      return Flow::kBreak;
    case Stmt::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Status Interpreter::output(const Value& value) {
  PARETO_TRY(const std::string text, text_of(*this, value));
  if (out_->size() + text.size() > options_.limits.text_bytes) {
    return fail(Code::kInvalid, "more than {} bytes of output", options_.limits.text_bytes);
  }
  *out_ += text;
  return {};
}

Result<Interpreter::Flow> Interpreter::if_statement(const Stmt& statement) {
  for (std::size_t i = 0; i < statement.exprs.size(); ++i) {
    PARETO_TRY(const Value value, evaluate(*statement.exprs[i]));
    PARETO_TRY(const bool yes, truth(*this, value));
    if (yes) return execute(statement.bodies[i]);
  }
  if (statement.bodies.size() > statement.exprs.size()) return execute(statement.bodies.back());
  return Flow::kNext;
}

Result<std::vector<Value>> Interpreter::loop_items(const Stmt& statement) {
  PARETO_TRY(const Value iterable, evaluate(*statement.exprs[0]));
  PARETO_TRY(std::vector<Value> items, items_of(*this, iterable));
  if (statement.exprs[1] == nullptr) return items;
  std::vector<Value> kept;
  for (const Value& candidate : items) {
    ScopeGuard guard(this);
    PARETO_CHECK_OK(assign(*statement.targets[0], candidate));
    PARETO_TRY(const Value condition, evaluate(*statement.exprs[1]));
    PARETO_TRY(const bool yes, truth(*this, condition));
    if (yes) kept.push_back(candidate);
  }
  return kept;
}

Result<Interpreter::Flow> Interpreter::for_statement(const Stmt& statement) {
  PARETO_TRY(std::vector<Value> found, loop_items(statement));
  const auto items = std::make_shared<const std::vector<Value>>(std::move(found));
  const auto loop = std::make_shared<LoopObject>();
  loop->items = items;
  bool reached_end = false;
  for (std::size_t i = 0; i < items->size(); ++i) {
    PARETO_CHECK_OK(spend(1));
    loop->index = i;
    ScopeGuard guard(this);
    guard.scope().set("loop", Value(std::static_pointer_cast<Object>(loop)));
    PARETO_CHECK_OK(assign(*statement.targets[0], (*items)[i]));
    PARETO_TRY(const Flow flow, execute(statement.bodies[0]));
    if (flow == Flow::kBreak) break;
    if (flow == Flow::kNext) reached_end = true;
  }
  // Jinja2 takes the else branch unless some iteration reached the end of the body: break and continue skip it.
  if (!reached_end && statement.bodies.size() > 1) return scoped(statement.bodies[1]);
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::scoped(const Body& body) {
  ScopeGuard guard(this);
  return execute(body);
}

Result<Interpreter::Flow> Interpreter::with_statement(const Stmt& statement) {
  PARETO_TRY(const std::vector<Value> values, evaluate_all(statement.exprs));  // outside of the new scope
  ScopeGuard guard(this);
  for (std::size_t i = 0; i < values.size(); ++i) PARETO_CHECK_OK(assign(*statement.targets[i], values[i]));
  return execute(statement.bodies[0]);
}

Result<std::string> Interpreter::captured(const Body& body, Flow* flow) {
  std::string text;
  std::string* const before = out_;
  out_ = &text;
  auto done = scoped(body);
  out_ = before;
  if (!done) return tl::unexpected(done.error());
  *flow = *done;
  return text;
}

Status Interpreter::set_block(const Stmt& statement) {
  Flow flow = Flow::kNext;
  PARETO_TRY(std::string text, captured(statement.bodies[0], &flow));
  if (flow != Flow::kNext) return unsupported("break or continue out of a {{% set %}} block");
  PARETO_TRY(Value value, make_text(std::move(text)));
  if (statement.exprs[0] != nullptr) {
    PARETO_TRY(value, filter(*statement.exprs[0], &value));
  }
  return assign(*statement.targets[0], value);
}

Status Interpreter::filter_block(const Stmt& statement) {
  Flow flow = Flow::kNext;
  PARETO_TRY(std::string text, captured(statement.bodies[0], &flow));
  if (flow != Flow::kNext) return unsupported("break or continue out of a {{% filter %}} block");
  PARETO_TRY(const Value value, make_text(std::move(text)));
  PARETO_TRY(const Value filtered, filter(*statement.exprs[0], &value));
  return output(filtered);
}

Value Interpreter::define_macro(const Stmt& statement, std::string name) {
  auto macro = std::make_shared<MacroObject>();
  macro->statement = &statement;
  macro->scope = scope_;
  macro->name = std::move(name);
  for (Scope* at = scope_; at != nullptr && !at->captured; at = at->outer) at->captured = true;
  return Value(std::static_pointer_cast<Object>(std::move(macro)));
}

Status Interpreter::call_block(const Stmt& statement) {
  const Value caller = define_macro(statement, "caller");
  PARETO_TRY(const Value value, call_expression(*statement.exprs[0], &caller));
  return output(value);
}

Status Interpreter::assign(const Expr& target, const Value& value) {
  switch (target.kind) {
    case Expr::Kind::kName:
      scope_->set(target.name, value);
      return {};
    case Expr::Kind::kNamespaceTarget: {
      PARETO_TRY(const Value object, name(*target.kids[0]));
      auto* space = as<NamespaceObject>(object);
      if (space == nullptr) {
        return fail(Code::kInvalid, "cannot assign attribute on non-namespace object");
      }
      PARETO_CHECK_OK(check_namespace_name(*this, target.name));
      PARETO_CHECK_OK(check_acyclic(*this, object, value));
      space->attributes.set(Value(target.name), value);
      return {};
    }
    default: {
      PARETO_TRY(const std::vector<Value> items, items_of(*this, value));
      if (items.size() != target.kids.size()) {
        return fail(Code::kInvalid, "{} values to unpack (expected {}, got {})",
                    items.size() < target.kids.size() ? "not enough" : "too many", target.kids.size(), items.size());
      }
      for (std::size_t i = 0; i < items.size(); ++i) PARETO_CHECK_OK(assign(*target.kids[i], items[i]));
      return {};
    }
  }
}

Status Interpreter::bind_macro(const MacroObject& macro, const Args& args) {
  const auto& params = macro.statement->params;
  if (args.positional.size() > params.size()) {
    return type_error(fmt::format("macro '{}' takes not more than {} argument(s)", macro.name, params.size()));
  }
  std::vector<bool> used(args.named.size(), false);
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (i < args.positional.size()) {
      scope_->set(params[i].name, args.positional[i]);
      continue;
    }
    bool given = false;
    for (std::size_t k = 0; k < args.named.size(); ++k) {
      if (args.named[k].first != params[i].name) continue;
      scope_->set(params[i].name, args.named[k].second);
      used[k] = given = true;
    }
    if (!given) scope_->set(params[i].name, Value::undefined("parameter '" + params[i].name + "' was not provided"));
    if (!given && params[i].fallback != nullptr) {
      PARETO_TRY(Value value, evaluate(*params[i].fallback));
      scope_->set(params[i].name, std::move(value));
    }
  }
  for (std::size_t k = 0; k < args.named.size(); ++k) {
    if (used[k]) continue;
    if (args.named[k].first != "caller" || !macro.statement->uses_caller) {
      return type_error(fmt::format("macro '{}' takes no keyword argument '{}'", macro.name, args.named[k].first));
    }
    scope_->set("caller", args.named[k].second);
  }
  return {};
}

Result<Value> Interpreter::call_macro(const MacroObject& macro, const Args& args) {
  std::string text;
  std::string* const before = out_;
  ScopeGuard guard(this, macro.scope, ScopeGuard::kMacro);
  if (macro.statement->uses_caller) scope_->set("caller", Value::undefined("No caller defined"));
  PARETO_CHECK_OK(bind_macro(macro, args));
  out_ = &text;
  const auto done = execute(macro.statement->bodies[0]);
  out_ = before;
  if (!done) return tl::unexpected(done.error());
  return make_text(std::move(text));
}

Options chat_options() {
  Options options;
  options.trim_blocks = true;
  options.lstrip_blocks = true;
  return options;
}

Options task_options() {
  Options options;
  options.dialect = Dialect::kTask;
  options.undefined = UndefinedRule::kStrict;
  options.keep_trailing_newline = true;
  return options;
}

Result<Template> Template::parse(std::string_view text, const Options& options) {
  PARETO_TRY(std::vector<Token> tokens, tokenize(text, options));
  PARETO_TRY(Program program, Parser(std::move(tokens), options).run());
  return Template(std::make_shared<const Program>(std::move(program)), options);
}

Result<std::string> Template::render(const Value& context) const {
  if (!context.is_dict()) return fail(Code::kInvalid, "a template's variables are a dict, not {}", context.type_name());
  return Interpreter(options_, context).run(*program_);
}

}  // namespace pareto::jinja
