// Goldens: CPython 3.11.7 (the RNG ones also stand in the evaluation-task reference), NumPy's legacy generator.
#include "tasks/python.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "core/hash.h"
#include "tasks/python_text.h"
#include "tasks/value.h"

namespace pareto::python {
namespace {

using Ints = std::vector<std::int64_t>;

Value json(std::string_view text) { return value_from_json(text).value(); }

TEST(PythonRandom, SampleGoldens) {
  Random gsm8k(1234);
  EXPECT_EQ(gsm8k.sample(7473, 5), (Ints{6374, 3610, 957, 61, 742}));
  EXPECT_EQ(gsm8k.sample(7473, 5), (Ints{7462, 6610, 4769, 286, 5501}));
  EXPECT_EQ(gsm8k.sample(7473, 5), (Ints{5677, 687, 806, 6279, 2905}));
  EXPECT_EQ(Random(1234).sample(1119, 25), (Ints{902, 239, 15,  185, 71,  171, 201, 726,  484, 35,  63,  32,  708,
                                                 991, 949, 304, 186, 374, 234, 29,  1030, 996, 511, 132, 1108}));
  EXPECT_EQ(Random(1234).sample(2251, 25), (Ints{1805, 478,  30,  371, 143, 343, 403, 1452, 969,  71,   126, 64,  1417,
                                                 1983, 1898, 608, 373, 749, 468, 59,  2060, 1993, 1023, 264, 2216}));
  EXPECT_EQ(Random(1234).sample(4957, 5), (Ints{3610, 957, 61, 742, 4769}));
  EXPECT_EQ(Random(1234).sample(39905, 11),
            (Ints{28883, 7657, 490, 5940, 38156, 2288, 5500, 6450, 23241, 15519, 1142}));
  EXPECT_EQ(Random(1234).sample(40398, 6), (Ints{28883, 7657, 490, 5940, 38156, 2288}));
  EXPECT_EQ(Random(7).sample(10, 10), (Ints{5, 2, 6, 9, 0, 7, 4, 1, 3, 8}));  // by the pool of indices
  EXPECT_EQ(Random(7).sample(100, 6), (Ints{41, 19, 50, 83, 6, 9}));          // by the set: 100 > 21 + 64
}

TEST(PythonRandom, OtherDraws) {
  Random words(42);
  EXPECT_EQ(words.getrandbits(32), 2746317213u);
  EXPECT_EQ(words.getrandbits(32), 478163327u);
  EXPECT_EQ(words.getrandbits(32), 107420369u);
  Random numbers(42);
  for (const std::int64_t want : {2867825, 1419610, 5614226}) EXPECT_EQ(numbers.randint(1000000, 9999999), want);
  EXPECT_EQ(Random(42).uuid4(), "bdd640fb-0667-4ad1-9c80-317fa3b1799d");
  Ints ten{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, four{0, 1, 2, 3};
  Random(42).shuffle(&ten);
  Random(42).shuffle(&four);
  EXPECT_EQ(ten, (Ints{7, 3, 2, 8, 5, 6, 9, 4, 0, 1}));
  EXPECT_EQ(four, (Ints{2, 1, 3, 0}));
  EXPECT_EQ(Random(42).sample(40, 4), (Ints{7, 1, 17, 15}));
  Random letters(42);
  for (const char* want : {"QAHFT", "RXCKA"}) {
    std::string got;
    for (const auto i : letters.choices(26, 5)) got.push_back(static_cast<char>('A' + i));
    EXPECT_EQ(got, want);
  }
  Random negative(-5);
  for (const std::uint64_t want : {2675342405u, 1097127993u, 3185950873u}) EXPECT_EQ(negative.getrandbits(32), want);
  EXPECT_EQ(negative.getrandbits(64), 14668732198480837564u);
  EXPECT_EQ(negative.random(), 0.6904468457583358);
  EXPECT_EQ(Random((std::int64_t{1} << 40) + 3).getrandbits(32), 943978446u);  // two limbs
}

TEST(PythonRandom, Numpy) {
  NumpyRandom a(42), b(1234);
  for (const std::int64_t want : {25795, 10860, 86820, 64886, 16265, 92386}) EXPECT_EQ(a.randint(10000, 99999), want);
  for (const std::int64_t want : {68067, 44086, 70620, 99460, 92584, 42399}) EXPECT_EQ(b.randint(10000, 99999), want);
}

// sha256 over f of every character of the basic plane (but for surrogates and two that Unicode 15 added).
template <class F>
std::string hash_of_characters(F f) {
  Sha256 hash;
  for (char32_t c = 0; c < 0x10000; ++c) {
    if ((c >= 0xD800 && c < 0xE000) || c == 0xCF3 || c == 0xECE) continue;
    std::string s;
    encode(c, &s);
    hash.update(f(s, c));
  }
  return hash.hex();
}

TEST(PythonText, EveryCharacter) {
  const auto by_text = [](std::string (*f)(std::string_view)) {
    return hash_of_characters([f](const std::string& s, char32_t) { return f(s); });
  };
  const auto by_class = [](bool (*f)(char32_t)) {
    return hash_of_characters([f](const std::string&, char32_t c) { return f(c) ? "1" : "0"; });
  };
  EXPECT_EQ(by_text(lower), "1a8c5e4c6229ae10b92c5627397b21c1bc70a5569429b68acefb6186abfc522f");
  EXPECT_EQ(by_text(upper), "61530a7cab32e6676f3aa959372cbde44b71d3b0568054a3d424caf07dcdebee");
  EXPECT_EQ(by_text(title), "2cc8ad095f8fa06e41e6e97c49583945189a89c241980bc1651550e8fef7b48a");
  EXPECT_EQ(hash_of_characters([](const std::string& s, char32_t) { return capitalize("a" + s + "B"); }),
            "2641f1312f5ff57726b8a0c7020fec6f9f41a076d89748493be0e25639d700da");
  EXPECT_EQ(by_class(is_digit), "4cf7ea532524f702c52a488503b20467de1c5d019e1e2ca82eab7bd3936ef2e6");
  EXPECT_EQ(by_class(is_alpha), "009674e9e0d322386b677d59326f45ba2ca7eef2ea1538b7bcd5696037488f3e");
  EXPECT_EQ(hash_of_characters([](const std::string& s, char32_t) { return text_repr(s); }),
            "d316deaacf9b536b14a64532039de20e9c80f2d8a693c2689fd3d26288519cde");
}

TEST(PythonText, CaseInContext) {
  EXPECT_EQ(lower("ΑΣ ὈΔΥΣΣΕΎΣ Σ"), "ας ὀδυσσεύς σ");
  EXPECT_EQ(lower("aΣ.b"), "aσ.b");
  EXPECT_EQ(lower("aΣ'"), "aς'");
  EXPECT_EQ(title("they're bill's ﬁx ǆ"), "They'Re Bill'S Fix ǅ");
  EXPECT_EQ(capitalize("ÉCOLE ß"), "École ß");
  EXPECT_EQ(capitalize(""), "");
}

TEST(PythonText, Strip) {
  EXPECT_EQ(strip("\u00a0\u3000 a b\u2028\x1c\n"), "a b");
  EXPECT_EQ(rstrip(" a\u0085"), " a");
  EXPECT_EQ(lstrip("\u200b a"), "\u200b a");  // zero width space is no white space
  EXPECT_EQ(strip("éaé", "é"), "a");
  EXPECT_EQ(rstrip("a\xff\xff", "\xff"), "a");
  EXPECT_EQ(strip(""), "");
  EXPECT_EQ(length("a\u00e9\u3000\U0001F600\xff"), 5);
}

TEST(PythonText, SplitAndReplace) {
  using Views = std::vector<std::string_view>;
  EXPECT_EQ(split("a\n#### 18", "####"), (Views{"a\n", " 18"}));
  EXPECT_EQ(split("aXXbXXXc", "XX"), (Views{"a", "b", "Xc"}));
  EXPECT_EQ(split("", ","), (Views{""}));
  EXPECT_EQ(split("a,b,c", ",", 1), (Views{"a", "b,c"}));
  EXPECT_EQ(rsplit("a,b,,c", ",", 2), (Views{"a,b", "", "c"}));
  EXPECT_EQ(split_space(" a b c ", 1), (Views{"a", "b c "}));
  EXPECT_EQ(split_space(" \u3000 "), Views{});
  EXPECT_EQ(rsplit_space("a b  c ", 1), (Views{"a b", "c"}));
  EXPECT_EQ(split_lines("x\r\ny\x0bz\u2028w\n"), (Views{"x", "y", "z", "w"}));
  EXPECT_EQ(replace("aaa", "aa", "b"), "ba");
  EXPECT_EQ(replace("né", "", "-"), "-n-é-");
  EXPECT_EQ(replace("né", "", "-", 2), "-n-é");
  EXPECT_EQ(without_punctuation("it's 3,000 (ok)—yes."), "its 3000 ok—yes");
}

TEST(PythonPrint, Floats) {
  for (const auto& [number, want] :
       std::vector<std::pair<double, const char*>>{{0.0, "0.0"},
                                                   {-0.0, "-0.0"},
                                                   {1.0, "1.0"},
                                                   {1e16, "1e+16"},
                                                   {123456789012345680.0, "1.2345678901234568e+17"},
                                                   {9999999999999998.0, "9999999999999998.0"},
                                                   {1e-4, "0.0001"},
                                                   {1e-5, "1e-05"},
                                                   {0.1, "0.1"},
                                                   {5e-324, "5e-324"},
                                                   {1e100, "1e+100"},
                                                   {-2.5, "-2.5"},
                                                   {1e22, "1e+22"},
                                                   {INFINITY, "inf"},
                                                   {NAN, "nan"}}) {
    EXPECT_EQ(float_repr(number), want);
  }
  Sha256 hash;  // 20,000 random bit patterns: shortest digits and the form they are written in
  Random r(5);
  for (int i = 0; i < 20000; ++i) hash.update(float_repr(std::bit_cast<double>(r.getrandbits(64))) + "\n");
  EXPECT_EQ(hash.hex(), "d3ca3e860055854c43cfb04de4932c877c6b00637a2adaced5682651f2fceeda");
}

TEST(PythonPrint, StrAndRepr) {
  EXPECT_EQ(repr(json(R"([1, 2.5, true, null, "it's", "a\"b'c", "\u00ad\u0000\u2028\udb40\udc01é", {"k": []}, {}])")),
            R"([1, 2.5, True, None, "it's", 'a"b\'c', '\xad\x00\u2028\U000e0001é', {'k': []}, {}])");
  EXPECT_EQ(str(Value::tuple({Value(1)})), "(1,)");
  EXPECT_EQ(str(Value::tuple({Value("a"), Value(true)})), "('a', True)");
  EXPECT_EQ(str(Value("it's")), "it's");
  EXPECT_EQ(str(Value::undefined("x")), "");
  std::string out;
  EXPECT_FALSE(append_repr(json("[\"aaaaaaaaaaaaaaaaaaaa\"]"), 10, &out));
}

TEST(PythonPrint, Json) {
  const Value v =
      json(R"({"a": [1, 2.0, null, true, "é\u2028\u007f\"\\\n\u0001😀", [], {}], "b": {"c": 0.0000001, "a": -0.0}})");
  JsonStyle hashed;
  hashed.indent = 2;
  hashed.text = JsonStyle::Text::kRaw;
  EXPECT_EQ(json_dumps(v, hashed).value(),
            "{\n  \"a\": [\n    1,\n    2.0,\n    null,\n    true,\n    \"é\u2028\x7f\\\"\\\\\\n\\u0001😀\",\n    [],\n"
            "    {}\n  ],\n  \"b\": {\n    \"c\": 1e-07,\n    \"a\": -0.0\n  }\n}");
  EXPECT_EQ(
      json_dumps(v).value(),
      R"({"a": [1, 2.0, null, true, "\u00e9\u2028\u007f\"\\\n\u0001\ud83d\ude00", [], {}], "b": {"c": 1e-07, "a": -0.0}})");
  JsonStyle sorted;
  sorted.keys = JsonStyle::Keys::kSorted;
  EXPECT_EQ(json_dumps(*v.get("b"), sorted).value(), R"({"a": -0.0, "c": 1e-07})");
  EXPECT_EQ(json_dumps(Value::dict({{Value(1), Value(NAN)}, {Value(), Value(true)}})).value(),
            R"({"1": NaN, "null": true})");
  const auto refused = json_dumps(Value::undefined("x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "Object of type Undefined is not JSON serializable");
}

TEST(Value, Json) {
  const Value v = json(R"({"b": 1, "a": [1.5, "x"], "b": 2})");
  EXPECT_EQ(repr(v), "{'b': 2, 'a': [1.5, 'x']}");  // the last of equal keys wins, in the first one's place
  for (const auto& [text, want] : std::vector<std::pair<const char*, const char*>>{
           {"{\"a\": tru}", "column 10: syntax error"},
           {"{\"é\": }", "column 7: syntax error"},
           {"{\n \"a\" 1}", "line 2, column 6: syntax error"},
           {"[18446744073709551615]", "integer 18446744073709551615 is beyond 64 bits"},
           {"[123456789012345678901234567890]", "integer 123456789012345678901234567890 is beyond 64 bits"},
           {"\"\xff\"", "column 2: syntax error"},
           {"", "column 1: syntax error"},
           {"1 2", "column 3: syntax error"}}) {
    const auto got = value_from_json(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().message.substr(0, std::string_view(want).size()), want);
    EXPECT_EQ(got.error().code, Code::kInvalid);
  }
  EXPECT_FALSE(value_from_json(std::string(100000, '[')));
  EXPECT_EQ(json("-9223372036854775808").integer(), INT64_MIN);
}

TEST(Value, Equality) {
  EXPECT_TRUE(equal(Value(1), Value(1.0)));
  EXPECT_TRUE(equal(Value(true), Value(1)));
  EXPECT_FALSE(equal(Value(INT64_MAX), Value(9223372036854775808.0)));
  EXPECT_FALSE(equal(Value("1"), Value(1)));
  EXPECT_TRUE(equal(json(R"({"a": [1], "b": 2})"), json(R"({"b": 2, "a": [1.0]})")));
  EXPECT_FALSE(equal(Value::tuple({Value(1)}), Value::list({Value(1)})));
}

TEST(Value, DeepNestingDies) {
  Value v;
  for (int i = 0; i < 1000000; ++i) v = Value::list({v});
  v = Value();  // must not overflow the stack
  EXPECT_TRUE(v.is_none());
}

}  // namespace
}  // namespace pareto::python
