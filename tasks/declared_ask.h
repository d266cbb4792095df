// What a declared task asks of a row: doc_to_text, doc_to_target, doc_to_choice and process_docs.
//
//   row ── process_docs ──> row ── a Maker a field: a column, a template, a constant ──> Asker ──> Question
//
// Errors of a row: kInvalid, "rows.jsonl:3: 'doc_to_target' (task.yaml:9) must make …".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/common.h"
#include "tasks/jinja.h"
#include "tasks/yaml.h"

namespace pareto::declared {

enum class Output { kChoice, kGenerate, kLoglikelihood, kRolling };

// What a field makes of a row: a column's value, a template's text, or the same for all.
class Maker {
 public:
  // Errors: kInvalid for a template that is none.
  static Result<Maker> make(const Yaml& value, std::string_view key);

  // The value, and whether a template printed it (a text that may stand for something else).
  struct Made {
    Value value;
    bool printed = false;
  };
  Result<Made> make_of(const Row& row) const;
  tl::unexpected<Error> wrong(const Row& row, const Value& value, std::string_view wanted) const;
  // What a printed list stands for.
  Result<Value> literal(const Row& row, const std::string& text) const;

 private:
  std::string key_, where_, column_;
  Value constant_;
  std::optional<jinja::Template> template_;
};

// The maker of fields[key], if it is there.
Status set_maker(const Yaml& fields, const char* key, std::optional<Maker>* maker);

// The three makers of a task (or of its shots), and the question that they make of a row.
class Asker {
 public:
  Output output = Output::kGenerate;
  std::optional<Maker> text, target, choice;
  bool choices_from_row = false;  // multi_choice_regex looks at the row's column 'choices'

  Result<Question> ask(const Row& row) const;

 private:
  Result<Value> text_value(const Row& row) const;
  Result<Value> target_value(const Row& row) const;
  Result<std::vector<std::string>> choices_of(const Row& row) const;
  Result<int> index_of(const Row& row, const Value& gold, const std::vector<std::string>& choices) const;
  Status fill_choice(const Row& row, const Value& asked, const Value& wanted, Question* out) const;
  Status fill_references(const Row& row, const Value& wanted, Question* out) const;
};

// process_docs as a map: new columns in this order, each printed by a template; numbers and lists stand for themselves.
// Empty where there is none.
Result<std::function<Result<Row>(const Row&)>> processor(const Yaml& fields);

}  // namespace pareto::declared
