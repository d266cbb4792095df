// Rows of ../shared/accept/data/statistics.jsonl, by statistic.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pareto::reference_values {

// Empty where the file is not there: the test skips, saying so.
inline std::vector<nlohmann::json> of(const std::string& statistic) {
  std::vector<nlohmann::json> rows;
  std::ifstream file(std::string(PARETO_SHARED) + "/accept/data/statistics.jsonl");
  for (std::string line; std::getline(file, line);) {
    nlohmann::json row = nlohmann::json::parse(line);
    if (row["statistic"] == statistic) rows.push_back(std::move(row));
  }
  return rows;
}
inline const char* const kMissing = "needs ../shared/accept/data/statistics.jsonl";

// Relative 1e-9, or absolute where the value is near 0 or 1 (values below 1e-3 relatively, unless they are roundings of
// 0).
inline void expect_close(double got, double want, const std::string& what) {
  const double scale = std::abs(want) < 1e-15 ? 1 : std::max(std::abs(want), 1e-3);
  EXPECT_LE(std::abs(got - want), 1e-9 * scale) << what << ": " << got << " not " << want;
}

}  // namespace pareto::reference_values
