// JSON text → Value, through nlohmann's event parser: no tree in between, and keys stay in their order.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tasks/python.h"
#include "tasks/value.h"

namespace pareto {
namespace {

constexpr std::size_t kMaxDepth = 150;  // below what json_dumps and repr go down to

// Containers are built from the inside out: `open_` holds those not closed yet.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return add(Value()); }
  bool boolean(bool b) override { return add(Value(b)); }
  bool number_integer(number_integer_t i) override { return add(Value(std::int64_t{i})); }
  bool number_unsigned(number_unsigned_t u) override {
    if (u > INT64_MAX) return refuse(fmt::format("integer {} is beyond 64 bits with sign", u));
    return add(Value(static_cast<std::int64_t>(u)));
  }
  bool number_float(number_float_t d, const string_t& digits) override {
    if (digits.find_first_of(".eE") == string_t::npos) {
      return refuse(fmt::format("integer {} is beyond 64 bits with sign", digits.substr(0, 40)));
    }
    return add(Value(d));
  }
  bool string(string_t& s) override { return add(Value(std::move(s))); }
  bool binary(binary_t&) override { return refuse("binary data"); }
  bool start_object(std::size_t) override { return open(true); }
  bool start_array(std::size_t) override { return open(false); }
  bool key(string_t& name) override {
    open_.back().key = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception& e) override {
    at_ = at;
    std::string_view what =
        e.what();  // "[json.exception…] parse error at line 1, column 2: syntax error while parsing …"
    const auto colon = what.find(": ");
    what = colon == std::string_view::npos ? what : what.substr(colon + 2);
    why_ = std::string(what);
    return false;
  }

  Value take() { return std::move(root_); }
  const std::string& why() const { return why_; }
  // Bytes read when the parser refused; 0: the handler refused, where is not known.
  std::size_t at() const { return at_; }

 private:
  struct Level {
    bool is_object = false;
    std::string key;
    std::vector<Value> items;
    std::vector<Value::Entry> entries;
  };

  bool refuse(std::string why) {
    why_ = std::move(why);
    return false;
  }

  bool open(bool is_object) {
    if (open_.size() == kMaxDepth) return refuse(fmt::format("nested deeper than {} levels", kMaxDepth));
    open_.push_back({.is_object = is_object});
    return true;
  }

  bool close() {
    Level level = std::move(open_.back());
    open_.pop_back();
    return add(level.is_object ? Value::dict(std::move(level.entries)) : Value::list(std::move(level.items)));
  }

  bool add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Level& level = open_.back();
    if (!level.is_object) {
      level.items.push_back(std::move(value));
      return true;
    }
    for (auto& [key, old] : level.entries) {
      if (key.text() == level.key) {
        old = std::move(value);
        return true;
      }
    }
    level.entries.emplace_back(Value(std::move(level.key)), std::move(value));
    return true;
  }

  Value root_;
  std::vector<Level> open_;
  std::string why_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Value> value_from_json(std::string_view text) {
  Builder builder;
  try {
    if (nlohmann::json::sax_parse(text.data(), text.data() + text.size(), &builder)) return builder.take();
  } catch (const std::exception& e) {
    return fail(Code::kInvalid, "not JSON: {}", e.what());
  }
  if (builder.at() == 0) return fail(Code::kInvalid, "{}", builder.why());
  const std::string_view before = text.substr(0, std::min(builder.at(), text.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const auto column = std::max<std::int64_t>(1, python::length(before.substr(before.rfind('\n') + 1)));
  if (lines == 0) return fail(Code::kInvalid, "column {}: {}", column, builder.why());
  return fail(Code::kInvalid, "line {}, column {}: {}", lines + 1, column, builder.why());
}

}  // namespace pareto
