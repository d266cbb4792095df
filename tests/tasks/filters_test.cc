// Python's regular expressions on RE2, and lm-eval's filters.
#include "tasks/filters.h"

#include <gtest/gtest.h>

namespace pareto {
namespace {

PythonRegex compile(std::string_view pattern) {
  auto regex = PythonRegex::compile(pattern);
  EXPECT_TRUE(regex) << (regex ? "" : regex.error().message);
  return *regex;
}

std::string filtered(const std::vector<Filter>& steps, std::vector<std::string> responses) {
  return FilterChain{"x", steps}.apply(std::move(responses));
}

TEST(PythonRegex, FindAllGivesGroupsAsPythonDoes) {
  using Matches = std::vector<std::vector<std::string_view>>;
  EXPECT_EQ(compile("a.").find_all("abacad"), (Matches{{"ab"}, {"ac"}, {"ad"}}));
  EXPECT_EQ(compile("a(.)").find_all("abac"), (Matches{{"b"}, {"c"}}));
  EXPECT_EQ(compile("(a)|(b)").find_all("ab"), (Matches{{"a", ""}, {"", "b"}}));
  EXPECT_EQ(compile("x*").find_all("axé"), (Matches{{""}, {"x"}, {""}, {""}}));  // re.findall('x*', 'axé')
  EXPECT_TRUE(compile("z").find_all("abc").empty());
}

TEST(PythonRegex, FinalDollarLooksPastOneNewline) {
  EXPECT_EQ(compile(R"(\.$)").remove("7.\n"), "7\n");
  EXPECT_EQ(compile(R"(\.$)").remove("7.\n\n"), "7.\n\n");
  EXPECT_EQ(compile(R"(\.$)").remove("7."), "7");
  EXPECT_EQ(compile(R"(\s+$)").remove("7 \n"), "7");
  EXPECT_EQ(compile(R"(.*?$)").find_all("ab\n").front().front(), "ab");
  EXPECT_EQ(compile(R"(\.$)").groups(), 0);
}

TEST(PythonRegex, ClassesAreUnicode) {
  EXPECT_EQ(compile(R"(\s+)").remove("x\u00a0\u3000 y\x1c"), "xy");
  EXPECT_EQ(compile(R"([\s,]+)").remove("x\u2003,y"), "xy");
  EXPECT_EQ(compile(R"([^\s])").remove("a\u00a0b"), "\u00a0");
  EXPECT_EQ(compile(R"([\S])").remove("a\u00a0\u20ac"), "\u00a0");
  EXPECT_EQ(compile(R"(\d)").remove("a1٣３"), "a");
  EXPECT_EQ(compile(R"(\w)").remove("é_1-!"), "-!");
  EXPECT_EQ(compile(R"(\W)").remove("é_1-!"), "é_1");
  EXPECT_EQ(compile("[]a]").remove("]ab"), "b");
  EXPECT_EQ(compile("[$]").remove("$5"), "5");
}

TEST(PythonRegex, LooksAheadAtTheEnd) {
  using Found = std::vector<std::vector<std::string_view>>;
  EXPECT_EQ(compile(R"(^(.*?)(?=\n|$))").find_all("one\ntwo"), (Found{{"one"}}));
  EXPECT_EQ(compile(R"(^(.*?)(?=\n|$))").find_all("one"), (Found{{"one"}}));
  EXPECT_EQ(compile(R"(^(.*?)(?=\n|$))").find_all(""), (Found{{""}}));
  EXPECT_EQ(compile("a(?=b)").find_all("abaab"), (Found{{"a"}, {"a"}}));  // what is looked at is not taken
  EXPECT_EQ(compile("a(?=a)").replace("aaa", "x"), "xxa");
}

TEST(PythonRegex, ReplacesWithGroups) {
  EXPECT_EQ(compile(R"(\(\s*([^\)]*?)\s*\))").replace("f ( a b ) ( c)", R"((\1))"), "f (a b) (c)");
  EXPECT_EQ(compile("(x)(y)?").replace("xxy", R"([\2\1]\)"), R"([x]\[yx]\)");
}

TEST(PythonRegex, DotStopsAtNewlineUnlessAsked) {
  EXPECT_EQ(compile("(?s).*#### ").remove("a\nb\n#### 7"), "7");
  EXPECT_EQ(compile(".*#### ").remove("a\nb\n#### 7"), "a\nb\n7");
}

TEST(PythonRegex, RefusesWhatItCannotExpress) {
  for (const char* pattern : {"(?=a)b", "a(?=(b))", "(?<=a)b", R"((a)\1)", R"(\bx)", "a$b", R"([\W])"}) {
    const auto regex = PythonRegex::compile(pattern);
    ASSERT_FALSE(regex) << pattern;
    EXPECT_NE(regex.error().message.find(pattern), std::string::npos) << regex.error().message;
  }
}

TEST(Filters, RegexSelectsMatchAndGroup) {
  const std::string flexible = "(-?[$0-9.,]{2,})|(-?[0-9]+)";
  EXPECT_EQ(filtered({regex_filter(compile(flexible)), take_first()}, {"5 and $1,200."}), "5");
  EXPECT_EQ(filtered({regex_filter(compile(flexible), -1), take_first()}, {"5 and $1,200."}), "$1,200.");
  EXPECT_EQ(filtered({regex_filter(compile(flexible), -1), take_first()}, {"none"}), "[invalid]");
  EXPECT_EQ(filtered({regex_filter(compile(flexible), 2), take_first()}, {"5"}), "[invalid]");
  EXPECT_EQ(filtered({regex_filter(compile("(a?)(b?)")), take_first()}, {"x"}), "[invalid]");  // all groups empty
  EXPECT_EQ(filtered({regex_filter(compile("is(.*)")), take_first()}, {"is \u00a07 "}), "7");
}

TEST(Filters, VoteCountsAndFirstSeenWins) {
  EXPECT_EQ(filtered({majority_vote(), take_first()}, {"b", "a", "a", "b", "c"}), "b");
  EXPECT_EQ(filtered({take_first_k(3), majority_vote(), take_first()}, {"b", "a", "a", "b", "b"}), "a");
}

TEST(Filters, TextChanges) {
  EXPECT_EQ(filtered({remove_whitespace(), take_first()}, {"\u2003a b\n"}), "a b");
  EXPECT_EQ(filtered({lowercase(), take_first()}, {"ÀB"}), "àb");
  EXPECT_EQ(FilterChain{}.apply({"first", "second"}), "first");
  EXPECT_EQ(FilterChain{}.apply({}), "");
}

}  // namespace
}  // namespace pareto
