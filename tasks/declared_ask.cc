#include "tasks/declared_ask.h"

#include <algorithm>

#include "tasks/declared_fields.h"
#include "tasks/python.h"
#include "tasks/python_literal.h"

namespace pareto::declared {
namespace {

bool is_digits(const std::string& text) {
  return !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
}

Value whole_of(const std::string& digits) { return std::int64_t{std::strtoll(digits.c_str(), nullptr, 10)}; }

}  // namespace

Result<Maker> Maker::make(const Yaml& value, std::string_view key) {
  Maker maker;
  maker.key_ = on_one_line({Code::kInvalid, std::string(key)}).message;
  maker.where_ = value.where();
  if (value.type == Yaml::Type::kMap) {  // doc_to_choice: the values
    std::vector<Value> values;
    for (const YamlEntry& entry : value.entries) values.push_back(entry.value.to_value());
    maker.constant_ = Value::list(std::move(values));
  } else if (value.type == Yaml::Type::kList || !value.value.is_string()) {
    maker.constant_ = value.to_value();
  } else {
    maker.column_ = value.text;
    auto parsed = jinja::Template::parse(value.text, jinja::task_options());
    if (!parsed) return fail(parsed.error().code, "{}: '{}': {}", maker.where_, key, parsed.error().message);
    maker.template_ = *std::move(parsed);
  }
  return maker;
}

Result<Maker::Made> Maker::make_of(const Row& row) const {
  if (!template_) return Made{constant_, false};
  if (const Value* column = row.value().get(std::string_view(column_))) return Made{*column, false};
  auto text = template_->render(row.value());
  if (!text) return fail(text.error().code, "{}: '{}' ({}): {}", row.where(), key_, where_, text.error().message);
  return Made{Value(*std::move(text)), true};
}

tl::unexpected<Error> Maker::wrong(const Row& row, const Value& value, std::string_view wanted) const {
  return fail(Code::kInvalid, "{}: '{}' ({}) must make {}, not {}", row.where(), key_, where_, wanted, shown(value));
}

Result<Value> Maker::literal(const Row& row, const std::string& text) const {
  auto value = python::literal_eval(text);
  if (!value) return fail(Code::kInvalid, "{}: '{}' ({}): {}", row.where(), key_, where_, value.error().message);
  return *std::move(value);
}

Result<Value> Asker::text_value(const Row& row) const {
  if (!text) return Value("");
  PARETO_TRY(const Maker::Made made, text->make_of(row));
  if (made.printed && choice && is_digits(made.value.text())) return whole_of(made.value.text());
  if (!made.value.is_string() && !made.value.is(Value::Type::kInt))
    return text->wrong(row, made.value, "a text, or the number of a choice");
  return made.value;
}

Result<Value> Asker::target_value(const Row& row) const {
  PARETO_TRY(const Maker::Made made, target->make_of(row));
  if (!made.printed) return made.value;
  const std::string& printed = made.value.text();
  if (choice && is_digits(printed)) return whole_of(printed);
  if (printed.size() >= 2 && printed.front() == '[' && printed.back() == ']')
    return python::literal_eval(printed).value_or(made.value);  // what is no literal stays a text
  return made.value;
}

Result<std::vector<std::string>> Asker::choices_of(const Row& row) const {
  PARETO_TRY(const Maker::Made made, choice->make_of(row));
  Value list = made.value;
  if (made.printed) {
    PARETO_TRY(list, choice->literal(row, made.value.text()));
  }
  if (!list.is_sequence() || list.list().empty()) return choice->wrong(row, list, "a list of texts");
  std::vector<std::string> choices;
  for (const Value& item : list.list()) {
    if (!item.is_string()) return choice->wrong(row, list, "a list of texts");
    choices.push_back(item.text());
  }
  return choices;
}

Result<int> Asker::index_of(const Row& row, const Value& gold, const std::vector<std::string>& choices) const {
  if (gold.is(Value::Type::kInt) && gold.integer() >= 0 && gold.integer() < std::ssize(choices))
    return static_cast<int>(gold.integer());
  if (gold.is_string()) {
    const auto found = std::find(choices.begin(), choices.end(), gold.text());
    if (found != choices.end()) return static_cast<int>(found - choices.begin());
  }
  return target->wrong(row, gold, fmt::format("one of the {} choices, or its number from 0", choices.size()));
}

Status Asker::fill_choice(const Row& row, const Value& asked, const Value& wanted, Question* out) const {
  if (asked.is(Value::Type::kInt)) {  // multiple_input: the question says which context is right
    out->contexts_vary = true;
    PARETO_TRY(out->gold, index_of(row, asked, out->choices));
    return {};
  }
  if (!wanted.is_sequence()) {
    PARETO_TRY(out->gold, index_of(row, wanted, out->choices));
    return {};
  }
  for (const Value& one : wanted.list()) {
    PARETO_TRY(const int gold, index_of(row, one, out->choices));
    out->golds.push_back(gold);
  }
  if (out->golds.empty()) return target->wrong(row, wanted, "at least one right choice");
  out->gold = out->golds.front();
  return {};
}

Status Asker::fill_references(const Row& row, const Value& wanted, Question* out) const {
  if (choice) {
    PARETO_TRY(const int gold, index_of(row, wanted, out->choices));
    out->references = {out->choices[static_cast<std::size_t>(gold)]};
    return {};
  }
  if (choices_from_row) {
    PARETO_TRY(out->choices, row.strings("choices"));
  }
  if (!wanted.is_sequence()) return {};
  for (const Value& one : wanted.list()) out->references.push_back(python::str(one));
  if (out->references.empty()) return target->wrong(row, wanted, "at least one right answer");
  return {};
}

Result<Question> Asker::ask(const Row& row) const {
  Question out;
  PARETO_TRY(const Value asked, text_value(row));
  PARETO_TRY(const Value wanted, target_value(row));
  if (choice) {
    PARETO_TRY(out.choices, choices_of(row));
  }
  out.target = python::str(wanted);
  if (output == Output::kChoice) {
    PARETO_CHECK_OK(fill_choice(row, asked, wanted, &out));
  } else if (output == Output::kGenerate) {
    PARETO_CHECK_OK(fill_references(row, wanted, &out));
  }
  if (!out.contexts_vary) out.text = python::str(asked);
  return out;
}

Status set_maker(const Yaml& fields, const char* key, std::optional<Maker>* maker) {
  const Yaml* value = field(fields, key);
  if (value == nullptr) return {};
  PARETO_TRY(*maker, Maker::make(*value, key));
  return {};
}

Result<std::function<Result<Row>(const Row&)>> processor(const Yaml& fields) {
  const Yaml* columns = field(fields, "process_docs");
  if (columns == nullptr) return std::function<Result<Row>(const Row&)>();
  if (columns->type != Yaml::Type::kMap) return wrong_yaml(*columns, "process_docs", "a map of new columns");
  std::vector<std::pair<std::string, Maker>> makers;
  for (const auto& [name, line, value] : columns->entries) {
    PARETO_TRY(Maker maker, Maker::make(value, name));
    makers.emplace_back(name, std::move(maker));
  }
  return std::function([makers = std::move(makers)](const Row& row) -> Result<Row> {
    Value processed = Value::dict(row.value().entries());
    for (const auto& [name, maker] : makers) {
      PARETO_TRY(Maker::Made made, maker.make_of(row));
      if (made.printed && is_digits(made.value.text())) {
        made.value = whole_of(made.value.text());
      } else if (made.printed && made.value.text().starts_with('[') && made.value.text().ends_with(']')) {
        PARETO_TRY(made.value, maker.literal(row, made.value.text()));
      }
      processed.set(name, std::move(made.value));
    }
    return row.with(std::move(processed));
  });
}

}  // namespace pareto::declared
