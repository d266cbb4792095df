// What the writers of the two formats share: tensors streamed into a file that appears only when it is complete.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/thread_pool.h"
#include "engine/model_writer.h"

namespace pareto {

// Writes to PATH.partial; commit() renames it to PATH. Without commit() nothing is left behind.
class OutputFile {
 public:
  static Result<OutputFile> create(const std::string& path);
  ~OutputFile();
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;

  Status write(const void* data, std::size_t size);  // kIo with the system's reason
  Status pad(std::size_t alignment);                 // zeros up to a multiple
  std::uint64_t position() const { return position_; }
  Status commit();

 private:
  OutputFile() = default;
  std::string path_, partial_;
  std::FILE* file_ = nullptr;
  std::uint64_t position_ = 0;
};

// Order of a head's rows: RoPE over halves or over adjacent pairs.
struct RowOrder {
  RopeStyle from = RopeStyle::kHalves, to = RopeStyle::kHalves;
  int head_dim = 1;
  // The row of the source that becomes row `row`. Halves to pairs: row 2i comes from i, 2i + 1 from i + d/2.
  std::int64_t source(std::int64_t row) const;
};

// One array of values in the output, from one tensor of the source.
struct Piece {
  std::string name;  // canonical
  std::vector<std::int64_t> shape;
  DType dtype = DType::kF32;  // in the output
  std::int64_t bytes() const;
};

// Converts `piece` and appends it to `file`. kInvalid: a value that is not finite (or becomes so in f16).
Status write_piece(const TensorSource& source, const Piece& piece, RopeStyle style, ThreadPool& pool, OutputFile& file);

}  // namespace pareto
