// Which filters exist, and those that work on text.
#include "tasks/jinja_filters.h"

#include <algorithm>

#include "core/markup.h"
#include "tasks/extract.h"
#include "tasks/jinja_parser.h"
#include "tasks/python.h"

namespace pareto::jinja {
namespace {

using Type = Value::Type;
using V = const Value&;
using A = const Args&;

// Jinja2 has them; we do not.
constexpr std::string_view kLeftOut[] = {"filesizeformat", "groupby", "pprint",   "random", "striptags",
                                         "urlencode",      "urlize",  "wordwrap", "xmlattr"};

const Filter* find_filter(std::string_view name, Dialect dialect) {
  for (const auto filters : {text_filters(), number_filters(), sequence_filters()}) {
    const auto found = std::find_if(filters.begin(), filters.end(), [&](const Filter& f) { return f.name == name; });
    if (found != filters.end()) return name == "regex_replace" && dialect != Dialect::kTask ? nullptr : &*found;
  }
  return nullptr;
}

// soft_str(): text that is Markup stays Markup.
Result<Value> soft(Interpreter& in, V value) {
  if (value.is_string()) return value;
  PARETO_TRY(std::string text, text_of(in, value));
  return in.make_text(std::move(text));
}

template <class F>
Result<Value> mapped(Interpreter& in, V value, A args, std::string_view name, F f) {
  PARETO_TRY(const auto bound, bind(name, args, {}));
  PARETO_TRY(const Value text, soft(in, value));
  return in.make_text(std::string(f(text.text())), text);
}

Result<Value> trim(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("trim", args, {optional("chars")}));
  PARETO_TRY(const Value text, soft(in, value));
  if (a[0].is_none()) return in.make_text(std::string(python::strip(text.text())), text);
  if (!a[0].is_string()) return type_error("strip arg must be None or str");
  return in.make_text(std::string(python::strip(text.text(), a[0].text())), text);
}

// Jinja's own: a word begins after white space and any of -({[<.
std::string title_words(std::string_view text) {
  std::string out;
  bool begins = true;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = python::decode(text, at);
    const auto bytes = static_cast<std::size_t>(c.bytes);
    const bool separates =
        python::is_space(c.value) ||
        (c.value < 0x80 && std::string_view("-({[<").find(static_cast<char>(c.value)) != std::string_view::npos);
    if (separates) {
      out += text.substr(at, bytes);
      begins = true;
      at += bytes;
      continue;
    }
    std::size_t end = at + bytes;
    if (begins) {
      out += python::upper(text.substr(at, bytes));
    } else {
      // The rest of the word at once: a final sigma looks at its neighbours.
      while (end < text.size()) {
        const auto next = python::decode(text, end);
        if (python::is_space(next.value) || (next.value < 0x80 && std::string_view("-({[<").find(static_cast<char>(
                                                                      next.value)) != std::string_view::npos)) {
          break;
        }
        end += static_cast<std::size_t>(next.bytes);
      }
      out += python::lower(text.substr(at, end - at));
    }
    begins = false;
    at = end;
  }
  return out;
}

Result<Value> replace(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("replace", args, {required("old"), required("new"), optional("count")}));
  PARETO_TRY(const std::string text, text_of(in, value));
  PARETO_TRY(const std::string from, text_of(in, a[0]));
  PARETO_TRY(const std::string to, text_of(in, a[1]));
  std::int64_t count = -1;
  if (!a[2].is_none()) {
    PARETO_TRY(count, integer_of(a[2], "count"));
  }
  const std::size_t most = from.empty() ? text.size() + 1 : text.size() / from.size();
  PARETO_CHECK_OK(in.allocate(most * to.size()));  // before it is made
  return in.make_text(python::replace(text, from, to, count));
}

Result<Value> indent(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a,
             bind("indent", args,
                  {optional("width", Value(4)), optional("first", Value(false)), optional("blank", Value(false))}));
  if (!value.is_string()) {
    if (value.is_undefined()) return undefined_error(value);
    return type_error(fmt::format("indent needs text, not {}", value.type_name()));
  }
  std::string space;
  if (a[0].is_string()) {
    space = a[0].text();
  } else {
    PARETO_TRY(const std::int64_t width, integer_of(a[0], "width"));
    PARETO_CHECK_OK(in.allocate(static_cast<std::size_t>(std::max<std::int64_t>(width, 0))));
    space.assign(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
  }
  PARETO_TRY(const bool first, truth(in, a[1]));
  PARETO_TRY(const bool blank, truth(in, a[2]));
  const std::string with_end = value.text() + "\n";
  const auto lines = python::split_lines(with_end);
  PARETO_CHECK_OK(in.allocate(lines.size() * (space.size() + 1)));
  std::string out = first ? space : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\n";
    if (i > 0 && (blank || !lines[i].empty())) out += space;
    out += lines[i];
  }
  return in.make_text(std::move(out), value);
}

Result<Value> truncate(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("truncate", args,
                                {optional("length", Value(255)), optional("killwords", Value(false)),
                                 optional("end", Value("...")), optional("leeway", Value(5))}));
  if (!value.is_string() || !a[2].is_string()) return type_error("truncate needs text");
  PARETO_TRY(const std::int64_t length, integer_of(a[0], "length"));
  PARETO_TRY(const bool kill, truth(in, a[1]));
  PARETO_TRY(const std::int64_t leeway, integer_of(a[3], "leeway"));
  const std::int64_t kept = length - python::length(a[2].text());
  if (kept < 0) return type_error("expected length >= that of its end");
  if (leeway < 0) return type_error("expected leeway >= 0");
  if (python::length(value.text()) - leeway <= length) return value;
  PARETO_TRY(const Value head, slice(in, value, Value(), Value(kept), Value()));
  if (kill) return in.make_text(head.text() + a[2].text());
  return in.make_text(std::string(python::rsplit(head.text(), " ", 1)[0]) + a[2].text());
}

Result<Value> center(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("center", args, {optional("width", Value(80))}));
  PARETO_TRY(const Value text, soft(in, value));
  return call_method(in, text, "center", Args{{a[0]}, {}});
}

Result<Value> wordcount(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("wordcount", args, {}));
  PARETO_TRY(const std::string text, text_of(in, value));
  std::int64_t words = 0;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = python::decode(text, at);
    const bool is_word = c.value == '_' || python::is_alpha(c.value) || python::is_digit(c.value);
    words += is_word && !in_word;
    in_word = is_word;
    at += static_cast<std::size_t>(c.bytes);
  }
  return Value(words);
}

Result<Value> format(Interpreter& in, V value, A args) {
  PARETO_TRY(const Value text, soft(in, value));
  if (!args.positional.empty() && !args.named.empty()) {
    return type_error("can't handle positional and keyword arguments at the same time");
  }
  Value given = Value::tuple(args.positional);
  if (!args.named.empty()) {
    given = Value::dict({});
    for (const auto& [key, entry] : args.named) given.set(Value(key), entry);
  }
  if (text.is_markup()) return unsupported("format of Markup");
  PARETO_TRY(std::string out, percent_format(in, text.text(), given));
  return in.make_text(std::move(out));
}

Result<Value> to_json(Interpreter& in, V value, A args) {
  python::JsonStyle style;
  const bool is_chat = in.options().dialect == Dialect::kChat;
  std::vector<Value> a;
  if (is_chat) {
    PARETO_TRY(a, bind("tojson", args,
                       {optional("ensure_ascii", Value(false)), optional("indent"), optional("separators"),
                        optional("sort_keys", Value(false))}));
    style.text = a[0].truthy() ? python::JsonStyle::Text::kAsciiOnly : python::JsonStyle::Text::kRaw;
    style.keys = a[3].truthy() ? python::JsonStyle::Keys::kSorted : python::JsonStyle::Keys::kAsInserted;
    if (a[2].is_sequence() && a[2].list().size() == 2 && a[2].list()[0].is_string() && a[2].list()[1].is_string()) {
      style.item_separator = a[2].list()[0].text();
      style.key_separator = a[2].list()[1].text();
    } else if (!a[2].is_none()) {
      return unsupported("separators of tojson that are not two strings");
    }
  } else {
    PARETO_TRY(a, bind("tojson", args, {optional("indent")}));
    a.insert(a.begin(), Value());
    style.keys = python::JsonStyle::Keys::kSorted;
  }
  if (a[1].is_string()) return unsupported("a string as indent of tojson");
  if (!a[1].is_none()) {
    PARETO_TRY(const std::int64_t indent, integer_of(a[1], "indent"));
    style.indent = static_cast<int>(std::clamp<std::int64_t>(indent, 0, 1000));
  }
  PARETO_TRY(std::string text, python::json_dumps(value, style, in.options().limits.text_bytes));
  if (is_chat) return in.make_text(std::move(text));
  for (const auto& [from, to] : {std::pair{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}, {"'", "\\u0027"}}) {
    text = python::replace(text, from, to);
  }
  return in.make_text(std::move(text), Value::markup(""));
}

Result<Value> force_escape(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("forceescape", args, {}));
  PARETO_TRY(const std::string text, text_of(in, value));
  return in.make_text(escape_markup(text), Value::markup(""));
}

Result<Value> mark_safe(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("safe", args, {}));
  PARETO_TRY(std::string text, text_of(in, value));
  return in.make_text(std::move(text), Value::markup(""));
}

Result<Value> escape(Interpreter& in, V value, A args) {
  PARETO_TRY(const auto a, bind("escape", args, {}));
  return escaped(in, value);
}

constexpr Filter kTextFilters[] = {
    {"capitalize", [](Interpreter& in, V v, A a) { return mapped(in, v, a, "capitalize", python::capitalize); }},
    {"lower", [](Interpreter& in, V v, A a) { return mapped(in, v, a, "lower", python::lower); }},
    {"upper", [](Interpreter& in, V v, A a) { return mapped(in, v, a, "upper", python::upper); }},
    {"title",
     [](Interpreter& in, V v, A a) -> Result<Value> {
       PARETO_TRY(const Value text, mapped(in, v, a, "title", title_words));
       return Value(text.text());  // joined from parts: no longer Markup
     }},
    {"string", [](Interpreter& in, V v, A a) { return mapped(in, v, a, "string", [](auto& s) { return s; }); }},
    {"trim", trim},
    {"replace", replace},
    {"indent", indent},
    {"truncate", truncate},
    {"center", center},
    {"wordcount", wordcount},
    {"format", format},
    {"tojson", to_json},
    {"e", escape},
    {"escape", escape},
    {"forceescape", force_escape},
    {"safe", mark_safe},
    {"regex_replace", regex_replace},
};

// What a replacement string stands for: \1, \g<1>, \n, … Named groups are refused.
Result<std::string> expand(std::string_view repl, const std::vector<std::string_view>& groups) {
  std::string out;
  const auto group = [&](std::size_t n) -> Status {
    if (n >= groups.size()) return fail(Code::kInvalid, "invalid group reference {}", n);
    out += groups[n];
    return {};
  };
  for (std::size_t i = 0; i < repl.size(); ++i) {
    if (repl[i] != '\\' || i + 1 == repl.size()) {
      out += repl[i];
      continue;
    }
    const char c = repl[++i];
    static constexpr std::string_view kNames = "\\abfnrtv", kMeanings = "\\\a\b\f\n\r\t\v";
    if (const auto known = kNames.find(c); known != std::string_view::npos) {
      out += kMeanings[known];
    } else if (c >= '1' && c <= '9') {
      std::size_t n = static_cast<std::size_t>(c - '0');
      if (i + 1 < repl.size() && repl[i + 1] >= '0' && repl[i + 1] <= '9') {
        n = n * 10 + static_cast<std::size_t>(repl[++i] - '0');
      }
      PARETO_CHECK_OK(group(n));
    } else if (c == 'g' && repl.substr(i + 1).starts_with("<")) {
      const auto end = repl.find('>', i);
      const std::string_view name = repl.substr(i + 2, end == std::string_view::npos ? end : end - i - 2);
      if (end == std::string_view::npos || name.empty() || name.size() > 3 ||
          name.find_first_not_of("0123456789") != std::string_view::npos) {
        return unsupported("the group reference in '{}'", repl);
      }
      PARETO_CHECK_OK(group(static_cast<std::size_t>(std::stoi(std::string(name)))));
      i = end;
    } else {
      return unsupported("the escape \\{} in a replacement", c);
    }
  }
  return out;
}

}  // namespace

Result<Value> regex_replace(Interpreter& in, const Value& value, const Args& args) {
  PARETO_TRY(const auto a,
             bind("regex_replace", args, {required("pattern"), required("repl"), optional("count", Value(0))}));
  for (const Value* text : {&value, &a[0], &a[1]}) {
    if (text->is_undefined()) return undefined_error(*text);
    if (!text->is_string()) return type_error(fmt::format("regex_replace needs text, not {}", text->type_name()));
  }
  PARETO_TRY(const std::int64_t count, integer_of(a[2], "count"));
  // A group around the pattern tells where each match lies; a final $ has to stay last.
  std::string_view pattern = a[0].text();
  const bool anchored = pattern.ends_with("$") && !pattern.ends_with("\\$");
  if (anchored && pattern.find('|') != std::string_view::npos) {
    return unsupported("both | and $ in the pattern {}", python::text_repr(pattern));
  }
  if (anchored) pattern.remove_suffix(1);
  PARETO_TRY(const PythonRegex regex, PythonRegex::compile(fmt::format("({}){}", pattern, anchored ? "$" : "")));
  const std::string& text = value.text();
  std::string out;
  std::size_t at = 0;
  std::int64_t done = 0;
  for (const auto& groups : regex.find_all(text)) {
    if (count > 0 && done++ == count) break;
    PARETO_TRY(const std::string with, expand(a[1].text(), groups));
    PARETO_CHECK_OK(in.allocate(with.size()));
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    out.append(text, at, begin - at);
    out += with;
    at = begin + groups[0].size();
  }
  out.append(text, at);
  return in.make_text(std::move(out));
}

std::span<const Filter> text_filters() { return kTextFilters; }

bool is_filter(std::string_view name, Dialect dialect) {
  return find_filter(name, dialect) != nullptr ||
         std::find(std::begin(kLeftOut), std::end(kLeftOut), name) != std::end(kLeftOut);
}

Result<Value> apply_filter(Interpreter& in, std::string_view name, const Value& value, const Args& args) {
  PARETO_CHECK_OK(in.spend(1));
  const Filter* filter = find_filter(name, in.options().dialect);
  if (filter != nullptr) return filter->apply(in, value, args);
  if (is_filter(name, in.options().dialect)) return unsupported("the filter {}", name);
  return fail(Code::kInvalid, "No filter named '{}'.", name);
}

Result<Value> escaped(Interpreter& in, const Value& value) {
  if (value.is_markup()) return value;
  PARETO_TRY(const std::string text, text_of(in, value));
  return in.make_text(escape_markup(text), Value::markup(""));
}

}  // namespace pareto::jinja
