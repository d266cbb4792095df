// pareto compare: two finished runs, item by item (results/compare.h).
//
//   | task     | metric   |    n |      A |      B |   B − A |            95 % |      p | gained | lost |  MDE |
//   | arc_easy | acc,none | 2376 | 0.7521 | 0.7437 | -0.0084 | -0.0161 -0.0008 | 0.0371 |     31 |   51 | …    |
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "harness/commands.h"
#include "harness/table.h"
#include "harness/two_runs.h"
#include "results/compare.h"

namespace pareto {
namespace {

constexpr Table::Align kRight = Table::Align::kRight;

std::string score(double value) { return std::isfinite(value) ? fmt::format("{:.4f}", value) : "?"; }
// "ttft_ns.p50" is a time, everything else a plain quantity.
std::string quantity(const std::string& name, double value) {
  return name.find("_ns.") == std::string::npos ? si(value, "") : fmt::format("{:.4g} ms", value * 1e-6);
}
std::string signed_score(double value) { return std::isfinite(value) ? fmt::format("{:+.4f}", value) : "?"; }

void add_metric(const std::string& task, const MetricComparison& metric, Table* table) {
  const PairedEffect& e = metric.effect;
  table->add({task, metric.key + (metric.higher_is_better ? "" : " ↓"), std::to_string(e.n), score(e.a), score(e.b),
              signed_score(e.diff), signed_score(e.ci.low) + " " + signed_score(e.ci.high),
              fmt::format("{:.3g}", e.p_value), e.test, e.binary ? std::to_string(e.gained) : "",
              e.binary ? std::to_string(e.lost) : "", score(e.mde)});
}

std::string tasks_text(const Comparison& comparison) {
  Table table({{"task"},
               {"metric"},
               {"n", kRight},
               {"A", kRight},
               {"B", kRight},
               {"B − A", kRight},
               {"95 %", kRight},
               {"p", kRight},
               {"test"},
               {"gained", kRight},
               {"lost", kRight},
               {"MDE", kRight}});
  for (const TaskComparison& task : comparison.tasks)
    for (const MetricComparison& metric : task.metrics)
      add_metric(&metric == &task.metrics.front() ? task.name : "", metric, &table);
  return table.empty() ? "" : table.text();
}

std::string definitions_text(const Comparison& comparison) {
  Table table(
      {{"task"}, {"acc by"}, {"A", kRight}, {"B", kRight}, {"B − A", kRight}, {"ties A", kRight}, {"ties B", kRight}});
  for (const TaskComparison& task : comparison.tasks)
    for (const auto& [a, b] : task.definitions)
      table.add({&a == &task.definitions.front().first ? task.name : "", a.norm, score(a.accuracy), score(b.accuracy),
                 signed_score(b.accuracy - a.accuracy), std::to_string(a.ties), std::to_string(b.ties)});
  return table.empty() ? "" : "\n" + table.text();
}

std::string costs_text(const Comparison& comparison) {
  Table table({{"cost"}, {"A", kRight}, {"B", kRight}, {"B / A", kRight}, {"95 %", kRight}, {"how"}});
  for (const CostComparison& cost : comparison.costs)
    table.add({cost.name, quantity(cost.name, cost.a), quantity(cost.name, cost.b),
               cost.ratio ? fmt::format("{:.4f}", *cost.ratio) : "",
               cost.ci95 ? fmt::format("{:.4f} {:.4f}", cost.ci95->low, cost.ci95->high) : "",
               cost.exact ? "counted" : "measured"});
  return table.empty() ? "" : "\n" + table.text();
}

std::string flips_text(const TaskComparison& task, std::size_t most) {
  std::string out;
  for (const auto& [what, ids] :
       {std::pair{"gained", &task.metrics.front().gained}, {"lost", &task.metrics.front().lost}}) {
    if (ids->empty() || most == 0) continue;
    out += fmt::format("{} {}: doc", task.name, what);
    for (std::size_t i = 0; i < std::min(most, ids->size()); ++i) out += fmt::format(" {}", (*ids)[i]);
    if (ids->size() > most) out += fmt::format(" … ({} more; --flips N)", ids->size() - most);
    out += "\n";
  }
  return out;
}

std::string comparison_text(const Run& a, const Run& b, const Comparison& comparison, std::size_t most_flips) {
  std::string out = fmt::format("A  {}  {}\nB  {}  {}\n\n", a.path, a.label, b.path, b.label);
  out += tasks_text(comparison) + definitions_text(comparison) + costs_text(comparison);
  std::string notes;
  for (const TaskComparison& task : comparison.tasks) {
    notes += flips_text(task, most_flips);
    for (const std::string& warning : task.warnings) notes += fmt::format("{}: {}\n", task.name, warning);
  }
  for (const NotCompared& one : comparison.not_compared)
    notes += fmt::format("{}: not compared: {}\n", one.task, one.why);
  if (!notes.empty()) out += "\n" + notes;
  return out + "\nMDE: the smallest difference that as many items find with probability .8 (two-sided, .05)\n";
}

int run_compare(const Arguments& arguments) {
  const auto& words = arguments.positionals;
  if (words.size() != 2)
    return report({Code::kUsage, fmt::format("compare takes two runs, A and B; {} given", words.size())});
  std::size_t most_flips = 10;
  if (const std::string& text = arguments.text("flips"); !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), most_flips);
    if (error != std::errc() || end != text.data() + text.size())
      return report({Code::kUsage, fmt::format("--flips '{}' is no count", text)});
  }
  CompareOptions options;
  options.metric = arguments.text("metric");
  options.tasks = split_names(arguments.text("task"));
  const Result<TwoRuns> runs = read_two_runs(words[0], words[1], {arguments.text("cell"), options.tasks});
  if (!runs) return report(runs.error());
  if (const Status known = check_task_names(*runs, options.tasks); !known) return report(known.error());
  const Comparison comparison = compare_runs(runs->a, runs->b, options);
  if (arguments.on("json")) {
    fmt::print("{}\n", comparison_json(comparison));
  } else {
    fmt::print("{}", comparison_text(runs->a, runs->b, comparison, most_flips));
  }
  if (std::fflush(stdout) != 0) return report({Code::kIo, "standard output: cannot be written"});
  if (!comparison.tasks.empty()) return 0;
  const std::string why = comparison.not_compared.empty()
                              ? ""
                              : ": " + comparison.not_compared[0].task + ": " + comparison.not_compared[0].why;
  return report({Code::kUnsupported, "nothing to compare" + why});
}

}  // namespace

Command compare_command() {
  Command command;
  command.name = "compare";
  command.summary = "two finished runs item by item: differences with intervals and p-values, flips, costs";
  command.example = "pareto compare out/llama/dense-arc_easy out/llama/topk-arc_easy --metric acc_norm";
  command.flags = {text_flag("metric", "NAME", "show this metric first: acc, or acc,none (each task's first)"),
                   text_flag("task", "NAME[,NAME…]", "only these tasks or groups"), cell_flag(),
                   text_flag("flips", "N", "list at most N items per task that changed (10); --json lists all"),
                   json_flag("one JSON object: tasks, cost, not_compared")};
  command.positional = "A B: --output folders, cells' folders or results files, of pareto or of lm-evaluation-harness";
  command.run = run_compare;
  return command;
}

}  // namespace pareto
