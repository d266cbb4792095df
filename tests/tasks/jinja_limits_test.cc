// Templates that run away, nest too deep or are wrong end with one line that says where; nothing crashes.
#include <gtest/gtest.h>

#include "tasks/jinja.h"
#include "tasks/value.h"

namespace pareto::jinja {
namespace {

std::string outcome(std::string_view text, const Options& options) {
  const auto parsed = Template::parse(text, options);
  if (!parsed) return parsed.error().message;
  const auto rendered = parsed->render(value_from_json(R"({"n": 3, "l": [1, 2]})").value());
  return rendered ? "rendered: " + rendered->substr(0, 40) : rendered.error().message;
}

Options small() {
  Options options = task_options();
  options.limits = {.steps = 10000, .text_bytes = 10000, .all_bytes = 1000000};
  return options;
}

std::string repeated(std::string_view what, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += what;
  return text;
}

TEST(JinjaLimits, Steps) {
  EXPECT_EQ(outcome("a\n{% for i in range(1000000000) %}{% endfor %}", small()), "line 2: more than 10000 steps");
  EXPECT_EQ(outcome("{% for i in range(200) %}{% for j in range(200) %}{% endfor %}{% endfor %}", small()),
            "line 1: more than 10000 steps");
  EXPECT_EQ(outcome("{{ 7 in range(100, 100000000) }}", small()), "line 1: more than 10000 steps");
  EXPECT_EQ(outcome("{{ range(9000000000000000000)|length }}", small()), "rendered: 9000000000000000000");
}

TEST(JinjaLimits, Bytes) {
  EXPECT_EQ(outcome("{{ 'x' * 10001 }}", small()), "line 1: a value of 10001 bytes");
  EXPECT_EQ(outcome("{{ 'x' * 9000000000000000000 * 9000 }}", small()), "line 1: a value of 9000000000000000000 bytes");
  EXPECT_EQ(outcome("{{ [0] * 1000 }}", small()), "line 1: a value of more than 10000 bytes");
  EXPECT_EQ(outcome("{% for i in range(60) %}{{ 'x' * 200 }}{% endfor %}", small()),
            "line 1: more than 10000 bytes of output");
  EXPECT_EQ(outcome("{% for i in range(300) %}{% set x = 'x' * 9000 %}{% endfor %}", small()),
            "line 1: values of more than 1000000 bytes in all");
  EXPECT_EQ(outcome("{{ 'a'.replace('', 'x' * 9000).replace('a', 'y' * 9000) }}", small()),
            "line 1: a value of more than 10000 bytes");
  EXPECT_EQ(outcome("{{ 'a'.center(100000000) }}", small()), "line 1: a value of more than 10000 bytes");
  EXPECT_EQ(outcome("{{ '%99999999d' % 1 }}", small()), "line 1: not supported: a width or precision above 100000");
  // A list that holds itself twice, thirty times over, has 2^30 items when it is printed.
  EXPECT_EQ(outcome("{% set s = namespace(x=[1]) %}{% for i in range(30) %}{% set s.x = [s.x, s.x] %}{% endfor %}"
                    "{{ s.x }}",
                    small()),
            "line 1: a list that cannot be printed: too large, too deep, or with a function in it");
}

TEST(JinjaLimits, Depth) {
  const Options options = chat_options();
  EXPECT_EQ(outcome("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", options),
            "line 1: recursion deeper than 500 levels");
  EXPECT_EQ(outcome("{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}", options),
            "line 1: nested deeper than 200 levels");
  EXPECT_EQ(outcome("{{ " + repeated("not ", 5000) + "1 }}", options), "line 1: nested deeper than 200 levels");
  EXPECT_EQ(outcome("{{ " + repeated("-", 5000) + "1 }}", options), "line 1: nested deeper than 200 levels");
  EXPECT_EQ(outcome("{{ 1" + repeated(" + 1", 5000) + " }}", options), "line 1: an expression of more than 300 levels");
  EXPECT_EQ(outcome("{{ 1" + repeated(" + 1", 290) + " }}", options), "rendered: 291");
  EXPECT_EQ(outcome("{{ n" + repeated("|string", 5000) + " }}", options),
            "line 1: an expression of more than 300 levels");
  EXPECT_EQ(outcome(repeated("{% if true %}", 5000) + repeated("{% endif %}", 5000), options),
            "line 1: more than 60 blocks within each other");
  EXPECT_EQ(outcome("{{ 1" + repeated(" ~ 1", 5000) + " }}", options).substr(0, 14), "rendered: 1111");
  // Made one level at a time, a list may become deep; it then cannot be printed, and it dies without recursion.
  EXPECT_EQ(outcome("{% set s = namespace(x=[1]) %}{% for i in range(400) %}{% set s.x = [s.x] %}{% endfor %}"
                    "{{ s.x|tojson }}",
                    options),
            "line 1: JSON nested deeper than 200 levels");
}

TEST(JinjaLimits, Integers) {
  const Options options = chat_options();
  EXPECT_EQ(outcome("{{ 9223372036854775807 + 1 }}", options), "line 1: + goes beyond 64 bits");
  EXPECT_EQ(outcome("{{ 2 ** 64 }}", options), "line 1: ** goes beyond 64 bits");
  EXPECT_EQ(outcome("{{ 9223372036854775808 }}", options), "line 1: integer 9223372036854775808 is beyond 64 bits");
  EXPECT_EQ(outcome("{{ (-9223372036854775807 - 1) // -1 }}", options), "line 1: - goes beyond 64 bits");
  EXPECT_EQ(outcome("{{ (-9223372036854775807 - 1) % -1 }}", options), "rendered: 0");
  EXPECT_EQ(outcome("{{ (-9223372036854775807 - 1)|abs }}", options), "line 1: - goes beyond 64 bits");
  EXPECT_EQ(outcome("{{ l[:-9223372036854775807 - 1:-9223372036854775807 - 1] }}", options), "rendered: [2]");
  EXPECT_EQ(outcome("{{ 1e300|int }}", options), "line 1: int goes beyond 64 bits");
}

TEST(JinjaLimits, ErrorsSayWhere) {
  const Options options = chat_options();
  EXPECT_EQ(outcome("a\nb\n{{ n.x.y }}", options), "line 3: 'int object' has no attribute 'x'");
  EXPECT_EQ(outcome("a\n\n{% if n\n   is odd %}\n{{ l\n  + n }}{% endif %}", options),
            "line 5: unsupported operand type(s) for +: 'list' and 'int'");
  EXPECT_EQ(outcome("a\n{% for x in l %}\n", options),
            "line 2: Unexpected end of template. Looking for 'endfor' or 'else'. The innermost block that needs to be "
            "closed is 'for'.");
  EXPECT_EQ(outcome("\n{% import 'x' as y %}", options), "line 2: not supported: {% import %}");
  EXPECT_EQ(outcome("\n{{ l|groupby('x') }}", options), "line 2: not supported: the filter groupby");
  EXPECT_EQ(outcome("{{ l|nosuch }}", options), "line 1: No filter named 'nosuch'.");
  const auto list = Template::parse("x", options)->render(value_from_json("[]").value());
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().message, "a template's variables are a dict, not list");
}

TEST(JinjaLimits, NothingContainsItself) {
  EXPECT_EQ(outcome("{% set a = [] %}{% set b = [a] %}{% set _ = a.append({'k': b}) %}", task_options()),
            "line 1: not supported: a list that contains itself");
  EXPECT_EQ(outcome("{% set s = namespace() %}{% set s.x = {'k': (s,)} %}", task_options()),
            "line 1: not supported: a Namespace that contains itself");
  EXPECT_EQ(outcome("{% set d = {} %}{% set _ = d.update(x=d.get) %}", task_options()),
            "line 1: not supported: a dict that contains itself");
}

}  // namespace
}  // namespace pareto::jinja
