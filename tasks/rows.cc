#include "tasks/rows.h"

#include <algorithm>
#include <cstdlib>

#include "core/files.h"
#include "tasks/python.h"

namespace pareto {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What `pareto data fetch` calls a split: the set that it is part of, else the split itself.
std::string fetch_name(const HubSplit& split) {
  if (!split.fetch.empty()) return split.fetch;
  return fmt::format("rows:{}:{}:{}", split.dataset, split.config, split.split);
}

std::string column_names(const Value& object) {
  std::string names;
  for (const auto& [key, value] : object.entries()) names += (names.empty() ? "" : ", ") + key.text();
  return names.empty() ? "nothing" : names;
}

}  // namespace

const Value* Row::find(std::string_view path) const {
  const Value* at = &object_;
  while (true) {
    if (!at->is_dict()) return nullptr;
    if (const Value* whole = at->get(path)) return whole;  // a column may have dots in its name
    const auto dot = path.find('.');
    if (dot == std::string_view::npos) return nullptr;
    at = at->get(path.substr(0, dot));
    if (at == nullptr) return nullptr;
    path.remove_prefix(dot + 1);
  }
}

tl::unexpected<Error> Row::missing(std::string_view path) const {
  const auto dot = path.find('.');
  const Value* outer = dot == std::string_view::npos ? nullptr : object_.get(path.substr(0, dot));
  if (outer != nullptr && outer->is_dict()) {
    return fail(Code::kNotFound, "{}: no column '{}'; {} has: {}", where(), path, path.substr(0, dot),
                column_names(*outer));
  }
  return fail(Code::kNotFound, "{}: no column '{}'; it has: {}", where(), path, column_names(object_));
}

tl::unexpected<Error> Row::wrong_type(std::string_view path, const Value& found, std::string_view wanted) const {
  std::string shown = python::repr(found);
  if (shown.size() > 60) shown = shown.substr(0, 57) + "...";
  return fail(Code::kInvalid, "{}: column '{}' must be {}, not {} {}", where(), path, wanted, found.type_name(), shown);
}

Result<Value> Row::at(std::string_view path) const {
  const Value* found = find(path);
  if (found == nullptr) return missing(path);
  return *found;
}

bool Row::has(std::string_view path) const { return find(path) != nullptr; }

Result<std::string_view> Row::text(std::string_view path) const {
  const Value* found = find(path);
  if (found == nullptr) return missing(path);
  if (!found->is_string()) return wrong_type(path, *found, "a string");
  return std::string_view(found->text());
}

Result<std::int64_t> Row::integer(std::string_view path) const {
  const Value* found = find(path);
  if (found == nullptr) return missing(path);
  if (!found->is(Value::Type::kInt)) return wrong_type(path, *found, "an integer");
  return found->integer();
}

Result<double> Row::number(std::string_view path) const {
  const Value* found = find(path);
  if (found == nullptr) return missing(path);
  if (!found->is(Value::Type::kInt) && !found->is(Value::Type::kFloat)) return wrong_type(path, *found, "a number");
  return found->as_double();
}

Result<std::vector<std::string>> Row::strings(std::string_view path) const {
  const Value* found = find(path);
  if (found == nullptr) return missing(path);
  if (!found->is(Value::Type::kList)) return wrong_type(path, *found, "a list of strings");
  std::vector<std::string> out;
  out.reserve(found->list().size());
  for (const Value& item : found->list()) {
    if (!item.is_string()) return wrong_type(path, *found, "a list of strings");
    out.push_back(item.text());
  }
  return out;
}

Result<std::vector<std::int64_t>> Row::integers(std::string_view path) const {
  const Value* found = find(path);
  if (found == nullptr) return missing(path);
  if (!found->is(Value::Type::kList)) return wrong_type(path, *found, "a list of integers");
  std::vector<std::int64_t> out;
  out.reserve(found->list().size());
  for (const Value& item : found->list()) {
    if (!item.is(Value::Type::kInt)) return wrong_type(path, *found, "a list of integers");
    out.push_back(item.integer());
  }
  return out;
}

std::string Row::json() const {
  python::JsonStyle style;
  style.indent = 2;
  style.text = python::JsonStyle::Text::kRaw;
  // Cannot fail: a row came from JSON, so JSON can hold it, and the reader's depth limit is below the writer's.
  return python::json_dumps(object_, style, SIZE_MAX).value_or("");
}

std::string Row::where() const { return fmt::format("{}:{}", *file_, line_); }

std::string resolve_data_dir(std::string_view option) {
  if (!option.empty()) return std::string(option);
  if (auto dir = environment("PARETO_DATA"); !dir.empty()) return dir;
  if (auto cache = environment("XDG_CACHE_HOME"); !cache.empty()) return cache + "/pareto/data";
  return environment("HOME") + "/.cache/pareto/data";
}

std::string hub_path(std::string_view data_dir, const HubSplit& split) {
  if (!split.file.empty()) return split.file;
  return fmt::format("{}/{}/{}/{}.jsonl", data_dir, python::replace(split.dataset, "/", "__"), split.config,
                     split.split);
}

Result<std::vector<Row>> read_hub_rows(std::string_view data_dir, const HubSplit& split) {
  const std::string path = hub_path(data_dir, split);
  auto rows = read_jsonl(path);
  if (!rows && rows.error().code == Code::kNotFound && split.file.empty()) {
    return fail(
        Code::kNotFound,
        "no {} rows of {} {}: {} is missing; 'pareto data fetch {}' brings it, or name the folder of hub rows that "
        "has it with --data_dir or $PARETO_DATA",
        split.split, split.dataset, split.config, path, fetch_name(split));
  }
  return rows;
}

Result<std::vector<Row>> read_jsonl(const std::string& path) {
  PARETO_TRY(const std::string text, read_file(path));
  return parse_jsonl(text, path);
}

Result<std::vector<Row>> parse_jsonl(std::string_view text, std::string name) {
  const auto file = std::make_shared<const std::string>(std::move(name));
  std::vector<Row> rows;
  rows.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
  int line = 0;
  while (!text.empty()) {
    ++line;
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view json = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (json.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto value = value_from_json(json);
    if (!value) return fail(Code::kInvalid, "{}:{}: {}", *file, line, value.error().message);
    if (!value->is_dict()) {
      return fail(Code::kInvalid, "{}:{}: column 1: a row is a JSON object {{…}}, not a {}", *file, line,
                  value->type_name());
    }
    rows.emplace_back(file, line, std::move(*value));
  }
  return rows;
}

}  // namespace pareto
