// Methods of str. Of Markup they give Markup, as there.
#include <algorithm>

#include "tasks/jinja_methods.h"
#include "tasks/python.h"
#include "tasks/python_text.h"

namespace pareto::jinja {
namespace {

using Type = Value::Type;
using V = const Value&;
using A = const Args&;

Result<std::string_view> text_argument(V value, std::string_view what) {
  if (value.is_undefined()) return undefined_error(value);
  if (!value.is_string()) return type_error(fmt::format("{} must be str, not {}", what, value.type_name()));
  return std::string_view(value.text());
}

template <class F>
Result<Value> mapped(Interpreter& in, V self, A args, F f) {
  PARETO_TRY(const auto a, bind("str method", args, {}));
  return in.make_text(std::string(f(self.text())), self);
}

enum class Side { kLeft, kRight, kBoth };

template <Side side>
Result<Value> strip(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("strip", args, {optional("chars")}));
  const std::string& text = self.text();
  std::string_view kept;
  if (a[0].is_none()) {
    kept = side == Side::kLeft    ? python::lstrip(text)
           : side == Side::kRight ? python::rstrip(text)
                                  : python::strip(text);
  } else {
    PARETO_TRY(const auto chars, text_argument(a[0], "strip arg"));
    kept = side == Side::kLeft    ? python::lstrip(text, chars)
           : side == Side::kRight ? python::rstrip(text, chars)
                                  : python::strip(text, chars);
  }
  return in.make_text(std::string(kept), self);
}

template <Side side>
Result<Value> split(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("split", args, {optional("sep"), optional("maxsplit", Value(-1))}));
  PARETO_TRY(const std::int64_t most, integer_of(a[1], "maxsplit"));
  std::vector<std::string_view> parts;
  if (a[0].is_none()) {
    parts = side == Side::kLeft ? python::split_space(self.text(), most) : python::rsplit_space(self.text(), most);
  } else {
    PARETO_TRY(const auto separator, text_argument(a[0], "sep"));
    if (separator.empty()) return type_error("empty separator");
    parts = side == Side::kLeft ? python::split(self.text(), separator, most)
                                : python::rsplit(self.text(), separator, most);
  }
  PARETO_CHECK_OK(in.spend(static_cast<std::int64_t>(parts.size())));
  std::vector<Value> values;
  for (const auto part : parts) {
    PARETO_TRY(Value value, in.make_text(std::string(part), self));
    values.push_back(std::move(value));
  }
  return in.make_list(std::move(values));
}

Result<Value> split_lines(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("splitlines", args, {optional("keepends", Value(false))}));
  const std::string& text = self.text();
  const auto lines = python::split_lines(text);
  PARETO_CHECK_OK(in.spend(static_cast<std::int64_t>(lines.size())));
  std::vector<Value> values;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (a[0].truthy()) {
      const char* end = i + 1 < lines.size() ? lines[i + 1].data() : text.data() + text.size();
      line = {line.data(), static_cast<std::size_t>(end - line.data())};
    }
    PARETO_TRY(Value value, in.make_text(std::string(line), self));
    values.push_back(std::move(value));
  }
  return in.make_list(std::move(values));
}

// The part text[start:end] that startswith, find and count look at.
struct Window {
  std::string_view text;
  std::int64_t begin = 0;  // in code points
};

Result<Window> window(Interpreter& in, V self, V start, V end) {
  Window w{self.text(), 0};
  if (start.is_none() && end.is_none()) return w;
  const std::int64_t length = python::length(self.text());
  PARETO_CHECK_OK(in.spend(length / 64));
  const auto clamp = [&](V value, std::int64_t absent) -> Result<std::int64_t> {
    if (value.is_none()) return absent;
    PARETO_TRY(const std::int64_t i, integer_of(value, "slice index"));
    return i < 0 ? std::max<std::int64_t>(i < -length ? 0 : i + length, 0) : i;
  };
  PARETO_TRY(const std::int64_t from, clamp(start, 0));
  PARETO_TRY(const std::int64_t to, clamp(end, length));
  w.begin = from;
  if (from > length) {
    w.text = {};
    w.begin = -1;  // beyond the end not even "" is found
    return w;
  }
  std::size_t at = 0, first = 0, last = self.text().size();
  for (std::int64_t i = 0; i <= length; ++i) {
    if (i == from) first = at;
    if (i == to) last = at;
    if (i < length) at += static_cast<std::size_t>(python::decode(self.text(), at).bytes);
  }
  if (to < from) {
    w.begin = -1;
    w.text = {};
  } else {
    w.text = std::string_view(self.text()).substr(first, last - first);
  }
  return w;
}

template <Side side>
Result<Value> affix(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("startswith", args, {required("prefix"), optional("start"), optional("end")}));
  PARETO_TRY(const Window w, window(in, self, a[1], a[2]));
  const std::vector<Value> wanted = a[0].is(Type::kTuple) ? a[0].list() : std::vector<Value>{a[0]};
  for (const Value& one : wanted) {
    PARETO_TRY(const auto text,
               text_argument(one, side == Side::kLeft ? "startswith first arg" : "endswith first arg"));
    if (w.begin >= 0 && (side == Side::kLeft ? w.text.starts_with(text) : w.text.ends_with(text))) return Value(true);
  }
  return Value(false);
}

enum class Missing { kMinusOne, kError };

template <Side side, Missing missing>
Result<Value> find(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("find", args, {required("sub"), optional("start"), optional("end")}));
  PARETO_TRY(const auto wanted, text_argument(a[0], "sub"));
  PARETO_TRY(const Window w, window(in, self, a[1], a[2]));
  const auto at = side == Side::kLeft ? w.text.find(wanted) : w.text.rfind(wanted);
  if (at != std::string_view::npos && w.begin >= 0) return Value(w.begin + python::length(w.text.substr(0, at)));
  if (missing == Missing::kError) return type_error("substring not found");
  return Value(-1);
}

Result<Value> count(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("count", args, {required("sub"), optional("start"), optional("end")}));
  PARETO_TRY(const auto wanted, text_argument(a[0], "sub"));
  PARETO_TRY(const Window w, window(in, self, a[1], a[2]));
  if (w.begin < 0) return Value(0);
  if (wanted.empty()) return Value(python::length(w.text) + 1);
  return Value(static_cast<std::int64_t>(python::split(w.text, wanted).size()) - 1);
}

Result<Value> replace(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("replace", args, {required("old"), required("new"), optional("count", Value(-1))}));
  PARETO_TRY(const auto from, text_argument(a[0], "replace() argument 1"));
  PARETO_TRY(const auto to, text_argument(a[1], "replace() argument 2"));
  PARETO_TRY(const std::int64_t most, integer_of(a[2], "count"));
  Value with = a[1];
  if (self.is_markup()) {
    PARETO_TRY(with, escaped(in, a[1]));
  }
  const std::size_t hits = from.empty() ? self.text().size() + 1 : self.text().size() / from.size();
  PARETO_CHECK_OK(in.allocate(hits * std::max(to.size(), with.text().size())));
  return in.make_text(python::replace(self.text(), from, with.text(), most), self);
}

Result<Value> join(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("join", args, {required("iterable")}));
  PARETO_TRY(const auto items, items_of(in, a[0]));
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Value item = items[i];
    if (!self.is_markup() && !item.is_string()) {
      return type_error(fmt::format("sequence item {}: expected str instance, {} found", i, item.type_name()));
    }
    if (self.is_markup()) {
      PARETO_TRY(item, escaped(in, item));
    }
    if (i > 0) out += self.text();
    out += item.text();
    PARETO_CHECK_OK(in.allocate(item.text().size() + self.text().size()));
  }
  return in.make_text(std::move(out), self);
}

Result<Value> format(Interpreter& in, V self, A args) {
  if (self.is_markup()) return unsupported("format of Markup");
  PARETO_TRY(std::string out, brace_format(in, self.text(), args));
  return in.make_text(std::move(out));
}

Result<Value> remove_affix(Interpreter& in, V self, A args, Side side) {
  PARETO_TRY(const auto a, bind("removeprefix", args, {required("prefix")}));
  PARETO_TRY(const auto affix, text_argument(a[0], "argument"));
  std::string_view text = self.text();
  if (side == Side::kLeft && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (side == Side::kRight && text.ends_with(affix)) text.remove_suffix(affix.size());
  return in.make_text(std::string(text), self);
}

template <Side side>
Result<Value> partition(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("partition", args, {required("sep")}));
  PARETO_TRY(const auto separator, text_argument(a[0], "sep"));
  if (separator.empty()) return type_error("empty separator");
  const std::string_view text = self.text();
  const auto at = side == Side::kLeft ? text.find(separator) : text.rfind(separator);
  std::string parts[3];
  if (at == std::string_view::npos) {
    parts[side == Side::kLeft ? 0 : 2] = text;
  } else {
    parts[0] = text.substr(0, at);
    parts[1] = separator;
    parts[2] = text.substr(at + separator.size());
  }
  std::vector<Value> values;
  for (auto& part : parts) {
    PARETO_TRY(Value value, in.make_text(std::move(part), self));
    values.push_back(std::move(value));
  }
  return Value::tuple(std::move(values));
}

// center, ljust, rjust.
template <Side side>
Result<Value> pad(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("center", args, {required("width"), optional("fillchar", Value(" "))}));
  PARETO_TRY(const std::int64_t width, integer_of(a[0], "width"));
  PARETO_TRY(const auto fill, text_argument(a[1], "the fill character"));
  if (python::length(fill) != 1) return type_error("The fill character must be exactly one character long");
  const std::int64_t length = python::length(self.text()), missing = width - length;
  if (missing <= 0) return self;
  PARETO_CHECK_OK(in.allocate(static_cast<std::size_t>(missing)));
  std::int64_t left = side == Side::kLeft ? 0 : missing;
  if (side == Side::kBoth) left = missing / 2 + (missing & width & 1);
  std::string out;
  for (std::int64_t i = 0; i < left; ++i) out += fill;
  out += self.text();
  for (std::int64_t i = left; i < missing; ++i) out += fill;
  return in.make_text(std::move(out), self);
}

Result<Value> zero_fill(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("zfill", args, {required("width")}));
  PARETO_TRY(const std::int64_t width, integer_of(a[0], "width"));
  const std::int64_t missing = width - python::length(self.text());
  if (missing <= 0) return self;
  PARETO_CHECK_OK(in.allocate(static_cast<std::size_t>(missing)));
  std::string out = self.text();
  const std::size_t sign = out.starts_with("-") || out.starts_with("+") ? 1 : 0;
  out.insert(sign, static_cast<std::size_t>(missing), '0');
  return in.make_text(std::move(out), self);
}

// str.isdigit() and its like: not empty, and true of every character.
template <bool (*property)(char32_t)>
Result<Value> all_are(Interpreter&, V self, A args) {
  PARETO_TRY(const auto a, bind("str method", args, {}));
  const std::string& text = self.text();
  for (std::size_t at = 0; at < text.size();) {
    const auto c = python::decode(text, at);
    if (!property(c.value)) return Value(false);
    at += static_cast<std::size_t>(c.bytes);
  }
  return Value(!text.empty() || property == python::is_printable);
}

bool is_alphanumeric(char32_t c) { return python::is_alpha(c) || python::is_digit(c); }

template <const char* test>
Result<Value> tested(Interpreter& in, V self, A args) {
  PARETO_TRY(const auto a, bind("str method", args, {}));
  PARETO_TRY(const bool yes, apply_test(in, test, self, Args{}));
  return Value(yes);
}

constexpr char kLower[] = "lower", kUpper[] = "upper";

constexpr Method kTextMethods[] = {
    {"capitalize", [](Interpreter& in, V s, A a) { return mapped(in, s, a, python::capitalize); }},
    {"casefold", nullptr},
    {"center", pad<Side::kBoth>},
    {"count", count},
    {"encode", nullptr},
    {"endswith", affix<Side::kRight>},
    {"expandtabs", nullptr},
    {"find", find<Side::kLeft, Missing::kMinusOne>},
    {"format", format},
    {"format_map", nullptr},
    {"index", find<Side::kLeft, Missing::kError>},
    {"isalnum", all_are<is_alphanumeric>},
    {"isalpha", all_are<python::is_alpha>},
    {"isascii", nullptr},
    {"isdecimal", all_are<python::is_decimal>},
    {"isdigit", all_are<python::is_digit>},
    {"isidentifier", nullptr},
    {"islower", tested<kLower>},
    {"isnumeric", nullptr},
    {"isprintable", all_are<python::is_printable>},
    {"isspace", all_are<python::is_space>},
    {"istitle", nullptr},
    {"isupper", tested<kUpper>},
    {"join", join},
    {"ljust", pad<Side::kLeft>},
    {"lower", [](Interpreter& in, V s, A a) { return mapped(in, s, a, python::lower); }},
    {"lstrip", strip<Side::kLeft>},
    {"maketrans", nullptr},
    {"partition", partition<Side::kLeft>},
    {"removeprefix", [](Interpreter& in, V s, A a) { return remove_affix(in, s, a, Side::kLeft); }},
    {"removesuffix", [](Interpreter& in, V s, A a) { return remove_affix(in, s, a, Side::kRight); }},
    {"replace", replace},
    {"rfind", find<Side::kRight, Missing::kMinusOne>},
    {"rindex", find<Side::kRight, Missing::kError>},
    {"rjust", pad<Side::kRight>},
    {"rpartition", partition<Side::kRight>},
    {"rsplit", split<Side::kRight>},
    {"rstrip", strip<Side::kRight>},
    {"split", split<Side::kLeft>},
    {"splitlines", split_lines},
    {"startswith", affix<Side::kLeft>},
    {"strip", strip<Side::kBoth>},
    {"swapcase", nullptr},
    {"title", [](Interpreter& in, V s, A a) { return mapped(in, s, a, python::title); }},
    {"translate", nullptr},
    {"upper", [](Interpreter& in, V s, A a) { return mapped(in, s, a, python::upper); }},
    {"zfill", zero_fill},
};

}  // namespace

std::span<const Method> text_methods() { return kTextMethods; }

}  // namespace pareto::jinja
