// Tokens → tree: the grammar of Jinja2 3.1, and what of it is refused.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tasks/jinja.h"
#include "tasks/jinja_ast.h"
#include "tasks/jinja_lexer.h"

namespace pareto::jinja {

// Statements are read here, expressions in the base (jinja_expressions.cc).
class ExpressionParser {
 protected:
  ExpressionParser(std::vector<Token> tokens, const Options& options) : tokens_(std::move(tokens)), options_(options) {}

  enum class Conditions { kAllowed, kNone };  // may "a if b else c" stand here without parentheses?
  enum class Parentheses { kNone, kOpen };    // "()" is an empty tuple inside of parentheses alone
  // `end`: a name that ends the list beside ")", "%}" and "}}" ("in" of a for loop).
  Result<ExprPtr> tuple(Conditions conditions, std::string_view end = "", Parentheses parentheses = Parentheses::kNone);
  Result<ExprPtr> expression(Conditions conditions = Conditions::kAllowed);
  Result<ExprPtr> filters(ExprPtr value);      // "|name(args)|…"; value may be null
  Result<ExprPtr> filter_call(ExprPtr value);  // "name(args)"
  Result<ExprPtr> primary();

  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  void skip() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  bool is_operator(std::string_view text) const;
  bool is_name(std::string_view text) const;
  bool skip_operator(std::string_view text);
  bool skip_name(std::string_view text);
  Status expect_operator(std::string_view text);
  Result<std::string> expect_name();

  template <class... Args>
  tl::unexpected<Error> error(int line, fmt::format_string<Args...> format, Args&&... args) const {
    return fail(Code::kInvalid, "line {}: {}", line, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  tl::unexpected<Error> unsupported(int line, fmt::format_string<Args...> format, Args&&... args) const {
    return fail(Code::kUnsupported, "line {}: not supported: {}", line,
                fmt::format(format, std::forward<Args>(args)...));
  }
  // The node with its depth; an error if the tree grew too deep.
  Result<ExprPtr> finish(ExprPtr node) const;
  static ExprPtr make(Expr::Kind kind, int line, std::string name = "");
  template <class... Kids>
  Result<ExprPtr> node(Expr::Kind kind, int line, std::string name, Kids... kids) const {
    ExprPtr made = make(kind, line, std::move(name));
    (made->kids.push_back(std::move(kids)), ...);
    return finish(std::move(made));
  }

  std::vector<Token> tokens_;
  const Options& options_;
  std::size_t at_ = 0;
  int nesting_ = 0;    // of recursive calls
  bool soft_ = false;  // within an if: an unknown filter is an error when it is reached, not before

 private:
  Result<ExprPtr> disjunction();
  Result<ExprPtr> conjunction();
  Result<ExprPtr> negation();
  Result<ExprPtr> comparison();
  Result<ExprPtr> sum();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> product();
  Result<ExprPtr> power();
  enum class Filters { kAllowed, kNone };
  Result<ExprPtr> unary(Filters filters);
  Result<ExprPtr> postfix(ExprPtr value);
  Result<ExprPtr> filter_expression(ExprPtr value);
  Result<ExprPtr> number();
  Result<ExprPtr> list();
  Result<ExprPtr> dict();
  Result<ExprPtr> subscript(ExprPtr value);
  Result<ExprPtr> subscribed(ExprPtr value, int line);
  Result<ExprPtr> test(ExprPtr value);
  Result<CallArgs> call_args();
  Result<ExprPtr> call(ExprPtr value);
  Status argument(CallArgs* args);
};

class Parser : private ExpressionParser {
 public:
  Parser(std::vector<Token> tokens, const Options& options) : ExpressionParser(std::move(tokens), options) {}
  Result<Program> run();

 private:
  using StmtPtr = std::unique_ptr<Stmt>;
  // Statements up to one of the tags in `ends` (none: the end of the text); that tag's name is left current.
  Result<Body> body(const std::vector<std::string_view>& ends);
  // ":"?, the end of the tag that is open, a body, and the name of the tag that ends it.
  Result<Body> block(const std::vector<std::string_view>& ends);
  Result<StmtPtr> statement();
  Result<StmtPtr> special_statement(const std::string& tag, int line);
  Result<StmtPtr> if_statement();
  Result<StmtPtr> for_statement();
  Result<StmtPtr> set_statement();
  Result<StmtPtr> macro_statement();
  Result<StmtPtr> call_statement();
  Result<StmtPtr> filter_statement();
  Result<StmtPtr> with_statement();
  Result<StmtPtr> print_statement();
  Status signature(Stmt* statement);
  // The body of a macro or call block up to the tag `end`, which is taken.
  Status macro_body(Stmt* statement, std::string_view end);
  enum class Namespaces { kAllowed, kNone };
  Result<ExprPtr> target(Namespaces namespaces, std::string_view end = "");
  Result<ExprPtr> single_target(Namespaces namespaces);
  Status expect_block_end();
  tl::unexpected<Error> unknown_tag(const Token& tag) const;

  std::vector<std::string_view> open_;                      // the tags that are open, outermost first
  std::vector<const std::vector<std::string_view>*> ends_;  // what would end them
  int loops_ = 0;                                           // for loops around this place, within one macro
};

// Known to Jinja2, whether we have it or not.
bool is_filter(std::string_view name, Dialect dialect);
bool is_test(std::string_view name);

}  // namespace pareto::jinja
