#include "engine/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <cstdint>
#include <optional>

#include "core/hash.h"
#include "engine/tokenizer_utf8.h"
#include "engine/tokenizer_words.h"

namespace pareto {
namespace {

using sentencepiece::SentencePieceProcessor;

// The fields of a ModelProto (sentencepiece_model.proto) that decide whether words may be cut apart.
struct ModelSpec {
  static constexpr std::uint64_t kBpe = 2;
  std::uint64_t model_type = 1;          // TrainerSpec 3; 1: unigram
  bool whitespace_as_suffix = false;     // TrainerSpec 24
  bool has_charsmap = false;             // NormalizerSpec 2
  bool add_dummy_prefix = true;          // NormalizerSpec 3
  bool remove_extra_whitespaces = true;  // NormalizerSpec 4
  bool escape_whitespaces = true;        // NormalizerSpec 5
};

// Walks the fields of one protobuf message.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}

  // False at the end, or where the bytes are no protobuf.
  bool next() {
    const auto key = varint();
    if (!key) return false;
    number_ = *key >> 3;
    bytes_field_ = {};
    switch (*key & 7) {
      case 0: {
        const auto v = varint();
        if (!v) return false;
        value_ = *v;
        return true;
      }
      case 1:
        return skip(8);
      case 2: {
        const auto size = varint();
        if (!size || *size > bytes_.size() - at_) return false;
        bytes_field_ = bytes_.substr(at_, *size);
        at_ += *size;
        return true;
      }
      case 5:
        return skip(4);
      default:
        return false;
    }
  }
  std::uint64_t number() const { return number_; }
  std::uint64_t value() const { return value_; }
  std::string_view bytes() const { return bytes_field_; }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  bool skip(std::size_t n) {
    if (n > bytes_.size() - at_) return false;
    at_ += n;
    return true;
  }

  std::string_view bytes_, bytes_field_;
  std::size_t at_ = 0;
  std::uint64_t number_ = 0, value_ = 0;
};

ModelSpec read_spec(std::string_view model) {
  ModelSpec spec;
  for (FieldReader outer(model); outer.next();) {
    for (FieldReader f(outer.bytes()); (outer.number() == 2 || outer.number() == 3) && f.next();) {
      if (outer.number() == 2) {
        if (f.number() == 3) spec.model_type = f.value();
        if (f.number() == 24) spec.whitespace_as_suffix = f.value() != 0;
      } else {
        if (f.number() == 2) spec.has_charsmap = !f.bytes().empty();
        if (f.number() == 3) spec.add_dummy_prefix = f.value() != 0;
        if (f.number() == 4) spec.remove_extra_whitespaces = f.value() != 0;
        if (f.number() == 5) spec.escape_whitespaces = f.value() != 0;
      }
    }
  }
  return spec;
}

bool changes_only_spaces(const ModelSpec& spec) {
  return spec.model_type == ModelSpec::kBpe && !spec.has_charsmap && !spec.whitespace_as_suffix &&
         !spec.remove_extra_whitespaces && spec.escape_whitespaces;
}

bool words_are_independent(const SentencePieceProcessor& model) {
  for (int id = 0; id < model.GetPieceSize(); ++id) {
    if (model.IsControl(id) || model.IsUnknown(id) || model.IsByte(id)) continue;
    const std::string& piece = model.IdToPiece(id);
    if (piece.find(' ') != std::string::npos || reaches_over_words(piece, kSpaceMark)) return false;
  }
  return true;
}

class WholeTextModel final : public TextModel {
 public:
  explicit WholeTextModel(std::unique_ptr<SentencePieceProcessor> model) : model_(std::move(model)) {}

  void encode(std::string_view fragment, TextPosition, SpecialText, std::vector<Token>* ids) const override {
    std::vector<int> found;
    if (model_->Encode({fragment.data(), fragment.size()}, &found).ok())
      ids->insert(ids->end(), found.begin(), found.end());
  }

 private:
  std::unique_ptr<SentencePieceProcessor> model_;
};

// `bare` is the model without its dummy prefix, which is put before the first word here.
class WordModel final : public TextModel {
 public:
  WordModel(std::unique_ptr<SentencePieceProcessor> bare, bool dummy_prefix)
      : bare_(std::move(bare)), dummy_prefix_(dummy_prefix) {}

  void encode(std::string_view fragment, TextPosition, SpecialText, std::vector<Token>* ids) const override {
    const auto encode_word = [this](std::string_view word, std::vector<Token>* out) {
      thread_local std::vector<int> found;
      if (bare_->Encode({word.data(), word.size()}, &found).ok()) out->insert(out->end(), found.begin(), found.end());
    };
    for (std::size_t at = 0; at < fragment.size();) {
      const std::size_t end = word_end(fragment, at, kPlainSpace, kSpaceMark);
      const std::string_view word = fragment.substr(at, end - at);
      if (at == 0 && dummy_prefix_) {
        std::string prefixed(kPlainSpace);
        prefixed += word;
        encode_cached(cache_, prefixed, ids, encode_word);
      } else {
        encode_cached(cache_, word, ids, encode_word);
      }
      at = end;
    }
  }

 private:
  std::unique_ptr<SentencePieceProcessor> bare_;
  bool dummy_prefix_;
  WordCache cache_;
};

Result<std::unique_ptr<SentencePieceProcessor>> load(std::string_view bytes, const std::string& path) {
  auto model = std::make_unique<SentencePieceProcessor>();
  const auto status = model->LoadFromSerializedProto({bytes.data(), bytes.size()});
  if (!status.ok()) return fail(Code::kInvalid, "{}: not a SentencePiece model ({})", path, status.error_message());
  return model;
}

// The same model without its dummy prefix: a later field 3 (normalizer_spec) with add_dummy_prefix = false is merged
// over the first one.
Result<std::unique_ptr<SentencePieceProcessor>> load_bare(std::string_view bytes, const std::string& path) {
  std::string bare(bytes);
  bare += std::string_view("\x1A\x02\x18\x00", 4);
  return load(bare, path);
}

std::string piece_bytes(const SentencePieceProcessor& model, int id) {
  const std::string& piece = model.IdToPiece(id);
  if (model.IsControl(id) || model.IsUnknown(id)) return "";
  if (model.IsByte(id)) return std::string(1, static_cast<char>(byte_token(piece)));
  std::string bytes;
  for (std::size_t at = 0; at < piece.size();) {
    const bool space = piece.compare(at, kSpaceMark.size(), kSpaceMark) == 0;
    bytes += space ? ' ' : piece[at];
    at += space ? kSpaceMark.size() : 1;
  }
  return bytes;
}

}  // namespace

Result<TokenizerParts> read_sentencepiece(std::string_view bytes, const std::string& path) {
  const ModelSpec spec = read_spec(bytes);
  PARETO_TRY(auto model, changes_only_spaces(spec) ? load_bare(bytes, path) : load(bytes, path));
  TokenizerParts parts;
  for (int id = 0; id < model->GetPieceSize(); ++id) {
    parts.pieces.push_back(piece_bytes(*model, id));
    if (model->IsControl(id) || model->IsUnknown(id)) parts.added.push_back({model->IdToPiece(id), id});
  }
  parts.drop_leading_space = spec.add_dummy_prefix || spec.remove_extra_whitespaces;
  parts.info.kind = "sentencepiece";
  parts.info.hash = sha256_hex(bytes);
  parts.info.bos = model->bos_id();
  parts.info.eos = model->eos_id();
  parts.info.add_bos = parts.info.bos >= 0;
  if (!changes_only_spaces(spec)) {
    parts.model = std::make_unique<WholeTextModel>(std::move(model));
  } else if (words_are_independent(*model)) {
    parts.model = std::make_unique<WordModel>(std::move(model), spec.add_dummy_prefix);
  } else {
    PARETO_TRY(model, load(bytes, path));
    parts.model = std::make_unique<WholeTextModel>(std::move(model));
  }
  return parts;
}

}  // namespace pareto
