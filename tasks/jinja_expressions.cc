// Expressions, by recursive descent: or < and < not < comparison < + - < ~ < * / // % < ** < unary < postfix < filter.
#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "tasks/jinja_parser.h"

namespace pareto::jinja {
namespace {

using Type = Token::Type;
using Kind = Expr::Kind;

constexpr int kMaxNesting = 200;  // of recursive calls while reading
constexpr int kMaxDepth = 300;    // of a tree: long chains of operators grow it without nesting

constexpr std::string_view kComparisons[] = {"==", "!=", "<", "<=", ">", ">="};

struct Counter {
  explicit Counter(int* n) : n(n) { ++*n; }
  ~Counter() { --*n; }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  int* n;
};

}  // namespace

bool ExpressionParser::is_operator(std::string_view text) const {
  return current().type == Type::kOperator && current().text == text;
}

bool ExpressionParser::is_name(std::string_view text) const {
  return current().type == Type::kName && current().text == text;
}

bool ExpressionParser::skip_operator(std::string_view text) {
  if (!is_operator(text)) return false;
  skip();
  return true;
}

bool ExpressionParser::skip_name(std::string_view text) {
  if (!is_name(text)) return false;
  skip();
  return true;
}

Status ExpressionParser::expect_operator(std::string_view text) {
  if (skip_operator(text)) return {};
  return error(current().line, "expected token '{}', got '{}'", text, describe(current()));
}

Result<std::string> ExpressionParser::expect_name() {
  if (current().type != Type::kName) {
    return error(current().line, "expected token 'name', got '{}'", describe(current()));
  }
  std::string name = current().text;
  skip();
  return name;
}

ExprPtr ExpressionParser::make(Kind kind, int line, std::string name) {
  auto made = std::make_unique<Expr>();
  made->kind = kind;
  made->line = line;
  made->name = std::move(name);
  return made;
}

Result<ExprPtr> ExpressionParser::finish(ExprPtr node) const {
  const auto grow = [&](const ExprPtr& kid) {
    if (kid != nullptr) node->depth = std::max(node->depth, kid->depth + 1);
  };
  for (const auto& kid : node->kids) grow(kid);
  for (const auto& kid : node->args.positional) grow(kid);
  for (const auto& [name, kid] : node->args.named) grow(kid);
  grow(node->args.spread);
  grow(node->args.spread_named);
  if (node->depth > kMaxDepth) return error(node->line, "an expression of more than {} levels", kMaxDepth);
  return node;
}

Result<ExprPtr> ExpressionParser::tuple(Conditions conditions, std::string_view end, Parentheses parentheses) {
  const int line = current().line;
  ExprPtr made = make(Kind::kTuple, line);
  bool is_tuple = false;
  while (true) {
    if (!made->kids.empty()) PARETO_CHECK_OK(expect_operator(","));
    if (current().type == Type::kVariableEnd || current().type == Type::kBlockEnd || is_operator(")") ||
        (!end.empty() && is_name(end))) {
      break;
    }
    PARETO_TRY(ExprPtr item, expression(conditions));
    made->kids.push_back(std::move(item));
    if (!is_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!made->kids.empty()) return std::move(made->kids[0]);
    if (parentheses == Parentheses::kNone) {
      return error(current().line, "Expected an expression, got '{}'", describe(current()));
    }
  }
  return finish(std::move(made));
}

Result<ExprPtr> ExpressionParser::expression(Conditions conditions) {
  if (nesting_ >= kMaxNesting) return error(current().line, "nested deeper than {} levels", kMaxNesting);
  const Counter counter(&nesting_);
  if (conditions == Conditions::kNone) return disjunction();
  int line = current().line;
  PARETO_TRY(ExprPtr value, disjunction());
  while (skip_name("if")) {
    PARETO_TRY(ExprPtr condition, disjunction());
    ExprPtr otherwise;
    if (skip_name("else")) {
      PARETO_TRY(otherwise, expression());
    }
    PARETO_TRY(value, node(Kind::kCondition, line, "", std::move(value), std::move(condition), std::move(otherwise)));
    line = current().line;
  }
  return value;
}

Result<ExprPtr> ExpressionParser::disjunction() {
  int line = current().line;
  PARETO_TRY(ExprPtr left, conjunction());
  while (skip_name("or")) {
    PARETO_TRY(ExprPtr right, conjunction());
    PARETO_TRY(left, node(Kind::kOr, line, "", std::move(left), std::move(right)));
    line = current().line;
  }
  return left;
}

Result<ExprPtr> ExpressionParser::conjunction() {
  int line = current().line;
  PARETO_TRY(ExprPtr left, negation());
  while (skip_name("and")) {
    PARETO_TRY(ExprPtr right, negation());
    PARETO_TRY(left, node(Kind::kAnd, line, "", std::move(left), std::move(right)));
    line = current().line;
  }
  return left;
}

Result<ExprPtr> ExpressionParser::negation() {
  const int line = current().line;
  if (!skip_name("not")) return comparison();
  if (nesting_ >= kMaxNesting) return error(line, "nested deeper than {} levels", kMaxNesting);
  const Counter counter(&nesting_);
  PARETO_TRY(ExprPtr value, negation());
  return node(Kind::kUnary, line, "not", std::move(value));
}

Result<ExprPtr> ExpressionParser::comparison() {
  const int line = current().line;
  PARETO_TRY(ExprPtr first, sum());
  ExprPtr made;
  while (true) {
    std::string op;
    if (current().type == Type::kOperator &&
        std::find(std::begin(kComparisons), std::end(kComparisons), current().text) != std::end(kComparisons)) {
      op = current().text;
    } else if (is_name("in")) {
      op = "in";
    } else if (is_name("not") && next().type == Type::kName && next().text == "in") {
      op = "not in";
      skip();
    } else {
      break;
    }
    skip();
    if (made == nullptr) {
      made = make(Kind::kCompare, line);
      made->kids.push_back(std::move(first));
    }
    PARETO_TRY(ExprPtr other, sum());
    made->kids.push_back(std::move(other));
    made->ops.push_back(std::move(op));
  }
  if (made == nullptr) return first;
  return finish(std::move(made));
}

Result<ExprPtr> ExpressionParser::sum() {
  int line = current().line;
  PARETO_TRY(ExprPtr left, concatenation());
  while (is_operator("+") || is_operator("-")) {
    std::string op = current().text;
    skip();
    PARETO_TRY(ExprPtr right, concatenation());
    PARETO_TRY(left, node(Kind::kBinary, line, std::move(op), std::move(left), std::move(right)));
    line = current().line;
  }
  return left;
}

Result<ExprPtr> ExpressionParser::concatenation() {
  const int line = current().line;
  PARETO_TRY(ExprPtr first, product());
  if (!is_operator("~")) return first;
  ExprPtr made = make(Kind::kConcat, line);
  made->kids.push_back(std::move(first));
  while (skip_operator("~")) {
    PARETO_TRY(ExprPtr part, product());
    made->kids.push_back(std::move(part));
  }
  return finish(std::move(made));
}

Result<ExprPtr> ExpressionParser::product() {
  int line = current().line;
  PARETO_TRY(ExprPtr left, power());
  while (is_operator("*") || is_operator("/") || is_operator("//") || is_operator("%")) {
    std::string op = current().text;
    skip();
    PARETO_TRY(ExprPtr right, power());
    PARETO_TRY(left, node(Kind::kBinary, line, std::move(op), std::move(left), std::move(right)));
    line = current().line;
  }
  return left;
}

// From the left, unlike Python: 2**3**2 is 64 there too.
Result<ExprPtr> ExpressionParser::power() {
  int line = current().line;
  PARETO_TRY(ExprPtr left, unary(Filters::kAllowed));
  while (skip_operator("**")) {
    PARETO_TRY(ExprPtr right, unary(Filters::kAllowed));
    PARETO_TRY(left, node(Kind::kBinary, line, "**", std::move(left), std::move(right)));
    line = current().line;
  }
  return left;
}

Result<ExprPtr> ExpressionParser::unary(Filters with_filters) {
  if (nesting_ >= kMaxNesting) return error(current().line, "nested deeper than {} levels", kMaxNesting);
  const Counter counter(&nesting_);
  const int line = current().line;
  ExprPtr value;
  if (is_operator("-") || is_operator("+")) {
    std::string op = current().text;
    skip();
    PARETO_TRY(ExprPtr inner, unary(Filters::kNone));
    PARETO_TRY(value, node(Kind::kUnary, line, std::move(op), std::move(inner)));
  } else {
    PARETO_TRY(value, primary());
  }
  PARETO_TRY(value, postfix(std::move(value)));
  if (with_filters == Filters::kNone) return value;
  return filter_expression(std::move(value));
}

Result<ExprPtr> ExpressionParser::primary() {
  const Token& token = current();
  const int line = token.line;
  ExprPtr made = make(Kind::kConst, line);
  if (token.type == Type::kName) {
    const std::string name = token.text;
    skip();
    if (name == "true" || name == "True") {
      made->value = Value(true);
    } else if (name == "false" || name == "False") {
      made->value = Value(false);
    } else if (name != "none" && name != "None") {
      made->kind = Kind::kName;
      made->name = name;
    }
    return made;
  }
  if (token.type == Type::kString) {
    std::string text;
    for (; current().type == Type::kString; skip()) text += current().text;
    made->value = Value(std::move(text));
    return made;
  }
  if (token.type == Type::kInteger || token.type == Type::kFloat) return number();
  if (skip_operator("(")) {
    PARETO_TRY(ExprPtr inner, tuple(Conditions::kAllowed, "", Parentheses::kOpen));
    PARETO_CHECK_OK(expect_operator(")"));
    return inner;
  }
  if (is_operator("[")) return list();
  if (is_operator("{")) return dict();
  return error(line, "unexpected '{}'", describe(token));
}

Result<ExprPtr> ExpressionParser::number() {
  const Token& token = current();
  ExprPtr made = make(Kind::kConst, token.line);
  std::string_view digits = token.text;
  if (token.type == Type::kFloat) {
    const double value = std::strtod(token.text.c_str(), nullptr);  // too large is inf, as there
    made->value = Value(value);
  } else {
    int base = 10;
    if (digits.size() > 2 && digits[0] == '0') {
      const char letter = static_cast<char>(digits[1] | 0x20);
      base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
      if (base != 10) digits.remove_prefix(2);
    }
    std::int64_t value = 0;
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (status != std::errc()) return error(token.line, "integer {} is beyond 64 bits", token.text.substr(0, 40));
    made->value = Value(value);
  }
  skip();
  return made;
}

Result<ExprPtr> ExpressionParser::list() {
  ExprPtr made = make(Kind::kList, current().line);
  skip();
  while (!is_operator("]")) {
    if (!made->kids.empty()) PARETO_CHECK_OK(expect_operator(","));
    if (is_operator("]")) break;
    PARETO_TRY(ExprPtr item, expression());
    made->kids.push_back(std::move(item));
  }
  skip();
  return finish(std::move(made));
}

Result<ExprPtr> ExpressionParser::dict() {
  ExprPtr made = make(Kind::kDict, current().line);
  skip();
  while (!is_operator("}")) {
    if (!made->kids.empty()) PARETO_CHECK_OK(expect_operator(","));
    if (is_operator("}")) break;
    PARETO_TRY(ExprPtr key, expression());
    PARETO_CHECK_OK(expect_operator(":"));
    PARETO_TRY(ExprPtr value, expression());
    made->kids.push_back(std::move(key));
    made->kids.push_back(std::move(value));
  }
  skip();
  return finish(std::move(made));
}

Result<ExprPtr> ExpressionParser::postfix(ExprPtr value) {
  while (true) {
    if (is_operator(".") || is_operator("[")) {
      PARETO_TRY(value, subscript(std::move(value)));
    } else if (is_operator("(")) {
      PARETO_TRY(value, call(std::move(value)));
    } else {
      return value;
    }
  }
}

Result<ExprPtr> ExpressionParser::filter_expression(ExprPtr value) {
  while (true) {
    if (is_operator("|")) {
      PARETO_TRY(value, filters(std::move(value)));
    } else if (is_name("is")) {
      PARETO_TRY(value, test(std::move(value)));
    } else if (is_operator("(")) {
      PARETO_TRY(value, call(std::move(value)));
    } else {
      return value;
    }
  }
}

Result<ExprPtr> ExpressionParser::subscript(ExprPtr value) {
  const int line = current().line;
  if (skip_operator(".")) {
    const Token token = current();
    skip();
    if (token.type == Type::kName) return node(Kind::kAttribute, line, token.text, std::move(value));
    if (token.type != Type::kInteger) return error(token.line, "expected name or number");
    --at_;
    PARETO_TRY(ExprPtr index, number());
    return node(Kind::kItem, line, "", std::move(value), std::move(index));
  }
  skip();
  if (is_operator("]")) {  // the empty tuple
    skip();
    return node(Kind::kItem, line, "", std::move(value), make(Kind::kTuple, line));
  }
  PARETO_TRY(ExprPtr made, subscribed(std::move(value), line));
  if (is_operator(",")) return unsupported(line, "several subscripts in one [ ]");
  PARETO_CHECK_OK(expect_operator("]"));
  return made;
}

Result<ExprPtr> ExpressionParser::subscribed(ExprPtr value, int line) {
  ExprPtr parts[3];
  if (!is_operator(":")) {
    PARETO_TRY(parts[0], expression());
    if (!is_operator(":")) return node(Kind::kItem, line, "", std::move(value), std::move(parts[0]));
  }
  skip();
  for (int i = 1; i <= 2; ++i) {
    if (i == 2 && !skip_operator(":")) break;
    if (is_operator(":") || is_operator("]") || is_operator(",")) continue;
    PARETO_TRY(parts[i], expression());
  }
  return node(Kind::kSlice, line, "", std::move(value), std::move(parts[0]), std::move(parts[1]), std::move(parts[2]));
}

Status ExpressionParser::argument(CallArgs* args) {
  const int line = current().line;
  const auto wrong = [&] { return error(line, "invalid syntax for function call expression"); };
  if (skip_operator("*")) {
    if (args->spread != nullptr || args->spread_named != nullptr) return wrong();
    PARETO_TRY(args->spread, expression());
  } else if (skip_operator("**")) {
    if (args->spread_named != nullptr) return wrong();
    PARETO_TRY(args->spread_named, expression());
  } else if (current().type == Type::kName && next().type == Type::kOperator && next().text == "=") {
    if (args->spread_named != nullptr) return wrong();
    std::string name = current().text;
    for (const auto& [other, value] : args->named) {
      if (other == name) return error(line, "keyword argument repeated: {}", name);
    }
    skip();
    skip();
    PARETO_TRY(ExprPtr value, expression());
    args->named.emplace_back(std::move(name), std::move(value));
  } else {
    if (args->spread != nullptr || args->spread_named != nullptr || !args->named.empty()) return wrong();
    PARETO_TRY(ExprPtr value, expression());
    args->positional.push_back(std::move(value));
  }
  return {};
}

Result<CallArgs> ExpressionParser::call_args() {
  PARETO_CHECK_OK(expect_operator("("));
  CallArgs args;
  for (bool first = true; !is_operator(")"); first = false) {
    if (!first) {
      PARETO_CHECK_OK(expect_operator(","));
      if (is_operator(")")) break;
    }
    PARETO_CHECK_OK(argument(&args));
  }
  skip();
  return args;
}

Result<ExprPtr> ExpressionParser::call(ExprPtr value) {
  ExprPtr made = make(Kind::kCall, current().line);
  made->kids.push_back(std::move(value));
  PARETO_TRY(made->args, call_args());
  return finish(std::move(made));
}

Result<ExprPtr> ExpressionParser::filters(ExprPtr value) {
  while (skip_operator("|")) {
    PARETO_TRY(value, filter_call(std::move(value)));
  }
  return value;
}

Result<ExprPtr> ExpressionParser::filter_call(ExprPtr value) {
  ExprPtr made = make(Kind::kFilter, current().line);
  made->kids.push_back(std::move(value));
  PARETO_TRY(made->name, expect_name());
  while (skip_operator(".")) {
    PARETO_TRY(const std::string part, expect_name());
    made->name += "." + part;
  }
  if (is_operator("(")) {
    PARETO_TRY(made->args, call_args());
  }
  if (!soft_ && !is_filter(made->name, options_.dialect)) {
    return error(made->line, "No filter named '{}'.", made->name);
  }
  return finish(std::move(made));
}

Result<ExprPtr> ExpressionParser::test(ExprPtr value) {
  const int line = current().line;
  skip();
  const bool negated = skip_name("not");
  ExprPtr made = make(Kind::kTest, line);
  made->kids.push_back(std::move(value));
  PARETO_TRY(made->name, expect_name());
  while (skip_operator(".")) {
    PARETO_TRY(const std::string part, expect_name());
    made->name += "." + part;
  }
  const Token& token = current();
  const bool starts_argument =
      (token.type == Type::kName && token.text != "else" && token.text != "or" && token.text != "and") ||
      token.type == Type::kString || token.type == Type::kInteger || token.type == Type::kFloat || is_operator("[") ||
      is_operator("{");
  if (is_operator("(")) {
    PARETO_TRY(made->args, call_args());
  } else if (starts_argument) {
    if (is_name("is")) return error(token.line, "You cannot chain multiple tests with is");
    PARETO_TRY(ExprPtr argument, primary());
    PARETO_TRY(argument, postfix(std::move(argument)));
    made->args.positional.push_back(std::move(argument));
  }
  if (!soft_ && !is_test(made->name)) return error(line, "No test named '{}'.", made->name);
  PARETO_TRY(made, finish(std::move(made)));
  if (!negated) return made;
  return node(Kind::kUnary, line, "not", std::move(made));
}

}  // namespace pareto::jinja
