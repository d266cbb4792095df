// Answers at once: empty text, log-likelihood 0. What a run over it takes is what the harness itself costs.
#include <chrono>
#include <memory>
#include <thread>

#include "core/backend.h"

namespace pareto {
namespace {

class NullBackend final : public Backend {
 public:
  Status open(const BackendOptions& options) override {
    facts_.name = options.model.empty() ? "null" : options.model;
    facts_.architecture = "null";
    facts_.max_length = options.max_length;
    return {};
  }

  Status serve(RequestSource& source, ResponseSink& sink) override {
    const Nanos start = now_ns();
    while (!sink.stopped()) {
      const Request* request = source.next(now_ns());
      if (!request && source.exhausted()) break;
      if (!request) {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
        continue;
      }
      Response response;
      response.greedy = request->kind == Request::Kind::kScore;
      response.start = response.first_token = response.end = now_ns();
      sink.done(*request, std::move(response));
    }
    serve_ns_ += now_ns() - start;
    return {};
  }

  Description describe() const override {
    Description d;
    d.model = facts_;
    d.isa = "none";
    d.serve_ns = serve_ns_;
    return d;
  }

 private:
  ModelFacts facts_;
  Nanos serve_ns_ = 0;
};

const RegisterBackend kNull({.name = "null",
                             .summary = "answers at once with nothing: measures the harness itself",
                             .needs_model = false,
                             .make = [] { return std::make_unique<NullBackend>(); }});

}  // namespace
}  // namespace pareto
