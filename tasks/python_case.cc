// Case and classes of single characters, as CPython 3.11 (Unicode 14) has them; simple mappings come from utf8proc.
#include <utf8proc.h>

#include <algorithm>
#include <string_view>

#include "tasks/python.h"
#include "tasks/python_text.h"

namespace pareto::python {
namespace {

struct Range {
  char32_t first, last;
};

bool within(std::span<const Range> ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const Range& r) { return c >= r.first && c <= r.last; });
}

// Numeric_Type=Digit: superscripts, circled digits, … (str.isdigit() but not str.isdecimal()).
constexpr Range kDigitsNotDecimal[] = {{0xB2, 0xB3},       {0xB9, 0xB9},       {0x1369, 0x1371},   {0x19DA, 0x19DA},
                                       {0x2070, 0x2070},   {0x2074, 0x2079},   {0x2080, 0x2089},   {0x2460, 0x2468},
                                       {0x2474, 0x247C},   {0x2488, 0x2490},   {0x24EA, 0x24EA},   {0x24F5, 0x24FD},
                                       {0x24FF, 0x24FF},   {0x2776, 0x277E},   {0x2780, 0x2788},   {0x278A, 0x2792},
                                       {0x10A40, 0x10A43}, {0x10E60, 0x10E68}, {0x11052, 0x1105A}, {0x1F100, 0x1F10A}};

// Cased without being Lu, Ll or Lt (Other_Lowercase, Other_Uppercase).
constexpr Range kOtherCased[] = {{0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},
                                 {0x2E0, 0x2E4},     {0x345, 0x345},     {0x37A, 0x37A},     {0x1D2C, 0x1D6A},
                                 {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},   {0x207F, 0x207F},
                                 {0x2090, 0x209C},   {0x2160, 0x217F},   {0x24B6, 0x24E9},   {0x2C7C, 0x2C7D},
                                 {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},
                                 {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA},
                                 {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};

// Case_Ignorable without being Mn, Me, Cf, Lm or Sk.
constexpr Range kOtherIgnorable[] = {{0x27, 0x27},     {0x2E, 0x2E},     {0x3A, 0x3A},     {0xB7, 0xB7},
                                     {0x387, 0x387},   {0x55F, 0x55F},   {0x5F4, 0x5F4},   {0x2018, 0x2019},
                                     {0x2024, 0x2024}, {0x2027, 0x2027}, {0xFE13, 0xFE13}, {0xFE52, 0xFE52},
                                     {0xFE55, 0xFE55}, {0xFF07, 0xFF07}, {0xFF0E, 0xFF0E}, {0xFF1A, 0xFF1A}};

// Mappings to several characters (SpecialCasing.txt). An empty title: the simple mapping holds.
struct Special {
  char32_t from;
  std::u32string_view upper, title;
};
constexpr Special kSpecial[] = {
    {0x00DF, U"SS", U"Ss"},
    {0x0149, U"\u02BCN", U"\u02BCN"},
    {0x01F0, U"J\u030C", U"J\u030C"},
    {0x0390, U"\u0399\u0308\u0301", U"\u0399\u0308\u0301"},
    {0x03B0, U"\u03A5\u0308\u0301", U"\u03A5\u0308\u0301"},
    {0x0587, U"\u0535\u0552", U"\u0535\u0582"},
    {0x1E96, U"H\u0331", U"H\u0331"},
    {0x1E97, U"T\u0308", U"T\u0308"},
    {0x1E98, U"W\u030A", U"W\u030A"},
    {0x1E99, U"Y\u030A", U"Y\u030A"},
    {0x1E9A, U"A\u02BE", U"A\u02BE"},
    {0x1F50, U"\u03A5\u0313", U"\u03A5\u0313"},
    {0x1F52, U"\u03A5\u0313\u0300", U"\u03A5\u0313\u0300"},
    {0x1F54, U"\u03A5\u0313\u0301", U"\u03A5\u0313\u0301"},
    {0x1F56, U"\u03A5\u0313\u0342", U"\u03A5\u0313\u0342"},
    {0x1F80, U"\u1F08\u0399", U""},
    {0x1F81, U"\u1F09\u0399", U""},
    {0x1F82, U"\u1F0A\u0399", U""},
    {0x1F83, U"\u1F0B\u0399", U""},
    {0x1F84, U"\u1F0C\u0399", U""},
    {0x1F85, U"\u1F0D\u0399", U""},
    {0x1F86, U"\u1F0E\u0399", U""},
    {0x1F87, U"\u1F0F\u0399", U""},
    {0x1F88, U"\u1F08\u0399", U""},
    {0x1F89, U"\u1F09\u0399", U""},
    {0x1F8A, U"\u1F0A\u0399", U""},
    {0x1F8B, U"\u1F0B\u0399", U""},
    {0x1F8C, U"\u1F0C\u0399", U""},
    {0x1F8D, U"\u1F0D\u0399", U""},
    {0x1F8E, U"\u1F0E\u0399", U""},
    {0x1F8F, U"\u1F0F\u0399", U""},
    {0x1F90, U"\u1F28\u0399", U""},
    {0x1F91, U"\u1F29\u0399", U""},
    {0x1F92, U"\u1F2A\u0399", U""},
    {0x1F93, U"\u1F2B\u0399", U""},
    {0x1F94, U"\u1F2C\u0399", U""},
    {0x1F95, U"\u1F2D\u0399", U""},
    {0x1F96, U"\u1F2E\u0399", U""},
    {0x1F97, U"\u1F2F\u0399", U""},
    {0x1F98, U"\u1F28\u0399", U""},
    {0x1F99, U"\u1F29\u0399", U""},
    {0x1F9A, U"\u1F2A\u0399", U""},
    {0x1F9B, U"\u1F2B\u0399", U""},
    {0x1F9C, U"\u1F2C\u0399", U""},
    {0x1F9D, U"\u1F2D\u0399", U""},
    {0x1F9E, U"\u1F2E\u0399", U""},
    {0x1F9F, U"\u1F2F\u0399", U""},
    {0x1FA0, U"\u1F68\u0399", U""},
    {0x1FA1, U"\u1F69\u0399", U""},
    {0x1FA2, U"\u1F6A\u0399", U""},
    {0x1FA3, U"\u1F6B\u0399", U""},
    {0x1FA4, U"\u1F6C\u0399", U""},
    {0x1FA5, U"\u1F6D\u0399", U""},
    {0x1FA6, U"\u1F6E\u0399", U""},
    {0x1FA7, U"\u1F6F\u0399", U""},
    {0x1FA8, U"\u1F68\u0399", U""},
    {0x1FA9, U"\u1F69\u0399", U""},
    {0x1FAA, U"\u1F6A\u0399", U""},
    {0x1FAB, U"\u1F6B\u0399", U""},
    {0x1FAC, U"\u1F6C\u0399", U""},
    {0x1FAD, U"\u1F6D\u0399", U""},
    {0x1FAE, U"\u1F6E\u0399", U""},
    {0x1FAF, U"\u1F6F\u0399", U""},
    {0x1FB2, U"\u1FBA\u0399", U"\u1FBA\u0345"},
    {0x1FB3, U"\u0391\u0399", U""},
    {0x1FB4, U"\u0386\u0399", U"\u0386\u0345"},
    {0x1FB6, U"\u0391\u0342", U"\u0391\u0342"},
    {0x1FB7, U"\u0391\u0342\u0399", U"\u0391\u0342\u0345"},
    {0x1FBC, U"\u0391\u0399", U""},
    {0x1FC2, U"\u1FCA\u0399", U"\u1FCA\u0345"},
    {0x1FC3, U"\u0397\u0399", U""},
    {0x1FC4, U"\u0389\u0399", U"\u0389\u0345"},
    {0x1FC6, U"\u0397\u0342", U"\u0397\u0342"},
    {0x1FC7, U"\u0397\u0342\u0399", U"\u0397\u0342\u0345"},
    {0x1FCC, U"\u0397\u0399", U""},
    {0x1FD2, U"\u0399\u0308\u0300", U"\u0399\u0308\u0300"},
    {0x1FD3, U"\u0399\u0308\u0301", U"\u0399\u0308\u0301"},
    {0x1FD6, U"\u0399\u0342", U"\u0399\u0342"},
    {0x1FD7, U"\u0399\u0308\u0342", U"\u0399\u0308\u0342"},
    {0x1FE2, U"\u03A5\u0308\u0300", U"\u03A5\u0308\u0300"},
    {0x1FE3, U"\u03A5\u0308\u0301", U"\u03A5\u0308\u0301"},
    {0x1FE4, U"\u03A1\u0313", U"\u03A1\u0313"},
    {0x1FE6, U"\u03A5\u0342", U"\u03A5\u0342"},
    {0x1FE7, U"\u03A5\u0308\u0342", U"\u03A5\u0308\u0342"},
    {0x1FF2, U"\u1FFA\u0399", U"\u1FFA\u0345"},
    {0x1FF3, U"\u03A9\u0399", U""},
    {0x1FF4, U"\u038F\u0399", U"\u038F\u0345"},
    {0x1FF6, U"\u03A9\u0342", U"\u03A9\u0342"},
    {0x1FF7, U"\u03A9\u0342\u0399", U"\u03A9\u0342\u0345"},
    {0x1FFC, U"\u03A9\u0399", U""},
    {0xFB00, U"FF", U"Ff"},
    {0xFB01, U"FI", U"Fi"},
    {0xFB02, U"FL", U"Fl"},
    {0xFB03, U"FFI", U"Ffi"},
    {0xFB04, U"FFL", U"Ffl"},
    {0xFB05, U"ST", U"St"},
    {0xFB06, U"ST", U"St"},
    {0xFB13, U"\u0544\u0546", U"\u0544\u0576"},
    {0xFB14, U"\u0544\u0535", U"\u0544\u0565"},
    {0xFB15, U"\u0544\u053B", U"\u0544\u056B"},
    {0xFB16, U"\u054E\u0546", U"\u054E\u0576"},
    {0xFB17, U"\u0544\u053D", U"\u0544\u056D"},
};

const Special* special(char32_t c) {
  const auto* end = std::end(kSpecial);
  const auto* it =
      std::lower_bound(std::begin(kSpecial), end, c, [](const Special& s, char32_t v) { return s.from < v; });
  return it != end && it->from == c ? it : nullptr;
}

utf8proc_category_t category(char32_t c) {
  return c < 0x110000 ? utf8proc_category(static_cast<utf8proc_int32_t>(c)) : UTF8PROC_CATEGORY_CO;
}

}  // namespace

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_digit(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return category(c) == UTF8PROC_CATEGORY_ND || within(kDigitsNotDecimal, c);
}

bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool is_alpha(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return true;
    default:
      return false;
  }
}

bool is_punctuation(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return true;
    default:
      return false;
  }
}

bool is_printable(char32_t c) {
  if (c < 0x7F) return c >= 0x20;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_upper(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LU || (c >= 0x2160 && c <= 0x216F) || (c >= 0x24B6 && c <= 0x24CF) ||
         (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

bool is_lower(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LL || (within(kOtherCased, c) && !is_upper(c)); }

bool is_cased(char32_t c) {
  const auto k = category(c);
  return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT || within(kOtherCased, c);
}

bool is_case_ignorable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return within(kOtherIgnorable, c);
  }
}

void append_upper(char32_t c, std::string* out) {
  if (const Special* s = special(c)) {
    for (const char32_t u : s->upper) encode(u, out);
  } else {
    encode(c < 0x110000 ? static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))) : c, out);
  }
}

void append_title(char32_t c, std::string* out) {
  const Special* s = special(c);
  if (s != nullptr && !s->title.empty()) {
    for (const char32_t u : s->title) encode(u, out);
  } else {
    encode(c < 0x110000 ? static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))) : c, out);
  }
}

void append_lower(char32_t c, std::string* out) {
  if (c == 0x130) {
    encode('i', out);
    encode(0x307, out);
  } else {
    encode(c < 0x110000 ? static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))) : c, out);
  }
}

}  // namespace pareto::python
