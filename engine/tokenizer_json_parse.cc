#include "engine/tokenizer_json_parse.h"

#include <nlohmann/json.hpp>

namespace pareto {
namespace {

using nlohmann::json;

// SAX handler. `path_` holds the keys on the way to the value in hand ("" for an array's element); the document is
// built along the stack of open containers.
class Builder final : public nlohmann::json_sax<json> {
 public:
  enum class Layout { kTokenizer, kVocabulary };
  Builder(Layout layout, JsonVocabulary* vocabulary) : layout_(layout), vocabulary_(vocabulary) {}

  json document;
  std::string error;

  bool null() override { return value(nullptr); }
  bool boolean(bool v) override { return value(v); }
  bool number_integer(number_integer_t v) override { return in_ == In::kVocab ? token(v) : value(v); }
  bool number_unsigned(number_unsigned_t v) override {
    if (in_ != In::kVocab) return value(v);
    return token(v > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(v));
  }
  bool number_float(number_float_t v, const string_t&) override { return value(v); }
  bool string(string_t& v) override { return in_ == In::kMerges || in_ == In::kMergePair ? merge(v) : value(v); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    if (at_vocab()) {
      in_ = In::kVocab;
      return true;
    }
    return open(json::object());
  }
  bool end_object() override {
    if (in_ == In::kVocab) {
      in_ = In::kDocument;
      return true;
    }
    stack_.pop_back();
    return true;
  }
  bool key(string_t& v) override {
    key_ = std::move(v);
    return true;
  }
  bool start_array(std::size_t) override {
    if (in_ == In::kMerges) {
      in_ = In::kMergePair;
      pair_.clear();
      return true;
    }
    if (in_ == In::kDocument && layout_ == Layout::kTokenizer && inside_model() && key_ == "merges") {
      in_ = In::kMerges;
      return true;
    }
    return open(json::array());
  }
  bool end_array() override {
    if (in_ == In::kMergePair) {
      in_ = In::kMerges;
      if (pair_.size() != 2) return refuse("merge of {} parts", pair_.size());
      vocabulary_->merges.emplace_back(std::move(pair_[0]), std::move(pair_[1]));
      return true;
    }
    if (in_ == In::kMerges) {
      in_ = In::kDocument;
      return true;
    }
    stack_.pop_back();
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    if (error.empty()) error = fmt::format("not JSON at byte {}", position);
    return false;
  }

 private:
  enum class In { kDocument, kVocab, kMerges, kMergePair };
  static constexpr std::size_t kMaxDepth = 64;

  bool inside_model() const { return stack_.size() == 2 && stack_[1] == model_; }
  bool at_vocab() const {
    if (in_ != In::kDocument) return false;
    return layout_ == Layout::kVocabulary ? stack_.empty() : inside_model() && key_ == "vocab";
  }

  template <class... Args>
  bool refuse(fmt::format_string<Args...> format, Args&&... args) {
    error = fmt::format(format, std::forward<Args>(args)...);
    return false;
  }

  bool value(json v) {
    if (in_ == In::kVocab) return refuse("id of token '{}' is not an integer", key_);
    if (in_ != In::kDocument) return refuse("merge {} is not text", vocabulary_->merges.size());
    put(std::move(v));
    return true;
  }
  bool token(std::int64_t id) {
    vocabulary_->tokens.emplace_back(std::move(key_), id);
    return true;
  }
  bool merge(std::string& text) {
    if (in_ == In::kMergePair) {
      pair_.push_back(std::move(text));
      return true;
    }
    std::pair<std::string, std::string> parts;
    if (!split_merge(text, &parts)) return refuse("merge {} '{}' is not two tokens", vocabulary_->merges.size(), text);
    vocabulary_->merges.push_back(std::move(parts));
    return true;
  }

  json* put(json v) {
    if (stack_.empty()) {
      document = std::move(v);
      return &document;
    }
    json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(v));
      return &parent.back();
    }
    return &(parent[key_] = std::move(v));
  }
  bool open(json container) {
    if (in_ != In::kDocument) return refuse("a container where {} was expected", in_ == In::kVocab ? "an id" : "text");
    if (stack_.size() >= kMaxDepth) return refuse("nested deeper than {}", kMaxDepth);
    const bool model = stack_.size() == 1 && stack_[0]->is_object() && key_ == "model";
    json* opened = put(std::move(container));
    if (model) model_ = opened;
    stack_.push_back(opened);
    return true;
  }

  Layout layout_;
  JsonVocabulary* vocabulary_;
  In in_ = In::kDocument;
  std::vector<json*> stack_;  // open containers; elements stay where they are while their parent is open
  json* model_ = nullptr;
  std::string key_;
  std::vector<std::string> pair_;
};

Status parse(std::string_view text, const std::string& path, Builder* builder) {
  if (json::sax_parse(text.begin(), text.end(), builder)) return {};
  return fail(Code::kInvalid, "{}: {}", path, builder->error.empty() ? "not JSON" : builder->error);
}

}  // namespace

Result<json> parse_tokenizer_json(std::string_view text, const std::string& path, JsonVocabulary* vocabulary) {
  Builder builder(Builder::Layout::kTokenizer, vocabulary);
  PARETO_CHECK_OK(parse(text, path, &builder));
  if (!builder.document.is_object()) return fail(Code::kInvalid, "{}: not a JSON object", path);
  return std::move(builder.document);
}

Status parse_vocab_json(std::string_view text, const std::string& path, JsonVocabulary* vocabulary) {
  Builder builder(Builder::Layout::kVocabulary, vocabulary);
  PARETO_CHECK_OK(parse(text, path, &builder));
  if (vocabulary->tokens.empty()) return fail(Code::kInvalid, "{}: not an object of tokens and ids", path);
  return {};
}

bool split_merge(std::string_view line, std::pair<std::string, std::string>* merge) {
  const std::size_t space = line.find(' ', 1);
  if (line.empty() || space == std::string_view::npos || space + 1 >= line.size()) return false;
  if (line.find(' ', space + 1) != std::string_view::npos) return false;
  *merge = {std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
  return true;
}

}  // namespace pareto
