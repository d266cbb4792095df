#include "engine/scheduler.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace pareto {
namespace {

constexpr auto kIdle = std::chrono::microseconds(200);  // between two looks at a source with nothing due

}  // namespace

Scheduler::Scheduler(Engine& engine, int batch)
    : engine_(engine),
      cost_(engine.model(), engine.kv(), engine.plan()),
      batch_(batch),
      encode_options_{.tokenizer = engine.tokenizer(),
                      .prefix = engine.prefix_token(),
                      .max_length = engine.max_length(),
                      .vocab = engine.config().vocab},
      scores_(engine),
      prompts_(engine) {}

Scheduler::~Scheduler() = default;

void Scheduler::reset() {
  parts_.clear();
  running_.clear();
  generations_.clear();
  jobs_.clear();
  jobs_left_ = 0;
  units_.clear();
  waiting_scores_.clear();
  waiting_generations_.clear();
  window_ = 0;
  first_rows_ = 0;
  scores_ = PrefixStream(engine_);
  prompts_ = PrefixStream(engine_);
}

void Scheduler::refuse(const Request& request, Error error, ResponseSink& sink) {
  Response response;
  response.start = response.first_token = response.end = now_ns();
  response.finish = Finish::kError;
  response.error = std::move(error);
  sink.done(request, std::move(response));
}

Status Scheduler::check_pages(std::int64_t tokens) const {
  const MemoryPlan& plan = engine_.plan();
  const std::int64_t pages = (tokens + plan.page_size - 1) / plan.page_size;
  if (pages <= plan.pages) return {};
  return fail(Code::kOutOfMemory, "a request of {} tokens needs {} KV pages of {} tokens; the memory plan has {}",
              tokens, pages, plan.page_size, plan.pages);
}

Status Scheduler::pull(RequestSource& source, ResponseSink& sink) {
  while (const Request* request = source.next(now_ns())) {
    if (request->kind != Request::Kind::kGenerate) {
      waiting_scores_.push_back(request);
      continue;
    }
    if (request->max_tokens >= engine_.max_length())
      return fail(Code::kInvalid,
                  "max_gen_toks {} leaves no room for a prompt within max_length {}: lower the one (--gen_kwargs "
                  "max_gen_toks=N) or raise the other (--max_length N)",
                  request->max_tokens, engine_.max_length());
    if (request->max_tokens < 1) {
      refuse(*request, {Code::kInvalid, fmt::format("max_tokens is {}; it must be at least 1", request->max_tokens)},
             sink);
      continue;
    }
    waiting_generations_.push_back(request);
  }
  return {};
}

// By all threads, each taking the next run of requests that share a context, which is then encoded once.
std::vector<Result<EncodedRequest>> Scheduler::encode(const std::vector<const Request*>& requests) {
  std::vector<Result<EncodedRequest>> encoded(requests.size());
  std::vector<std::size_t> runs;
  for (std::size_t i = 0; i < requests.size(); ++i)
    if (i == 0 || requests[i]->context != requests[i - 1]->context) runs.push_back(i);
  runs.push_back(requests.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    Encoder encoder(encode_options_);
    for (std::size_t run = next++; run + 1 < runs.size(); run = next++)
      for (std::size_t i = runs[run]; i < runs[run + 1]; ++i) encoded[i] = encoder.encode(*requests[i]);
  };
  if (runs.size() > 2) {
    engine_.pool().run([&](int) { work(); });
  } else {
    work();
  }
  return encoded;
}

void Scheduler::collect_saved(PrefixStream& stream) {
  const CostShare saved = stream.saved();
  const auto whole = [](double x) { return static_cast<std::int64_t>(x + 0.5); };
  shared_ += {.flops = whole(saved.flops),
              .bytes = {.weights = whole(saved.weights),
                        .kv_read = whole(saved.kv_read),
                        .kv_write = whole(saved.kv_write),
                        .index = whole(saved.index),
                        .activations = whole(saved.activations)}};
  stream.plan({}, 0);
}

int Scheduler::rows_left(const Step& step) const {
  return static_cast<int>(std::max<std::int64_t>(engine_.plan().chunk - step.rows(), 0));
}

bool Scheduler::relieve() {
  const int before = engine_.pages().free_pages();
  scores_.drop_path();
  prompts_.drop_path();
  return engine_.pages().free_pages() > before;
}

void Scheduler::settle(const Step& step, std::int64_t weights, ResponseSink& sink) {
  CostModel::StepTotals totals{.rows = step.rows(), .weights = weights};
  for (const StepPart& part : step.parts)
    if (part.head_end > part.head_begin)
      totals.kept += step.head_rows[static_cast<std::size_t>(part.head_end - 1)] -
                     step.head_rows[static_cast<std::size_t>(part.head_begin)] + 1;

  std::vector<std::int32_t> head_rows;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const StepPart& part = step.parts[i];
    head_rows.clear();
    for (int h = part.head_begin; h < part.head_end; ++h)
      head_rows.push_back(step.head_rows[static_cast<std::size_t>(h)] - static_cast<std::int32_t>(part.begin));
    if (parts_[i].kind == Part::Kind::kScore) scores_.charge(cost_, parts_[i].taken, head_rows, totals);
    if (parts_[i].kind == Part::Kind::kPrompt) prompts_.charge(cost_, parts_[i].taken, head_rows, totals);
  }
  // Shares are complete only now that every row of the step has been charged.
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].kind == Part::Kind::kScore) {
      finish_score(parts_[i], sink);
    } else {
      settle_generation(parts_[i], step.parts[i], totals);
    }
  }
  parts_.clear();
  if (jobs_left_ == 0) {
    jobs_.clear();
    units_.clear();
  }
  finish_generations(sink);
}

Status Scheduler::serve(RequestSource& source, ResponseSink& sink) {
  reset();
  timed_ = source.timed();
  Step step;
  while (!sink.stopped()) {
    PARETO_CHECK_OK(pull(source, sink));
    step.clear();
    parts_.clear();
    PARETO_CHECK_OK(add_decodes(step));
    PARETO_CHECK_OK(add_prompts(step, sink));
    PARETO_CHECK_OK(add_scores(step, sink));
    if (step.rows() == 0) {
      const bool idle = waiting_scores_.empty() && waiting_generations_.empty() && scores_.done() && prompts_.done();
      if (idle && source.exhausted()) break;
      if (idle) std::this_thread::sleep_for(kIdle);
      if (!idle && !relieve())
        return fail(Code::kOutOfMemory,
                    "{} of {} KV pages are free, and no request can go on: raise --max_length or "
                    "lower --page",
                    engine_.pages().free_pages(), engine_.pages().pages());
      continue;
    }
    const std::int64_t weights_before = engine_.account().weights();
    engine_.run(step, [&](const LogitRow& row) {
      const Part& part = parts_[static_cast<std::size_t>(row.part)];
      if (part.kind == Part::Kind::kScore) {
        score_row(part, row);
      } else {
        next_token(*part.generation, part.kind == Part::Kind::kPrompt ? Phase::kPrefill : Phase::kDecode, row);
      }
    });
    settle(step, engine_.account().weights() - weights_before, sink);
  }
  collect_saved(scores_);
  collect_saved(prompts_);
  reset();
  return {};
}

}  // namespace pareto
