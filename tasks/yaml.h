// YAML as task files use it: a tree that knows where every part of it stands. The parser is yaml-cpp; plain scalars
// mean what PyYAML makes of them (YAML 1.1: yes and on are true, 1e5 without a point is text).
//
//   task: arc_easy              map ── "task" ── scalar "arc_easy", FILE:1
//   num_fewshot: 5                  └─ "num_fewshot" ── scalar 5, FILE:2
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tasks/value.h"

namespace pareto {

struct YamlEntry;

struct Yaml {
  enum class Type { kScalar, kList, kMap, kFunction };  // kFunction: !function name, kept as text
  Type type = Type::kScalar;
  std::shared_ptr<const std::string> file;
  int line = 1;
  std::string text;  // of a scalar, as it stands
  Value value;       // of a scalar
  std::vector<Yaml> items;
  std::vector<YamlEntry> entries;  // of a map, in order; no key twice

  std::string where() const { return fmt::format("{}:{}", *file, line); }  // "tasks/mine.yaml:7"
  const Yaml* get(std::string_view key) const;                             // of a map, or null
  bool is_null() const { return type == Type::kScalar && value.is_none(); }
  // As Python objects; a function is its name.
  Value to_value() const;
};

struct YamlEntry {
  std::string key;
  int line = 1;  // of the key
  Yaml value;
};

// One document. `name` is what messages call it. Errors: kInvalid ("NAME:LINE: …") for what is no YAML, a key that
// stands twice, more than 100,000 values (what has an anchor, and what an alias repeats, counts again: they are copies)
// or nesting too deep; kUnsupported for tags and merge keys.
Result<Yaml> parse_yaml(std::string_view text, const std::string& name);

// Names in these files may hold anything: a message that quotes one still is a single line ("a\nb").
Error on_one_line(Error error);

}  // namespace pareto
