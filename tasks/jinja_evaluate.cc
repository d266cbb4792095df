// Expressions.
#include <algorithm>

#include "tasks/jinja_runtime.h"
#include "tasks/python.h"

namespace pareto::jinja {

using Kind = Expr::Kind;

class EvaluationDepth {
 public:
  explicit EvaluationDepth(int* depth) : depth_(depth) { ++*depth_; }
  ~EvaluationDepth() { --*depth_; }
  EvaluationDepth(const EvaluationDepth&) = delete;
  EvaluationDepth& operator=(const EvaluationDepth&) = delete;

 private:
  int* depth_;
};

Result<Value> Interpreter::evaluate(const Expr& e) {
  const EvaluationDepth depth(&depth_);
  if (depth_ > 500) return fail(Code::kInvalid, "recursion deeper than 500 levels");
  PARETO_CHECK_OK(spend(1));
  line_ = e.line;
  switch (e.kind) {
    case Kind::kConst:
      return e.value;
    case Kind::kName:
      return name(e);
    case Kind::kTuple: {
      PARETO_TRY(std::vector<Value> items, evaluate_all(e.kids));
      return Value::tuple(std::move(items));
    }
    case Kind::kList: {
      PARETO_TRY(std::vector<Value> items, evaluate_all(e.kids));
      return make_list(std::move(items));
    }
    case Kind::kDict:
      return dict(e);
    case Kind::kUnary:
      return unary(e);
    case Kind::kBinary: {
      PARETO_TRY(const Value a, evaluate(*e.kids[0]));
      PARETO_TRY(const Value b, evaluate(*e.kids[1]));
      line_ = e.line;
      return binary(*this, e.name, a, b);
    }
    case Kind::kAnd:
    case Kind::kOr:
      return logic(e);
    case Kind::kConcat:
      return concat(e);
    case Kind::kCompare:
      return compare(e);
    case Kind::kCondition:
      return condition(e);
    case Kind::kAttribute: {
      PARETO_TRY(const Value of, evaluate(*e.kids[0]));
      return attribute(*this, of, e.name);
    }
    case Kind::kItem: {
      PARETO_TRY(const Value of, evaluate(*e.kids[0]));
      PARETO_TRY(const Value key, evaluate(*e.kids[1]));
      return item(*this, of, key);
    }
    case Kind::kSlice: {
      PARETO_TRY(const Value of, evaluate(*e.kids[0]));
      PARETO_TRY(const Value start, evaluate_optional(e.kids[1]));
      PARETO_TRY(const Value stop, evaluate_optional(e.kids[2]));
      PARETO_TRY(const Value step, evaluate_optional(e.kids[3]));
      return slice(*this, of, start, stop, step);
    }
    case Kind::kCall:
      return call_expression(e, nullptr);
    case Kind::kFilter:
      return filter(e, nullptr);
    case Kind::kTest:
      return test(e);
    case Kind::kNamespaceTarget:
      break;
  }
  return fail(Code::kInvalid, "an assignment target is no expression");
}

Result<Value> Interpreter::evaluate_optional(const ExprPtr& expression) {
  if (expression == nullptr) return Value();
  return evaluate(*expression);
}

Result<std::vector<Value>> Interpreter::evaluate_all(const std::vector<ExprPtr>& expressions) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (const auto& expression : expressions) {
    PARETO_TRY(Value value, evaluate(*expression));
    values.push_back(std::move(value));
  }
  return values;
}

// Innermost scope first, then the variables that the caller gave, then what is built in.
Result<Value> Interpreter::name(const Expr& e) {
  const Scope* where = nullptr;
  if (const Value* found = scope_->find(e.name, &where)) {
    if (where->left) return unsupported("{} of a macro that outlives the block which it was defined in", e.name);
    return *found;
  }
  if (const Value* found = context_.get(std::string_view(e.name))) return *found;
  if (is_global(e.name, options_.dialect)) {
    return Value(std::static_pointer_cast<Object>(std::make_shared<FunctionObject>(e.name)));
  }
  if (e.name == "self" || e.name == "varargs" || e.name == "kwargs") return unsupported("the special name {}", e.name);
  return Value::undefined(fmt::format("'{}' is undefined", e.name));
}

Result<Value> Interpreter::dict(const Expr& e) {
  Value made = Value::dict({});
  for (std::size_t i = 0; i < e.kids.size(); i += 2) {
    PARETO_TRY(const Value key, evaluate(*e.kids[i]));
    PARETO_TRY(Value value, evaluate(*e.kids[i + 1]));
    PARETO_CHECK_OK(check_hashable(*this, key));
    made.set(key, std::move(value));
  }
  PARETO_CHECK_OK(allocate(e.kids.size() * sizeof(Value)));
  return made;
}

Result<Value> Interpreter::unary(const Expr& e) {
  PARETO_TRY(const Value value, evaluate(*e.kids[0]));
  line_ = e.line;
  if (e.name != "not") return negate(e.name, value);
  PARETO_TRY(const bool yes, truth(*this, value));
  return Value(!yes);
}

Result<Value> Interpreter::logic(const Expr& e) {
  PARETO_TRY(Value left, evaluate(*e.kids[0]));
  PARETO_TRY(const bool yes, truth(*this, left));
  if (yes == (e.kind == Kind::kOr)) return left;
  return evaluate(*e.kids[1]);
}

Result<Value> Interpreter::concat(const Expr& e) {
  std::string text;
  PARETO_TRY(const std::vector<Value> parts, evaluate_all(e.kids));
  line_ = e.line;
  for (const Value& part : parts) {
    PARETO_TRY(const std::string piece, text_of(*this, part));
    text += piece;
  }
  return make_text(std::move(text));
}

Result<Value> Interpreter::compare(const Expr& e) {
  PARETO_TRY(Value left, evaluate(*e.kids[0]));
  for (std::size_t i = 0; i < e.ops.size(); ++i) {
    PARETO_TRY(Value right, evaluate(*e.kids[i + 1]));
    line_ = e.line;
    PARETO_TRY(const bool yes, jinja::compare(*this, e.ops[i], left, right));
    if (!yes) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Interpreter::condition(const Expr& e) {
  PARETO_TRY(const Value condition, evaluate(*e.kids[1]));
  PARETO_TRY(const bool yes, truth(*this, condition));
  if (yes) return evaluate(*e.kids[0]);
  if (e.kids[2] != nullptr) return evaluate(*e.kids[2]);
  return Value::lenient_undefined(
      fmt::format("the inline if-expression on line {} evaluated to false and no else section was defined.", e.line));
}

Result<Args> Interpreter::arguments(const CallArgs& given) {
  Args args;
  PARETO_TRY(args.positional, evaluate_all(given.positional));
  for (const auto& [key, expression] : given.named) {
    PARETO_TRY(Value value, evaluate(*expression));
    args.named.emplace_back(key, std::move(value));
  }
  if (given.spread != nullptr) {
    PARETO_TRY(const Value value, evaluate(*given.spread));
    PARETO_TRY(const std::vector<Value> items, items_of(*this, value));
    args.positional.insert(args.positional.end(), items.begin(), items.end());
  }
  if (given.spread_named != nullptr) {
    PARETO_TRY(const Value value, evaluate(*given.spread_named));
    if (!value.is_dict()) return type_error("argument after ** must be a mapping");
    for (const auto& [key, entry] : value.entries()) {
      if (!key.is_string()) return type_error("keywords must be strings");
      args.named.emplace_back(key.text(), entry);
    }
  }
  return args;
}

Result<Value> Interpreter::call_expression(const Expr& e, const Value* caller) {
  const EvaluationDepth depth(&depth_);
  PARETO_TRY(const Value callee, evaluate(*e.kids[0]));
  PARETO_TRY(Args args, arguments(e.args));
  if (caller != nullptr) args.named.emplace_back("caller", *caller);
  line_ = e.line;
  return call(callee, args);
}

Result<Value> Interpreter::call(const Value& callee, const Args& args) {
  PARETO_CHECK_OK(spend(1));
  if (const auto* macro = as<MacroObject>(callee)) return call_macro(*macro, args);
  if (const auto* method = as<MethodObject>(callee)) return call_method(*this, method->self, method->name, args);
  if (const auto* function = as<FunctionObject>(callee)) return call_global(*this, function->name, args);
  if (callee.is_undefined()) return undefined_error(callee);
  if (as<LoopObject>(callee) != nullptr) return unsupported("recursive loops");
  return type_error(fmt::format("'{}' object is not callable", callee.type_name()));
}

Result<Value> Interpreter::filter(const Expr& e, const Value* block_text) {
  const EvaluationDepth depth(&depth_);
  Value value;
  if (e.kids[0] == nullptr) {
    value = *block_text;
  } else if (block_text != nullptr && e.kids[0]->kind == Kind::kFilter) {
    PARETO_TRY(value, filter(*e.kids[0], block_text));  // a chain of filters over a block
  } else {
    PARETO_TRY(value, evaluate(*e.kids[0]));
  }
  PARETO_TRY(const Args args, arguments(e.args));
  line_ = e.line;
  return apply_filter(*this, e.name, value, args);
}

Result<Value> Interpreter::test(const Expr& e) {
  PARETO_TRY(const Value value, evaluate(*e.kids[0]));
  PARETO_TRY(const Args args, arguments(e.args));
  line_ = e.line;
  PARETO_TRY(const bool yes, apply_test(*this, e.name, value, args));
  return Value(yes);
}

Result<std::vector<Value>> bind(std::string_view callee, const Args& args, std::initializer_list<Formal> formals) {
  if (args.positional.size() > formals.size()) {
    return type_error(
        fmt::format("{}() takes {} argument(s) but {} were given", callee, formals.size(), args.positional.size()));
  }
  std::vector<Value> bound;
  for (const Formal& formal : formals) {
    const auto same = [&](const auto& named) { return named.first == formal.name; };
    const auto named = std::find_if(args.named.begin(), args.named.end(), same);
    if (bound.size() < args.positional.size()) {
      if (named != args.named.end()) {
        return type_error(fmt::format("{}() got multiple values for argument '{}'", callee, formal.name));
      }
      bound.push_back(args.positional[bound.size()]);
    } else if (named != args.named.end()) {
      bound.push_back(named->second);
    } else if (formal.need == Formal::Need::kRequired) {
      return type_error(fmt::format("{}() missing 1 required positional argument: '{}'", callee, formal.name));
    } else {
      bound.push_back(formal.fallback);
    }
  }
  for (const auto& [name, value] : args.named) {
    const auto same = [&](const Formal& formal) { return name == formal.name; };
    if (std::none_of(formals.begin(), formals.end(), same)) {
      return type_error(fmt::format("{}() got an unexpected keyword argument '{}'", callee, name));
    }
  }
  return bound;
}

}  // namespace pareto::jinja
