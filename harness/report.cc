// The final table of a run.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/heat_map.h"
#include "harness/run.h"
#include "harness/table.h"

namespace pareto {
namespace {

using Json = nlohmann::ordered_json;

double tokens_per_s(const CellRecord& record) {
  const Throughput& t = record.throughput;
  return t.serve_s > 0 ? static_cast<double>(t.prompt_tokens + t.output_tokens) / t.serve_s : 0;
}

std::string value_text(const MetricScore& score) {
  const std::string error = score.stderror ? fmt::format("{:.4f}", *score.stderror) : "N/A";
  return fmt::format("{:.4f} ± {}", score.value, error);
}

// A score that is better the lower it is says so.
std::string key_text(const MetricScore& score) { return score.key() + (score.higher_is_better ? "" : " ↓"); }

std::string interval_text(const MetricScore& score) {
  if (!score.ci95) return "";
  return fmt::format("[{:.4f}, {:.4f}]", score.ci95->low, score.ci95->high);
}

std::string mde_text(const MetricScore& score) { return score.mde ? fmt::format("{:.4f}", *score.mde) : ""; }

// What a row costs: only the first row of a task says it.
struct Cost {
  std::string tokens, bytes, flops, truncated;
};

Cost cost_of(const CellRecord& record, const TaskSummary& task) {
  const double n = std::max<double>(1, static_cast<double>(task.documents));
  Cost cost;
  if (const double rate = tokens_per_s(record); rate > 0) cost.tokens = si(rate, "");
  if (task.share_bytes > 0) cost.bytes = si(task.share_bytes / n, "B");
  if (task.share_flops > 0) cost.flops = si(task.share_flops / n, "FLOP");
  if (task.truncated > 0) cost.truncated = fmt::format("{} of {} !", task.truncated, task.documents);
  return cost;
}

class Rows {
 public:
  explicit Rows(bool many) : many_(many), table_(columns(many)) {}
  void add(const CellReport& cell, const std::string& task, std::int64_t n, const MetricScore* score,
           const Cost& cost) {
    std::vector<std::string> row;
    if (many_) row = {cell.model, cell.id};
    row.insert(row.end(), {task, score == nullptr ? "" : key_text(*score), score == nullptr ? "" : value_text(*score),
                           score == nullptr ? "" : interval_text(*score), score == nullptr ? "" : mde_text(*score),
                           std::to_string(n), cost.tokens, cost.bytes, cost.flops, cost.truncated});
    table_.add(std::move(row));
  }
  std::string text() const { return table_.empty() ? "" : table_.text(); }

 private:
  static std::vector<Table::Column> columns(bool many) {
    using Align = Table::Align;
    std::vector<Table::Column> all;
    if (many) all = {{"model"}, {"cell"}};
    for (Table::Column column : std::vector<Table::Column>{{"task"},
                                                           {"metric"},
                                                           {"value ± stderr", Align::kRight},
                                                           {"95 %", Align::kRight},
                                                           {"MDE", Align::kRight},
                                                           {"n", Align::kRight},
                                                           {"tok/s", Align::kRight},
                                                           {"bytes/item", Align::kRight},
                                                           {"FLOPs/item", Align::kRight},
                                                           {"truncated", Align::kRight}})
      all.push_back(std::move(column));
    return all;
  }
  bool many_;
  Table table_;
};

void add_cell(Rows* rows, const CellReport& cell) {
  const CellRecord& record = *cell.record;
  for (const GroupSummary& group : record.groups)
    for (const MetricScore& score : group.scores)
      rows->add(cell, std::string(static_cast<std::size_t>(group.depth), ' ') + group.info.name, group.documents,
                &score, {});
  for (const TaskSummary& task : record.tasks) {
    const Cost cost = cost_of(record, task);
    if (task.scores.empty()) rows->add(cell, task.name, task.documents, nullptr, cost);
    for (std::size_t i = 0; i < task.scores.size(); ++i)
      if (!is_depth_metric(task.scores[i].metric))
        rows->add(cell, task.name, task.scores[i].n, &task.scores[i], i == 0 ? cost : Cost{});
  }
}

std::string milliseconds(double ns) { return fmt::format("{:.3g}", ns * 1e-6); }

// What waiting for an answer was like, where requests did not come all at once.
std::string latency_line(const CellRecord& record) {
  const auto offline = [](const RecordedOption& o) { return o.name == "scenario" && o.value == "offline"; };
  if (std::any_of(record.options.begin(), record.options.end(), offline) || record.latency.empty()) return "";
  std::string line = "\nms, p50 / p90 / p99 (* : too few requests to tell):";
  for (const char* name : {"ttft_from_schedule", "tpot_excl_first", "itl_token", "e2e_from_schedule", "queue"}) {
    const LatencyStats& stats = stats_of(record.latency, name);
    if (stats.summary.n == 0) continue;
    const auto mark = [&](const char* percentile) {
      const auto& few = stats.too_few_for;
      return std::find(few.begin(), few.end(), percentile) == few.end() ? "" : "*";
    };
    line += fmt::format("\n  {:<20} {}{} / {}{} / {}{}", name, milliseconds(stats.summary.p50), mark("p50"),
                        milliseconds(stats.summary.p90), mark("p90"), milliseconds(stats.summary.p99), mark("p99"));
  }
  if (record.throughput.offered_requests_per_s > 0)
    line += fmt::format("\n  offered {:.3g} requests/s", record.throughput.offered_requests_per_s);
  if (record.goodput)
    line += fmt::format("\n  goodput {:.3g} requests/s: {} of {} met every target", record.goodput->requests_per_s,
                        record.goodput->met, record.goodput->requests);
  return line;
}

std::string served_line(const CellReport& cell) {
  if (cell.already_finished) return fmt::format("already finished: {}; --restart runs it again\n", cell.record_path);
  if (!cell.record) return "";
  const Throughput& t = cell.record->throughput;
  std::string line;
  if (t.serve_s > 0)
    line = fmt::format("{} requests in {:.3g} s (load {:.2g} s): {} prompt tok/s, {} output tok/s", t.requests,
                       t.serve_s, t.load_s, si(static_cast<double>(t.prompt_tokens) / t.serve_s, ""),
                       si(static_cast<double>(t.output_tokens) / t.serve_s, ""));
  if (t.serve_s > 0) line += latency_line(*cell.record);
  if (t.resumed > 0) line += fmt::format("{}{} from the journal", line.empty() ? "" : "; ", t.resumed);
  if (!cell.record_path.empty()) line += "\n" + cell.record_path;
  return line + "\n";
}

Json score_json(const CellReport& cell, const TaskSummary& task, const MetricScore* score) {
  const double n = std::max<double>(1, static_cast<double>(task.documents));
  Json row = {{"model", cell.model}, {"cell", cell.id}, {"task", task.name}, {"n", task.documents}};
  if (score != nullptr) {
    row["metric"] = score->key();
    row["value"] = score->value;
    row["stderr"] = score->stderror ? Json(*score->stderror) : Json(nullptr);
    row["ci95"] = score->ci95 ? Json::array({score->ci95->low, score->ci95->high}) : Json(nullptr);
  }
  row["tokens_per_s"] = tokens_per_s(*cell.record);
  row["bytes_per_item"] = task.share_bytes / n;
  row["flops_per_item"] = task.share_flops / n;
  row["truncated"] = task.truncated;
  row["record"] = cell.record_path;
  return row;
}

}  // namespace

std::string report_table(const RunReport& report) {
  Rows rows(report.cells.size() > 1);
  std::string lines;
  for (const CellReport& cell : report.cells) {
    if (cell.record) add_cell(&rows, cell);
    lines += served_line(cell);
  }
  return rows.text() + lines;
}

std::string report_json(const RunReport& report) {
  Json rows = Json::array();
  for (const CellReport& cell : report.cells) {
    if (cell.already_finished || cell.error)
      rows.push_back(Json{{"model", cell.model},
                          {"cell", cell.id},
                          {"already_finished", cell.already_finished},
                          {"error", cell.error ? Json(cell.error->message) : Json(nullptr)},
                          {"record", cell.record_path}});
    if (!cell.record) continue;
    for (const TaskSummary& task : cell.record->tasks) {
      if (task.scores.empty()) rows.push_back(score_json(cell, task, nullptr));
      for (const MetricScore& score : task.scores) rows.push_back(score_json(cell, task, &score));
    }
  }
  return rows.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pareto
