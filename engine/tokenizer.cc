// Which reader a path goes to.
#include "engine/tokenizer.h"

#include <array>
#include <filesystem>

#include "engine/mapped_file.h"
#include "engine/sentencepiece_tokenizer.h"
#include "engine/tokenizer_llama2c.h"
#include "engine/tokenizer_parts.h"

namespace pareto {
namespace {

namespace fs = std::filesystem;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// By name where the name says it, else by content.
Result<TokenizerParts> read_file(const fs::path& path) {
  PARETO_TRY(const MappedFile file, MappedFile::open(path.string()));
  const std::string_view bytes = text_of(file);
  if (path.extension() == ".bin") return read_llama2c_tokenizer(bytes, path.string());
  return read_sentencepiece(bytes, path.string());
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const std::string& path) {
  const fs::path where = path;
  PARETO_TRY(TokenizerParts parts, read_file(where));
  PARETO_TRY(const SideFiles side, read_side_files(where.parent_path().string()));
  return assemble(std::move(parts), side, path);
}

}  // namespace pareto
