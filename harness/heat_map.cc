#include "harness/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "core/markup.h"
#include "harness/table.h"
#include "results/output_file.h"

namespace pareto {
namespace {

constexpr std::string_view kDepthMark = "string_match_at_";

int depth_of(std::string_view metric) { return std::atoi(std::string(metric.substr(kDepthMark.size())).c_str()); }

int length_of(const CellRecord& record) {
  for (const RecordedOption& option : record.options)
    if (option.name == "length") return std::atoi(option.value.c_str());
  return 0;
}

// Everything of a cell but its length.
std::string others_of(const CellRecord& record) {
  std::string text;
  for (const RecordedOption& option : record.options)
    if (option.name != "length") text += option.name + "=" + option.value + "\n";
  return text;
}

std::string without_length(std::string id, int length) {
  const std::string piece = fmt::format("-length={}", length);
  if (const std::size_t at = id.find(piece); at != std::string::npos) id.erase(at, piece.size());
  return id;
}

// One map while its cells are being collected.
struct Collected {
  std::string model, title, task;
  std::map<std::pair<int, int>, double> values;  // by depth, length
};

HeatMap to_map(const Collected& collected) {
  HeatMap map{collected.model, collected.title, collected.task, {}, {}, {}};
  std::set<int> depths, lengths;
  for (const auto& [place, value] : collected.values) depths.insert(place.first), lengths.insert(place.second);
  map.depths.assign(depths.begin(), depths.end());
  map.lengths.assign(lengths.begin(), lengths.end());
  for (const int depth : map.depths) {
    auto& row = map.values.emplace_back();
    for (const int length : map.lengths) {
      const auto found = collected.values.find({depth, length});
      row.push_back(found == collected.values.end() ? -1 : found->second);
    }
  }
  return map;
}

// Red for 0, yellow for a half, green for 1.
std::string colour(double value) {
  if (value < 0) return "#dddddd";
  const auto channel = [](double share) { return static_cast<int>(std::clamp(share, 0.0, 1.0) * 200 + 40); };
  return fmt::format("#{:02x}{:02x}50", channel(2 - 2 * value), channel(2 * value));
}

}  // namespace

bool is_depth_metric(std::string_view metric) { return metric.starts_with(kDepthMark); }

std::vector<HeatMap> heat_maps(const RunReport& report) {
  std::map<std::string, Collected> all;
  for (const CellReport& cell : report.cells) {
    if (!cell.record) continue;
    const int length = length_of(*cell.record);
    for (const TaskSummary& task : cell.record->tasks)
      for (const MetricScore& score : task.scores) {
        if (!is_depth_metric(score.metric)) continue;
        Collected& map = all[cell.model + "\n" + task.name + "\n" + others_of(*cell.record)];
        if (map.task.empty()) map = {cell.model, without_length(cell.id, length), task.name, {}};
        map.values[{depth_of(score.metric), length}] = score.value;
      }
  }
  std::vector<HeatMap> maps;
  maps.reserve(all.size());
  for (const auto& [key, collected] : all) maps.push_back(to_map(collected));
  return maps;
}

std::string heat_map_text(const HeatMap& map) {
  std::vector<Table::Column> columns = {{"depth", Table::Align::kRight}};
  for (const int length : map.lengths) columns.push_back({fmt::format("{}", length), Table::Align::kRight});
  Table table(std::move(columns));
  for (std::size_t d = 0; d < map.depths.size(); ++d) {
    std::vector<std::string> row = {fmt::format("{} %", map.depths[d])};
    for (const double value : map.values[d]) row.push_back(value < 0 ? "" : fmt::format("{:.2f}", value));
    table.add(std::move(row));
  }
  return fmt::format("{}, depth × length, {}\n{}", map.task, map.title, table.text());
}

std::string heat_map_svg(const HeatMap& map) {
  constexpr int kLeft = 70, kTop = 76, kWidth = 70, kHeight = 26;
  constexpr int kLetter = 7;  // of the title, about; none of it may be cut off
  const std::string title = fmt::format("{} · {} · {}", map.task, map.model, map.title);
  const int width =
      std::max(kLeft + kWidth * static_cast<int>(map.lengths.size()), kLetter * static_cast<int>(title.size())) + 20;
  const int height = kTop + kHeight * static_cast<int>(map.depths.size()) + 20;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" "
      "font-size=\"12\" text-anchor=\"middle\">\n<text x=\"10\" y=\"20\" text-anchor=\"start\">{}</text>\n",
      width, height, escape_markup(title));
  const auto text = [&](int x, int y, const std::string& what) {
    svg += fmt::format("<text x=\"{}\" y=\"{}\">{}</text>\n", x, y, what);
  };
  text(kLeft / 2, kTop - 8, "depth");
  text(kLeft + kWidth * static_cast<int>(map.lengths.size()) / 2, kTop - 28, "length in tokens");
  for (std::size_t l = 0; l < map.lengths.size(); ++l)
    text(kLeft + kWidth * static_cast<int>(l) + kWidth / 2, kTop - 8, fmt::format("{}", map.lengths[l]));
  for (std::size_t d = 0; d < map.depths.size(); ++d) {
    const int y = kTop + kHeight * static_cast<int>(d);
    text(kLeft / 2, y + 17, fmt::format("{} %", map.depths[d]));
    for (std::size_t l = 0; l < map.lengths.size(); ++l) {
      const int x = kLeft + kWidth * static_cast<int>(l);
      const double value = map.values[d][l];
      svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", x, y, kWidth - 1,
                         kHeight - 1, colour(value));
      if (value >= 0) text(x + kWidth / 2, y + 17, fmt::format("{:.2f}", value));
    }
  }
  return svg + "</svg>\n";
}

std::string show_heat_maps(const RunReport& report, const std::string& output) {
  std::string text;
  for (const HeatMap& map : heat_maps(report)) {
    std::string folder = map.model;
    for (std::size_t at; (at = folder.find('/')) != std::string::npos;) folder.replace(at, 1, "__");
    const std::string path = fmt::format("{}/{}/{}-{}.svg", output, folder, map.task, map.title);
    const auto write = [&]() -> Status {
      PARETO_TRY(WholeFile file, WholeFile::create(path));
      PARETO_CHECK_OK(file.write(heat_map_svg(map)));
      return file.commit();
    };
    const Status written = write();
    if (!written) fmt::print(stderr, "pareto: {}\n", written.error().message);
    text += "\n" + heat_map_text(map) + (written ? path + "\n" : "");
  }
  return text;
}

}  // namespace pareto
