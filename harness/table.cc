#include "harness/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace pareto {
namespace {

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string Table::text() const {
  std::vector<std::size_t> widths;
  // Markdown's rule of a column has at least one dash, beside the colon of one that is set to the right.
  for (const Column& column : columns_)
    widths.push_back(std::max<std::size_t>(column.align == Align::kRight ? 2 : 1, width_of(column.title)));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));

  const auto line = [&](auto cell) {
    std::string out = "|";
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string text = cell(i);
      const std::size_t padding = widths[i] - width_of(text);
      const bool right = columns_[i].align == Align::kRight;
      out += ' ';
      out.append(right ? padding : 0, ' ').append(text).append(right ? 0 : padding, ' ').append(" |");
    }
    return out.append("\n");
  };
  std::string out = line([&](std::size_t i) { return columns_[i].title; });
  out += "|";
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool right = columns_[i].align == Align::kRight;
    out.append(" ").append(widths[i] - (right ? 1 : 0), '-').append(right ? ": |" : " |");
  }
  out += "\n";
  for (const auto& row : rows_) out += line([&](std::size_t i) { return row[i]; });
  return out;
}

std::string si(double value, const std::string& unit) {
  static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  int prefix = 0;
  while (std::abs(value) >= 999.5 && prefix < 6) value /= 1000, ++prefix;
  std::string text = fmt::format("{:.3g} {}{}", value, kPrefixes[prefix], unit);
  if (text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace pareto
