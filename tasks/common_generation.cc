#include "tasks/common_generation.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "core/options.h"
#include "tasks/common.h"
#include "tasks/python.h"

namespace pareto {
namespace {

constexpr std::array<std::string_view, 4> kLengthNames = {"max_gen_toks", "max_new_tokens", "max_tokens",
                                                          "max_completion_tokens"};

// A Python string literal at text[*at], "…" or '…', without prefix. Nothing if there is none.
std::optional<std::string> read_string_literal(std::string_view text, std::size_t* at) {
  if (*at >= text.size() || (text[*at] != '"' && text[*at] != '\'')) return std::nullopt;
  const char quote = text[*at];
  std::string out;
  for (std::size_t i = *at + 1; i < text.size(); ++i) {
    if (text[i] == quote) {
      *at = i + 1;
      return out;
    }
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (const char c = text[++i]) {
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case '\\':
      case '\'':
      case '"':
        out += c;
        break;
      default:
        out += '\\';
        out += c;
    }
  }
  return std::nullopt;
}

// ['a', "b"]: what ast.literal_eval makes of a list of strings.
std::optional<Value> read_list_literal(std::string_view text) {
  std::size_t at = 1;
  std::vector<Value> items;
  const auto skip_space = [&] {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
  };
  if (text.empty() || text.front() != '[') return std::nullopt;
  for (skip_space(); at < text.size() && text[at] != ']'; skip_space()) {
    auto item = read_string_literal(text, &at);
    if (!item) return std::nullopt;
    items.emplace_back(*std::move(item));
    skip_space();
    if (at < text.size() && text[at] == ',') ++at;
  }
  if (at + 1 != text.size()) return std::nullopt;
  return Value::list(std::move(items));
}

Value read_value(const std::string& text) {
  const std::string lower = python::lower(text);
  if (lower == "true") return true;
  if (lower == "false") return false;
  constexpr std::size_t kMaxDigits = 18;  // beyond that, a float
  if (!text.empty() && text.size() <= kMaxDigits && text.find_first_not_of("0123456789") == std::string::npos) {
    return std::int64_t{std::atoll(text.c_str())};
  }
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end != text.c_str() && *end == '\0') return number;
  if (auto list = read_list_literal(text)) return *std::move(list);
  std::size_t at = 0;
  if (auto literal = read_string_literal(text, &at); literal && at == text.size()) return *std::move(literal);
  return text;
}

tl::unexpected<Error> bad_value(std::string_view key, const Value& value, std::string_view wanted) {
  return fail(Code::kUsage, "--gen_kwargs {}={}: must be {}", key, shown(value), wanted);
}

Result<void> check_keys(const Value& kwargs) {
  static const std::vector<std::string> kKnown = {
      "do_sample",  "max_completion_tokens", "max_gen_toks", "max_new_tokens",
      "max_tokens", "temperature",           "top_k",        "top_p",
      "until"};
  for (const auto& [key, value] : kwargs.entries()) {
    if (std::find(kKnown.begin(), kKnown.end(), key.text()) == kKnown.end()) {
      return tl::unexpected<Error>(unknown_name("generation argument", key.text(), kKnown));
    }
  }
  return {};
}

Result<std::vector<std::string>> read_until(const Value* until) {
  std::vector<std::string> stops;
  if (until == nullptr || until->is_none()) return stops;
  const std::vector<Value> one = {*until};
  for (const Value& stop : until->is(Value::Type::kList) ? until->list() : one) {
    if (!stop.is_string() || stop.text().empty()) return bad_value("until", *until, "non-empty texts");
    stops.push_back(stop.text());
  }
  return stops;
}

Result<void> read_length(const Value& kwargs, Generation* out) {
  std::string_view used;
  for (const std::string_view name : kLengthNames) {
    const Value* value = kwargs.get(name);
    if (value == nullptr || value->is_none()) continue;
    if (!used.empty()) {
      out->warnings.push_back(fmt::format("--gen_kwargs: {} is ignored, {} comes first", name, used));
      continue;
    }
    used = name;
    const double tokens = value->is_number() ? std::trunc(value->as_double()) : 0;
    if (!(tokens >= 1) || tokens > std::numeric_limits<int>::max()) {
      return bad_value(name, *value, "a number of tokens, at least 1");
    }
    out->max_tokens = static_cast<int>(tokens);
  }
  return {};
}

Result<void> read_sampling(const Value& kwargs, Generation* out) {
  double temperature = 0;
  if (const Value* value = kwargs.get("temperature"); value != nullptr && !value->is_none()) {
    temperature = value->is_number() ? value->as_double() : -1;
    if (!(temperature >= 0) || std::isinf(temperature)) return bad_value("temperature", *value, "a number, at least 0");
  }
  if (const Value* value = kwargs.get("top_p"); value != nullptr && !value->is_none()) {
    out->sampling.top_p = value->is_number() ? value->as_double() : 0;
    if (!(out->sampling.top_p > 0 && out->sampling.top_p <= 1)) {
      return bad_value("top_p", *value, "a number above 0, at most 1");
    }
  }
  if (const Value* value = kwargs.get("top_k"); value != nullptr && !value->is_none()) {
    const bool fits = value->is(Value::Type::kInt) ? value->integer() <= std::numeric_limits<int>::max()
                                                   : value->is(Value::Type::kFloat) && value->real() == -1;
    const double k = fits ? value->as_double() : -2;
    if (k < -1) return bad_value("top_k", *value, "a whole number; 0 or -1 is all");
    out->sampling.top_k = static_cast<int>(std::max(0.0, k));
  }
  const Value* do_sample = kwargs.get("do_sample");
  if (do_sample == nullptr || do_sample->is_none()) {
    out->sampling.temperature = temperature;
    return {};
  }
  if (!do_sample->is(Value::Type::kBool)) return bad_value("do_sample", *do_sample, "true or false");
  if (do_sample->boolean()) {
    out->sampling.temperature = temperature;
    if (temperature == 0) out->warnings.emplace_back("do_sample=true with temperature 0 is greedy");
  } else if (temperature != 0) {
    out->warnings.push_back(fmt::format(
        "temperature={} is ignored, since the task sets do_sample=false; add do_sample=true to --gen_kwargs",
        temperature));
  }
  return {};
}

}  // namespace

Result<Generation> make_generation(std::string_view own, const std::map<std::string, std::string>& overrides) {
  PARETO_TRY(Value kwargs, value_from_json(own));
  for (const auto& [key, text] : overrides) kwargs.set(key, read_value(text));
  PARETO_CHECK_OK(check_keys(kwargs));
  Generation out;
  PARETO_TRY(out.until, read_until(kwargs.get("until")));
  PARETO_CHECK_OK(read_length(kwargs, &out));
  PARETO_CHECK_OK(read_sampling(kwargs, &out));
  PARETO_TRY(out.kwargs, python::json_dumps(kwargs, {.text = python::JsonStyle::Text::kRaw}));
  return out;
}

}  // namespace pareto
