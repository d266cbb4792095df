#include "harness/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <random>
#include <set>

#include "engine/engine.h"
#include "harness/measure.h"
#include "kernels/ops.h"
#include "profiles/ceilings.h"
#include "results/environment.h"
#include "results/statistics.h"

namespace pareto {
namespace {

// Beyond every cache; kept, so that its pages are there before it is read for the first time.
constexpr std::size_t kReadBuffer = std::size_t{512} << 20;

double seconds(Nanos ns) { return static_cast<double>(ns) * 1e-9; }

// What must come from memory or go there; activations stay in caches.
std::int64_t memory_bytes(const OpWork& work) { return work.bytes.weights + work.bytes.kv_read + work.bytes.kv_write; }

// The median of rate[i] over the mean of the ceilings before and after it; 0 without ceilings.
double median_share(std::int64_t amount, std::span<const Nanos> took, std::span<const double> ceilings) {
  if (ceilings.size() != took.size() + 1) return 0;
  std::vector<double> shares;
  for (std::size_t i = 0; i < took.size(); ++i) {
    const double ceiling = (ceilings[i] + ceilings[i + 1]) / 2;
    if (ceiling > 0) shares.push_back(static_cast<double>(amount) / seconds(took[i]) / ceiling);
  }
  return shares.empty() ? 0 : summarise(shares).p50;
}

class Bench {
 public:
  Bench(const BenchConfig& config, std::unique_ptr<Engine> engine, double load_s)
      : config_(config), engine_(std::move(engine)), load_s_(load_s) {}

  // The first token of an empty context, `begin` being when the engine began to open.
  Status first_token(Nanos begin);
  Result<BenchRow> measure(const BenchTest& test);

 private:
  Status append(Sequence& sequence, int tokens, Phase phase, Logits last);
  Status decode(std::vector<Sequence>& sequences, int steps);
  Status repetition(const BenchTest& test, Nanos* took);
  Status fill(const BenchTest& test);
  Token random_token();
  BenchRow describe(const BenchTest& test) const;
  void rate(BenchRow* row) const;
  void measure_ceilings(bool flops);
  std::vector<BenchOp> op_shares() const;

  const BenchConfig& config_;
  std::unique_ptr<Engine> engine_;
  double load_s_, first_token_s_ = 0;
  std::mt19937 random_{42};
  std::vector<std::byte> buffer_;
  std::vector<Sequence> filled_;  // kept for the next test: at depth, to fill them takes longer than to measure
  int filled_depth_ = 0;
  std::string flops_kind_;
  std::vector<double> read_, flops_;  // of this test: before, between and after its repetitions
};

Token Bench::random_token() {
  return static_cast<Token>(random_() % static_cast<std::uint32_t>(engine_->config().vocab));
}

Status Bench::append(Sequence& sequence, int tokens, Phase phase, Logits last) {
  std::vector<Token> ids(static_cast<std::size_t>(tokens));
  for (Token& id : ids) id = random_token();
  const auto most = static_cast<std::size_t>(engine_->max_step_tokens());
  Step step;
  for (std::size_t at = 0; at < ids.size(); at += most) {
    const std::size_t n = std::min(most, ids.size() - at);
    step.clear();
    const Logits logits = at + n == ids.size() ? last : Logits::kNone;
    PARETO_TRY([[maybe_unused]] const int part,
               engine_->append(step, sequence, std::span(ids).subspan(at, n), {.phase = phase, .logits = logits}));
    engine_->run(step, [](const LogitRow&) {});
  }
  return {};
}

Status Bench::decode(std::vector<Sequence>& sequences, int steps) {
  Step step;
  for (int i = 0; i < steps; ++i) {
    step.clear();
    for (Sequence& sequence : sequences) {
      const Token token = random_token();
      PARETO_TRY([[maybe_unused]] const int part,
                 engine_->append(step, sequence, {&token, 1}, {.phase = Phase::kDecode, .logits = Logits::kLast}));
    }
    engine_->run(step, [](const LogitRow&) {});
  }
  return {};
}

Status Bench::fill(const BenchTest& test) {
  if (test.depth != filled_depth_) filled_.clear();
  filled_depth_ = test.depth;
  const auto count = static_cast<std::size_t>(test.parallel);
  if (filled_.size() > count) filled_.erase(filled_.begin() + test.parallel, filled_.end());
  while (filled_.size() < count) {
    filled_.push_back(engine_->sequence());
    PARETO_CHECK_OK(append(filled_.back(), test.depth, Phase::kPrefill, Logits::kNone));
  }
  return {};
}

// Leaves the sequences as it found them.
Status Bench::repetition(const BenchTest& test, Nanos* took) {
  const Nanos begin = now_ns();
  if (test.prompt > 0)
    for (Sequence& sequence : filled_) PARETO_CHECK_OK(append(sequence, test.prompt, Phase::kPrefill, Logits::kLast));
  PARETO_CHECK_OK(decode(filled_, test.gen));
  *took = now_ns() - begin;
  for (Sequence& sequence : filled_) sequence.truncate(test.depth);
  return {};
}

Status Bench::first_token(Nanos begin) {
  std::vector<Sequence> one;
  one.push_back(engine_->sequence());
  PARETO_CHECK_OK(decode(one, 1));
  first_token_s_ = seconds(now_ns() - begin);
  return {};
}

// What the machine can do now: shared machines change from second to second.
void Bench::measure_ceilings(bool flops) {
  if (buffer_.empty()) buffer_.assign(kReadBuffer, std::byte{1});
  read_.push_back(measure_read(engine_->pool(), buffer_).sustained);
  if (!flops) return;
  const auto dtypes = engine_->file().summary().dtypes;
  flops_kind_ = products_of(config_.dtype, dtypes.empty() ? "" : dtype_name(dtypes.front().first));
  const Numerics numerics = config_.dtype == "f32" ? Numerics::kReference : Numerics::kFast;
  const auto ops = make_cpu_ops({.numerics = numerics, .deterministic = config_.deterministic}, engine_->pool());
  flops_.push_back(ops ? measure_flops(engine_->pool(), **ops, flops_kind_).gemm : 0);
}

std::vector<BenchOp> Bench::op_shares() const {
  std::vector<BenchOp> shares;
  const Account::OpTimes& times = engine_->account().times();
  for (int op = 0; op < kOpClasses; ++op) {
    const Nanos ns = times[static_cast<std::size_t>(op)];
    if (ns == 0) continue;
    OpWork work;
    for (int p = 0; p < kPhases; ++p) work += engine_->work().total(static_cast<Phase>(p), static_cast<OpClass>(op));
    shares.push_back({op_class_name(static_cast<OpClass>(op)), static_cast<double>(ns) / config_.repetitions,
                      memory_bytes(work) / config_.repetitions, work.flops / config_.repetitions});
  }
  std::stable_sort(shares.begin(), shares.end(), [](const BenchOp& a, const BenchOp& b) { return a.ns > b.ns; });
  return shares;
}

BenchRow Bench::describe(const BenchTest& test) const {
  const ModelFile::Summary summary = engine_->file().summary();
  BenchRow row;
  row.test = test;
  row.model = config_.model_name;
  row.architecture = engine_->config().architecture;
  row.dtype = summary.dtypes.empty() ? "" : dtype_name(summary.dtypes.front().first);
  row.model_type = fmt::format("{} {}", row.architecture, row.dtype);
  row.kv_dtype = dtype_name(engine_->kv_dtype());
  row.isa = engine_->isa();
  row.test_time = read_machine_state().utc;
  row.model_bytes = summary.bytes;
  row.parameters = summary.parameters;
  row.threads = engine_->threads();
  row.batch = engine_->max_step_tokens();
  row.deterministic = config_.deterministic;
  row.load_s = load_s_;
  row.first_token_s = first_token_s_;
  row.planned_bytes = engine_->plan().total();
  return row;
}

void Bench::rate(BenchRow* row) const {
  const double tokens = static_cast<double>(row->test.prompt + row->test.gen) * row->test.parallel;
  std::vector<double> ns;
  for (const Nanos sample : row->samples_ns) {
    ns.push_back(static_cast<double>(sample));
    row->samples_ts.push_back(tokens / seconds(sample));
  }
  const auto deviation = [](std::span<const double> values) {
    const auto error = mean_stderr(values);
    return error ? *error * std::sqrt(static_cast<double>(values.size())) : 0;
  };
  row->avg_ns = mean(ns);
  row->stddev_ns = deviation(ns);
  row->median_ns = summarise(ns).p50;
  row->avg_ts = mean(row->samples_ts);
  row->stddev_ts = deviation(row->samples_ts);
  const double s = row->median_ns * 1e-9;
  row->bytes_per_s = static_cast<double>(row->bytes) / s;
  row->flops_per_s = static_cast<double>(row->flops) / s;
  row->ceiling_bytes_per_s = summarise(read_).p50;
  row->ceiling_flops_per_s = flops_.empty() ? 0 : summarise(flops_).p50;
  if (!flops_.empty()) row->flops_kind = flops_kind_;
  const double read = median_share(row->bytes, row->samples_ns, read_);
  const double flops = median_share(row->flops, row->samples_ns, flops_);
  row->fraction_of_ceiling = std::max(read, flops);
  row->bound = read >= flops ? "read" : "flops";
}

Result<BenchRow> Bench::measure(const BenchTest& test) {
  PARETO_CHECK_OK(fill(test));
  Nanos took = 0;
  if (config_.warm_up) PARETO_CHECK_OK(repetition(test, &took));
  BenchRow row = describe(test);
  row.peak_memory_bytes = peak_memory_bytes() - static_cast<std::int64_t>(buffer_.size());
  const bool computes = test.prompt > 0 || test.parallel > 1;
  read_.clear();
  flops_.clear();
  measure_ceilings(computes);
  engine_->reset_work();
  engine_->account().time_ops(config_.ops);
  for (int i = 0; i < config_.repetitions; ++i) {
    PARETO_CHECK_OK(repetition(test, &took));
    row.samples_ns.push_back(took);
    measure_ceilings(computes);
  }
  engine_->account().time_ops(false);
  const OpWork work = engine_->work().total();
  row.bytes = memory_bytes(work) / config_.repetitions;
  row.flops = work.flops / config_.repetitions;
  if (config_.ops) row.ops = op_shares();
  rate(&row);
  return row;
}

}  // namespace

std::string BenchTest::name() const {
  std::string name;
  if (prompt > 0) name = fmt::format("pp{}", prompt);
  if (gen > 0) name += fmt::format("{}tg{}", prompt > 0 ? "+" : "", gen);
  if (parallel > 1) name += fmt::format(" x{}", parallel);
  if (depth > 0) name += fmt::format(" @ d{}", depth);
  return name;
}

Status run_bench(const BenchConfig& config, const std::function<void(const BenchRow&)>& each) {
  BackendOptions options;
  options.model = config.model;
  options.dtype = config.dtype;
  options.threads = config.threads;
  options.chunk = config.batch;
  options.deterministic = config.deterministic;
  for (const BenchTest& test : config.tests) {
    options.max_length = std::max(options.max_length, test.depth + test.prompt + test.gen);
    options.batch = std::max(options.batch, test.parallel);
  }
  const Nanos begin = now_ns();
  PARETO_TRY(std::unique_ptr<Engine> engine, Engine::open(options));
  Bench bench(config, std::move(engine), seconds(now_ns() - begin));
  PARETO_CHECK_OK(bench.first_token(begin));
  for (const BenchTest& test : config.tests) {
    PARETO_TRY(const BenchRow row, bench.measure(test));
    each(row);
  }
  return {};
}

}  // namespace pareto
