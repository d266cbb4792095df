// str(), repr() and json.dumps().
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tasks/python.h"

namespace pareto::python {
namespace {

constexpr int kMaxDepth = 200;

void append_repr_text(std::string_view text, std::string* out) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  out->push_back(quote);
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = decode(text, at);
    const auto bytes = static_cast<std::size_t>(c.bytes);
    if (c.value == static_cast<char32_t>(quote) || c.value == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(c.value));
    } else if (c.value == '\t') {
      *out += "\\t";
    } else if (c.value == '\n') {
      *out += "\\n";
    } else if (c.value == '\r') {
      *out += "\\r";
    } else if (c.value & kStray || is_printable(c.value)) {
      out->append(text.substr(at, bytes));
    } else if (c.value < 0x100) {
      fmt::format_to(std::back_inserter(*out), "\\x{:02x}", static_cast<unsigned>(c.value));
    } else if (c.value < 0x10000) {
      fmt::format_to(std::back_inserter(*out), "\\u{:04x}", static_cast<unsigned>(c.value));
    } else {
      fmt::format_to(std::back_inserter(*out), "\\U{:08x}", static_cast<unsigned>(c.value));
    }
    at += bytes;
  }
  out->push_back(quote);
}

bool append_repr_at(const Value& value, std::size_t max_bytes, int depth, std::string* out);

bool append_items(const std::vector<Value>& items, std::size_t max_bytes, int depth, std::string* out) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) *out += ", ";
    if (!append_repr_at(items[i], max_bytes, depth + 1, out)) return false;
  }
  return true;
}

bool append_repr_at(const Value& value, std::size_t max_bytes, int depth, std::string* out) {
  using Type = Value::Type;
  if (depth > kMaxDepth) return false;
  bool fits = true;
  switch (value.type()) {
    case Type::kUndefined:
      *out += "Undefined";
      break;
    case Type::kNone:
      *out += "None";
      break;
    case Type::kBool:
      *out += value.boolean() ? "True" : "False";
      break;
    case Type::kInt:
      fmt::format_to(std::back_inserter(*out), "{}", value.integer());
      break;
    case Type::kFloat:
      *out += float_repr(value.real());
      break;
    case Type::kString:
      if (value.text().size() > max_bytes) return false;
      if (value.is_markup()) *out += "Markup(";
      append_repr_text(value.text(), out);
      if (value.is_markup()) *out += ")";
      break;
    case Type::kList:
      *out += "[";
      fits = append_items(value.list(), max_bytes, depth, out);
      *out += "]";
      break;
    case Type::kTuple:
      *out += "(";
      fits = append_items(value.list(), max_bytes, depth, out);
      *out += value.list().size() == 1 ? ",)" : ")";
      break;
    case Type::kDict:
      *out += "{";
      for (std::size_t i = 0; fits && i < value.entries().size(); ++i) {
        const auto& [key, item] = value.entries()[i];
        if (i > 0) *out += ", ";
        fits = append_repr_at(key, max_bytes, depth + 1, out);
        *out += ": ";
        fits = fits && append_repr_at(item, max_bytes, depth + 1, out);
      }
      *out += "}";
      break;
    case Type::kObject:
      if (!value.object()->printable()) return false;
      *out += value.object()->text();
      break;
  }
  return fits && out->size() <= max_bytes;
}

void append_json_text(std::string_view text, JsonStyle::Text style, std::string* out) {
  out->push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    const auto b = static_cast<unsigned char>(text[at]);
    if (b == '"' || b == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(b));
      ++at;
    } else if (b < 0x20 || (b == 0x7F && style == JsonStyle::Text::kAsciiOnly)) {
      switch (b) {
        case '\n':
          *out += "\\n";
          break;
        case '\r':
          *out += "\\r";
          break;
        case '\t':
          *out += "\\t";
          break;
        case '\f':
          *out += "\\f";
          break;
        case '\b':
          *out += "\\b";
          break;
        default:
          fmt::format_to(std::back_inserter(*out), "\\u{:04x}", b);
      }
      ++at;
    } else if (b < 0x80 || style == JsonStyle::Text::kRaw) {
      out->push_back(static_cast<char>(b));
      ++at;
    } else {
      const CodePoint c = decode(text, at);
      const unsigned v = static_cast<unsigned>(c.value & ~kStray);
      if (c.value & kStray || v < 0x10000) {
        fmt::format_to(std::back_inserter(*out), "\\u{:04x}", c.value & kStray ? 0xDC00u + v : v);  // surrogateescape
      } else {
        fmt::format_to(std::back_inserter(*out), "\\u{:04x}\\u{:04x}", 0xD800 + ((v - 0x10000) >> 10),
                       0xDC00 + ((v - 0x10000) & 0x3FF));
      }
      at += static_cast<std::size_t>(c.bytes);
    }
  }
  out->push_back('"');
}

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, std::size_t max_bytes) : style_(style), max_bytes_(max_bytes) {
    if (style_.item_separator.empty()) style_.item_separator = style_.indent < 0 ? ", " : ",";
    if (style_.key_separator.empty()) style_.key_separator = ": ";
  }

  Status write(const Value& value, int depth) {
    using Type = Value::Type;
    if (depth > kMaxDepth) return fail(Code::kInvalid, "JSON nested deeper than {} levels", kMaxDepth);
    switch (value.type()) {
      case Type::kNone:
        out_ += "null";
        break;
      case Type::kBool:
        out_ += value.boolean() ? "true" : "false";
        break;
      case Type::kInt:
        fmt::format_to(std::back_inserter(out_), "{}", value.integer());
        break;
      case Type::kFloat:
        write_number(value.real());
        break;
      case Type::kString:
        if (value.text().size() > max_bytes_) return too_long();
        append_json_text(value.text(), style_.text, &out_);
        break;
      case Type::kList:
      case Type::kTuple:
        PARETO_CHECK_OK(write_list(value.list(), depth));
        break;
      case Type::kDict:
        PARETO_CHECK_OK(write_dict(value, depth));
        break;
      default:
        return fail(Code::kInvalid, "Object of type {} is not JSON serializable", value.type_name());
    }
    return out_.size() > max_bytes_ ? too_long() : Status{};
  }

  std::string take() { return std::move(out_); }

 private:
  Status too_long() const { return fail(Code::kInvalid, "JSON of more than {} bytes", max_bytes_); }

  void newline(int depth) {
    if (style_.indent < 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(style_.indent) * static_cast<std::size_t>(depth), ' ');
  }

  void write_number(double d) {
    if (std::isnan(d)) {
      out_ += "NaN";
    } else if (std::isinf(d)) {
      out_ += d < 0 ? "-Infinity" : "Infinity";
    } else {
      out_ += float_repr(d);
    }
  }

  Status write_list(const std::vector<Value>& items, int depth) {
    out_ += "[";
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      newline(depth + 1);
      PARETO_CHECK_OK(write(items[i], depth + 1));
    }
    if (!items.empty()) newline(depth);
    out_ += "]";
    return {};
  }

  Status write_dict(const Value& dict, int depth) {
    std::vector<const Value::Entry*> order;
    for (const auto& entry : dict.entries()) order.push_back(&entry);
    if (style_.keys == JsonStyle::Keys::kSorted) {
      const auto all = [&](bool (*is)(const Value&)) {
        return std::all_of(order.begin(), order.end(), [is](auto* e) { return is(e->first); });
      };
      if (all([](const Value& key) { return key.is_string(); })) {
        std::stable_sort(order.begin(), order.end(),
                         [](auto* a, auto* b) { return a->first.text() < b->first.text(); });
      } else if (all([](const Value& key) { return key.is_number(); })) {
        std::stable_sort(order.begin(), order.end(),
                         [](auto* a, auto* b) { return a->first.as_double() < b->first.as_double(); });
      } else if (order.size() > 1) {
        return fail(Code::kInvalid, "'<' not supported between the keys of a dict to be sorted");
      }
    }
    out_ += "{";
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      newline(depth + 1);
      PARETO_CHECK_OK(write_key(order[i]->first));
      out_ += style_.key_separator;
      PARETO_CHECK_OK(write(order[i]->second, depth + 1));
    }
    if (!order.empty()) newline(depth);
    out_ += "}";
    return {};
  }

  Status write_key(const Value& key) {
    if (key.is_string()) {
      append_json_text(key.text(), style_.text, &out_);
    } else if (key.is_none() || key.is_number()) {
      out_ += '"';
      PARETO_CHECK_OK(write(key, 0));
      out_ += '"';
    } else {
      return fail(Code::kInvalid, "keys must be str, int, float, bool or None, not {}", key.type_name());
    }
    return {};
  }

  JsonStyle style_;
  std::size_t max_bytes_;
  std::string out_;
};

}  // namespace

// The shortest digits that read back as `number`; scientific from 1e16 on and below 1e-4.
std::string float_repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  const std::string_view all(buffer, static_cast<std::size_t>(end - buffer));  // -d.ddde±XX
  const auto e = all.find('e');
  std::string digits;
  for (const char c : all.substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  int exponent = 0;
  const std::string_view power = all.substr(e + 1);
  std::from_chars(power.data() + (power[0] == '+'), power.data() + power.size(), exponent);
  std::string out = std::signbit(number) ? "-" : "";
  const int n = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (n > 1) out += "." + digits.substr(1);
    out += fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  } else if (exponent < 0) {
    out += "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  } else if (exponent + 1 >= n) {
    out += digits + std::string(static_cast<std::size_t>(exponent + 1 - n), '0') + ".0";
  } else {
    out += digits.substr(0, static_cast<std::size_t>(exponent) + 1) + "." +
           digits.substr(static_cast<std::size_t>(exponent) + 1);
  }
  return out;
}

std::string text_repr(std::string_view text) {
  std::string out;
  append_repr_text(text, &out);
  return out;
}

bool append_repr(const Value& value, std::size_t max_bytes, std::string* out) {
  return append_repr_at(value, max_bytes, 0, out);
}

std::string repr(const Value& value) {
  std::string out;
  append_repr(value, SIZE_MAX, &out);
  return out;
}

std::string str(const Value& value) {
  if (value.is_string()) return value.text();
  if (value.is_undefined()) return "";
  return repr(value);
}

Result<std::string> json_dumps(const Value& value, const JsonStyle& style, std::size_t max_bytes) {
  JsonWriter writer(style, max_bytes);
  PARETO_CHECK_OK(writer.write(value, 0));
  return writer.take();
}

}  // namespace pareto::python
