// How bench rows are shown: llama-bench's columns and keys, then ours.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/bench.h"
#include "harness/build_info.h"
#include "harness/table.h"
#include "results/environment.h"

namespace pareto {
namespace {

using Json = nlohmann::ordered_json;

Json ops_json(const BenchRow& row) {
  Json ops = Json::array();
  for (const BenchOp& op : row.ops)
    ops.push_back({{"op", op.name}, {"ns", op.ns}, {"bytes", op.bytes}, {"flops", op.flops}});
  return ops;
}

// Where the time of a test goes, one line an op class.
std::string ops_text(const BenchRow& row) {
  using Align = Table::Align;
  Table table({{row.test.name()},
               {"ms", Align::kRight},
               {"% of time", Align::kRight},
               {"read/s", Align::kRight},
               {"FLOP/s", Align::kRight}});
  for (const BenchOp& op : row.ops) {
    const double s = op.ns * 1e-9;
    table.add({op.name, fmt::format("{:.3f}", op.ns * 1e-6), fmt::format("{:.1f}", 100 * op.ns / row.avg_ns),
               si(static_cast<double>(op.bytes) / s, "B"), si(static_cast<double>(op.flops) / s, "FLOP")});
  }
  return "\n" + table.text();
}

Json row_json(const BenchRow& row) {
  static const Machine machine = read_machine();
  return {{"build_commit", build_info().git_revision.substr(0, 9)},
          {"build_number", 0},
          {"cpu_info", machine.cpu},
          {"gpu_info", ""},
          {"backends", "pareto"},
          {"model_filename", row.model},
          {"model_type", row.model_type},
          {"model_size", row.model_bytes},
          {"model_n_params", row.parameters},
          {"n_batch", row.batch},
          {"n_ubatch", row.batch},
          {"n_threads", row.threads},
          {"cpu_mask", "0x0"},
          {"cpu_strict", false},
          {"poll", 0},
          {"type_k", row.kv_dtype},
          {"type_v", row.kv_dtype},
          {"n_gpu_layers", 0},
          {"split_mode", "none"},
          {"main_gpu", 0},
          {"no_kv_offload", false},
          {"flash_attn", true},
          {"devices", "cpu"},
          {"tensor_split", "0.00"},
          {"use_mmap", true},
          {"embeddings", false},
          {"n_prompt", row.test.prompt},
          {"n_gen", row.test.gen},
          {"n_depth", row.test.depth},
          {"test_time", row.test_time},
          {"avg_ns", row.avg_ns},
          {"stddev_ns", row.stddev_ns},
          {"avg_ts", row.avg_ts},
          {"stddev_ts", row.stddev_ts},
          {"samples_ns", row.samples_ns},
          {"samples_ts", row.samples_ts},
          {"test", row.test.name()},
          {"n_parallel", row.test.parallel},
          {"isa", row.isa},
          {"deterministic", row.deterministic},
          {"median_ns", row.median_ns},
          {"bytes", row.bytes},
          {"flops", row.flops},
          {"bytes_per_s", row.bytes_per_s},
          {"ceiling_bytes_per_s", row.ceiling_bytes_per_s},
          {"flops_per_s", row.flops_per_s},
          {"ceiling_flops_per_s", row.ceiling_flops_per_s},
          {"flops_kind", row.flops_kind},
          {"fraction_of_ceiling", row.fraction_of_ceiling},
          {"bound", row.bound},
          {"ops", ops_json(row)},
          {"load_s", row.load_s},
          {"first_token_s", row.first_token_s},
          {"planned_bytes", row.planned_bytes},
          {"peak_memory_bytes", row.peak_memory_bytes}};
}

std::string markdown(const std::vector<BenchRow>& rows) {
  using Align = Table::Align;
  Table table({{"model"},
               {"size", Align::kRight},
               {"params", Align::kRight},
               {"backend"},
               {"threads", Align::kRight},
               {"test", Align::kRight},
               {"t/s", Align::kRight},
               {"read/s", Align::kRight},
               {"FLOP/s", Align::kRight},
               {"% of ceiling", Align::kRight}});
  constexpr double kGiB = 1024.0 * 1024 * 1024, kMiB = 1024.0 * 1024;
  for (const BenchRow& row : rows) {
    const double bytes = static_cast<double>(row.model_bytes), parameters = static_cast<double>(row.parameters);
    table.add(
        {row.model_type,
         bytes >= kGiB ? fmt::format("{:.2f} GiB", bytes / kGiB) : fmt::format("{:.2f} MiB", bytes / kMiB),
         parameters >= 1e9 ? fmt::format("{:.2f} B", parameters / 1e9) : fmt::format("{:.2f} M", parameters / 1e6),
         "CPU " + row.isa, std::to_string(row.threads), row.test.name(),
         fmt::format("{:.2f} ± {:.2f}", row.avg_ts, row.stddev_ts), si(row.bytes_per_s, "B"),
         si(row.flops_per_s, "FLOP"), fmt::format("{:.0f} {}", 100 * row.fraction_of_ceiling, row.bound)});
  }
  std::string text = table.text();
  for (const BenchRow& row : rows)
    if (!row.ops.empty()) text += ops_text(row);
  if (!rows.empty()) {
    const BenchRow& last = rows.back();
    std::string flops;
    for (const BenchRow& row : rows)
      if (!row.flops_kind.empty())
        flops = fmt::format(", {} {}/s", row.flops_kind, si(row.ceiling_flops_per_s, "FLOP"));
    text += fmt::format(
        "\nceilings of this run: read {}/s{}; first token after {:.2f} s (load {:.2f} s), peak memory {}"
        " of {} planned\nbuild: {} ({})\n",
        si(last.ceiling_bytes_per_s, "B"), flops, last.first_token_s, last.load_s,
        si(static_cast<double>(last.peak_memory_bytes), "B"), si(static_cast<double>(last.planned_bytes), "B"),
        build_info().git_revision.substr(0, 9), build_info().version);
  }
  return text;
}

std::string csv_cell(const Json& value) {
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

// As llama-bench: every cell quoted, lists of samples left out.
std::string csv(const std::vector<BenchRow>& rows) {
  std::string header, text;
  for (const BenchRow& row : rows) {
    std::string line;
    header.clear();
    const Json object = row_json(row);
    for (const auto& [key, value] : object.items()) {
      if (value.is_array()) continue;
      if (!line.empty()) line += ',', header += ',';
      header += key;
      line += csv_cell(value);
    }
    text += line + "\n";
  }
  return header + "\n" + text;
}

}  // namespace

std::string bench_text(const std::vector<BenchRow>& rows, BenchFormat format) {
  if (format == BenchFormat::kMarkdown) return markdown(rows);
  if (format == BenchFormat::kCsv) return csv(rows);
  if (format == BenchFormat::kJsonl) {
    std::string text;
    for (const BenchRow& row : rows) text += row_json(row).dump() + "\n";
    return text;
  }
  Json all = Json::array();
  for (const BenchRow& row : rows) all.push_back(row_json(row));
  return all.dump(2) + "\n";
}

}  // namespace pareto
