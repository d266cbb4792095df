#include "tasks/ruler_marks.h"

#include <algorithm>

#include "tasks/python.h"

namespace pareto::ruler {

std::string clean_prediction(std::string_view text) {
  std::string cleaned(python::strip(text));
  std::replace_if(
      cleaned.begin(), cleaned.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '\n');
  return std::string(python::strip(cleaned));
}

double string_match_all(std::string_view cleaned, std::span<const std::string> references) {
  const std::string text = python::lower(cleaned);
  const auto found = std::count_if(references.begin(), references.end(), [&](const std::string& reference) {
    return text.find(python::lower(reference)) != std::string::npos;
  });
  return static_cast<double>(found) / static_cast<double>(references.size());
}

double string_match_any(std::string_view cleaned, std::span<const std::string> references) {
  return string_match_all(cleaned, references) > 0 ? 1 : 0;
}

}  // namespace pareto::ruler
