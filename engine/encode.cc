#include "engine/encode.h"

#include <algorithm>
#include <array>

namespace pareto {
namespace {

// UTF-8 of what Python's str.isspace() accepts beyond ASCII.
constexpr std::array<std::string_view, 19> kWideSpaces = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
    "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A",
    "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

Status need_tokenizer(const EncodeOptions& o) {
  if (o.tokenizer) return {};
  return fail(Code::kInvalid, "the model has no tokenizer: name one (--tokenizer PATH), or send ids");
}
Status need_prefix(const EncodeOptions& o) {
  if (o.prefix >= 0) return {};
  return fail(Code::kInvalid, "the context is empty, and the model has neither a BOS nor an EOS token to stand for it");
}

}  // namespace

Encoder::Ids Encoder::text(std::string_view text) const {
  Ids ids;
  const Tokenizer::Info& info = options_.tokenizer->info();
  const bool begins_with_prefix = !info.bos_text.empty() && text.starts_with(info.bos_text);
  if (info.add_bos && info.bos >= 0 && !begins_with_prefix) ids.push_back(info.bos);
  options_.tokenizer->encode(text, true, &ids);
  return ids;
}

const Encoder::Ids& Encoder::context(const Text& text) {
  if (text != last_text_) {
    last_text_ = text;
    last_ids_ = this->text(rstrip(*text));
  }
  return last_ids_;
}

Status Encoder::check_ids(const Request& request) const {
  for (const auto* ids : {&request.context_ids, &request.continuation_ids}) {
    if (!*ids) continue;
    for (const Token id : **ids)
      if (id < 0 || id >= options_.vocab)
        return fail(Code::kInvalid, "id {} is outside the model's vocabulary of {}", id, options_.vocab);
  }
  return {};
}

Result<Encoder::Pair> Encoder::pair(const Request& r) {
  Pair pair;
  if (r.context_ids || r.continuation_ids) {
    if (!r.context_ids || !r.continuation_ids) PARETO_CHECK_OK(need_tokenizer(options_));
    pair.context = r.context_ids ? *r.context_ids : (r.context->empty() ? Ids{} : text(*r.context));
    if (r.continuation_ids) {
      pair.continuation = *r.continuation_ids;
    } else {
      options_.tokenizer->encode(r.continuation, true, &pair.continuation);
    }
  } else if (r.context->empty()) {
    PARETO_CHECK_OK(need_tokenizer(options_));
    options_.tokenizer->encode(r.continuation, true, &pair.continuation);
    if (!pair.continuation.empty() && pair.continuation.front() == options_.prefix)
      pair.continuation.erase(pair.continuation.begin());
  } else {
    PARETO_CHECK_OK(need_tokenizer(options_));
    pair.context = context(r.context);
    const Ids whole = text(*r.context + r.continuation);
    const std::size_t cut = std::min(pair.context.size(), whole.size());
    pair.continuation.assign(whole.begin() + static_cast<std::ptrdiff_t>(cut), whole.end());
  }
  if (pair.context.empty()) {
    PARETO_CHECK_OK(need_prefix(options_));
    pair.context = {options_.prefix};
  }
  return pair;
}

Result<EncodedRequest> Encoder::score(const Request& r) {
  PARETO_TRY(Pair pair, this->pair(r));
  EncodedRequest out;
  const auto wanted = static_cast<int>(pair.continuation.size());
  if (wanted > options_.max_length)
    return fail(Code::kInvalid, "a continuation of {} tokens does not fit max_length {}", wanted, options_.max_length);
  out.prompt_tokens = static_cast<int>(pair.context.size());
  if (wanted == 0) return out;
  ScoredInput input;
  input.tokens = std::move(pair.context);
  input.tokens.insert(input.tokens.end(), pair.continuation.begin(), pair.continuation.end());
  const int over = static_cast<int>(input.tokens.size()) - (options_.max_length + 1);
  if (over > 0) {
    input.tokens.erase(input.tokens.begin(), input.tokens.begin() + over);
    out.truncated = over;
    out.prompt_tokens -= over;
  }
  input.tokens.pop_back();
  input.first_row = static_cast<int>(input.tokens.size()) - wanted;
  input.targets = std::move(pair.continuation);
  out.inputs.push_back(std::move(input));
  return out;
}

Result<EncodedRequest> Encoder::rolling(const Request& r) const {
  Ids ids;
  if (r.context_ids) {
    ids = *r.context_ids;
  } else {
    PARETO_CHECK_OK(need_tokenizer(options_));
    ids = text(*r.context);
  }
  PARETO_CHECK_OK(need_prefix(options_));
  EncodedRequest out;
  out.prompt_tokens = static_cast<int>(ids.size());
  // all[i + 1] is ids[i], so that the input of a window is a slice of `all` that ends one before its last target.
  Ids all = {options_.prefix};
  all.insert(all.end(), ids.begin(), ids.end());
  const auto size = static_cast<int>(ids.size()), limit = options_.max_length;
  for (int begin = 0; begin < size;) {
    const int end = std::min(begin + limit, size);
    const int first = begin == 0 ? 0 : end - limit;  // of the input in `all`; the first window starts at the prefix
    ScoredInput input;
    input.tokens.assign(all.begin() + first, all.begin() + end);
    input.targets.assign(ids.begin() + begin, ids.begin() + end);
    input.first_row = static_cast<int>(input.tokens.size() - input.targets.size());
    out.inputs.push_back(std::move(input));
    begin = end;
  }
  return out;
}

Result<EncodedRequest> Encoder::generate(const Request& r) const {
  EncodedRequest out;
  if (r.context_ids) {
    out.prompt = *r.context_ids;
  } else if (!r.context->empty()) {
    PARETO_CHECK_OK(need_tokenizer(options_));
    out.prompt = text(*r.context);
  }
  if (out.prompt.empty()) {
    PARETO_CHECK_OK(need_prefix(options_));
    out.prompt = {options_.prefix};
  }
  const int limit = options_.max_length - r.max_tokens;
  const int over = static_cast<int>(out.prompt.size()) - limit;
  if (over > 0) {
    out.prompt.erase(out.prompt.begin(), out.prompt.begin() + over);
    out.truncated = over;
  }
  out.prompt_tokens = static_cast<int>(out.prompt.size());
  if (!options_.tokenizer) return out;
  for (const std::string& stop : r.until) {
    Ids ids;
    options_.tokenizer->encode(stop, true, &ids);
    if (ids.size() == 1 && options_.tokenizer->piece(ids.front()).empty()) out.stop_ids.push_back(ids.front());
  }
  return out;
}

std::string_view rstrip(std::string_view text) {
  while (!text.empty()) {
    if (is_ascii_space(text.back())) {
      text.remove_suffix(1);
      continue;
    }
    const auto* wide = std::find_if(kWideSpaces.begin(), kWideSpaces.end(),
                                    [&](std::string_view space) { return text.ends_with(space); });
    if (wide == kWideSpaces.end()) break;
    text.remove_suffix(wide->size());
  }
  return text;
}

Result<EncodedRequest> Encoder::encode(const Request& request) {
  PARETO_CHECK_OK(check_ids(request));
  switch (request.kind) {
    case Request::Kind::kScore:
      return score(request);
    case Request::Kind::kScoreRolling:
      return rolling(request);
    case Request::Kind::kGenerate:
      break;
  }
  return generate(request);
}

}  // namespace pareto
