// What lm-evaluation-harness takes from Python, to the bit: random.Random, NumPy's legacy generator, str methods,
// str(), repr() and json.dumps().
//
// Definitions: CPython 3.11 and NumPy's RandomState, as eval-tasks reference goldens pin them
// (tests/tasks/python_test.cc). Text is UTF-8; an index, a length or a width counts code points. A byte that is not
// UTF-8 counts as one code point.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mersenne_twister.h"
#include "tasks/value.h"

namespace pareto::python {

// --- Random numbers ---------------------------------------------------------------------------------------------

// random.Random(seed). Draws come in the order of the calls, as there.
class Random {
 public:
  explicit Random(std::int64_t seed);
  double random();                                         // [0, 1), 53 bits
  std::uint64_t getrandbits(int bits);                     // REQUIRES: 1 <= bits <= 64
  std::string uuid4();                                     // str(UUID(int=getrandbits(128), version=4))
  std::int64_t randbelow(std::int64_t n);                  // [0, n). REQUIRES: n >= 1
  std::int64_t randint(std::int64_t lo, std::int64_t hi);  // [lo, hi]. REQUIRES: lo <= hi
  // Indices into range(n): random.sample(range(n), k). REQUIRES: 0 <= k <= n.
  std::vector<std::int64_t> sample(std::int64_t n, std::int64_t k);
  // Indices of random.choices(population of n, k=k). REQUIRES: n >= 1.
  std::vector<std::int64_t> choices(std::int64_t n, std::int64_t k);
  // REQUIRES: not empty.
  template <class T>
  const T& choice(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(randbelow(static_cast<std::int64_t>(from.size())))];
  }
  template <class T>
  void shuffle(std::vector<T>* items) {
    for (std::size_t i = items->size(); i-- > 1;) {
      std::swap((*items)[i], (*items)[static_cast<std::size_t>(randbelow(static_cast<std::int64_t>(i) + 1))]);
    }
  }

 private:
  MersenneTwister twister_;
};

// np.random.RandomState(seed), as np.random.seed(seed) sets the global one.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) : twister_(MersenneTwister::by_integer(seed)) {}
  // np.random.randint(lo, hi): [lo, hi). REQUIRES: lo < hi, hi - lo <= 2^32.
  std::int64_t randint(std::int64_t lo, std::int64_t hi);

 private:
  MersenneTwister twister_;
};

// --- str --------------------------------------------------------------------------------------------------------

// One code point at byte `at` of `text` and how many bytes it takes (a stray byte: its value | kStray, 1).
struct CodePoint {
  char32_t value;
  int bytes;
};
inline constexpr char32_t kStray = 0x80000000;
CodePoint decode(std::string_view text, std::size_t at);
void encode(char32_t code_point, std::string* out);  // a stray one comes back as its byte

std::int64_t length(std::string_view text);  // len()
bool is_space(char32_t c);                   // str.isspace() of one character
bool is_digit(char32_t c);                   // str.isdigit()
bool is_alpha(char32_t c);                   // str.isalpha()
bool is_printable(char32_t c);               // str.isprintable()
bool is_punctuation(char32_t c);             // unicodedata.category(c) begins with P

// `chars`: the set to strip; the one-argument forms strip white space.
std::string_view strip(std::string_view text);
std::string_view lstrip(std::string_view text);
std::string_view rstrip(std::string_view text);
std::string_view strip(std::string_view text, std::string_view chars);
std::string_view lstrip(std::string_view text, std::string_view chars);
std::string_view rstrip(std::string_view text, std::string_view chars);

std::string lower(std::string_view text);  // full case mappings: "ß".upper() is "SS", final sigma, "İ"
std::string upper(std::string_view text);
std::string title(std::string_view text);
std::string capitalize(std::string_view text);

// str.replace, str.split. REQUIRES for split: `separator` is not empty; max_splits < 0: all.
std::string replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t max_count = -1);
std::vector<std::string_view> split(std::string_view text, std::string_view separator, std::int64_t max_splits = -1);
std::vector<std::string_view> rsplit(std::string_view text, std::string_view separator, std::int64_t max_splits = -1);
std::vector<std::string_view> split_space(std::string_view text, std::int64_t max_splits = -1);   // split()
std::vector<std::string_view> rsplit_space(std::string_view text, std::int64_t max_splits = -1);  // rsplit()
std::vector<std::string_view> split_lines(std::string_view text);                                 // splitlines()
std::string join(std::string_view separator, std::span<const std::string> parts);
std::string without_punctuation(std::string_view text);  // drops string.punctuation (ASCII)

// --- Printing ---------------------------------------------------------------------------------------------------

std::string float_repr(double number);         // 1.0, 1e-05, 1e+16, inf, nan
std::string text_repr(std::string_view text);  // 'it' or "it's", escapes as Python 3.11
std::string repr(const Value& value);
std::string str(const Value& value);  // a string is itself; an undefined value prints nothing
// Appends repr(value); false (and `out` cut short) once it would grow beyond `max_bytes` or 200 levels of nesting, or
// at an object that is not printable.
bool append_repr(const Value& value, std::size_t max_bytes, std::string* out);

// json.dumps. `kAsciiOnly` is ensure_ascii=True, Python's default; lm-evaluation-harness hashes indent=2 with kRaw.
struct JsonStyle {
  int indent = -1;  // < 0: one line, separators ", " and ": "
  enum class Text { kAsciiOnly, kRaw } text = Text::kAsciiOnly;
  enum class Keys { kAsInserted, kSorted } keys = Keys::kAsInserted;
  std::string item_separator, key_separator;  // empty: Python's for that indent
};
// Errors: kInvalid for what JSON cannot hold ("Object of type Undefined is not JSON serializable"), more than
// `max_bytes`, or more than 200 levels.
Result<std::string> json_dumps(const Value& value, const JsonStyle& style = {}, std::size_t max_bytes = 1u << 30);

}  // namespace pareto::python
