// The table of `pareto run`'s flags. Spellings follow lm-evaluation-harness where it has the same thing.
#include "harness/include_path.h"
#include "harness/options.h"

namespace pareto {
namespace {

using Type = OptionSpec::Type;

Flag flag(std::string name, Type type, std::string default_value, std::string value, std::string help) {
  Flag f;
  f.spec.name = std::move(name);
  f.spec.type = type;
  f.spec.default_value = std::move(default_value);
  f.spec.help = std::move(help);
  f.value = std::move(value);
  return f;
}

Flag with(Flag f, Effect effect, std::vector<std::string> aliases = {}) {
  f.effect = effect;
  f.aliases = std::move(aliases);
  return f;
}

Flag range(Flag f, double min, double max) {
  f.spec.min = min;
  f.spec.max = max;
  return f;
}

Flag arity(Flag f, Arity a) {
  f.arity = a;
  return f;
}

Flag sweep(Flag f) {
  f.sweep = true;
  return f;
}

Flag choices(Flag f, std::vector<std::string> names) {
  f.spec.choices = std::move(names);
  return f;
}

std::vector<Flag> what_flags() {
  return {
      sweep(with(flag("model", Type::kString, "", "PATH|NAME",
                      "file, folder, name of an embedded model, or org/name in the "
                      "Hugging Face cache"),
                 Effect::kPlace, {"-m", "--model_path"})),
      with(flag("model_args", Type::kString, "", "K=V,...",
                "with --model hf: pretrained=PATH and more, as lm-eval has it"),
           Effect::kNone, {"-a"}),
      arity(with(flag("backend", Type::kString, "dense", "SPEC,...",
                      "name or name:key=value,…; values joined by | are a "
                      "sweep"),
                 Effect::kPlace),
            Arity::kRepeat),
      arity(with(flag("task", Type::kString, "", "NAME,...", "tasks, groups, tags, wildcards, requests:FILE.jsonl"),
                 Effect::kPlace, {"-t", "--tasks"}),
            Arity::kRepeat),
      include_path_flag(),
      with(flag("tokenizer", Type::kString, "", "PATH", "file or folder; default: the model's own"), Effect::kAnswers),
      choices(with(flag("device", Type::kString, "cpu", "DEVICE", "where the model runs"), Effect::kAnswers),
              {"cpu", "cuda"}),
      sweep(choices(with(flag("dtype", Type::kString, "auto", "DTYPE", "numerics; auto: as stored, with fast kernels"),
                         Effect::kAnswers),
                    {"auto", "f32", "bf16"})),
      sweep(range(
          with(flag("max_length", Type::kInt, "0", "N", "context limit in tokens; 0: the model's"), Effect::kAnswers),
          0, 1 << 30)),
  };
}

std::vector<Flag> question_flags() {
  return {
      sweep(range(with(flag("num_fewshot", Type::kInt, "", "K", "examples in the prompt; default: the task's own"),
                       Effect::kAnswers, {"-f"}),
                  0, 10000)),
      with(flag("limit", Type::kFloat, "", "N", "the first N documents of every task; below 1: that share"),
           Effect::kAnswers, {"-L"}),
      with(flag("samples", Type::kString, "", "JSON", "exactly these documents: '{\"task\": [0, 7]}', or a file of it"),
           Effect::kAnswers, {"-E"}),
      sweep(range(with(flag("prompt_length", Type::kInt, "0", "N",
                            "LongBench, L-Eval: most tokens of a prompt (document); 0: what the model's window leaves"),
                       Effect::kAnswers),
                  0, 1 << 30)),
      sweep(range(
          with(flag("length", Type::kInt, "", "N", "tokens of prompt and answer, of tasks that are made to a length"),
               Effect::kAnswers),
          1, 1 << 26)),
      sweep(choices(
          with(flag("ruler_profile", Type::kString, "pareto", "NAME", "whose RULER examples"), Effect::kAnswers),
          {"pareto", "nvidia", "lm-eval"})),
      with(flag("gen_kwargs", Type::kString, "", "K=V,...", "generation options over the task's own"),
           Effect::kAnswers),
      with(flag("seed", Type::kString, "0,1234,1234,1234", "S[,S,S,S]",
                "sampling (of generated tasks: their draws too), numpy, torch and few-shot seeds; one sets all four"),
           Effect::kAnswers),
      arity(with(flag("apply_chat_template", Type::kString, "", "[NAME]", "render prompts as a conversation"),
                 Effect::kAnswers),
            Arity::kOptionalValue),
      range(with(flag("repeats", Type::kInt, "", "K",
                      "answers per document of tasks that generate: adds avg@K, pass@k and maj@K"),
                 Effect::kAnswers),
            1, 100000),
      with(flag("system_instruction", Type::kString, "", "TEXT", "in front of every prompt"), Effect::kAnswers),
      arity(with(flag("fewshot_as_multiturn", Type::kString, "", "[BOOL]",
                      "few-shot examples as turns of the "
                      "conversation"),
                 Effect::kAnswers),
            Arity::kOptionalValue),
      with(flag("data_dir", Type::kString, "", "DIR", "hub rows; default: $PARETO_DATA, else the user's cache"),
           Effect::kPlace),
  };
}

std::vector<Flag> how_flags() {
  Flag deterministic = arity(with(flag("deterministic", Type::kBool, "true", "",
                                       "identical bits at any batch, chunk, page and "
                                       "thread count"),
                                  Effect::kAnswers),
                             Arity::kSwitch);
  return {
      sweep(range(with(flag("batch", Type::kInt, "0", "N", "most sequences in one step; 0 or auto: by the memory plan"),
                       Effect::kSpeed, {"-b", "--batch_size"}),
                  0, 1 << 20)),
      sweep(range(with(flag("threads", Type::kInt, "0", "N", "0: all cores"), Effect::kSpeed, {"-T"}), 0, 4096)),
      range(with(flag("chunk", Type::kInt, "0", "N", "most tokens in one step; 0: by the memory plan"), Effect::kSpeed),
            0, 1 << 20),
      range(
          with(flag("page", Type::kInt, "16", "N", "tokens per page of the KV cache, a power of two"), Effect::kSpeed),
          1, 1 << 16),
      deterministic,
  };
}

std::vector<Flag> load_flags() {
  return {
      choices(with(flag("scenario", Type::kString, "offline", "NAME",
                        "offline: all at once; single-stream: one after another; server: at --request_rate"),
                   Effect::kSpeed),
              {"offline", "single-stream", "server"}),
      sweep(range(with(flag("request_rate", Type::kFloat, "", "R", "server: requests per second"), Effect::kSpeed), 0,
                  1e9)),
      with(flag("burstiness", Type::kString, "1", "B",
                "server: shape of the gamma gaps; 1: Poisson, below: burstier, above: evener, inf: constant"),
           Effect::kSpeed),
      with(flag("goodput", Type::kString, "", "NAME:MS,...",
                "count the answers that keep ttft, tpot and e2e below so many milliseconds"),
           Effect::kPlace),
  };
}

std::vector<Flag> output_flags() {
  const auto on_off = [](const char* name, const char* help, std::vector<std::string> aliases = {}) {
    return arity(with(flag(name, Type::kBool, "false", "", help), Effect::kNone, std::move(aliases)), Arity::kSwitch);
  };
  return {
      with(flag("output", Type::kString, "pareto-out", "DIR", "where records go"), Effect::kNone,
           {"-o", "--output_path"}),
      on_off("restart", "forget what an earlier run of the same cell finished"),
      on_off("resume", "go on where an earlier run stopped: the default"),
      on_off("predict_only", "answer, do not mark", {"-x"}),
      on_off("log_samples", "samples are always written", {"-s"}),
      on_off("json", "the final table as JSON on standard output"),
  };
}

}  // namespace

const std::vector<Flag>& run_flags() {
  static const std::vector<Flag> flags = [] {
    std::vector<Flag> all;
    for (std::vector<Flag> part : {what_flags(), question_flags(), how_flags(), load_flags(), output_flags()})
      for (Flag& f : part) all.push_back(std::move(f));
    return all;
  }();
  return flags;
}

}  // namespace pareto
