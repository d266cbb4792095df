// Depth × length: what niah_grid's cells say together.
//
//   | depth |  4096 |  8192 |        rows: metrics "string_match_at_<percent>"
//   |   0 % | 1.00  | 0.80  |        columns: --length of the cells that differ in nothing else
//
// Cells that an earlier run had finished are not in it; --restart runs them again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/run.h"

namespace pareto {

struct HeatMap {
  std::string model, title, task;           // title: the cells' id without their length
  std::vector<int> depths;                  // percent, ascending
  std::vector<int> lengths;                 // ascending
  std::vector<std::vector<double>> values;  // [depth][length], in [0, 1]; below 0: not measured
};

// Whether a metric is a depth's, so that the table of scores leaves it to the map.
bool is_depth_metric(std::string_view metric);

std::vector<HeatMap> heat_maps(const RunReport& report);
std::string heat_map_text(const HeatMap& map);
std::string heat_map_svg(const HeatMap& map);

// Writes OUTPUT/<model>/<task>-<title>.svg for each; messages go to standard error. Returns the tables.
std::string show_heat_maps(const RunReport& report, const std::string& output);

}  // namespace pareto
