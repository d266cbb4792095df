// "%5.2f" % x and "{:>10}".format(x): the part of Python's formatting that templates use.
//
//   %[(name)][flags -+ #0][width][.precision]type     type: s r d i u f F e E g G x X o c %
//   {[index or name][.attribute or [item]]…[!s or !r][:[[fill]align][sign][#][0][width][,][.precision][type]]}
#include <algorithm>
#include <cmath>

#include "tasks/jinja_runtime.h"
#include "tasks/python.h"

namespace pareto::jinja {
namespace {

using Type = Value::Type;

constexpr std::int64_t kMaxWidth = 100000;

struct Spec {
  std::string fill = " ";
  char align = '\0';  // '<' '>' '^' '='
  char sign = '-';
  bool alternate = false;  // #
  bool commas = false;
  std::int64_t width = 0, precision = -1;
  char type = '\0';
};

std::string padded(const std::string& text, const Spec& spec, char default_align) {
  const std::int64_t missing = spec.width - python::length(text);
  if (missing <= 0) return text;
  const char align = spec.align != '\0' ? spec.align : default_align;
  std::int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string out;
  std::size_t body = 0;
  if (align == '=') {  // between sign and digits
    if (!text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ')) out += text[body++];
    left = missing;
  }
  for (std::int64_t i = 0; i < left; ++i) out += spec.fill;
  out += text.substr(body);
  for (std::int64_t i = left; i < missing; ++i) out += spec.fill;
  return out;
}

std::string with_commas(std::string digits) {
  const auto point = digits.find_first_not_of("0123456789");
  for (auto at = static_cast<std::ptrdiff_t>(point == std::string::npos ? digits.size() : point) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string signed_digits(bool negative, std::string digits, const Spec& spec) {
  if (spec.commas) digits = with_commas(std::move(digits));
  const std::string sign = negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
  return sign + digits;
}

Result<std::string> format_integer(std::int64_t number, const Spec& spec) {
  const std::uint64_t magnitude =
      number < 0 ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
  std::string digits;
  const auto based = [&](std::string_view prefix, std::string plain) {
    return spec.alternate ? std::string(prefix) + plain : plain;
  };
  switch (spec.type) {
    case 'x':
      digits = based("0x", fmt::format("{:x}", magnitude));
      break;
    case 'X':
      digits = based("0X", fmt::format("{:X}", magnitude));
      break;
    case 'o':
      digits = based("0o", fmt::format("{:o}", magnitude));
      break;
    case 'b':
      digits = based("0b", fmt::format("{:b}", magnitude));
      break;
    default:
      digits = fmt::format("{}", magnitude);
  }
  return padded(signed_digits(number < 0, std::move(digits), spec), spec, '>');
}

Result<std::string> format_float(double number, const Spec& spec) {
  const bool negative = std::signbit(number);
  const double magnitude = std::abs(number);
  const int precision = static_cast<int>(spec.precision < 0 ? 6 : spec.precision);
  std::string digits;
  if (!std::isfinite(number)) {
    digits = std::isnan(number) ? "nan" : "inf";
    if (spec.type == 'F' || spec.type == 'E' || spec.type == 'G') digits = python::upper(digits);
    return padded(signed_digits(negative && !std::isnan(number), digits, spec), spec, '>');
  }
  switch (spec.type) {
    case 'f':
    case 'F':
      digits = fmt::format("{:.{}f}", magnitude, precision);
      break;
    case 'e':
      digits = fmt::format("{:.{}e}", magnitude, precision);
      break;
    case 'E':
      digits = fmt::format("{:.{}E}", magnitude, precision);
      break;
    case 'g':
      digits = fmt::format("{:.{}g}", magnitude, std::max(precision, 1));
      break;
    case 'G':
      digits = fmt::format("{:.{}G}", magnitude, std::max(precision, 1));
      break;
    case '%':
      digits = fmt::format("{:.{}f}%", magnitude * 100, precision);
      break;
    default:
      if (spec.precision >= 0) return unsupported("a precision without a type for a float");
      digits = python::float_repr(magnitude);
  }
  return padded(signed_digits(negative, std::move(digits), spec), spec, '>');
}

Result<std::string> format_text(Interpreter& in, const Value& text, const Spec& spec) {
  if (spec.precision < 0) return padded(text.text(), spec, '<');
  PARETO_TRY(const Value cut, slice(in, text, Value(), Value(spec.precision), Value()));
  return padded(cut.text(), spec, '<');
}

// A decimal number at `at`; -1: none there, -2: too large.
std::int64_t take_number(std::string_view text, std::size_t* at) {
  std::int64_t n = -1;
  while (*at < text.size() && text[*at] >= '0' && text[*at] <= '9') {
    n = std::max<std::int64_t>(n, 0) * 10 + (text[(*at)++] - '0');
    if (n > kMaxWidth) return -2;
  }
  return n;
}

// format(value, spec)
Result<std::string> format_value(Interpreter& in, const Value& value, std::string_view text) {
  if (text.empty()) return text_of(in, value);
  Spec spec;
  std::size_t at = 0;
  const auto is_align = [&](std::size_t i) {
    return i < text.size() && std::string_view("<>^=").find(text[i]) != std::string_view::npos;
  };
  const auto first = static_cast<std::size_t>(python::decode(text, 0).bytes);
  if (is_align(first)) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    at = first + 1;
  } else if (is_align(0)) {
    spec.align = text[at++];
  }
  if (at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' ')) spec.sign = text[at++];
  if (at < text.size() && text[at] == '#') spec.alternate = ++at > 0;
  if (at < text.size() && text[at] == '0') {
    if (spec.align == '\0') {
      spec.align = value.is_string() ? '<' : '=';
      spec.fill = "0";
    }
    ++at;
  }
  const std::int64_t width = take_number(text, &at);
  spec.width = std::max<std::int64_t>(width, 0);
  if (at < text.size() && text[at] == ',') spec.commas = ++at > 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    spec.precision = take_number(text, &at);
    if (spec.precision == -1) return type_error("Format specifier missing precision");
  }
  if (width == -2 || spec.precision == -2) return unsupported("a width or precision above {}", kMaxWidth);
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) return type_error("Invalid format specifier");
  const std::string_view type(&spec.type, spec.type == '\0' ? 0 : 1);
  if (value.is_string() && (type.empty() || type == "s") && spec.align != '=' && spec.sign == '-' && !spec.commas) {
    return format_text(in, value, spec);
  }
  if (value.is(Type::kInt) || (value.is(Type::kBool) && !type.empty())) {
    const std::int64_t number = integer_of(value, "").value();
    if (type.empty() || std::string_view("dxXob").find(spec.type) != std::string_view::npos) {
      if (spec.precision >= 0) return type_error("Precision not allowed in integer format specifier");
      return format_integer(number, spec);
    }
  }
  if (value.is_number() && !type.empty() && std::string_view("fFeEgG%").find(spec.type) != std::string_view::npos) {
    return format_float(value.as_double(), spec);
  }
  if (value.is(Type::kFloat) && type.empty()) return format_float(value.real(), spec);
  return unsupported("the format '{}' for {}", text, value.type_name());
}

// One %-conversion.
struct Conversion {
  std::optional<std::string> key;
  bool left = false, zero = false;
  Spec spec;
};

class PercentFormat {
 public:
  PercentFormat(Interpreter& in, std::string_view format, const Value& args) : in_(in), format_(format), args_(args) {}

  Result<std::string> run() {
    while (at_ < format_.size()) {
      const auto percent = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ == format_.size()) break;
      ++at_;
      PARETO_CHECK_OK(conversion());
      PARETO_CHECK_OK(in_.spend(1));
    }
    const bool is_tuple = args_.is(Type::kTuple);
    if (!used_key_ && !args_.is_dict() && !args_.is(Type::kList) && !args_.is_undefined() &&
        used_ < (is_tuple ? args_.list().size() : 1)) {
      return type_error("not all arguments converted during string formatting");
    }
    return std::move(out_);
  }

 private:
  Result<Value> next(const Conversion& c) {
    if (c.key) {
      used_key_ = true;
      if (!args_.is_dict()) return type_error("format requires a mapping");
      const Value* found = args_.get(std::string_view(*c.key));
      if (found == nullptr) return type_error(fmt::format("KeyError: '{}'", *c.key));
      return *found;
    }
    const bool is_tuple = args_.is(Type::kTuple);
    if (used_ >= (is_tuple ? args_.list().size() : 1)) return type_error("not enough arguments for format string");
    ++used_;
    return is_tuple ? args_.list()[used_ - 1] : args_;
  }

  Status conversion() {
    Conversion c;
    if (at_ < format_.size() && format_[at_] == '(') {
      const auto end = format_.find(')', at_);
      if (end == std::string_view::npos) return type_error("incomplete format key");
      c.key = std::string(format_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
    }
    for (; at_ < format_.size(); ++at_) {
      const char flag = format_[at_];
      if (flag == '-') {
        c.left = true;
      } else if (flag == '0') {
        c.zero = true;
      } else if (flag == '+' || (flag == ' ' && c.spec.sign != '+')) {
        c.spec.sign = flag;
      } else if (flag == '#') {
        c.spec.alternate = true;
      } else if (flag != ' ') {
        break;
      }
    }
    c.spec.width = take_number(format_, &at_);
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      const std::int64_t precision = take_number(format_, &at_);
      c.spec.precision = precision == -1 ? 0 : precision;
    }
    if (c.spec.width == -2 || c.spec.precision == -2) return unsupported("a width or precision above {}", kMaxWidth);
    if (at_ >= format_.size()) return type_error("incomplete format");
    c.spec.type = format_[at_++];
    if (c.spec.type == '*') return unsupported("* as width in a format");
    if (c.spec.type == '%') {
      out_ += '%';
      return {};
    }
    PARETO_TRY(const Value value, next(c));
    PARETO_TRY(const std::string text, converted(value, c));
    out_ += text;
    return in_.allocate(text.size());
  }

  Result<std::string> converted(const Value& value, const Conversion& given) {
    Conversion c = given;
    if (c.left) c.spec.align = '<';
    if (c.spec.type == 's' || c.spec.type == 'r') {
      std::string text;
      if (c.spec.type == 's') {
        PARETO_TRY(text, text_of(in_, value));
      } else {
        PARETO_TRY(const std::string printable, text_of(in_, Value::list({value})));
        text = printable.substr(1, printable.size() - 2);
      }
      if (!c.left) c.spec.align = '>';
      return format_text(in_, Value(std::move(text)), c.spec);
    }
    if (value.is_undefined()) return undefined_error(value);
    if (c.zero && !c.left) {
      c.spec.align = '=';
      c.spec.fill = "0";
    }
    if (std::string_view("fFeEgG").find(c.spec.type) != std::string_view::npos) {
      if (!value.is_number()) return type_error(fmt::format("must be real number, not {}", value.type_name()));
      return format_float(value.as_double(), c.spec);
    }
    if (std::string_view("diuxXo").find(c.spec.type) == std::string_view::npos) {
      return unsupported("the conversion %{}", c.spec.type);
    }
    if (!value.is_number()) {
      return type_error(fmt::format("%{} format: a real number is required, not {}", c.spec.type, value.type_name()));
    }
    if (c.spec.precision >= 0) return unsupported("a precision for %{}", c.spec.type);
    if (value.is(Type::kFloat)) {
      if (c.spec.type == 'x' || c.spec.type == 'X' || c.spec.type == 'o') {
        return type_error(fmt::format("%{} format: an integer is required, not float", c.spec.type));
      }
      if (!(std::abs(value.real()) < 9223372036854775808.0)) return type_error("cannot convert float to integer");
      return format_integer(static_cast<std::int64_t>(value.real()), c.spec);
    }
    return format_integer(integer_of(value, "").value(), c.spec);
  }

  Interpreter& in_;
  std::string_view format_;
  const Value& args_;
  std::size_t at_ = 0, used_ = 0;
  bool used_key_ = false;
  std::string out_;
};

class BraceFormat {
 public:
  BraceFormat(Interpreter& in, std::string_view format, const Args& args) : in_(in), format_(format), args_(args) {}

  Result<std::string> run() {
    while (at_ < format_.size()) {
      const char c = format_[at_];
      const bool doubled = at_ + 1 < format_.size() && format_[at_ + 1] == c;
      if (c != '{' && c != '}') {
        out_ += c;
        ++at_;
      } else if (doubled) {
        out_ += c;
        at_ += 2;
      } else if (c == '}') {
        return type_error("Single '}' encountered in format string");
      } else {
        PARETO_CHECK_OK(field());
      }
    }
    return std::move(out_);
  }

 private:
  Status field() {
    PARETO_CHECK_OK(in_.spend(1));
    const auto end = format_.find_first_of("{}", at_ + 1);
    if (end == std::string_view::npos) return type_error("expected '}' before end of string");
    if (format_[end] == '{') return unsupported("a field within a format specifier");
    std::string_view inside = format_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    const auto colon = inside.find(':');
    const std::string_view spec = colon == std::string_view::npos ? "" : inside.substr(colon + 1);
    std::string_view path = inside.substr(0, colon);
    char conversion = '\0';
    if (const auto bang = path.find('!'); bang != std::string_view::npos) {
      if (path.size() != bang + 2) return type_error("a conversion is ! and one letter");
      conversion = path[bang + 1];
      path = path.substr(0, bang);
    }
    PARETO_TRY(Value value, looked_up(path));
    if (conversion == 's') {
      PARETO_TRY(std::string text, text_of(in_, value));
      value = Value(std::move(text));
    } else if (conversion == 'r') {
      PARETO_TRY(const std::string listed, text_of(in_, Value::list({value})));
      value = Value(listed.substr(1, listed.size() - 2));
    } else if (conversion != '\0') {
      return unsupported("the conversion !{}", conversion);
    }
    PARETO_TRY(const std::string text, format_value(in_, value, spec));
    out_ += text;
    return in_.allocate(text.size());
  }

  Result<Value> looked_up(std::string_view path) {
    const auto end = std::min(path.find_first_of(".["), path.size());
    PARETO_TRY(Value value, argument(path.substr(0, end)));
    path.remove_prefix(end);
    while (!path.empty()) {
      if (path[0] == '.') {
        const auto stop = std::min(path.find_first_of(".[", 1), path.size());
        PARETO_TRY(value, attribute_of(value, path.substr(1, stop - 1)));
        path.remove_prefix(stop);
        continue;
      }
      const auto close = path.find(']');
      if (path[0] != '[' || close == std::string_view::npos || close == 1) return type_error("Missing ']' in format");
      const std::string_view key = path.substr(1, close - 1);
      const bool is_number = key.find_first_not_of("0123456789") == std::string_view::npos && key.size() < 18;
      PARETO_TRY(value, item(in_, value,
                             is_number ? Value(static_cast<std::int64_t>(std::stoll(std::string(key)))) : Value(key)));
      path.remove_prefix(close + 1);
    }
    return value;
  }

  // Templates of tasks are not sandboxed: str.format looks at attributes alone there.
  Result<Value> attribute_of(const Value& value, std::string_view name) {
    if (in_.options().dialect == Dialect::kChat) return attribute(in_, value, name);
    if (is_method(value, name)) return unsupported("the attribute {} in a format", name);
    return type_error(fmt::format("'{}' object has no attribute '{}'", value.type_name(), name));
  }

  Result<Value> argument(std::string_view name) {
    const bool is_number = name.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_number) {
      for (const auto& [key, value] : args_.named) {
        if (key == name) return value;
      }
      return type_error(fmt::format("KeyError: '{}'", name));
    }
    const Numbering wanted = name.empty() ? Numbering::kAutomatic : Numbering::kManual;
    if (numbering_ != Numbering::kNone && numbering_ != wanted) {
      return type_error("cannot switch between automatic and manual field numbering");
    }
    numbering_ = wanted;
    const std::size_t i = name.empty() ? automatic_++ : name.size() > 9 ? SIZE_MAX : std::stoul(std::string(name));
    if (i >= args_.positional.size()) return type_error("Replacement index out of range for positional args tuple");
    return args_.positional[i];
  }

  enum class Numbering { kNone, kAutomatic, kManual };
  Interpreter& in_;
  std::string_view format_;
  const Args& args_;
  std::size_t at_ = 0, automatic_ = 0;
  Numbering numbering_ = Numbering::kNone;
  std::string out_;
};

}  // namespace

Result<std::string> percent_format(Interpreter& in, std::string_view format, const Value& args) {
  return PercentFormat(in, format, args).run();
}

Result<std::string> brace_format(Interpreter& in, std::string_view format, const Args& args) {
  return BraceFormat(in, format, args).run();
}

}  // namespace pareto::jinja
