#include "tasks/jinja_parser.h"

#include <algorithm>

namespace pareto::jinja {
namespace {

using Type = Token::Type;
using Kind = Stmt::Kind;

constexpr int kMaxBlocks = 60;  // of nested blocks

std::unique_ptr<Stmt> make_statement(Kind kind, int line) {
  auto made = std::make_unique<Stmt>();
  made->kind = kind;
  made->line = line;
  return made;
}

// Sets a variable for the time of a scope.
template <class T>
class Restore {
 public:
  Restore(T* variable, T value) : variable_(variable), old_(*variable) { *variable = value; }
  ~Restore() { *variable_ = old_; }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T* variable_;
  T old_;
};

bool is_assignable(const Expr& target) {
  if (target.kind == Expr::Kind::kTuple) {
    return std::all_of(target.kids.begin(), target.kids.end(), [](const auto& kid) { return is_assignable(*kid); });
  }
  return target.kind == Expr::Kind::kName || target.kind == Expr::Kind::kNamespaceTarget;
}

bool assigns(const Expr& target, std::string_view name) {
  if (target.kind == Expr::Kind::kName) return target.name == name;
  return target.kind == Expr::Kind::kTuple &&
         std::any_of(target.kids.begin(), target.kids.end(), [&](const auto& kid) { return assigns(*kid, name); });
}

std::string quoted(const std::vector<std::string_view>& tags) {
  std::string out;
  for (const auto tag : tags) out += fmt::format("{}'{}'", out.empty() ? "" : " or ", tag);
  return out;
}

}  // namespace

Result<Program> Parser::run() {
  Program program;
  PARETO_TRY(program.body, body({}));
  return program;
}

tl::unexpected<Error> Parser::unknown_tag(const Token& tag) const {
  std::string message =
      tag.type == Type::kEnd ? "Unexpected end of template." : fmt::format("Encountered unknown tag '{}'.", tag.text);
  if (!ends_.empty()) message += fmt::format(" Looking for {}.", quoted(*ends_.back()));
  if (!open_.empty()) message += fmt::format(" The innermost block that needs to be closed is '{}'.", open_.back());
  return error(tag.line, "{}", message);
}

Status Parser::expect_block_end() {
  if (current().type != Type::kBlockEnd) {
    return error(current().line, "expected token 'end of statement block', got '{}'", describe(current()));
  }
  skip();
  return {};
}

Result<Body> Parser::body(const std::vector<std::string_view>& ends) {
  if (ends_.size() >= static_cast<std::size_t>(kMaxBlocks)) {
    return error(current().line, "more than {} blocks within each other", kMaxBlocks);
  }
  if (!ends.empty()) ends_.push_back(&ends);
  Body body;
  while (current().type != Type::kEnd) {
    const Token& token = current();
    if (token.type == Type::kData) {
      auto text = make_statement(Kind::kText, token.line);
      text->text = token.text;
      body.push_back(std::move(text));
      skip();
    } else if (token.type == Type::kVariableBegin) {
      auto output = make_statement(Kind::kOutput, token.line);
      skip();
      PARETO_TRY(ExprPtr value, tuple(Conditions::kAllowed));
      output->exprs.push_back(std::move(value));
      if (current().type != Type::kVariableEnd) {
        return error(current().line, "expected token 'end of print statement', got '{}'", describe(current()));
      }
      skip();
      body.push_back(std::move(output));
    } else {
      skip();  // the begin of a tag: inside of a body there is nothing else
      if (current().type == Type::kName && std::find(ends.begin(), ends.end(), current().text) != ends.end()) {
        ends_.pop_back();
        return body;
      }
      PARETO_TRY(auto made, statement());
      body.push_back(std::move(made));
      PARETO_CHECK_OK(expect_block_end());
    }
  }
  if (!ends.empty()) return unknown_tag(current());
  return body;
}

Result<Body> Parser::block(const std::vector<std::string_view>& ends) {
  skip_operator(":");
  PARETO_CHECK_OK(expect_block_end());
  return body(ends);
}

Result<std::unique_ptr<Stmt>> Parser::statement() {
  const Token tag = current();
  if (tag.type != Type::kName) return error(tag.line, "tag name expected");
  using Reader = Result<StmtPtr> (Parser::*)();
  static constexpr std::pair<std::string_view, Reader> kReaders[] = {
      {"if", &Parser::if_statement},       {"for", &Parser::for_statement},     {"set", &Parser::set_statement},
      {"macro", &Parser::macro_statement}, {"call", &Parser::call_statement},   {"filter", &Parser::filter_statement},
      {"with", &Parser::with_statement},   {"print", &Parser::print_statement},
  };
  for (const auto& [name, reader] : kReaders) {
    if (name != tag.text) continue;
    skip();
    open_.push_back(name);
    auto made = (this->*reader)();
    if (made) {
      open_.pop_back();
      (*made)->line = tag.line;
    }
    return made;
  }
  return special_statement(tag.text, tag.line);
}

Result<std::unique_ptr<Stmt>> Parser::special_statement(const std::string& tag, int line) {
  const bool is_chat = options_.dialect == Dialect::kChat;
  if (is_chat && (tag == "break" || tag == "continue")) {
    if (loops_ == 0) return error(line, "'{}' outside loop", tag);
    skip();
    return make_statement(tag == "break" ? Kind::kBreak : Kind::kContinue, line);
  }
  if (is_chat && tag == "generation") {
    skip();
    auto made = make_statement(Kind::kGeneration, line);
    const Restore loops(&loops_, 0);
    const Restore soft(&soft_, false);
    open_.push_back("generation");
    PARETO_TRY(Body inner, block({"endgeneration"}));
    open_.pop_back();
    skip();
    made->bodies.push_back(std::move(inner));
    return made;
  }
  for (const char* known : {"block", "extends", "include", "import", "from", "autoescape"}) {
    if (tag == known) return unsupported(line, "{{% {} %}}", tag);
  }
  return unknown_tag(current());
}

Result<std::unique_ptr<Stmt>> Parser::if_statement() {
  auto made = make_statement(Kind::kIf, current().line);
  const Restore soft(&soft_, true);
  static const std::vector<std::string_view> kEnds = {"elif", "else", "endif"}, kLast = {"endif"};
  while (true) {
    PARETO_TRY(ExprPtr condition, tuple(Conditions::kNone));
    made->exprs.push_back(std::move(condition));
    PARETO_TRY(Body inner, block(kEnds));
    made->bodies.push_back(std::move(inner));
    const std::string end = current().text;
    skip();
    if (end == "endif") return made;
    if (end == "elif") continue;
    PARETO_TRY(Body otherwise, block(kLast));
    made->bodies.push_back(std::move(otherwise));
    skip();
    return made;
  }
}

Result<std::unique_ptr<Stmt>> Parser::for_statement() {
  auto made = make_statement(Kind::kFor, current().line);
  PARETO_TRY(ExprPtr item, target(Namespaces::kNone, "in"));
  if (assigns(*item, "loop")) {
    return error(item->line, "Can't assign to special loop variable in for-loop target");
  }
  made->targets.push_back(std::move(item));
  if (!skip_name("in")) return error(current().line, "expected token 'in', got '{}'", describe(current()));
  PARETO_TRY(ExprPtr iterable, tuple(Conditions::kNone, "recursive"));
  made->exprs.push_back(std::move(iterable));
  const Restore soft(&soft_, false);
  ExprPtr condition;
  if (skip_name("if")) {
    PARETO_TRY(condition, expression());
  }
  made->exprs.push_back(std::move(condition));
  if (is_name("recursive")) return unsupported(current().line, "recursive loops");
  static const std::vector<std::string_view> kEnds = {"endfor", "else"}, kLast = {"endfor"};
  ++loops_;
  PARETO_TRY(Body inner, block(kEnds));
  --loops_;
  made->bodies.push_back(std::move(inner));
  const bool has_else = current().text == "else";
  skip();
  if (has_else) {
    PARETO_TRY(Body otherwise, block(kLast));
    made->bodies.push_back(std::move(otherwise));
    skip();
  }
  return made;
}

Result<ExprPtr> Parser::single_target(Namespaces namespaces) {
  const Token token = current();
  if (namespaces == Namespaces::kAllowed && token.type == Type::kName && next().type == Type::kOperator &&
      next().text == ".") {
    skip();
    skip();
    PARETO_TRY(std::string attribute, expect_name());
    ExprPtr name = make(Expr::Kind::kName, token.line, token.text);
    return node(Expr::Kind::kNamespaceTarget, token.line, std::move(attribute), std::move(name));
  }
  PARETO_TRY(ExprPtr value, primary());
  if (!is_assignable(*value)) return error(token.line, "can't assign to '{}'", describe(token));
  return value;
}

Result<ExprPtr> Parser::target(Namespaces namespaces, std::string_view end) {
  ExprPtr made = make(Expr::Kind::kTuple, current().line);
  bool is_tuple = false;
  while (true) {
    if (!made->kids.empty() && !skip_operator(",")) break;
    if (current().type == Type::kBlockEnd || is_operator(")") || (!end.empty() && is_name(end))) break;
    PARETO_TRY(ExprPtr item, single_target(namespaces));
    made->kids.push_back(std::move(item));
    if (!is_operator(",")) break;
    is_tuple = true;
  }
  if (made->kids.empty()) return error(current().line, "Expected an expression, got '{}'", describe(current()));
  if (!is_tuple) return std::move(made->kids[0]);
  return finish(std::move(made));
}

Result<std::unique_ptr<Stmt>> Parser::set_statement() {
  auto made = make_statement(Kind::kSet, current().line);
  PARETO_TRY(ExprPtr variable, target(Namespaces::kAllowed));
  if (loops_ > 0 && assigns(*variable, "loop")) {
    return error(variable->line, "Can't assign to special loop variable in for-loop target");
  }
  made->targets.push_back(std::move(variable));
  if (skip_operator("=")) {
    PARETO_TRY(ExprPtr value, tuple(Conditions::kAllowed));
    made->exprs.push_back(std::move(value));
    return made;
  }
  made->kind = Kind::kSetBlock;
  PARETO_TRY(ExprPtr filter, filters(nullptr));
  made->exprs.push_back(std::move(filter));
  const Restore soft(&soft_, false);
  static const std::vector<std::string_view> kEnds = {"endset"};
  PARETO_TRY(Body inner, block(kEnds));
  made->bodies.push_back(std::move(inner));
  skip();
  return made;
}

Status Parser::signature(Stmt* statement) {
  PARETO_CHECK_OK(expect_operator("("));
  while (!is_operator(")")) {
    if (!statement->params.empty()) PARETO_CHECK_OK(expect_operator(","));
    const int line = current().line;
    Param param;
    PARETO_TRY(param.name, expect_name());
    if (param.name == "caller" || param.name == "varargs" || param.name == "kwargs") {
      return unsupported(line, "a macro parameter named {}", param.name);
    }
    for (const auto& other : statement->params) {
      if (other.name == param.name) return error(line, "duplicate argument '{}' in macro definition", param.name);
    }
    if (skip_operator("=")) {
      PARETO_TRY(param.fallback, expression());
    } else if (!statement->params.empty() && statement->params.back().fallback != nullptr) {
      return error(line, "non-default argument follows default argument");
    }
    statement->params.push_back(std::move(param));
  }
  skip();
  return {};
}

Status Parser::macro_body(Stmt* statement, std::string_view end) {
  const Restore loops(&loops_, 0);
  const Restore soft(&soft_, false);
  const std::size_t begin = at_;
  PARETO_TRY(Body inner, block({end}));
  statement->bodies.push_back(std::move(inner));
  statement->uses_caller = std::any_of(
      tokens_.begin() + static_cast<std::ptrdiff_t>(begin), tokens_.begin() + static_cast<std::ptrdiff_t>(at_),
      [](const Token& token) { return token.type == Type::kName && token.text == "caller"; });
  skip();
  return {};
}

Result<std::unique_ptr<Stmt>> Parser::macro_statement() {
  auto made = make_statement(Kind::kMacro, current().line);
  PARETO_TRY(made->text, expect_name());
  const Restore soft(&soft_, false);
  PARETO_CHECK_OK(signature(made.get()));
  PARETO_CHECK_OK(macro_body(made.get(), "endmacro"));
  return made;
}

Result<std::unique_ptr<Stmt>> Parser::call_statement() {
  auto made = make_statement(Kind::kCallBlock, current().line);
  if (is_operator("(")) PARETO_CHECK_OK(signature(made.get()));
  PARETO_TRY(ExprPtr call, expression());
  if (call->kind != Expr::Kind::kCall) return error(made->line, "expected call");
  made->exprs.push_back(std::move(call));
  PARETO_CHECK_OK(macro_body(made.get(), "endcall"));
  return made;
}

Result<std::unique_ptr<Stmt>> Parser::filter_statement() {
  auto made = make_statement(Kind::kFilterBlock, current().line);
  PARETO_TRY(ExprPtr filter, filter_call(nullptr));
  PARETO_TRY(filter, filters(std::move(filter)));
  made->exprs.push_back(std::move(filter));
  const Restore soft(&soft_, false);
  static const std::vector<std::string_view> kEnds = {"endfilter"};
  PARETO_TRY(Body inner, block(kEnds));
  made->bodies.push_back(std::move(inner));
  skip();
  return made;
}

Result<std::unique_ptr<Stmt>> Parser::with_statement() {
  auto made = make_statement(Kind::kWith, current().line);
  while (current().type != Type::kBlockEnd) {
    if (!made->targets.empty()) PARETO_CHECK_OK(expect_operator(","));
    PARETO_TRY(ExprPtr variable, single_target(Namespaces::kNone));
    if (!skip_operator("=")) return error(current().line, "expected token '=', got '{}'", describe(current()));
    PARETO_TRY(ExprPtr value, expression());
    made->targets.push_back(std::move(variable));
    made->exprs.push_back(std::move(value));
  }
  const Restore soft(&soft_, false);
  static const std::vector<std::string_view> kEnds = {"endwith"};
  PARETO_TRY(Body inner, block(kEnds));
  made->bodies.push_back(std::move(inner));
  skip();
  return made;
}

Result<std::unique_ptr<Stmt>> Parser::print_statement() {
  auto made = make_statement(Kind::kOutput, current().line);
  while (current().type != Type::kBlockEnd) {
    if (!made->exprs.empty()) PARETO_CHECK_OK(expect_operator(","));
    PARETO_TRY(ExprPtr value, expression());
    made->exprs.push_back(std::move(value));
  }
  return made;
}

}  // namespace pareto::jinja
