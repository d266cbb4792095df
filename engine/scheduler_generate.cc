// The scheduler's generate requests: admission, prefill in chunks, decoding.
#include <algorithm>

#include "engine/sampler.h"
#include "engine/scheduler.h"

namespace pareto {
namespace {

constexpr std::size_t kWindow = 256;  // prompts sorted together, so that they share prefixes

bool contains(const std::vector<Token>& ids, Token id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }

}  // namespace

void Scheduler::plan_generations(ResponseSink& sink) {
  // Arrivals that are timed are served in their order: a sort would make somebody wait for the alphabet.
  const std::size_t most = timed_ ? 1 : kWindow;
  const std::size_t count = std::min(most, waiting_generations_.size());
  const std::vector<const Request*> requests(waiting_generations_.begin(),
                                             waiting_generations_.begin() + static_cast<std::ptrdiff_t>(count));
  waiting_generations_.erase(waiting_generations_.begin(),
                             waiting_generations_.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<Result<EncodedRequest>> encoded = encode(requests);
  generations_.clear();
  std::vector<PrefixInput> inputs;
  for (std::size_t i = 0; i < count; ++i) {
    if (!encoded[i]) {
      refuse(*requests[i], std::move(encoded[i]).error(), sink);
      continue;
    }
    auto g = std::make_unique<Generation>(*requests[i], std::move(*encoded[i]), engine_.tokenizer());
    if (Status fits = check_pages(g->room()); !fits) {
      refuse(*requests[i], std::move(fits).error(), sink);
      continue;
    }
    g->stream = sampling_stream(*g->request);
    g->response.prompt_tokens = g->encoded.prompt_tokens;
    g->response.truncated_prompt_tokens = g->encoded.truncated;
    inputs.push_back({.tokens = g->encoded.prompt, .users = 1, .least_own = 1});
    generations_.push_back(std::move(g));
  }
  const int cached = static_cast<int>(prompts_.cached().size());
  collect_saved(prompts_);
  prompts_.plan(std::move(inputs), cached);
}

// Pages that running generations will still take: nobody else may have them.
std::int64_t Scheduler::pages_spoken_for() const {
  std::int64_t pages = 0;
  for (const auto& g : running_) pages += g->sequence->pages_needed(g->room() - g->sequence->length());
  return pages;
}

Status Scheduler::add_decodes(Step& step) {
  for (const auto& g : running_) {
    if (!g->decoding) continue;
    PARETO_CHECK_OK(
        engine_.append(step, *g->sequence, {&g->last, 1}, {.phase = Phase::kDecode, .logits = Logits::kLast}));
    parts_.push_back({.kind = Part::Kind::kDecode, .generation = g.get()});
  }
  return {};
}

// Moves the next prompt's generation to the running ones if there is room for all of it.
bool Scheduler::admit() {
  const int most = batch_ > 0 ? batch_ : engine_.max_sequences();
  if (static_cast<int>(running_.size()) >= most) return false;
  std::unique_ptr<Generation>& g = generations_[static_cast<std::size_t>(prompts_.item(prompts_.item()).input)];
  const std::int64_t rows = g->room() - prompts_.position();
  if (prompts_.pages_needed(rows) > engine_.pages().free_pages() - pages_spoken_for()) return false;
  g->response.start = now_ns();
  running_.push_back(std::move(g));
  return true;
}

Status Scheduler::add_prompts(Step& step, ResponseSink& sink) {
  const auto in_step = [&] {
    return std::any_of(parts_.begin(), parts_.end(), [](const Part& p) { return p.kind == Part::Kind::kPrompt; });
  };
  while (rows_left(step) > 0) {
    if (prompts_.done()) {
      if (waiting_generations_.empty() || in_step()) return {};
      plan_generations(sink);
      continue;
    }
    if (prompts_.begins() && !admit()) return {};
    Generation& g = *running_.back();
    const int rows = std::min(rows_left(step), prompts_.rows_left());
    const Logits logits = rows == prompts_.rows_left() ? Logits::kLast : Logits::kNone;
    if (prompts_.begins()) g.response.cached_prompt_tokens = prompts_.position();
    Part part{.kind = Part::Kind::kPrompt, .generation = &g};
    PARETO_TRY(part.taken, prompts_.take(step, rows, {.phase = Phase::kPrefill, .logits = logits}));
    g.sequence = part.taken.sequence;
    parts_.push_back(std::move(part));
  }
  return {};
}

void Scheduler::next_token(Generation& g, Phase phase, const LogitRow& row) {
  const Request& request = *g.request;
  Token token = row.argmax;
  if (request.sampling.temperature > 0) {
    token = sample(row.logits, request.sampling, g.stream, static_cast<std::uint32_t>(g.sequence->length()));
    const OpWork work = sample_work(static_cast<std::int64_t>(row.logits.size()));
    engine_.account().add(phase, OpClass::kSample, -1, work);
    g.share.flops += static_cast<double>(work.flops);
    g.share.activations += static_cast<double>(work.bytes.activations);
    g.response.work.flops += work.flops;
    g.response.work.bytes += work.bytes.total();
  }
  Response& r = g.response;
  r.tokens.push_back(token);
  r.logprobs.push_back(row.logits[static_cast<std::size_t>(token)] - row.lse);
  r.token_times.push_back(now_ns());
  if (r.tokens.size() == 1) r.first_token = r.token_times.back();
  g.last = token;
  g.decoding = true;
  const bool ended = (!request.ignore_eos && contains(engine_.eos_ids(), token)) || contains(g.encoded.stop_ids, token);
  if (ended || g.text.add(token)) {
    r.finish = Finish::kStop;
    g.finished = true;
  } else if (static_cast<int>(r.tokens.size()) >= request.max_tokens) {
    r.finish = Finish::kLength;
    g.finished = true;
  }
}

void Scheduler::settle_generation(const Part& part, const StepPart& of_step, const CostModel::StepTotals& totals) {
  Generation& g = *part.generation;
  ItemWork alone;
  if (part.kind == Part::Kind::kDecode) {
    alone = cost_.decode_alone(of_step.kv_len);
    g.share += cost_.share({.begin = of_step.kv_len - 1,
                            .end = of_step.kv_len,
                            .part_begin = of_step.kv_len - 1,
                            .part_end = of_step.kv_len,
                            .kept_begin = of_step.kv_len - 1,
                            .kept_end = of_step.kv_len,
                            .head_rows = 1},
                           totals);
  } else if (part.taken.last) {
    alone = cost_.prompt_alone(part.taken.end, part.taken.end - 1, g.sequence->slots());
    g.share += prompts_.share(part.taken.item);
  }
  g.response.work.flops += alone.flops;
  g.response.work.bytes += alone.bytes;
}

void Scheduler::finish_generations(ResponseSink& sink) {
  std::vector<std::unique_ptr<Generation>> finished;
  const auto split =
      std::stable_partition(running_.begin(), running_.end(), [](const auto& g) { return !g->finished; });
  std::move(split, running_.end(), std::back_inserter(finished));
  running_.erase(split, running_.end());
  for (const auto& g : finished) {
    // The stream may still hold the sequence as its path: what was generated is of no use to it.
    g->sequence->truncate(static_cast<std::int64_t>(g->encoded.prompt.size()));
    Response& r = g->response;
    r.text = g->text.text();
    r.end = now_ns();
    r.share_flops = g->share.flops;
    r.share_bytes = g->share.bytes();
    sink.done(*g->request, std::move(r));
  }
}

}  // namespace pareto
