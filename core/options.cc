#include "core/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace pareto {
namespace {

bool parse_double(const std::string& text, double* value) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto [rest, error] = std::from_chars(begin, end, *value);
  return error == std::errc() && rest == end && std::isfinite(*value);
}

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : " ") + name;
  return out;
}

Status check_value(const OptionSpec& spec, const std::string& value, std::string_view owner) {
  const auto bad = [&](std::string_view wanted) -> Status {
    return fail(Code::kUsage, "{}: {}={} is not {}", owner, spec.name, value, wanted);
  };
  double number = 0;
  switch (spec.type) {
    case OptionSpec::Type::kString:
      if (!spec.choices.empty() && std::find(spec.choices.begin(), spec.choices.end(), value) == spec.choices.end())
        return bad("one of " + join(spec.choices));
      return {};
    case OptionSpec::Type::kBool:
      if (value != "0" && value != "1" && value != "true" && value != "false") return bad("0, 1, true or false");
      return {};
    case OptionSpec::Type::kInt:
      if (!parse_double(value, &number) || number != std::floor(number)) return bad("a whole number");
      break;
    case OptionSpec::Type::kFloat:
      if (!parse_double(value, &number)) return bad("a number");
      break;
    case OptionSpec::Type::kBudget: {
      const bool percent = value.ends_with('%');
      if (!parse_double(percent ? value.substr(0, value.size() - 1) : value, &number) || number <= 0)
        return bad("a budget: a fraction (0.02, 2%) or a number of tokens above 0");
      const bool fraction = percent || value.find('.') != std::string::npos;
      if (fraction && number > (percent ? 100 : 1)) return bad("a budget of at most 1.0 (100%)");
      if (!fraction && number != std::floor(number)) return bad("a whole number of tokens");
      return {};
    }
  }
  if (number < spec.min || number > spec.max)
    return fail(Code::kUsage, "{}: {}={} is out of range [{}, {}]", owner, spec.name, value, spec.min, spec.max);
  return {};
}

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string BackendSpec::text() const {
  std::string out = name;
  char separator = ':';
  for (const auto& [key, value] : options) {
    out += separator + key + "=" + value;
    separator = ',';
  }
  return out;
}

Result<std::vector<BackendSpec>> parse_backend_specs(std::string_view text) {
  std::vector<BackendSpec> parsed;  // sweeps not yet expanded
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    std::string_view piece = text.substr(begin, comma - begin);
    begin = comma + 1;
    const std::size_t colon = piece.find(':');
    const std::size_t equals = piece.find('=');
    const bool is_option = equals != std::string_view::npos && (colon == std::string_view::npos || equals < colon);
    if (!is_option) {
      const std::string name(piece.substr(0, colon));
      if (name.empty()) return fail(Code::kUsage, "backend spec '{}' has an empty name", text);
      parsed.push_back({name, {}});
      if (colon == std::string_view::npos) continue;
      piece = piece.substr(colon + 1);
    } else if (parsed.empty()) {
      return fail(Code::kUsage, "backend spec '{}' starts with an option; write name:key=value", text);
    }
    const std::size_t split = piece.find('=');
    if (split == std::string_view::npos || split == 0)
      return fail(Code::kUsage, "backend spec '{}': '{}' is not key=value", text, piece);
    const std::string key(piece.substr(0, split));
    if (!parsed.back().options.emplace(key, piece.substr(split + 1)).second)
      return fail(Code::kUsage, "backend spec '{}' gives {} twice", text, key);
  }

  std::vector<BackendSpec> expanded;
  for (const BackendSpec& spec : parsed) {
    std::vector<BackendSpec> points = {{spec.name, {}}};
    for (const auto& [key, values] : spec.options) {
      std::vector<BackendSpec> product;
      for (std::size_t at = 0; at <= values.size();) {
        const std::size_t bar = std::min(values.find('|', at), values.size());
        for (BackendSpec point : points) {
          point.options[key] = values.substr(at, bar - at);
          product.push_back(std::move(point));
        }
        at = bar + 1;
      }
      points = std::move(product);
    }
    expanded.insert(expanded.end(), points.begin(), points.end());
  }
  return expanded;
}

Result<OptionMap> check_options(const OptionMap& given, const std::vector<OptionSpec>& specs, std::string_view owner) {
  std::vector<std::string> names;
  OptionMap filled;
  for (const OptionSpec& spec : specs) {
    names.push_back(spec.name);
    filled[spec.name] = spec.default_value;
  }
  for (const auto& [key, value] : given) {
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const OptionSpec& s) {
      return s.name == key || std::find(s.aliases.begin(), s.aliases.end(), key) != s.aliases.end();
    });
    if (spec == specs.end()) return tl::unexpected(unknown_name(fmt::format("option of {}", owner), key, names));
    if (spec->name != key && given.contains(spec->name))
      return fail(Code::kUsage, "{}: {} and {} are one option; give one of them", owner, spec->name, key);
    PARETO_CHECK_OK(check_value(*spec, value, owner));
    filled[spec->name] = value;
  }
  return filled;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  std::string best;
  int best_distance = std::max<int>(1, static_cast<int>(name.size()) / 3) + 1;
  for (const std::string& candidate : names) {
    const int distance = edit_distance(name, candidate);
    if (distance < best_distance) best_distance = distance, best = candidate;
  }
  return best;
}

Error unknown_name(std::string_view kind, std::string_view name, const std::vector<std::string>& names) {
  std::string message = fmt::format("no {} '{}'", kind, name);
  constexpr std::size_t kMost = 24;  // a list longer than a screen helps nobody
  if (names.empty()) {
    message += "; there is none";
  } else if (names.size() <= kMost) {
    message += "; there is: " + join(names);
  } else {
    message += fmt::format("; there are {}, listed by 'pareto ls {}s'", names.size(), kind);
  }
  if (const std::string near = nearest_name(name, names); !near.empty())
    message += fmt::format("; did you mean '{}'?", near);
  return {Code::kUsage, message};
}

}  // namespace pareto
