// The scheduler's score requests: windows of inputs in a prefix tree.
#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "engine/scheduler.h"

namespace pareto {
namespace {

// Small at first, so that answers come at once; large later, so that little is computed again between windows.
constexpr int kFirstWindow = 64, kLargestWindow = 4096;  // requests
constexpr std::int64_t kFirstRows = 32;                  // of the first step, then twice as many each time

std::string_view as_bytes(const std::vector<Token>& tokens) {
  return {reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(Token)};
}

}  // namespace

void Scheduler::admit_score(const Request& request, EncodedRequest&& encoded, ResponseSink& sink) {
  Response response;
  response.prompt_tokens = encoded.prompt_tokens;
  response.truncated_prompt_tokens = encoded.truncated;
  response.greedy = true;
  if (encoded.inputs.empty()) {  // nothing to score: probability 1
    response.start = response.first_token = response.end = now_ns();
    sink.done(request, std::move(response));
    return;
  }
  auto job = std::make_unique<ScoreJob>();
  job->request = &request;
  job->pending = static_cast<int>(encoded.inputs.size());
  std::size_t outputs = 0;
  for (ScoredInput& input : encoded.inputs) {
    const std::size_t begin = outputs;
    outputs += input.targets.size();
    units_.push_back({.job = job.get(), .input = std::move(input), .output = static_cast<int>(begin)});
  }
  response.logprobs.resize(outputs);
  job->response = std::move(response);
  jobs_.push_back(std::move(job));
  ++jobs_left_;
}

void Scheduler::plan_scores(ResponseSink& sink) {
  window_ = std::clamp(2 * window_, kFirstWindow, kLargestWindow);
  const std::size_t count = std::min(static_cast<std::size_t>(window_), waiting_scores_.size());
  const std::vector<const Request*> requests(waiting_scores_.begin(),
                                             waiting_scores_.begin() + static_cast<std::ptrdiff_t>(count));
  waiting_scores_.erase(waiting_scores_.begin(), waiting_scores_.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<Result<EncodedRequest>> encoded = encode(requests);
  for (std::size_t i = 0; i < count; ++i) {
    if (!encoded[i]) {
      refuse(*requests[i], std::move(encoded[i]).error(), sink);
      continue;
    }
    std::size_t longest = 0;
    for (const ScoredInput& input : encoded[i]->inputs) longest = std::max(longest, input.tokens.size());
    if (Status fits = check_pages(static_cast<std::int64_t>(longest)); !fits) {
      refuse(*requests[i], std::move(fits).error(), sink);
      continue;
    }
    admit_score(*requests[i], std::move(*encoded[i]), sink);
  }
  plan_score_units();
}

void Scheduler::plan_score_units() {
  // Requests with the same input (the letters of one question) share its forward pass whole.
  std::unordered_map<std::string_view, int> known;
  std::vector<PrefixInput> inputs;
  std::vector<std::vector<int>> units_of_input;
  for (std::size_t u = 0; u < units_.size(); ++u) {
    const std::vector<Token>& tokens = units_[u].input.tokens;
    const auto [at, is_new] = known.emplace(as_bytes(tokens), static_cast<int>(inputs.size()));
    if (is_new) {
      inputs.push_back({.tokens = tokens, .users = 0});
      units_of_input.emplace_back();
    }
    ++inputs[static_cast<std::size_t>(at->second)].users;
    units_of_input[static_cast<std::size_t>(at->second)].push_back(static_cast<int>(u));
  }
  // Logits of rows computed for an earlier window are gone: only rows before the first one asked for can be reused.
  int cached_limit = static_cast<int>(scores_.cached().size());
  for (const ScoreUnit& unit : units_)
    if (unit.input.first_row < common_prefix(scores_.cached(), unit.input.tokens))
      cached_limit = std::min(cached_limit, unit.input.first_row);
  collect_saved(scores_);
  scores_.plan(std::move(inputs), cached_limit);
  plan_wants(units_of_input);
}

void Scheduler::plan_wants(const std::vector<std::vector<int>>& units_of_input) {
  wants_.clear();
  wants_taken_ = wants_answered_ = 0;
  units_of_item_.clear();
  first_row_of_item_.clear();
  std::vector<std::int64_t> row_at;  // of the path: which row of the window computes this position
  std::int64_t rows = 0;
  for (int i = 0; i < scores_.items(); ++i) {
    const PrefixItem& item = scores_.item(i);
    const auto length = static_cast<std::int64_t>(scores_.input(i).tokens.size());
    first_row_of_item_.push_back(rows);
    row_at.resize(static_cast<std::size_t>(std::max<std::int64_t>(length, item.shared)));
    for (std::int64_t p = item.shared; p < length; ++p) row_at[static_cast<std::size_t>(p)] = rows++;
    units_of_item_.push_back(units_of_input[static_cast<std::size_t>(item.input)]);
    for (const int u : units_of_item_.back()) {
      const ScoredInput& input = units_[static_cast<std::size_t>(u)].input;
      for (int t = 0; t < static_cast<int>(input.targets.size()); ++t)
        wants_.push_back({row_at[static_cast<std::size_t>(input.first_row + t)], u, t});
    }
  }
  std::sort(wants_.begin(), wants_.end(), [](const Want& a, const Want& b) {
    return a.row != b.row ? a.row < b.row : a.unit != b.unit ? a.unit < b.unit : a.index < b.index;
  });
}

Status Scheduler::add_scores(Step& step, ResponseSink& sink) {
  while (scores_.done() && jobs_left_ == 0 && !waiting_scores_.empty() && rows_left(step) > 0) plan_scores(sink);
  first_rows_ =
      std::clamp<std::int64_t>(2 * first_rows_, kFirstRows, std::max<std::int64_t>(engine_.plan().chunk, kFirstRows));
  const std::int64_t spoken_for = pages_spoken_for();
  std::vector<std::int32_t> logit_rows;
  while (!scores_.done() && rows_left(step) > 0) {
    if (batch_ > 0 && static_cast<int>(step.parts.size()) >= batch_) break;
    int rows = std::min(rows_left(step), scores_.rows_left());
    const std::int64_t free = engine_.pages().free_pages() - spoken_for;
    while (rows > 0 && scores_.pages_needed(rows) > free) rows /= 2;
    if (rows == 0) break;

    const int index = scores_.item();
    const std::int64_t row =
        first_row_of_item_[static_cast<std::size_t>(index)] - scores_.item(index).shared + scores_.position();
    logit_rows.clear();
    for (; wants_taken_ < wants_.size() && wants_[wants_taken_].row < row + rows; ++wants_taken_) {
      const auto at = static_cast<std::int32_t>(wants_[wants_taken_].row - row);
      if (logit_rows.empty() || logit_rows.back() != at) logit_rows.push_back(at);
    }
    if (scores_.begins())
      for (const int u : units_of_item_[static_cast<std::size_t>(index)])
        if (Nanos& start = units_[static_cast<std::size_t>(u)].job->response.start; start == 0) start = now_ns();
    Part part{.kind = Part::Kind::kScore, .row = row};
    PARETO_TRY(part.taken, scores_.take(step, rows, {.phase = Phase::kScore, .logit_rows = logit_rows}));
    const bool complete = part.taken.last;
    parts_.push_back(std::move(part));
    if (complete && step.rows() >= first_rows_) break;
  }
  return {};
}

void Scheduler::score_row(const Part& part, const LogitRow& row) {
  for (; wants_answered_ < wants_.size() && wants_[wants_answered_].row == part.row + row.row; ++wants_answered_) {
    const Want& want = wants_[wants_answered_];
    const ScoreUnit& unit = units_[static_cast<std::size_t>(want.unit)];
    const Token target = unit.input.targets[static_cast<std::size_t>(want.index)];
    Response& response = unit.job->response;
    response.logprobs[static_cast<std::size_t>(unit.output + want.index)] =
        row.logits[static_cast<std::size_t>(target)] - row.lse;
    response.greedy = response.greedy && row.argmax == target;
  }
}

void Scheduler::finish_score(const Part& part, ResponseSink& sink) {
  if (!part.taken.last) return;
  const int index = part.taken.item;
  const CostShare share = scores_.share(index);
  ItemWork alone;
  int alone_from = -1, cached = scores_.item(index).shared;
  for (const int u : units_of_item_[static_cast<std::size_t>(index)]) {
    const ScoreUnit& unit = units_[static_cast<std::size_t>(u)];
    const auto length = static_cast<std::int64_t>(unit.input.tokens.size());
    if (unit.input.first_row != alone_from) {
      alone_from = unit.input.first_row;
      alone = cost_.prompt_alone(length, alone_from, part.taken.sequence->slots());
    }
    Response& r = unit.job->response;
    r.work.flops += alone.flops;
    r.work.bytes += alone.bytes;
    r.share_flops += share.flops;
    r.share_bytes += share.bytes();
    r.cached_prompt_tokens = std::min(r.cached_prompt_tokens + cached, r.prompt_tokens);
    cached = static_cast<int>(length);  // the next request with this input found all of it
    if (--unit.job->pending > 0) continue;
    for (const float logprob : r.logprobs) r.loglikelihood += static_cast<double>(logprob);
    r.first_token = r.end = now_ns();
    --jobs_left_;
    sink.done(*unit.job->request, std::move(r));
  }
}

}  // namespace pareto
