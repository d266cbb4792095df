#include "results/record.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/hash.h"

namespace pareto {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// A number where the text is one, else the text: what lm-eval's own parsing leaves in its config.
Json number_or_text(const std::string& text) {
  if (text.empty() || text == "None") return nullptr;
  const Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_number() ? parsed : Json(text);
}

Json typed(const RecordedOption& option) {
  if (option.value.empty()) return nullptr;
  switch (option.type) {
    case OptionSpec::Type::kInt:
    case OptionSpec::Type::kFloat:
      return number_or_text(option.value);
    case OptionSpec::Type::kBool:
      return option.value == "1" || option.value == "true";
    case OptionSpec::Type::kString:
    case OptionSpec::Type::kBudget:
      return option.value;
  }
  return option.value;
}

Json interval_json(const Interval& interval) { return Json::array({interval.low, interval.high}); }

Json bytes_json(const Bytes& bytes) {
  return {{"weights", bytes.weights}, {"kv_read", bytes.kv_read},         {"kv_write", bytes.kv_write},
          {"index", bytes.index},     {"activations", bytes.activations}, {"host_device", bytes.host_device}};
}

// --- lm-eval's part -----------------------------------------------------------------------------------------------

void add_scores(Json* row, const std::vector<MetricScore>& scores) {
  for (const MetricScore& score : scores) {
    (*row)[score.key()] = score.value;
    (*row)[score.metric + "_stderr," + score.filter] = score.stderror ? Json(*score.stderror) : Json("N/A");
  }
}

// As lm-eval's table shows rows below a group: "  - astronomy".
std::string indented_alias(const std::string& alias, int depth) {
  return depth == 0 ? alias : std::string(static_cast<std::size_t>(depth), ' ') + "- " + alias;
}

// How many groups of the run stand above a task.
int depth_of(const CellRecord& record, const std::string& task) {
  int depth = 0;
  for (const GroupSummary& group : record.groups)
    if (std::count(group.members.begin(), group.members.end(), task) > 0) depth = std::max(depth, group.depth + 1);
  return depth;
}

Json group_row(const GroupSummary& group) {
  Json row = {{"alias", indented_alias(group.info.alias.empty() ? group.info.name : group.info.alias, group.depth)}};
  add_scores(&row, group.scores);
  row["sample_count"] = group.documents;
  return row;
}

Json results_rows(const CellRecord& record) {
  Json rows = Json::object();
  for (const GroupSummary& group : record.groups) rows[group.info.name] = group_row(group);
  for (std::size_t i = 0; i < record.tasks.size(); ++i) {
    const TaskSummary& task = record.tasks[i];
    const std::string& alias = record.infos[i].alias.empty() ? task.name : record.infos[i].alias;
    Json row = {{"name", task.name},
                {"alias", indented_alias(alias, depth_of(record, task.name))},
                {"sample_len", task.documents}};
    add_scores(&row, task.scores);
    rows[task.name] = row;
  }
  return rows;
}

Json config_row(const TaskInfo& info) {
  const std::size_t space = info.dataset.find(' ');
  Json metrics = Json::array();
  for (const MetricInfo& metric : info.metrics)
    metrics.push_back({{"metric", metric.name},
                       {"aggregation", aggregation_name(metric.aggregation)},
                       {"higher_is_better", metric.higher_is_better}});
  Json filters = Json::array();
  for (const std::string& filter : info.filters) filters.push_back(Json{{"name", filter}});
  Json row = {{"task", info.name},
              {"tag", info.tags},
              {"dataset_path", info.dataset.substr(0, space)},
              {"dataset_name", space == std::string::npos ? Json(nullptr) : Json(info.dataset.substr(space + 1))},
              {"num_fewshot", info.num_fewshot},
              {"metric_list", metrics},
              {"output_type", info.output_type}};
  if (!info.generation_kwargs.empty()) {
    const Json kwargs = Json::parse(info.generation_kwargs, nullptr, /*allow_exceptions=*/false);
    row["generation_kwargs"] = kwargs.is_discarded() ? Json(info.generation_kwargs) : kwargs;
  }
  row["filter_list"] = filters;
  row["repeats"] = info.repeats;
  row["metadata"] = Json{{"version", number_or_text(info.version)}};
  return row;
}

Json config_json(const CellRecord& record) {
  const HarnessConfig& c = record.config;
  const ModelFacts& model = record.backend.model;
  return {{"model", "pareto"},
          {"model_args", c.model_args},
          {"model_num_parameters", model.parameters},
          {"model_dtype", text_or_null(model.dtype)},
          {"model_revision", nullptr},
          {"model_sha", nullptr},
          {"batch_size", number_or_text(c.batch_size)},
          {"batch_sizes", Json::array()},
          {"device", c.device},
          {"use_cache", nullptr},
          {"limit", number_or_text(c.limit)},
          {"bootstrap_iters", 100000},
          {"gen_kwargs", text_or_null(c.gen_kwargs)},
          {"random_seed", number_or_text(c.seeds[0])},
          {"numpy_seed", number_or_text(c.seeds[1])},
          {"torch_seed", number_or_text(c.seeds[2])},
          {"fewshot_seed", number_or_text(c.seeds[3])}};
}

std::string sanitized(std::string name) {
  std::string out;
  for (const char c : name) out += c == '/' ? std::string("__") : std::string(1, c);
  return out;
}

void add_task_maps(Json* root, const CellRecord& record) {
  Json subtasks = Json::object(), configs = Json::object(), versions = Json::object(), shots = Json::object();
  Json better = Json::object(), samples = Json::object(), hashes = Json::object();
  for (const GroupSummary& group : record.groups) {
    subtasks[group.info.name] = group.members;
    versions[group.info.name] = number_or_text(group.info.version);
    better[group.info.name] = Json::object();
    for (const MetricScore& score : group.scores) better[group.info.name][score.metric] = score.higher_is_better;
  }
  for (std::size_t i = 0; i < record.tasks.size(); ++i) {
    const std::string& name = record.tasks[i].name;
    const TaskInfo& info = record.infos[i];
    if (depth_of(record, name) == 0) subtasks[name] = Json::array();
    configs[name] = config_row(info);
    versions[name] = number_or_text(info.version);
    shots[name] = info.num_fewshot;
    better[name] = Json::object();
    for (const MetricInfo& metric : info.metrics) better[name][metric.name] = metric.higher_is_better;
    const std::int64_t n = record.tasks[i].documents;
    samples[name] = {{"original", info.documents_in_split > 0 ? info.documents_in_split : n}, {"effective", n}};
    if (!record.task_hashes[i].empty()) hashes[name] = record.task_hashes[i];
  }
  (*root)["group_subtasks"] = subtasks;
  (*root)["configs"] = configs;
  (*root)["versions"] = versions;
  (*root)["n-shot"] = shots;
  (*root)["higher_is_better"] = better;
  (*root)["n-samples"] = samples;
  (*root)["config"] = config_json(record);
  (*root)["task_hashes"] = hashes;
}

void add_harness_facts(Json* root, const CellRecord& record) {
  const HarnessConfig& c = record.config;
  const auto sha = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(sha256_hex(text)); };
  const auto token = [](Token id) { return Json::array({nullptr, id < 0 ? "None" : std::to_string(id)}); };
  Json& r = *root;
  r["git_hash"] = record.build.git_revision;
  r["date"] = record.start.unix_seconds;
  r["pretty_env_info"] = record.machine.cpu + ", " + std::to_string(record.machine.cores) + " cores, " +
                         record.machine.kernel + ", " + record.build.compiler;
  r["transformers_version"] = nullptr;
  r["lm_eval_version"] = nullptr;
  r["upper_git_hash"] = nullptr;
  r["tokenizer_pad_token"] = token(-1);
  r["tokenizer_eos_token"] = token(record.backend.model.eos);
  r["tokenizer_bos_token"] = token(record.backend.model.bos);
  r["eot_token_id"] = record.backend.model.eos < 0 ? Json(nullptr) : Json(record.backend.model.eos);
  r["max_length"] = record.backend.model.max_length;
  r["model_source"] = "pareto";
  r["model_name"] = record.model_name;
  r["model_name_sanitized"] = sanitized(record.model_name);
  r["system_instruction"] = text_or_null(c.system_instruction);
  r["system_instruction_sha"] = sha(c.system_instruction);
  r["fewshot_as_multiturn"] = c.fewshot_as_multiturn == "true" || c.fewshot_as_multiturn == "1";
  r["chat_template"] = text_or_null(c.chat_template);
  r["chat_template_sha"] = sha(c.chat_template);
  r["total_evaluation_time_seconds"] = std::to_string(record.total_seconds);
}

// --- ours ---------------------------------------------------------------------------------------------------------

Json metric_json(const MetricScore& score) {
  Json row = {{"n", score.n}, {"value", score.value}};
  if (score.binary) row["n_correct"] = score.correct;
  if (score.ci95) {
    row["ci95"] = interval_json(*score.ci95);
    row["ci_method"] = score.ci_method;
  }
  row["mde"] = score.mde ? Json(*score.mde) : Json(nullptr);
  return row;
}

// The first metric's numbers stand at the top, all of them under "metrics".
Json task_json(const TaskSummary& task, const TaskInfo& info) {
  const double n = std::max<double>(1, static_cast<double>(task.documents));
  Json row = {{"n", task.documents},
              {"n_truncated", task.truncated},
              {"truncated_percent", 100 * static_cast<double>(task.truncated) / n},
              {"n_failed", task.failed},
              {"output_tokens", task.output_tokens}};
  if (!task.scores.empty()) {
    Json first = metric_json(task.scores.front());
    first.erase("n");
    row["metric"] = task.scores.front().key();
    row.update(first);
    for (const MetricScore& score : task.scores) row["metrics"][score.key()] = metric_json(score);
  }
  if (task.definitions) {
    Json definitions = Json::object();
    for (const Norm norm : kNorms)
      definitions[norm_name(norm)] = {{"acc", task.definitions->accuracy(norm)},
                                      {"n_correct", task.definitions->of(norm).correct},
                                      {"ties", task.definitions->of(norm).ties}};
    row["definitions"] = definitions;
  }
  row["work_share"] = {{"flops", task.share_flops}, {"bytes", task.share_bytes}};
  row["flops_per_item"] = task.share_flops / n;
  row["bytes_per_item"] = task.share_bytes / n;
  if (!info.warnings.empty()) row["warnings"] = info.warnings;
  return row;
}

Json work_json(const CellRecord& record) {
  const Work& work = record.backend.work;
  Json out = Json::object();
  for (int p = 0; p < kPhases; ++p) {
    const Phase phase = static_cast<Phase>(p);
    const OpWork total = work.total(phase);
    if (work.tokens(phase) == 0 && total.calls == 0) continue;
    Json by_op = Json::object();
    for (int o = 0; o < kOpClasses; ++o) {
      const OpClass op = static_cast<OpClass>(o);
      const OpWork part = work.total(phase, op);
      if (part.calls == 0 && part.flops == 0 && part.bytes.total() == 0) continue;
      by_op[op_class_name(op)] = {{"calls", part.calls}, {"flops", part.flops}, {"bytes", part.bytes.total()}};
    }
    out[phase_name(phase)] = {
        {"tokens", work.tokens(phase)}, {"flops", total.flops}, {"bytes", bytes_json(total.bytes)}, {"by_op", by_op}};
  }
  out["shared"] = {{"flops", record.backend.shared.flops}, {"bytes", record.backend.shared.bytes.total()}};
  if (record.throughput.resumed > 0)
    out["resumed"] = {{"requests", record.throughput.resumed},
                      {"flops", record.throughput.resumed_flops},
                      {"bytes", record.throughput.resumed_bytes}};
  return out;
}

Json stats_json(const LatencyStats& stats) {
  const Summary& s = stats.summary;
  Json row = {{"n", s.n}, {"mean", s.mean}, {"p50", s.p50}, {"p90", s.p90}, {"p99", s.p99}};
  Json ci = Json::object();
  for (const auto& [name, interval] : stats.ci95) ci[name] = interval_json(interval);
  row["ci95"] = ci;
  row["too_few_for"] = stats.too_few_for;
  return row;
}

// The four that most people mean, then each quantity under a name that nobody can take for another, then what
// `vllm bench serve` writes of the same run.
Json latency_json(const CellRecord& record) {
  if (record.latency.empty()) return Json::object();
  Json out = Json::object();
  for (const auto& [name, quantity] : {std::pair{"ttft_ns", "ttft_from_schedule"},
                                       {"tpot_ns", "tpot_excl_first"},
                                       {"itl_ns", "itl_token"},
                                       {"e2e_ns", "e2e_from_schedule"}})
    out[name] = stats_json(stats_of(record.latency, quantity));
  Json& exact = out["by_definition_ns"] = Json::object();
  for (const auto& [name, stats] : record.latency) exact[name] = stats_json(stats);
  Json& vllm = out["vllm"] = Json::object();
  for (const auto& [name, quantity] : {std::pair{"ttft", "ttft_from_admit"},
                                       {"tpot", "tpot_excl_first"},
                                       {"itl", "icl_chunk"},
                                       {"e2el", "e2e_from_admit"}}) {
    const Summary& s = stats_of(record.latency, quantity).summary;
    vllm[fmt::format("mean_{}_ms", name)] = s.mean * 1e-6;
    vllm[fmt::format("median_{}_ms", name)] = s.p50 * 1e-6;
    vllm[fmt::format("p99_{}_ms", name)] = s.p99 * 1e-6;
  }
  return out;
}

Json goodput_json(const std::optional<Goodput>& goodput) {
  if (!goodput) return nullptr;
  const auto target = [](double ms) { return ms > 0 ? Json(ms) : Json(nullptr); };
  const GoodputTargets& t = goodput->targets;
  return {{"targets_ms", {{"ttft", target(t.ttft_ms)}, {"tpot", target(t.tpot_ms)}, {"e2e", target(t.e2e_ms)}}},
          {"requests", goodput->requests},
          {"met", goodput->met},
          {"requests_per_s", goodput->requests_per_s}};
}

Json throughput_json(const CellRecord& record) {
  const Throughput& t = record.throughput;
  const double s = t.serve_s > 0 ? t.serve_s : 1;
  const bool served = t.serve_s > 0 && t.requests > 0;
  const auto rate = [&](std::int64_t n) { return served ? Json(static_cast<double>(n) / s) : Json(nullptr); };
  return {{"prompt_tokens_per_s", rate(t.prompt_tokens)},
          {"computed_prompt_tokens_per_s", rate(t.prompt_tokens - t.cached_prompt_tokens)},
          {"output_tokens_per_s", rate(t.output_tokens)},
          {"requests_per_s", rate(t.requests)},
          {"offered_requests_per_s", t.offered_requests_per_s > 0 ? Json(t.offered_requests_per_s) : Json(nullptr)},
          {"goodput", goodput_json(record.goodput)},
          {"requests", t.requests},
          {"resumed", t.resumed},
          {"seconds", {{"load", t.load_s}, {"warmup", t.warmup_s}, {"serve", t.serve_s}}}};
}

// Shares of the ceilings over the whole timed region. A phase's own share is known only where it was the only one.
// FLOPs are compared with the rate of the weights' own kind of products: int8's ceiling would make f32 weights look
// idle.
Json ceilings_json(const CellRecord& record) {
  const MeasuredCeilings& c = record.ceilings;
  if (c.read_bytes_per_s <= 0) return nullptr;
  Json flops = Json::object();
  double ceiling = 0;
  for (const auto& [kind, rate] : c.flops_per_s) {
    flops[kind] = rate;
    if (kind == c.products) ceiling = rate;
  }
  Json out = {{"read_bytes_per_s", c.read_bytes_per_s},
              {"flops_per_s", flops},
              {"products", text_or_null(c.products)},
              {"source", "measured in this run"}};
  const double seconds = record.throughput.serve_s;
  if (seconds <= 0) return out;
  const auto share = [&](const OpWork& work) {
    Json row = {{"read", static_cast<double>(work.bytes.total()) / seconds / c.read_bytes_per_s}};
    if (ceiling > 0) row["flops"] = static_cast<double>(work.flops) / seconds / ceiling;
    return row;
  };
  Json fraction = {{"all", share(record.backend.work.total())}};
  std::vector<Phase> busy;
  for (int p = 0; p < kPhases; ++p)
    if (record.backend.work.total(static_cast<Phase>(p)).calls > 0) busy.push_back(static_cast<Phase>(p));
  if (busy.size() == 1) fraction[phase_name(busy.front())] = share(record.backend.work.total(busy.front()));
  out["fraction_of_ceiling"] = fraction;
  return out;
}

Json model_json(const ModelFacts& model, std::int64_t planned) {
  Json files = Json::object();
  for (const auto& [path, hash] : model.file_hashes) files[path] = hash;
  return {{"name", model.name},
          {"architecture", model.architecture},
          {"parameters", model.parameters},
          {"active_parameters", model.active_parameters},
          {"dtype", model.dtype},
          {"weight_bytes", model.weight_bytes},
          {"kv_bytes_per_token", model.kv_bytes_per_token},
          {"max_length", model.max_length},
          {"tokenizer_hash", text_or_null(model.tokenizer_hash)},
          {"planned_bytes", planned},
          {"file_hashes", files}};
}

Json environment_json(const CellRecord& record) {
  const Machine& m = record.machine;
  const auto state = [](const MachineState& s) {
    return Json{{"utc", s.utc}, {"load_1min", s.load_1min}, {"clock_mhz", s.clock_mhz}};
  };
  return {{"cpu", m.cpu},
          {"isa", text_or_null(record.backend.isa)},
          {"cores", m.cores},
          {"memory_bytes", m.memory},
          {"gpu", nullptr},
          {"driver", nullptr},
          {"kernel", m.kernel},
          {"hostname_hash", m.hostname_hash},
          {"start", state(record.start)},
          {"end", state(record.end)},
          {"peak_memory_bytes", record.peak_memory_bytes}};
}

Json pareto_json(const CellRecord& record) {
  const BuildInfo& b = record.build;
  Json cell = Json::object();
  for (const RecordedOption& option : record.options) cell[option.name] = typed(option);
  Json tasks = Json::object();
  for (std::size_t i = 0; i < record.tasks.size(); ++i)
    tasks[record.tasks[i].name] = task_json(record.tasks[i], record.infos[i]);
  Json out = {{"schema", kRecordSchema},
              {"cell_id", record.id},
              {"cell", cell},
              {"requests_hash", record.requests_hash},
              {"build",
               {{"version", b.version},
                {"git_revision", b.git_revision},
                {"dirty", b.dirty},
                {"compiler", b.compiler},
                {"flags", b.flags},
                {"kernel_hash", b.kernel_hash},
                {"numeric_version", b.numeric_version}}},
              {"environment", environment_json(record)},
              {"model", model_json(record.backend.model, record.backend.planned_bytes)},
              {"setup", record.backend.setup},
              {"definitions", "lm-evaluation-harness 0.4.13"},
              {"tasks", tasks},
              {"work", work_json(record)},
              {"latency", latency_json(record)},
              {"throughput", throughput_json(record)},
              {"ceilings", ceilings_json(record)},
              {"profile", {{"source", "analytic"}, {"kernels", Json::array()}}}};
  if (record.error) out["error"] = {{"code", code_name(record.error->code)}, {"message", record.error->message}};
  return out;
}

}  // namespace

std::string results_json(const CellRecord& record) {
  Json root = Json::object();
  root["results"] = results_rows(record);
  if (!record.groups.empty()) {
    root["groups"] = Json::object();
    for (const GroupSummary& group : record.groups) root["groups"][group.info.name] = group_row(group);
  }
  add_task_maps(&root, record);
  add_harness_facts(&root, record);
  root["pareto"] = pareto_json(record);
  return root.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

std::optional<FinishedRecord> read_finished(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const Json root = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("pareto") || !root["pareto"].is_object()) return std::nullopt;
  const Json& ours = root["pareto"];
  FinishedRecord record;
  record.has_error = ours.contains("error");
  if (ours.contains("requests_hash") && ours["requests_hash"].is_string())
    record.requests_hash = ours["requests_hash"].get<std::string>();
  return record;
}

}  // namespace pareto
