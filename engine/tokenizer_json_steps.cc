#include "engine/tokenizer_json_steps.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "engine/tokenizer_utf8.h"

namespace pareto {
namespace {

using nlohmann::json;
using Behaviour = Pretokenizer::Behaviour;
using Subject = Pretokenizer::Subject;

const json& member(const json& section, const char* key) {
  static const json kNull;
  if (!section.is_object()) return kNull;
  const auto at = section.find(key);
  return at == section.end() ? kNull : *at;
}

// Members of Rust's \w, which the Whitespace step uses; every other regex is Oniguruma's.
constexpr std::string_view kWord =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200C}\x{200D}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169})"
    R"(\x{1F170}-\x{1F189})";

// {"String": "…"} or {"Regex": "…"}
struct Pattern {
  std::string text;
  bool regex = false;
};

Result<Pattern> read_pattern(const json& section, const std::string& path) {
  const json& pattern = member(section, "pattern");
  for (const char* key : {"String", "Regex"}) {
    const json& text = member(pattern, key);
    if (text.is_string() && !text.get_ref<const std::string&>().empty())
      return Pattern{text.get<std::string>(), std::string_view(key) == "Regex"};
  }
  return fail(Code::kInvalid, "{}: {} needs a pattern: {{\"String\": …}} or {{\"Regex\": …}}", path, type_of(section));
}

// "path: what" in front of a message that knows neither.
Status named(Status status, const std::string& path, const std::string& what) {
  if (status) return status;
  return fail(status.error().code, "{}: {}: {}", path, what, status.error().message);
}

std::optional<Behaviour> behaviour_of(const std::string& name) {
  if (name == "Removed") return Behaviour::kRemoved;
  if (name == "Isolated") return Behaviour::kIsolated;
  if (name == "MergedWithPrevious") return Behaviour::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behaviour::kMergedWithNext;
  if (name == "Contiguous") return Behaviour::kContiguous;
  return std::nullopt;
}

Result<Behaviour> read_behaviour(const json& section, const char* absent, const std::string& path) {
  const std::string name = text_of(section, "behavior", absent);
  const auto behaviour = behaviour_of(name);
  if (!behaviour) return fail(Code::kInvalid, "{}: {} has behavior '{}'", path, type_of(section), name);
  return *behaviour;
}

Status read_replace(const json& section, const std::string& path, Normalizer* normalizer) {
  PARETO_TRY(const Pattern pattern, read_pattern(section, path));
  const std::string content = text_of(section, "content", "");
  if (pattern.regex) return named(normalizer->add_replace_regex(pattern.text, content), path, "normalizer Replace");
  normalizer->add_replace(pattern.text, content);
  return {};
}

// A list of sections under `key`, each given to `read`. Nesting is bounded by the parser's.
template <class Read>
Status read_sequence(const json& section, const char* key, const std::string& path, const Read& read) {
  const json& list = member(section, key);
  if (!list.is_array()) return fail(Code::kInvalid, "{}: Sequence without \"{}\"", path, key);
  for (const json& entry : list) PARETO_CHECK_OK(read(entry));
  return {};
}

Status read_metaspace(const json& section, const std::string& path, Pretokenizer* out) {
  const std::string mark = text_of(section, "replacement", kSpaceMark.data());
  const std::string scheme =
      text_of(section, "prepend_scheme", flag_of(section, "add_prefix_space", true) ? "always" : "never");
  Pretokenizer::Prefix prefix = Pretokenizer::Prefix::kAlways;
  if (scheme == "first") {
    prefix = Pretokenizer::Prefix::kFirst;
  } else if (scheme == "never") {
    prefix = Pretokenizer::Prefix::kNever;
  } else if (scheme != "always") {
    return fail(Code::kInvalid, "{}: Metaspace has prepend_scheme '{}'; known: always first never", path, scheme);
  }
  if (mark.empty()) return fail(Code::kInvalid, "{}: Metaspace with an empty replacement", path);
  out->add_metaspace(mark, prefix, flag_of(section, "split", true));
  return {};
}

Status read_split(const json& section, const std::string& path, Pretokenizer* out) {
  PARETO_TRY(const Pattern pattern, read_pattern(section, path));
  PARETO_TRY(const Behaviour behaviour, read_behaviour(section, "Isolated", path));
  const Subject subject = flag_of(section, "invert", false) ? Subject::kGaps : Subject::kMatches;
  if (pattern.regex) return named(out->add_regex(pattern.text, behaviour, subject), path, "pre_tokenizer Split");
  out->add_text(pattern.text, behaviour, subject);
  return {};
}

class PretokenizerReader {
 public:
  PretokenizerReader(const std::string& path, Pretokenizer* out) : path_(path), out_(out) {}

  Status read(const json& section) {
    const std::string type = type_of(section);
    if (type == "Sequence")
      return read_sequence(section, "pretokenizers", path_, [this](const json& s) { return read(s); });
    if (pending_characters_) {  // a step behind ByteLevel sees characters that stand for bytes
      out_->add_byte_characters();
      pending_characters_ = false;
    }
    if (type == "ByteLevel") return byte_level(section);
    if (type == "Split") return read_split(section, path_, out_);
    if (type == "Metaspace") return read_metaspace(section, path_, out_);
    if (type == "Digits")
      return out_->add_regex(
          R"(\p{N})", flag_of(section, "individual_digits", false) ? Behaviour::kIsolated : Behaviour::kContiguous);
    if (type == "Punctuation") {
      PARETO_TRY(const Behaviour behaviour, read_behaviour(section, "Isolated", path_));
      return out_->add_regex(R"([!-/:-@\[-`{-~\p{P}])", behaviour);
    }
    if (type == "Whitespace")
      return out_->add_regex(fmt::format(R"([{0}]+|[^\s{0}]+)", kWord), Behaviour::kRemoved, Subject::kGaps);
    if (type == "WhitespaceSplit") return out_->add_regex(R"(\s)", Behaviour::kRemoved);
    return fail(Code::kUnsupported,
                "{}: pre_tokenizer '{}' is not supported; supported: ByteLevel Digits Metaspace Punctuation Sequence "
                "Split Whitespace WhitespaceSplit",
                path_, type);
  }
  bool byte_level_seen() const { return seen_; }

 private:
  Status byte_level(const json& section) {
    if (seen_) return fail(Code::kUnsupported, "{}: two ByteLevel pre-tokenizers", path_);
    seen_ = pending_characters_ = true;
    if (flag_of(section, "add_prefix_space", true)) out_->add_prefix_space();
    if (flag_of(section, "use_regex", true)) return out_->add_regex(kGpt2Split, Behaviour::kIsolated);
    return {};
  }

  const std::string& path_;
  Pretokenizer* out_;
  bool seen_ = false, pending_characters_ = false;
};

}  // namespace

std::string type_of(const json& section) { return text_of(section, "type", ""); }

bool flag_of(const json& section, const char* key, bool absent) {
  const json& value = member(section, key);
  return value.is_boolean() ? value.get<bool>() : absent;
}

std::string text_of(const json& section, const char* key, const char* absent) {
  const json& value = member(section, key);
  return value.is_string() ? value.get<std::string>() : absent;
}

Status read_normalizer(const json& section, const std::string& path, Normalizer* normalizer) {
  if (section.is_null()) return {};
  const std::string type = type_of(section);
  if (type == "Sequence")
    return read_sequence(section, "normalizers", path,
                         [&](const json& s) { return read_normalizer(s, path, normalizer); });
  if (type == "Replace") return read_replace(section, path, normalizer);
  if (type == "NFC") {
    normalizer->add_form(Normalizer::Form::kNfc);
  } else if (type == "NFD") {
    normalizer->add_form(Normalizer::Form::kNfd);
  } else if (type == "NFKC") {
    normalizer->add_form(Normalizer::Form::kNfkc);
  } else if (type == "NFKD") {
    normalizer->add_form(Normalizer::Form::kNfkd);
  } else if (type == "Lowercase") {
    normalizer->add_lowercase();
  } else if (type == "StripAccents") {
    normalizer->add_strip_accents();
  } else if (type == "Prepend") {
    normalizer->add_prepend(text_of(section, "prepend", ""));
  } else if (type == "Strip") {
    const bool left = flag_of(section, "strip_left", true), right = flag_of(section, "strip_right", true);
    using Sides = Normalizer::Sides;
    if (left || right) normalizer->add_strip(left && right ? Sides::kBoth : left ? Sides::kLeft : Sides::kRight);
  } else {
    return fail(Code::kUnsupported,
                "{}: normalizer '{}' is not supported; supported: Lowercase NFC NFD NFKC NFKD Prepend Replace Sequence "
                "Strip StripAccents",
                path, type);
  }
  return {};
}

Status read_pretokenizer(const json& section, const std::string& path, Pretokenizer* pretokenizer, bool* byte_level) {
  *byte_level = false;
  if (section.is_null()) return {};
  PretokenizerReader reader(path, pretokenizer);
  PARETO_CHECK_OK(reader.read(section));
  *byte_level = reader.byte_level_seen();
  return {};
}

}  // namespace pareto
