#include "engine/engine.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/hash.h"
#include "engine/forward.h"
#include "engine/model.h"
#include "engine/tokenizer.h"

namespace pareto {
namespace {

constexpr std::int64_t kHashWhole = 4 << 20, kHashBlock = 64 << 10, kHashBlocks = 64;  // bytes, bytes, count

// xxh3 of a file: of all of it up to 4 MiB, else of its size and 64 blocks spread evenly from its first byte to its
// last (the header included), because reading a whole model would take longer than starting to use it.
std::string file_hash(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const auto size = static_cast<std::int64_t>(file.tellg());
  std::string bytes;
  const auto read = [&](std::int64_t at, std::int64_t count) {
    const std::size_t old = bytes.size();
    bytes.resize(old + static_cast<std::size_t>(count));
    file.seekg(at);
    file.read(bytes.data() + old, count);
  };
  if (size <= kHashWhole) {
    read(0, size);
  } else {
    for (std::int64_t i = 0; i < kHashBlocks; ++i) read((size - kHashBlock) / (kHashBlocks - 1) * i, kHashBlock);
    read(size - kHashBlock, kHashBlock);
  }
  return hex64(xxh3(bytes, static_cast<std::uint64_t>(size)));
}

int default_threads() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

// f32 when that is asked for or is what the weights are; else half the traffic.
DType choose_kv_dtype(const BackendOptions& options, const ModelFile::Summary& summary) {
  if (options.dtype == "f32") return DType::kF32;
  if (options.dtype == "bf16" || summary.dtypes.empty()) return DType::kBF16;
  return summary.dtypes.front().first == DType::kF32 ? DType::kF32 : DType::kBF16;
}

Result<std::unique_ptr<Tokenizer>> find_tokenizer(const BackendOptions& options, const ModelFile& file) {
  const std::string path = options.tokenizer.empty() ? file.tokenizer_path() : options.tokenizer;
  if (path.empty()) return std::unique_ptr<Tokenizer>();
  PARETO_TRY(std::unique_ptr<Tokenizer> tokenizer, load_tokenizer(path));
  if (tokenizer->info().vocab > file.config().vocab)
    return fail(Code::kInvalid, "tokenizer {} has {} ids, the model's vocabulary {}: they do not belong together", path,
                tokenizer->info().vocab, file.config().vocab);
  return tokenizer;
}

}  // namespace

void Step::clear() {
  tokens.clear();
  positions.clear();
  slots.clear();
  head_rows.clear();
  parts.clear();
}

Engine::Engine() = default;
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(const BackendOptions& options) {
  const OpsOptions ops{.numerics = options.dtype == "f32" ? Numerics::kReference : Numerics::kFast,
                       .deterministic = options.deterministic};
  return open(options, [&](ThreadPool& pool) { return make_cpu_ops(ops, pool); });
}

Result<std::unique_ptr<Engine>> Engine::open(const BackendOptions& options,
                                             const std::function<Result<std::unique_ptr<Ops>>(ThreadPool&)>& make_ops) {
  if (options.dtype != "auto" && options.dtype != "f32" && options.dtype != "bf16")
    return fail(Code::kUsage, "no dtype '{}'; there are: auto f32 bf16", options.dtype);
  std::unique_ptr<Engine> engine(new Engine);
  engine->options_ = options;
  PARETO_TRY(engine->file_, ModelFile::open(options.model));
  const ModelFile::Summary summary = engine->file_->summary();

  const MemoryNeeds needs{.weight_bytes = summary.bytes,
                          .converted_bytes = options.dtype == "bf16" ? bf16_copy_bytes(*engine->file_) : 0,
                          .kv_dtype = choose_kv_dtype(options, summary)};
  PARETO_TRY(engine->plan_, plan_memory(engine->config(), needs, options, available_memory()));
  PARETO_TRY(engine->tokenizer_, find_tokenizer(options, *engine->file_));

  engine->pool_ = std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : default_threads());
  PARETO_TRY(engine->ops_, make_ops(*engine->pool_));
  PARETO_TRY(engine->model_, Model::bind(*engine->file_, options.dtype));
  engine->pages_ = std::make_unique<PagePool>(engine->plan_.pages, engine->plan_.page_size);
  PARETO_TRY(engine->forward_, Forward::make(*engine->model_, *engine->ops_, engine->plan_, engine->account_));

  engine->eos_ = engine->config().eos;
  if (engine->tokenizer_) {
    const Tokenizer::Info& info = engine->tokenizer_->info();
    engine->eos_.insert(engine->eos_.end(), info.eos_ids.begin(), info.eos_ids.end());
    if (info.eos >= 0) engine->eos_.push_back(info.eos);
  }
  std::sort(engine->eos_.begin(), engine->eos_.end());
  engine->eos_.erase(std::unique(engine->eos_.begin(), engine->eos_.end()), engine->eos_.end());
  return engine;
}

const ModelConfig& Engine::config() const { return file_->config(); }
std::string Engine::isa() const { return ops_->isa(); }
const KvMemory& Engine::kv() const { return forward_->kv(); }

Token Engine::prefix_token() const {
  if (tokenizer_) {
    const Tokenizer::Info& info = tokenizer_->info();
    if (info.bos >= 0) return info.bos;
    if (info.eos >= 0) return info.eos;
  }
  if (config().bos >= 0) return config().bos;
  return config().eos.empty() ? -1 : config().eos.front();
}

ModelFacts Engine::facts() const {
  const ModelFile::Summary summary = file_->summary();
  ModelFacts facts;
  facts.name = options_.model;
  facts.architecture = config().architecture;
  facts.dtype = summary.dtypes.empty() ? "" : dtype_name(summary.dtypes.front().first);
  facts.parameters = summary.parameters;
  facts.active_parameters = summary.active_parameters;
  facts.weight_bytes = summary.bytes;
  facts.kv_bytes_per_token = kv_bytes_per_token(config(), kv_dtype());
  for (const std::string& path : summary.files)
    facts.file_hashes.emplace_back(std::filesystem::path(path).filename().string(), file_hash(path));
  facts.max_length = max_length();
  facts.bos = config().bos;
  facts.eos = config().eos.empty() ? -1 : config().eos.front();
  if (tokenizer_) {
    facts.tokenizer_hash = tokenizer_->info().hash;
    facts.chat_template = tokenizer_->info().chat_template;
    if (tokenizer_->info().bos >= 0) facts.bos = tokenizer_->info().bos;
    if (tokenizer_->info().eos >= 0) facts.eos = tokenizer_->info().eos;
  }
  return facts;
}

Result<int> Engine::append(Step& step, Sequence& sequence, std::span<const Token> tokens,
                           const AppendOptions& options) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (step.rows() + count > max_step_tokens())
    return fail(Code::kInvalid, "a step of {} tokens; the plan has room for {}", step.rows() + count,
                max_step_tokens());
  if (sequence.length() + count > max_length())
    return fail(Code::kInvalid, "a sequence of {} tokens; the limit is {} (--max_length)", sequence.length() + count,
                max_length());
  for (const Token token : tokens)
    if (token < 0 || token >= config().vocab)
      return fail(Code::kInvalid, "token {} is outside the model's vocabulary of {}", token, config().vocab);
  const std::int64_t before = sequence.length();
  if (!sequence.extend(count))
    return fail(Code::kOutOfMemory, "{} more tokens need {} KV pages of {} tokens, {} of {} are free", count,
                sequence.pages_needed(count), plan_.page_size, pages_->free_pages(), pages_->pages());

  const auto begin = static_cast<std::int32_t>(step.rows());
  StepPart part{.sequence = &sequence,
                .begin = begin,
                .tokens = static_cast<int>(count),
                .kv_len = sequence.length(),
                .phase = options.phase,
                .head_begin = static_cast<int>(step.head_rows.size())};
  step.tokens.insert(step.tokens.end(), tokens.begin(), tokens.end());
  for (std::int64_t p = before; p < before + count; ++p) {
    step.positions.push_back(static_cast<std::int32_t>(p));
    step.slots.push_back(sequence.slots()[static_cast<std::size_t>(p)]);
  }
  if (!options.logit_rows.empty()) {
    for (const std::int32_t row : options.logit_rows) step.head_rows.push_back(begin + row);
  } else if (options.logits == Logits::kAll) {
    for (std::int32_t row = 0; row < count; ++row) step.head_rows.push_back(begin + row);
  } else if (options.logits == Logits::kLast && count > 0) {
    step.head_rows.push_back(begin + static_cast<std::int32_t>(count) - 1);
  }
  part.head_end = static_cast<int>(step.head_rows.size());
  step.parts.push_back(part);
  account_.tokens(options.phase, count);
  return static_cast<int>(step.parts.size()) - 1;
}

void Engine::run(const Step& step, const LogitsFn& each) { forward_->run(step, each); }

std::int64_t Engine::decode_read_bytes(int sequences, std::int64_t kv_len) const {
  std::int64_t kv = 0;
  for (int layer = 0; layer < config().layers; ++layer) {
    const int window = config().window.empty() ? 0 : config().window[static_cast<std::size_t>(layer)];
    kv += attend_work(forward_->kv().layer(layer), 1, kv_len, config().heads, window).bytes.kv_read;
  }
  return model_->step_weight_bytes(sequences) + sequences * kv;
}

void Engine::warm_up() {
  Step step;
  Sequence scratch = sequence();
  const std::vector<Token> tokens(static_cast<std::size_t>(std::min({8, max_step_tokens(), max_length()})), 0);
  const Account saved = account_;
  if (append(step, scratch, tokens, {.logits = Logits::kLast})) run(step, [](const LogitRow&) {});
  account_ = saved;
}

}  // namespace pareto
