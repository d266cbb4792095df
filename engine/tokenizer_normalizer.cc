#include "engine/tokenizer_normalizer.h"

#include <re2/re2.h>
#include <utf8proc.h>

#include <cstdlib>

#include "engine/pretokenizer_regex.h"
#include "engine/tokenizer_utf8.h"

namespace pareto {
namespace {

// Length of the prefix that is the same in every normalisation form: ASCII.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at + 8 <= text.size()) {
    std::uint64_t block;
    std::memcpy(&block, text.data() + at, sizeof block);
    if (block & 0x8080808080808080ull) break;
    at += 8;
  }
  while (at < text.size() && static_cast<std::uint8_t>(text[at]) < 0x80) ++at;
  return at;
}

// Ranges of code points that NFC leaves alone and that never combine with what is before them, so that text may be
// normalised in parts that begin with one. Not all there are: those that running text is made of.
struct Range {
  std::uint32_t first, last;
};
constexpr Range kStable[] = {{0x0, 0x2FF},     {0x388, 0x482},   {0x48A, 0x590},     {0x2010, 0x20CF},
                             {0x2100, 0x2125}, {0x2190, 0x2328}, {0x2400, 0x2ADB},   {0x2C00, 0x2CEE},
                             {0x3000, 0x3029}, {0x3030, 0x3098}, {0x309B, 0xA66E},   {0xAC00, 0xD7A3},
                             {0xFE00, 0xFE0F}, {0xFF00, 0xFFEF}, {0x1F000, 0x1FAFF}, {0x20000, 0x2F7FF}};

bool is_stable_nfc(std::uint32_t c) {
  if (c <= kStable[0].last) return true;
  for (const Range& range : kStable)
    if (c <= range.last) return c >= range.first;
  return false;
}

class FormStep final : public Normalizer::Step {
 public:
  explicit FormStep(Normalizer::Form form) : form_(form) {}

  bool apply(std::string_view text, std::string* out) const override {
    std::size_t done = 0;
    for (std::size_t at = ascii_prefix(text), start = at > 0 ? at - 1 : 0; at < text.size();) {
      const CodePoint c = decode_utf8(text, at);
      if (!c.valid || is_stable(c.value)) {  // a part may begin here
        start = at;
        at += c.bytes;
        continue;
      }
      std::size_t end = at + c.bytes;
      for (; end < text.size(); end += decode_utf8(text, end).bytes) {
        const CodePoint next = decode_utf8(text, end);
        if (!next.valid || is_stable(next.value)) break;
      }
      if (!decode_utf8(text, start).valid) start += 1;  // invalid bytes pass
      out->append(text.substr(done, start - done));
      append(text.substr(start, end - start), out);
      start = done = at = end;
    }
    if (done == 0) return false;
    out->append(text.substr(done));
    return true;
  }

 private:
  bool is_stable(std::uint32_t c) const { return form_ == Normalizer::Form::kNfc ? is_stable_nfc(c) : c < 0x80; }

  void append(std::string_view valid, std::string* out) const {
    int options = UTF8PROC_STABLE;
    if (form_ == Normalizer::Form::kNfc || form_ == Normalizer::Form::kNfkc) {
      options |= UTF8PROC_COMPOSE;
    } else {
      options |= UTF8PROC_DECOMPOSE;
    }
    if (form_ == Normalizer::Form::kNfkc || form_ == Normalizer::Form::kNfkd) options |= UTF8PROC_COMPAT;
    utf8proc_uint8_t* mapped = nullptr;
    const utf8proc_ssize_t size =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                     static_cast<utf8proc_ssize_t>(valid.size()), &mapped, static_cast<utf8proc_option_t>(options));
    if (size < 0) {  // too long for its index type: as it is
      out->append(valid);
    } else {
      out->append(reinterpret_cast<const char*>(mapped), size);
    }
    std::free(mapped);
  }

  Normalizer::Form form_;
};

class LowercaseStep final : public Normalizer::Step {
 public:
  bool apply(std::string_view text, std::string* out) const override {
    out->reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint c = decode_utf8(text, at);
      if (!c.valid) {
        out->push_back(text[at]);
      } else if (c.value == 0x130) {  // the one code point whose lower case is two
        *out += "i\xCC\x87";
      } else {
        append_utf8(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value)), out);
      }
      at += c.bytes;
    }
    return true;
  }
};

class StripStep final : public Normalizer::Step {
 public:
  explicit StripStep(Normalizer::Sides sides) : sides_(sides) {}

  bool apply(std::string_view text, std::string* out) const override {
    std::size_t begin = 0, end = text.size();
    while (sides_ != Normalizer::Sides::kRight && begin < end) {
      const CodePoint c = decode_utf8(text, begin);
      if (!c.valid || !is_white_space(c.value)) break;
      begin += c.bytes;
    }
    while (sides_ != Normalizer::Sides::kLeft && end > begin) {
      std::size_t at = end - 1;
      while (at > begin && (static_cast<std::uint8_t>(text[at]) & 0xC0) == 0x80) --at;
      const CodePoint c = decode_utf8(text, at);
      if (!c.valid || at + c.bytes != end || !is_white_space(c.value)) break;
      end = at;
    }
    if (end - begin == text.size()) return false;
    out->assign(text.substr(begin, end - begin));
    return true;
  }

 private:
  Normalizer::Sides sides_;
};

class StripAccentsStep final : public Normalizer::Step {
 public:
  bool apply(std::string_view text, std::string* out) const override {
    if (ascii_prefix(text) == text.size()) return false;
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint c = decode_utf8(text, at);
      const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c.value));
      const bool mark = c.valid && category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
      if (!mark) out->append(text.substr(at, c.bytes));
      at += c.bytes;
    }
    return true;
  }
};

class PrependStep final : public Normalizer::Step {
 public:
  explicit PrependStep(std::string prefix) : prefix_(std::move(prefix)) {}

  bool apply(std::string_view text, std::string* out) const override {
    if (text.empty()) return false;
    out->reserve(prefix_.size() + text.size());
    *out += prefix_;
    *out += text;
    return true;
  }

 private:
  std::string prefix_;
};

class ReplaceStep final : public Normalizer::Step {
 public:
  ReplaceStep(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}

  bool apply(std::string_view text, std::string* out) const override {
    std::size_t found = text.find(from_);
    if (found == std::string_view::npos) return false;
    out->reserve(text.size() + text.size() / 2);
    std::size_t at = 0;
    for (; found != std::string_view::npos; found = text.find(from_, at)) {
      out->append(text.data() + at, found - at);
      *out += to_;
      at = found + from_.size();
    }
    out->append(text.substr(at));
    return true;
  }

 private:
  std::string from_, to_;
};

class ReplaceRegexStep final : public Normalizer::Step {
 public:
  ReplaceRegexStep(std::unique_ptr<RE2> regex, std::string to) : regex_(std::move(regex)), to_(std::move(to)) {}

  bool apply(std::string_view text, std::string* out) const override {
    std::size_t at = 0, from = 0;
    re2::StringPiece match;
    const re2::StringPiece all(text.data(), text.size());
    while (from <= text.size() && regex_->Match(all, from, text.size(), RE2::UNANCHORED, &match, 1)) {
      const std::size_t begin = match.data() - text.data(), end = begin + match.size();
      if (begin == end) {  // an empty match replaces nothing
        from = end < text.size() ? end + decode_utf8(text, end).bytes : end + 1;
        continue;
      }
      out->append(text.substr(at, begin - at));
      *out += to_;
      at = from = end;
    }
    out->append(text.substr(at));
    return true;
  }

 private:
  std::unique_ptr<RE2> regex_;
  std::string to_;
};

}  // namespace

void Normalizer::add_form(Form form) { steps_.push_back(std::make_shared<FormStep>(form)); }
void Normalizer::add_lowercase() { steps_.push_back(std::make_shared<LowercaseStep>()); }
void Normalizer::add_strip(Sides sides) { steps_.push_back(std::make_shared<StripStep>(sides)); }
void Normalizer::add_strip_accents() { steps_.push_back(std::make_shared<StripAccentsStep>()); }
void Normalizer::add_prepend(std::string prefix) { steps_.push_back(std::make_shared<PrependStep>(std::move(prefix))); }
void Normalizer::add_replace(std::string from, std::string to) {
  steps_.push_back(std::make_shared<ReplaceStep>(std::move(from), std::move(to)));
}

Status Normalizer::add_replace_regex(std::string_view regex, std::string to) {
  PARETO_TRY(auto compiled, compile_regex(regex));
  steps_.push_back(std::make_shared<ReplaceRegexStep>(std::move(compiled), std::move(to)));
  return {};
}

std::string_view Normalizer::apply(std::string_view text, std::string* buffer) const {
  std::string next;
  for (const auto& step : steps_) {
    next.clear();
    if (!step->apply(text, &next)) continue;
    buffer->swap(next);
    text = *buffer;
  }
  return text;
}

}  // namespace pareto
