// The tree of a parsed template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tasks/jinja.h"
#include "tasks/value.h"

namespace pareto::jinja {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using Body = std::vector<std::unique_ptr<Stmt>>;

// f(kids…, name=value…, *spread, **spread_named)
struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr spread, spread_named;
};

struct Expr {
  enum class Kind {
    kConst,   // value
    kName,    // name
    kTuple,   // kids
    kList,    // kids
    kDict,    // kids: key, value, key, value, …
    kUnary,   // name: "-" "+" "not"; kids[0]
    kBinary,  // name: "+" "-" "*" "/" "//" "%" "**"; kids[0], kids[1]
    kAnd,     // kids[0], kids[1]
    kOr,
    kConcat,           // kids: joined by ~
    kCompare,          // kids[0] ops[0] kids[1] ops[1] …; ops: "==" "!=" "<" "<=" ">" ">=" "in" "not in"
    kCondition,        // kids[0] if kids[1] else kids[2] (absent: null)
    kAttribute,        // kids[0].name
    kItem,             // kids[0][kids[1]]
    kSlice,            // kids[0][kids[1]:kids[2]:kids[3]], each of the three may be null
    kCall,             // kids[0](args)
    kFilter,           // kids[0]|name(args); kids[0] null: the text of a filter block
    kTest,             // kids[0] is name(args)
    kNamespaceTarget,  // kids[0]: the name; .name (assignment only)
  };
  Kind kind;
  int line;
  int depth = 1;  // of the tree below: bounded, since trees are walked recursively
  std::string name;
  Value value;
  std::vector<ExprPtr> kids;
  std::vector<std::string> ops;
  CallArgs args;
};

struct Param {
  std::string name;
  ExprPtr fallback;  // null: none
};

struct Stmt {
  enum class Kind {
    kText,         // text
    kOutput,       // exprs
    kIf,           // exprs: the conditions; bodies: one each, and one more for else
    kFor,          // target in exprs[0] if exprs[1] (may be null); bodies[0], bodies[1] for else
    kSet,          // target = exprs[0]
    kSetBlock,     // target = the text of bodies[0] through filter exprs[0] (may be null)
    kMacro,        // text: its name; params; bodies[0]
    kCallBlock,    // exprs[0]: a call; params; bodies[0] is what caller() gives
    kFilterBlock,  // exprs[0]: a filter; bodies[0]
    kWith,         // targets = exprs; bodies[0]
    kGeneration,   // bodies[0]
    kBreak,
    kContinue,
  };
  Kind kind;
  int line;
  std::string text;
  std::vector<ExprPtr> targets;  // names, tuples, namespace targets
  std::vector<ExprPtr> exprs;
  std::vector<Body> bodies;
  std::vector<Param> params;
  bool uses_caller = false;  // of a macro or call block: its body names caller
};

struct Program {
  Body body;
};

}  // namespace pareto::jinja
