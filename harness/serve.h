// The timed region of a cell: each response is journaled as it comes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/backend.h"
#include "harness/progress.h"
#include "harness/scenario.h"
#include "results/journal.h"

namespace pareto {

// What became of a cell's requests.
struct Answers {
  std::vector<Response> responses;  // parallel to the requests
  std::vector<char> answered;       // parallel: 1 where responses holds one
  std::size_t resumed = 0;          // of them, answered by the journal
  std::size_t missing() const;
};

// Puts each response in its place, with times from `base` (when the arrivals' clock started) on, and journals it.
class JournalingSink : public ResponseSink {
 public:
  struct Places {
    std::span<const Request> requests;
    std::span<const std::string> keys;        // parallel to requests
    std::span<const std::string> task_names;  // by Request::task
  };
  JournalingSink(Places places, Arrivals* arrivals, Nanos base, Journal* journal, Answers* answers, Progress* progress)
      : places_(places), arrivals_(arrivals), base_(base), journal_(journal), answers_(answers), progress_(progress) {}
  void done(const Request& request, Response&& response) override;
  bool stopped() const override;
  // Why the journal stopped taking lines, if it did.
  const std::optional<Error>& error() const { return error_; }

 private:
  Places places_;
  Arrivals* arrivals_;
  Nanos base_;
  Journal* journal_;
  Answers* answers_;
  Progress* progress_;
  std::string line_;
  std::optional<Error> error_;
};

}  // namespace pareto
