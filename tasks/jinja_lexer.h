// Template text → tokens, with the white-space rules of Jinja2 3.1 (signs on tags, trim_blocks, lstrip_blocks).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tasks/jinja.h"

namespace pareto::jinja {

struct Token {
  enum class Type {
    kData,
    kVariableBegin,
    kVariableEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };
  Type type;
  int line;
  std::string text;  // of a string: unescaped; of a number: its digits without "_"
};

// "end of print statement", or the text of a name or operator: as error messages call a token.
std::string describe(const Token& token);

// All tokens, kEnd last. Errors: kInvalid, "line 3: …".
Result<std::vector<Token>> tokenize(std::string_view text, const Options& options);

}  // namespace pareto::jinja
