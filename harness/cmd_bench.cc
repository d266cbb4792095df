// pareto bench: prefill and decode speed with llama-bench's flags, beside the ceilings measured in the same run.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "harness/bench.h"
#include "harness/commands.h"
#include "harness/interrupt.h"
#include "harness/resolve_model.h"

namespace pareto {
namespace {

Flag flag(std::string name, std::vector<std::string> aliases, std::string default_value, std::string value,
          std::string help) {
  Flag f;
  f.spec.name = std::move(name);
  f.spec.type = OptionSpec::Type::kString;
  f.spec.default_value = std::move(default_value);
  f.spec.help = std::move(help);
  f.aliases = std::move(aliases);
  f.value = std::move(value);
  return f;
}

Flag repeated(Flag f) {
  f.arity = Arity::kRepeat;
  return f;
}

Flag on_off(const char* name, const char* default_value, const char* help) {
  Flag f = flag(name, {}, default_value, "", help);
  f.spec.type = OptionSpec::Type::kBool;
  f.arity = Arity::kSwitch;
  return f;
}

std::vector<Flag> bench_flags() {
  return {
      repeated(flag("model", {"-m"}, "", "PATH,…", "file, folder or name; several are measured one after the other")),
      repeated(flag("n_prompt", {"-p"}, "512", "N,…", "prompt tokens; 0: no such test")),
      repeated(flag("n_gen", {"-n"}, "128", "N,…", "generated tokens; 0: no such test")),
      repeated(flag("pg", {"-pg"}, "", "PP,TG", "prompt and generation in one test; may be repeated")),
      repeated(flag("n_depth", {"-d"}, "0", "N,…", "tokens in the cache before a test begins")),
      repeated(flag("n_parallel", {"-npl"}, "1", "N,…", "sequences that decode together")),
      flag("batch", {"-b", "--batch_size", "--ubatch_size", "-ub"}, "0", "N",
           "most tokens in one step; 0: the engine's default"),
      repeated(flag("threads", {"-t"}, "0", "N,…", "0: all cores")),
      flag("dtype", {}, "auto", "DTYPE", "numerics: auto, f32 or bf16"),
      flag("repetitions", {"-r"}, "5", "N", "timed repetitions of every test"),
      flag("output", {"-o"}, "md", "FORMAT", "csv, json, jsonl or md"),
      on_off("json", "false", "the same as -o json"),
      on_off("warmup", "true", "one repetition that is not timed"),
      on_off("ops", "false", "also where the time goes: every op class with its bytes/s and FLOP/s"),
      on_off("deterministic", "true", "identical bits at any batch and thread count"),
  };
}

struct BenchPlan {
  std::vector<BenchConfig> configs;  // models × threads
  BenchFormat format = BenchFormat::kMarkdown;
};

std::string text_or(const Arguments& arguments, const std::string& name, const std::string& fallback) {
  return arguments.has(name) ? arguments.text(name) : fallback;
}

Result<BenchFormat> parse_format(const Arguments& arguments) {
  const std::string text = arguments.on("json") ? "json" : text_or(arguments, "output", "md");
  if (text == "md" || text == "markdown") return BenchFormat::kMarkdown;
  if (text == "csv") return BenchFormat::kCsv;
  if (text == "json") return BenchFormat::kJson;
  if (text == "jsonl") return BenchFormat::kJsonl;
  return tl::unexpected(unknown_name("output format", text, {"csv", "json", "jsonl", "md"}));
}

constexpr int kMostTokens = 1 << 22;

Result<std::vector<BenchTest>> parse_tests(const Arguments& arguments) {
  PARETO_TRY(const auto prompts, parse_numbers("-p", text_or(arguments, "n_prompt", "512"), 0, kMostTokens));
  PARETO_TRY(const auto gens, parse_numbers("-n", text_or(arguments, "n_gen", "128"), 0, kMostTokens));
  PARETO_TRY(const auto depths, parse_numbers("-d", text_or(arguments, "n_depth", "0"), 0, kMostTokens));
  PARETO_TRY(const auto parallel, parse_numbers("-npl", text_or(arguments, "n_parallel", "1"), 1, 4096));
  std::vector<int> pairs;
  if (arguments.has("pg")) {
    PARETO_TRY(pairs, parse_numbers("-pg", arguments.text("pg"), 1, kMostTokens));
    if (pairs.size() % 2 != 0) return fail(Code::kUsage, "-pg {}: write PP,TG", arguments.text("pg"));
  }
  std::vector<BenchTest> tests;
  for (const int depth : depths) {
    for (const int prompt : prompts)
      if (prompt > 0) tests.push_back({prompt, 0, depth, 1});
    for (const int gen : gens)
      for (const int sequences : parallel)
        if (gen > 0) tests.push_back({0, gen, depth, sequences});
    for (std::size_t i = 0; i < pairs.size(); i += 2) tests.push_back({pairs[i], pairs[i + 1], depth, 1});
  }
  if (tests.empty()) return fail(Code::kUsage, "nothing to measure: -p 0 and -n 0");
  return tests;
}

std::vector<std::string> split_models(const std::string& text) {
  std::vector<std::string> models;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) models.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return models;
}

// Everything but the models' paths: what the command line alone says.
Result<BenchPlan> plan_bench(const Arguments& arguments) {
  BenchPlan plan;
  PARETO_TRY(plan.format, parse_format(arguments));
  BenchConfig config;
  PARETO_TRY(config.tests, parse_tests(arguments));
  PARETO_TRY(const auto threads, parse_numbers("-t", text_or(arguments, "threads", "0"), 0, 4096));
  PARETO_TRY(const auto batch, parse_numbers("-b", text_or(arguments, "batch", "0"), 0, kMostTokens));
  PARETO_TRY(const auto repetitions, parse_numbers("-r", text_or(arguments, "repetitions", "5"), 1, 100000));
  if (batch.size() != 1 || repetitions.size() != 1) return fail(Code::kUsage, "-b and -r take one number");
  config.batch = batch[0];
  config.repetitions = repetitions[0];
  config.dtype = text_or(arguments, "dtype", "auto");
  if (config.dtype != "auto" && config.dtype != "f32" && config.dtype != "bf16")
    return tl::unexpected(unknown_name("dtype", config.dtype, {"auto", "f32", "bf16"}));
  config.warm_up = text_or(arguments, "warmup", "true") == "true";
  config.ops = arguments.on("ops");
  config.deterministic = text_or(arguments, "deterministic", "true") == "true";
  for (const std::string& model : split_models(arguments.text("model")))
    for (const int n : threads) {
      config.model = model;
      config.threads = n;
      plan.configs.push_back(config);
    }
  if (plan.configs.empty()) return fail(Code::kUsage, "bench needs -m PATH or NAME");
  return plan;
}

Status measure(BenchConfig config, std::vector<BenchRow>* rows, BenchFormat format) {
  PARETO_TRY(const ModelPlace place, resolve_model(config.model));
  config.model = place.path;
  config.model_name = place.path;
  return run_bench(config, [&](const BenchRow& row) {
    rows->push_back(row);
    fmt::print(stderr, "pareto: {} {}: {:.2f} tokens/s\n", place.name, row.test.name(), row.avg_ts);
    if (format == BenchFormat::kJsonl) {
      fmt::print("{}", bench_text({row}, format));
      std::fflush(stdout);
    }
  });
}

int run(const Arguments& arguments) {
  const Result<BenchPlan> plan = plan_bench(arguments);
  if (!plan) return report(plan.error());
  std::vector<BenchRow> rows;
  int code = 0;
  for (const BenchConfig& config : plan->configs)
    if (const Status status = measure(config, &rows, plan->format); !status) code = report(status.error());
  if (plan->format != BenchFormat::kJsonl && !(rows.empty() && code != 0))
    fmt::print("{}", bench_text(rows, plan->format));
  return code;
}

// "512-2048+512", "1-8*2" or "7" → appended to `numbers`; false when it is none of them.
bool expand(std::string_view text, std::vector<int>* numbers) {
  const auto number = [&](int* value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
  };
  int first = 0, last = 0, step = 1;
  char kind = '+';
  if (!number(&first)) return false;
  if (text.empty()) {
    numbers->push_back(first);
    return true;
  }
  if (text[0] != '-') return false;
  text.remove_prefix(1);
  if (!number(&last)) return false;
  if (!text.empty()) {
    kind = text[0];
    text.remove_prefix(1);
    if ((kind != '+' && kind != '*') || !number(&step) || !text.empty()) return false;
  }
  if (step < (kind == '*' ? 2 : 1) || first < (kind == '*' ? 1 : 0) || last < first) return false;
  constexpr std::size_t kMost = 1000;
  for (std::int64_t value = first; value <= last && numbers->size() < kMost;
       value = kind == '*' ? value * step : value + step)
    numbers->push_back(static_cast<int>(value));
  return true;
}

}  // namespace

Result<std::vector<int>> parse_numbers(const std::string& flag, const std::string& text, int least, int most) {
  std::vector<int> numbers;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (!expand(std::string_view(text).substr(begin, end - begin), &numbers))
      return fail(Code::kUsage, "{} {}: write numbers, N,N,… or a range FIRST-LAST, FIRST-LAST+STEP, FIRST-LAST*FACTOR",
                  flag, text);
    begin = end + 1;
  }
  for (const int number : numbers)
    if (number < least || number > most)
      return fail(Code::kUsage, "{} {}: {} is out of range [{}, {}]", flag, text, number, least, most);
  return numbers;
}

Command bench_command() {
  Command command;
  command.name = "bench";
  command.summary = "prefill and decode speed at depth, beside this machine's ceilings";
  command.example = "pareto bench -m model.gguf -p 512,4096 -n 32 -d 0,4096 -npl 1,8,32 -r 3";
  command.flags = bench_flags();
  command.run = run;
  return command;
}

}  // namespace pareto
