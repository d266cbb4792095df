#include "results/samples_file.h"

#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/hash.h"

namespace pareto {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

constexpr std::size_t kBlock = std::size_t{1} << 22;

// Keys of a line that are no metrics.
constexpr std::array<std::string_view, 9> kSkipped = {"doc",     "target",      "arguments", "resps", "filtered_resps",
                                                      "metrics", "target_hash", "version",   "error"};

bool is_pair_metric(std::string_view name) { return name.ends_with("perplexity") || name == "bits_per_byte"; }

// What one line holds.
struct Line {
  struct Value {
    std::string name;
    double value = kNoValue, weight = kNoValue;
  };
  std::string filter = "none";
  std::uint64_t document = 0, prompt = 0;
  std::int64_t doc_id = -1;
  std::size_t metrics = 0;  // of `values`, whose texts are kept from line to line
  std::vector<Value> values;
  double prompt_tokens = kNoValue, output_tokens = kNoValue;
  std::array<double, 2> work = {kNoValue, kNoValue}, share = {kNoValue, kNoValue};  // flops, bytes

  void clear() {
    filter = "none";
    document = prompt = 0;
    doc_id = -1;
    metrics = 0;
    prompt_tokens = output_tokens = kNoValue;
    work = share = {kNoValue, kNoValue};
  }
  void add(std::string_view name, double value, double weight) {
    if (metrics == values.size()) values.emplace_back();
    Value& slot = values[metrics++];
    slot.name = name, slot.value = value, slot.weight = weight;
  }
};

// A number, or kNoValue for anything else (null; lm-eval writes NaN as it is).
double number_of(ondemand::value* value) {
  ondemand::json_type type;
  if (value->type().get(type)) return kNoValue;
  double number = 0;
  bool truth = false;
  if (type == ondemand::json_type::number && !value->get_double().get(number)) return number;
  if (type == ondemand::json_type::boolean && !value->get_bool().get(truth)) return truth ? 1 : 0;
  return kNoValue;
}

std::uint64_t hash_of(ondemand::value* value) {
  std::string_view text;
  return value->get_string().get(text) ? 0 : std::max<std::uint64_t>(1, xxh3(text));
}

// Calls `each(key, value)` for every field; the first error ends it.
template <class Each>
error_code for_fields(ondemand::object object, Each each) {
  for (auto field : object) {
    std::string_view key;
    if (const error_code error = field.unescaped_key().get(key)) return error;
    ondemand::value value;
    if (const error_code error = field.value().get(value)) return error;
    if (const error_code error = each(key, &value)) return error;
  }
  return simdjson::SUCCESS;
}

error_code read_work(ondemand::value* value, std::array<double, 2>* out) {
  ondemand::object object;
  if (const error_code error = value->get_object().get(object)) return error;
  return for_fields(object, [&](std::string_view key, ondemand::value* field) {
    if (key == "flops") (*out)[0] = number_of(field);
    if (key == "bytes") (*out)[1] = number_of(field);
    return simdjson::SUCCESS;
  });
}

error_code read_costs(ondemand::value* value, Line* line) {
  ondemand::object object;
  if (const error_code error = value->get_object().get(object)) return error;
  return for_fields(object, [&](std::string_view key, ondemand::value* field) {
    if (key == "prompt_tokens") line->prompt_tokens = number_of(field);
    if (key == "output_tokens") line->output_tokens = number_of(field);
    if (key == "work") return read_work(field, &line->work);
    if (key == "work_share") return read_work(field, &line->share);
    return simdjson::SUCCESS;
  });
}

// [log-likelihood, weight].
error_code read_pair(std::string_view name, ondemand::value* value, Line* line) {
  ondemand::array array;
  if (const error_code error = value->get_array().get(array)) return error;
  std::array<double, 2> pair = {kNoValue, kNoValue};
  std::size_t count = 0;
  for (auto element : array) {
    ondemand::value one;
    if (const error_code error = element.get(one)) return error;
    if (count < pair.size()) pair[count] = number_of(&one);
    ++count;
  }
  if (count == pair.size()) line->add(name, pair[0], pair[1]);
  return simdjson::SUCCESS;
}

// A key that is not one of ours is a metric if its value is a number.
error_code read_metric(std::string_view key, ondemand::value* value, Line* line) {
  if (std::find(kSkipped.begin(), kSkipped.end(), key) != kSkipped.end()) return simdjson::SUCCESS;
  const std::string name(key);  // the parser's buffer is used again below
  ondemand::json_type type;
  if (value->type().get(type)) {
    line->add(name, kNoValue, kNoValue);
  } else if (type == ondemand::json_type::number || type == ondemand::json_type::boolean) {
    line->add(name, number_of(value), kNoValue);
  } else if (type == ondemand::json_type::array && is_pair_metric(name)) {
    return read_pair(name, value, line);
  }
  return simdjson::SUCCESS;
}

error_code read_field(std::string_view key, ondemand::value* value, Line* line) {
  if (key == "doc_id") {
    const double id = number_of(value);
    if (id >= 0 && id < 0x1p53) line->doc_id = static_cast<std::int64_t>(id);
    return simdjson::SUCCESS;
  }
  if (key == "filter") {
    std::string_view text;
    if (!value->get_string().get(text)) line->filter = text;
    return simdjson::SUCCESS;
  }
  if (key == "doc_hash") {
    line->document = hash_of(value);
  } else if (key == "prompt_hash") {
    line->prompt = hash_of(value);
  } else if (key == "pareto") {
    return read_costs(value, line);
  } else {
    return read_metric(key, value, line);
  }
  return simdjson::SUCCESS;
}

// Lines of a file that comes in blocks, each with enough bytes after it for the parser to look at.
class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  // `block`: whole lines (the last may lack its end), followed by SIMDJSON_PADDING readable bytes.
  Status add(const char* block, std::size_t size) {
    for (std::size_t at = 0; at < size;) {
      const void* end = std::memchr(block + at, '\n', size - at);
      const std::size_t length = end == nullptr ? size - at : static_cast<const char*>(end) - (block + at);
      ++number_;
      PARETO_CHECK_OK(add_line(block + at, length, size - at + simdjson::SIMDJSON_PADDING));
      at += length + 1;
    }
    return {};
  }

  std::vector<SampleItems> take() { return std::move(filters_); }

 private:
  Status add_line(const char* text, std::size_t length, std::size_t capacity) {
    constexpr std::string_view kBlank = " \t\r";
    if (std::string_view(text, length).find_first_not_of(kBlank) == std::string_view::npos) return {};
    line_.clear();
    ondemand::document document;
    ondemand::object object;
    error_code error = parser_.iterate(text, length, capacity).get(document);
    if (!error) error = document.get_object().get(object);
    if (!error)
      error = for_fields(object,
                         [&](std::string_view key, ondemand::value* value) { return read_field(key, value, &line_); });
    const char* rest = nullptr;  // found only where something follows the object
    if (!error && !document.current_location().get(rest)) error = simdjson::TRAILING_CONTENT;
    if (error) return fail(Code::kInvalid, "{}:{}: no JSON object: {}", name_, number_, simdjson::error_message(error));
    append();
    return {};
  }

  SampleItems& items_of_filter() {
    for (SampleItems& items : filters_)
      if (items.filter == line_.filter) return items;
    filters_.emplace_back();
    filters_.back().filter = line_.filter;
    return filters_.back();
  }

  void append() {
    SampleItems& items = items_of_filter();
    const std::size_t before = items.size();
    for (std::size_t i = 0; i < line_.metrics; ++i) append_metric(&items, line_.values[i], before);
    items.documents.push_back(line_.document);
    items.prompts.push_back(line_.prompt);
    items.doc_ids.push_back(line_.doc_id);
    items.costs.prompt_tokens.push_back(line_.prompt_tokens);
    items.costs.output_tokens.push_back(line_.output_tokens);
    items.costs.work_flops.push_back(line_.work[0]);
    items.costs.work_bytes.push_back(line_.work[1]);
    items.costs.share_flops.push_back(line_.share[0]);
    items.costs.share_bytes.push_back(line_.share[1]);
    for (SampleMetric& metric : items.metrics) {
      metric.values.resize(items.size(), kNoValue);
      if (!metric.weights.empty()) metric.weights.resize(items.size(), kNoValue);
    }
  }

  static void append_metric(SampleItems* items, const Line::Value& value, std::size_t before) {
    auto at = std::find_if(items->metrics.begin(), items->metrics.end(),
                           [&](const SampleMetric& metric) { return metric.name == value.name; });
    if (at == items->metrics.end()) {
      items->metrics.push_back({value.name, std::vector<double>(before, kNoValue), {}});
      at = items->metrics.end() - 1;
    }
    if (at->values.size() > before) return;  // a key twice in one line: the first counts
    if (value.weight == value.weight) at->weights.resize(before, kNoValue), at->weights.push_back(value.weight);
    at->values.push_back(value.value);
  }

  std::string name_;
  std::int64_t number_ = 0;
  ondemand::parser parser_;
  Line line_;
  std::vector<SampleItems> filters_;
};

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

const SampleMetric* SampleItems::metric(std::string_view name) const {
  for (const SampleMetric& one : metrics)
    if (one.name == name) return &one;
  return nullptr;
}

Result<std::vector<SampleItems>> read_samples(const std::string& path) {
  const OpenFile file(path);
  if (file.fd() < 0) return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
  Reader reader(path);
  // Blocks stay in the cache; what follows the last line of one is moved to the front of the next.
  std::vector<char> buffer(kBlock + simdjson::SIMDJSON_PADDING);
  std::size_t held = 0;
  for (;;) {
    const std::size_t room = buffer.size() - simdjson::SIMDJSON_PADDING - held;
    const ssize_t got = ::read(file.fd(), buffer.data() + held, room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::kIo, "{}: {}", path, std::strerror(errno));
    const std::size_t all = held + static_cast<std::size_t>(got);
    if (got == 0) {
      PARETO_CHECK_OK(reader.add(buffer.data(), all));
      return reader.take();
    }
    const void* last = ::memrchr(buffer.data() + held, '\n', static_cast<std::size_t>(got));
    const std::size_t whole = last == nullptr ? 0 : static_cast<const char*>(last) - buffer.data() + 1;
    PARETO_CHECK_OK(reader.add(buffer.data(), whole));
    held = all - whole;
    std::memmove(buffer.data(), buffer.data() + whole, held);
    if (held == buffer.size() - simdjson::SIMDJSON_PADDING) buffer.resize(buffer.size() + kBlock);
  }
}

Result<std::vector<SampleItems>> parse_samples(std::string_view text, const std::string& name) {
  std::vector<char> padded(text.size() + simdjson::SIMDJSON_PADDING);
  std::copy(text.begin(), text.end(), padded.begin());
  Reader reader(name);
  PARETO_CHECK_OK(reader.add(padded.data(), text.size()));
  return reader.take();
}

}  // namespace pareto
