#include "harness/serve.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "harness/interrupt.h"
#include "results/json_text.h"

namespace pareto {
namespace {

bool has_nan(const Response& response) {
  return std::isnan(response.loglikelihood) ||
         std::any_of(response.logprobs.begin(), response.logprobs.end(), [](float p) { return std::isnan(p); });
}

}  // namespace

std::size_t Answers::missing() const {
  return static_cast<std::size_t>(std::count(answered.begin(), answered.end(), char{0}));
}

void JournalingSink::done(const Request& request, Response&& response) {
  const auto at = static_cast<std::size_t>(&request - places_.requests.data());
  arrivals_->answered(response.end);
  response.due = arrivals_->due(request);
  response.start -= base_;
  response.first_token -= base_;
  response.end -= base_;
  for (Nanos& time : response.token_times) time -= base_;
  response.truncated_prompt_tokens += request.cut_tokens;  // the backend knows only of its own
  // A token may end inside a character. What is marked now and what a resumed run reads must be the same text.
  if (request.kind == Request::Kind::kGenerate) response.text = valid_utf8(response.text);

  // A NaN would be marked like any other number, and the record would look complete.
  if (!response.error && has_nan(response))
    response.error = Error{Code::kInvalid, "the model answered NaN: its weights are damaged or overflow"};

  if (!response.error && !error_) {
    line_.clear();
    append_journal_line(&line_, places_.keys[at], places_.task_names[static_cast<std::size_t>(request.task)], request,
                        response);
    if (Status status = journal_->append(line_); !status) error_ = std::move(status).error();
  }
  answers_->responses[at] = std::move(response);
  answers_->answered[at] = 1;
  progress_->step();
}

bool JournalingSink::stopped() const { return interrupted() || error_.has_value(); }

}  // namespace pareto
