// Requests in, responses out: continuous batching over the engine.
//
// Score requests come in windows. A window's inputs are tokenised (by all threads), sorted into a prefix tree and fed
// to steps as rows: every common prefix once, logits only for the rows that some continuation asks about, a row that
// several requests ask about once. Generate requests are admitted while fewer than `batch` run and the pages for their
// whole length are free, prefilled in chunks beside the decoding of the others, and share prefixes in the same way.
//
//   step =  one row per generation that decodes  |  chunks of prompts  |  score rows         ≤ chunk rows in all
//
// What a request gets back does not depend on its neighbours: the engine computes every row alike, and sampling is
// keyed by request and position.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/backend.h"
#include "core/work.h"
#include "engine/encode.h"
#include "engine/engine.h"
#include "engine/item_cost.h"
#include "engine/prefix_stream.h"
#include "engine/stop_text.h"

namespace pareto {

class Scheduler {
 public:
  // `batch`: most sequences in one step; 0: generations as many as the plan foresees, score inputs as many as fit.
  Scheduler(Engine& engine, int batch);
  ~Scheduler();

  // Serves `source` until it is exhausted or the sink says stop. An error ends the run: a generate request whose
  // max_tokens leave no room for a prompt, an engine that failed. A request's own failure is its response's error.
  Status serve(RequestSource& source, ResponseSink& sink);
  // What prefix sharing saved so far.
  const OpWork& shared() const { return shared_; }

 private:
  struct ScoreJob {  // a score request in flight
    const Request* request = nullptr;
    Response response;
    int pending = 0;  // inputs that are not computed yet
  };
  struct ScoreUnit {  // one of its inputs
    ScoreJob* job = nullptr;
    ScoredInput input;
    int output = 0;  // where its log-probabilities begin in the response
  };
  struct Want {  // a log-probability that a row of the window owes to a unit
    std::int64_t row = 0;
    int unit = 0, index = 0;  // index: into its targets
  };
  struct Generation {  // a generate request: waiting for admission, being prefilled, decoding, finished
    Generation(const Request& r, EncodedRequest&& e, const Tokenizer* tokenizer)
        : request(&r), encoded(std::move(e)), text(tokenizer, r.until) {}
    const Request* request;
    EncodedRequest encoded;
    StopText text;
    Response response;
    std::shared_ptr<Sequence> sequence;
    std::uint64_t stream = 0;  // of its random numbers
    Token last = -1;
    bool decoding = false, finished = false;
    CostShare share;
    std::int64_t room() const { return static_cast<std::int64_t>(encoded.prompt.size()) + request->max_tokens; }
  };
  struct Part {  // what a part of the step is
    enum class Kind : std::uint8_t { kScore, kPrompt, kDecode } kind = Kind::kScore;
    Generation* generation = nullptr;
    std::int64_t row = 0;       // kScore: window row of its first row
    PrefixStream::Taken taken;  // kScore, kPrompt
  };

  void reset();
  Status pull(RequestSource& source, ResponseSink& sink);
  std::vector<Result<EncodedRequest>> encode(const std::vector<const Request*>& requests);
  static void refuse(const Request& request, Error error, ResponseSink& sink);
  Status check_pages(std::int64_t tokens) const;
  void collect_saved(PrefixStream& stream);

  // engine/scheduler_score.cc
  void plan_scores(ResponseSink& sink);
  void admit_score(const Request& request, EncodedRequest&& encoded, ResponseSink& sink);
  void plan_score_units();
  void plan_wants(const std::vector<std::vector<int>>& units_of_input);
  Status add_scores(Step& step, ResponseSink& sink);
  void score_row(const Part& part, const LogitRow& row);
  void finish_score(const Part& part, ResponseSink& sink);

  // engine/scheduler_generate.cc
  void plan_generations(ResponseSink& sink);
  Status add_decodes(Step& step);
  Status add_prompts(Step& step, ResponseSink& sink);
  bool admit();
  std::int64_t pages_spoken_for() const;
  void next_token(Generation& g, Phase phase, const LogitRow& row);
  void settle_generation(const Part& part, const StepPart& of_step, const CostModel::StepTotals& totals);
  void finish_generations(ResponseSink& sink);

  int rows_left(const Step& step) const;
  bool relieve();  // frees cached paths when nothing else can run; false: there were none
  void settle(const Step& step, std::int64_t weights, ResponseSink& sink);

  Engine& engine_;
  const CostModel cost_;
  const int batch_;  // 0: no limit of its own
  const EncodeOptions encode_options_;
  OpWork shared_;

  std::deque<const Request*> waiting_scores_, waiting_generations_;
  bool timed_ = false;           // the source is
  int window_ = 0;               // requests of the next score window
  std::int64_t first_rows_ = 0;  // a step of score rows may end once it has so many and an input is complete
  PrefixStream scores_, prompts_;
  std::vector<std::unique_ptr<ScoreJob>> jobs_;  // of the window
  int jobs_left_ = 0;
  std::vector<ScoreUnit> units_;
  std::vector<std::vector<int>> units_of_item_;  // by item of the stream
  std::vector<std::int64_t> first_row_of_item_;
  std::vector<Want> wants_;  // by row
  std::size_t wants_taken_ = 0, wants_answered_ = 0;
  std::vector<std::unique_ptr<Generation>> generations_;  // of the window, by input; null once admitted
  std::vector<std::unique_ptr<Generation>> running_;
  std::vector<Part> parts_;  // of the step
};

}  // namespace pareto
