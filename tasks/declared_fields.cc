#include "tasks/declared_fields.h"

#include "core/options.h"
#include "tasks/common.h"

namespace pareto::declared {

Status check_yaml_keys(const Yaml& map, std::string_view what, const std::vector<std::string>& known,
                       const std::vector<std::string>& refused) {
  for (const auto& [key, line, value] : map.entries) {
    const std::string where = fmt::format("{}:{}", *value.file, line);
    if (value.type == Yaml::Type::kFunction)
      return fail(Code::kUnsupported, "{}: '{}: !function {}': Python cannot be run here; write it as a template",
                  where, key, value.text);
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    if (std::find(refused.begin(), refused.end(), key) != refused.end()) {
      if (value.is_null()) continue;
      return fail(Code::kUnsupported, "{}: {} '{}' is not supported", where, what, key);
    }
    const std::string near = nearest_name(key, known);
    return fail(Code::kInvalid, "{}: no {} '{}'{}", where, what, key,
                near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
  return {};
}

tl::unexpected<Error> wrong_yaml(const Yaml& value, std::string_view key, std::string_view wanted) {
  return fail(Code::kInvalid, "{}: '{}' must be {}, not {}", value.where(), key, wanted, shown(value.to_value()));
}

Result<std::vector<std::string>> yaml_texts(const Yaml& value, std::string_view key) {
  std::vector<std::string> texts;
  if (value.is_null()) return texts;
  const std::vector<Yaml> one = {value};
  for (const Yaml& item : value.type == Yaml::Type::kList ? value.items : one) {
    if (item.type != Yaml::Type::kScalar || !item.value.is_string())
      return wrong_yaml(item, key, "a text, or a list of texts");
    texts.push_back(item.text);
  }
  return texts;
}

const Yaml* field(const Yaml& map, std::string_view key) {
  const Yaml* value = map.get(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::string> text_field(const Yaml& map, std::string_view key, std::string_view missing) {
  const Yaml* value = field(map, key);
  if (value == nullptr) return std::string(missing);
  if (value->type != Yaml::Type::kScalar || !value->value.is_string()) return wrong_yaml(*value, key, "a text");
  return value->text;
}

Result<std::optional<std::int64_t>> whole_field(const Yaml& map, std::string_view key, std::int64_t least) {
  const Yaml* value = field(map, key);
  if (value == nullptr) return std::optional<std::int64_t>();
  const bool fits = value->type == Yaml::Type::kScalar && value->value.is(Value::Type::kInt) &&
                    value->value.integer() >= least && value->value.integer() <= 1'000'000;
  if (!fits) return wrong_yaml(*value, key, fmt::format("a whole number, at least {}", least));
  return std::optional<std::int64_t>(value->value.integer());
}

Result<bool> bool_field(const Yaml& map, std::string_view key, bool missing) {
  const Yaml* value = field(map, key);
  if (value == nullptr) return missing;
  if (value->type != Yaml::Type::kScalar || !value->value.is(Value::Type::kBool))
    return wrong_yaml(*value, key, "true or false");
  return value->value.boolean();
}

Result<std::vector<PythonRegex>> regexes_field(const Yaml& map, std::string_view key) {
  std::vector<PythonRegex> regexes;
  const Yaml* value = field(map, key);
  if (value == nullptr) return regexes;
  PARETO_TRY(const std::vector<std::string> patterns, yaml_texts(*value, key));
  for (const std::string& pattern : patterns) {
    auto regex = PythonRegex::compile(pattern);
    if (!regex) return fail(regex.error().code, "{}: {}", value->where(), regex.error().message);
    regexes.push_back(*std::move(regex));
  }
  return regexes;
}

Result<std::vector<Yaml>> list_field(const Yaml& map, std::string_view key, std::string_view wanted) {
  const Yaml* value = field(map, key);
  if (value == nullptr) return std::vector<Yaml>();
  if (value->type != Yaml::Type::kList || value->items.empty()) return wrong_yaml(*value, key, wanted);
  for (const Yaml& item : value->items)
    if (item.type != Yaml::Type::kMap) return wrong_yaml(item, key, wanted);
  return value->items;
}

}  // namespace pareto::declared
