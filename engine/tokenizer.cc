// Which reader a path goes to.
#include "engine/tokenizer.h"

#include <array>
#include <filesystem>
#include <optional>

#include "engine/bpe_vocabulary.h"
#include "engine/gguf_vocab.h"
#include "engine/mapped_file.h"
#include "engine/sentencepiece_tokenizer.h"
#include "engine/tiktoken_tokenizer.h"
#include "engine/tokenizer_json.h"
#include "engine/tokenizer_llama2c.h"
#include "engine/tokenizer_parts.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// By content; only llama2.c's format has no mark of its own, so it goes by its name, and last.
Result<TokenizerParts> read_file(const fs::path& path) {
  PARETO_TRY(const MappedFile file, MappedFile::open(path.string()));
  const std::string_view bytes = text_of(file);
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  if (bytes.starts_with("GGUF") || path.extension() == ".gguf") return read_gguf_vocabulary(bytes, path.string());
  if (path.extension() == ".bin") return read_llama2c_tokenizer(bytes, path.string());
  if (path.extension() == ".json" || (first != std::string_view::npos && bytes[first] == '{'))
    return read_tokenizer_json(bytes, path.string());
  if (looks_like_tiktoken(bytes)) return read_tiktoken(bytes, path.string());
  return read_sentencepiece(bytes, path.string());
}

Result<TokenizerParts> read_pair(const fs::path& vocab, const fs::path& merges) {
  PARETO_TRY(const MappedFile vocab_file, MappedFile::open(vocab.string()));
  PARETO_TRY(const MappedFile merges_file, MappedFile::open(merges.string()));
  return read_vocab_and_merges(text_of(vocab_file), text_of(merges_file), vocab.string(), merges.string());
}

// The only file in `folder` whose name ends in `suffix`, if there is exactly one ("20B_tokenizer.json").
std::optional<fs::path> only_file(const fs::path& folder, std::string_view suffix) {
  std::optional<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.path().filename().string().ends_with(suffix) || !is_file(entry.path())) continue;
    if (found) return std::nullopt;
    found = entry.path();
  }
  return found;
}

Result<TokenizerParts> read_folder(const fs::path& folder) {
  for (const char* name : {"tokenizer.json", "tokenizer.model", "tokenizer.bin"})
    if (is_file(folder / name)) return read_file(folder / name);
  constexpr std::array<std::pair<const char*, const char*>, 2> kPairs = {
      {{"vocab.json", "merges.txt"}, {"gpt2_vocab.json", "gpt2_merges.txt"}}};
  for (const auto& [vocab, merges] : kPairs)
    if (is_file(folder / vocab) && is_file(folder / merges)) return read_pair(folder / vocab, folder / merges);
  if (const auto json = only_file(folder, "tokenizer.json")) return read_file(*json);
  return fail(Code::kNotFound,
              "{}: no tokenizer.json, tokenizer.model, tokenizer.bin, or vocab.json with merges.txt; name a tokenizer",
              folder.string());
}

// vocab.json alone stands for the pair that it belongs to.
std::optional<fs::path> merges_beside(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.ends_with("vocab.json")) return std::nullopt;
  const fs::path merges = path.parent_path() / (name.substr(0, name.size() - 10).append("merges.txt"));
  return is_file(merges) ? std::optional(merges) : std::nullopt;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const std::string& path) {
  const fs::path where = path;
  std::error_code error;
  const bool folder = fs::is_directory(where, error);
  if (!folder && !fs::exists(where, error)) return fail(Code::kNotFound, "tokenizer {}: no such file or folder", path);
  const auto merges = merges_beside(where);
  PARETO_TRY(TokenizerParts parts, folder ? read_folder(where) : merges ? read_pair(where, *merges) : read_file(where));
  PARETO_TRY(const SideFiles side, read_side_files((folder ? where : where.parent_path()).string()));
  return assemble(std::move(parts), side, path);
}

}  // namespace pareto
