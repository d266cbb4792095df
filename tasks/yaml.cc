#include "tasks/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <sstream>
#include <unordered_set>

#include "tasks/extract.h"
#include "tasks/python.h"

namespace pareto {
namespace {

constexpr std::size_t kMostValues = 100'000;
constexpr int kDeepestTree = 100;
constexpr std::string_view kStandardTag = "tag:yaml.org,2002:";

// Our own errors on their way through the parser, whose handlers cannot return one.
struct Refused {
  Error error;
};

template <std::size_t n>
bool is_one_of(std::string_view text, const std::array<std::string_view, n>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool matches(const PythonRegex& regex, std::string_view text) { return !regex.find_all(text).empty(); }

// Digits without underscores in a base; what int64 does not hold stays text.
Value whole_number(std::string text) {
  std::erase(text, '_');
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.erase(0, 1);
  const int base = text.starts_with("0x") ? 16 : text.size() > 1 && text.front() == '0' ? 8 : 10;
  const char* begin = text.data() + (base == 16 ? 2 : 0);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return text;
  return negative ? -number : number;
}

Value real_number(std::string text) {
  std::erase(text, '_');
  if (text.ends_with("inf") || text.ends_with("Inf") || text.ends_with("INF")) {
    const double infinite = std::numeric_limits<double>::infinity();
    return text.front() == '-' ? -infinite : infinite;
  }
  if (text.starts_with('+')) text.erase(0, 1);
  double number = std::numeric_limits<double>::quiet_NaN();
  std::from_chars(text.data(), text.data() + text.size(), number);  // what does not parse is .nan
  return number;
}

// PyYAML's implicit resolvers.
Value plain_scalar(const std::string& text) {
  static constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
  static constexpr std::array<std::string_view, 9> kTrue = {"yes",  "Yes", "YES", "true", "True",
                                                            "TRUE", "on",  "On",  "ON"};
  static constexpr std::array<std::string_view, 9> kFalse = {"no",    "No",  "NO",  "false", "False",
                                                             "FALSE", "off", "Off", "OFF"};
  static const PythonRegex kInt =
      PythonRegex::compile(R"(^[-+]?(?:0|[1-9][0-9_]*|0[0-7_]+|0x[0-9a-fA-F_]+)\Z)").value();
  static const PythonRegex kFloat = PythonRegex::compile(R"(^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|)"
                                                         R"(\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|)"
                                                         R"([-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z)")
                                        .value();
  if (is_one_of(text, kNull)) return {};
  if (is_one_of(text, kTrue)) return true;
  if (is_one_of(text, kFalse)) return false;
  if (matches(kInt, text)) return whole_number(text);
  if (matches(kFloat, text)) return real_number(text);
  return text;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string name) : file_(std::make_shared<const std::string>(std::move(name))) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(node(mark, Yaml::Type::kScalar), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, Code::kInvalid, "an alias of what is not finished");
    count(mark, found->second.second);
    add(found->second.first, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Yaml scalar = node(mark, Yaml::Type::kScalar);
    scalar.text = value;
    if (tag == "?") {
      scalar.value = plain_scalar(value);
    } else if (tag == "!" || tag == std::string(kStandardTag) + "str") {
      scalar.value = value;
    } else if (tag == "!function") {
      scalar.type = Yaml::Type::kFunction;
    } else {
      refuse(mark, Code::kUnsupported, fmt::format("the tag '{}' is not supported", tag));
    }
    add(std::move(scalar), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Yaml::Type::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Yaml::Type::kMap);
  }
  void OnMapEnd() override { close(); }

  Yaml take() { return root_ ? std::move(*root_) : node(YAML::Mark::null_mark(), Yaml::Type::kScalar); }

 private:
  struct Open {
    Yaml node;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    std::size_t nodes_before;
    bool has_key = false;
    std::unordered_set<std::string> keys;  // of a map, so far
    std::string key;
    int key_line = 0;
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, Code code, const std::string& what) const {
    throw Refused{{code, fmt::format("{}:{}: {}", *file_, mark.line + 1, what)}};
  }
  void count(const YAML::Mark& mark, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMostValues) refuse(mark, Code::kInvalid, fmt::format("more than {} values", kMostValues));
  }
  Yaml node(const YAML::Mark& mark, Yaml::Type type) {
    count(mark, 1);
    Yaml made;
    made.type = type;
    made.file = file_;
    made.line = std::max(0, mark.line) + 1;
    return made;
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Yaml::Type type) {
    const bool plain = tag == "?" || tag == "!" || tag.empty() || tag.starts_with(kStandardTag);
    if (!plain) refuse(mark, Code::kUnsupported, fmt::format("the tag '{}' is not supported", tag));
    if (std::ssize(open_) == kDeepestTree)
      refuse(mark, Code::kInvalid, fmt::format("nested deeper than {}", kDeepestTree));
    const std::size_t before = nodes_;
    open_.push_back({node(mark, type), mark, anchor, before});
  }
  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) {  // kept as a copy: anchors inside one another would be copied once per level
      const std::size_t size = nodes_ - done.nodes_before;
      count(done.mark, size);
      anchors_[done.anchor] = {done.node, size};
    }
    place(std::move(done.node));
  }
  void add(Yaml value, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = {value, 1};
    place(std::move(value));
  }
  void place(Yaml value) {
    if (open_.empty()) {
      root_ = std::make_unique<Yaml>(std::move(value));
      return;
    }
    Open& parent = open_.back();
    if (parent.node.type == Yaml::Type::kList) {
      parent.node.items.push_back(std::move(value));
    } else if (!parent.has_key) {
      set_key(value, &parent);
    } else {
      parent.node.entries.push_back({std::move(parent.key), parent.key_line, std::move(value)});
      parent.has_key = false;
    }
  }
  void set_key(const Yaml& key, Open* map) const {
    const auto bad = [&](Code code, const std::string& what) {
      throw Refused{{code, fmt::format("{}: {}", key.where(), what)}};
    };
    if (key.type != Yaml::Type::kScalar) bad(Code::kInvalid, "a key must be a word");
    if (key.text == "<<") bad(Code::kUnsupported, "merge keys (<<) are not supported");
    if (!map->keys.insert(key.text).second) bad(Code::kInvalid, fmt::format("'{}' stands here twice", key.text));
    map->has_key = true;
    map->key = key.text;
    map->key_line = key.line;
  }

  std::shared_ptr<const std::string> file_;
  std::unique_ptr<Yaml> root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, std::pair<Yaml, std::size_t>> anchors_;  // with their sizes
  std::size_t nodes_ = 0;
};

}  // namespace

Error on_one_line(Error error) {
  std::string line;
  for (const char c : error.message) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  error.message = std::move(line);
  return error;
}

const Yaml* Yaml::get(std::string_view key) const {
  for (const YamlEntry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

Value Yaml::to_value() const {
  switch (type) {
    case Type::kScalar:
      return value;
    case Type::kFunction:
      return text;
    case Type::kList: {
      std::vector<Value> list;
      for (const Yaml& item : items) list.push_back(item.to_value());
      return Value::list(std::move(list));
    }
    case Type::kMap: {
      Value dict = Value::dict({});
      for (const YamlEntry& entry : entries) dict.set(entry.key, entry.value.to_value());
      return dict;
    }
  }
  return {};
}

Result<Yaml> parse_yaml(std::string_view text, const std::string& name) {
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    TreeBuilder builder(name);
    parser.HandleNextDocument(builder);
    Yaml tree = builder.take();
    TreeBuilder rest(name);
    if (parser.HandleNextDocument(rest)) return fail(Code::kInvalid, "{}: more than one document", name);
    return tree;
  } catch (const Refused& refused) {
    return tl::unexpected(on_one_line(refused.error));
  } catch (const YAML::Exception& error) {
    return tl::unexpected(
        on_one_line({Code::kInvalid, fmt::format("{}:{}: {}", name, std::max(0, error.mark.line) + 1, error.msg)}));
  } catch (const std::exception& error) {
    return tl::unexpected(on_one_line({Code::kInvalid, fmt::format("{}: {}", name, error.what())}));
  }
}

}  // namespace pareto
