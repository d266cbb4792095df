// Plain tables for people, in Markdown so that they can be pasted.
#pragma once

#include <string>
#include <vector>

namespace pareto {

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // REQUIRES: as many cells as columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  // Columns are padded to their widest cell, counted in code points.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Three digits and an SI prefix: si(1.5e9, "B") is "1.5 GB", si(0, "FLOP") "0 FLOP".
std::string si(double value, const std::string& unit);

}  // namespace pareto
