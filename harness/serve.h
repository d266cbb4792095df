// The timed region of a cell: all requests at once, each response journaled as it comes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/backend.h"
#include "harness/progress.h"
#include "results/journal.h"

namespace pareto {

// What became of a cell's requests.
struct Answers {
  std::vector<Response> responses;  // parallel to the requests
  std::vector<char> answered;       // parallel: 1 where responses holds one
  std::size_t resumed = 0;          // of them, answered by the journal
  std::size_t missing() const;
};

// Everything is due at once.
class OfflineSource : public RequestSource {
 public:
  explicit OfflineSource(std::vector<const Request*> requests) : requests_(std::move(requests)) {}
  const Request* next(Nanos) override { return at_ < requests_.size() ? requests_[at_++] : nullptr; }
  bool exhausted() const override { return at_ == requests_.size(); }

 private:
  std::vector<const Request*> requests_;
  std::size_t at_ = 0;
};

// Puts each response in its place, with times from `base` on, and journals it.
class JournalingSink : public ResponseSink {
 public:
  struct Places {
    std::span<const Request> requests;
    std::span<const std::string> keys;        // parallel to requests
    std::span<const std::string> task_names;  // by Request::task
  };
  JournalingSink(Places places, Nanos base, Journal* journal, Answers* answers, Progress* progress)
      : places_(places), base_(base), journal_(journal), answers_(answers), progress_(progress) {}
  void done(const Request& request, Response&& response) override;
  bool stopped() const override;
  // Why the journal stopped taking lines, if it did.
  const std::optional<Error>& error() const { return error_; }

 private:
  Places places_;
  Nanos base_;
  Journal* journal_;
  Answers* answers_;
  Progress* progress_;
  std::string line_;
  std::optional<Error> error_;
};

}  // namespace pareto
