// Dense attention: every query reads every cached token. The oracle that every sparse method is measured against.
#include <memory>

#include "core/backend.h"
#include "engine/engine.h"
#include "engine/scheduler.h"

namespace pareto {
namespace {

class DenseBackend final : public Backend {
 public:
  Status open(const BackendOptions& options) override {
    if (options.device != "cpu")
      return fail(Code::kDevice, "no device '{}' in this build; there are: cpu", options.device);
    const Nanos start = now_ns();
    PARETO_TRY(engine_, Engine::open(options));
    facts_ = engine_->facts();
    const Nanos loaded = now_ns();
    engine_->warm_up();
    load_ns_ = loaded - start;
    warmup_ns_ = now_ns() - loaded;
    scheduler_ = std::make_unique<Scheduler>(*engine_, options.batch);
    return {};
  }

  Status serve(RequestSource& source, ResponseSink& sink) override {
    const Nanos start = now_ns();
    Status status = scheduler_->serve(source, sink);
    serve_ns_ += now_ns() - start;
    return status;
  }

  Description describe() const override {
    Description d;
    if (!engine_) return d;
    d.model = facts_;
    d.isa = engine_->isa();
    d.work = engine_->work();
    d.shared = scheduler_->shared();
    d.load_ns = load_ns_;
    d.warmup_ns = warmup_ns_;
    d.serve_ns = serve_ns_;
    d.planned_bytes = engine_->plan().total();
    return d;
  }

 private:
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Scheduler> scheduler_;
  ModelFacts facts_;
  Nanos load_ns_ = 0, warmup_ns_ = 0, serve_ns_ = 0;
};

const RegisterBackend kDense({.name = "dense",
                              .summary = "every query reads every cached token: the oracle",
                              .make = [] { return std::make_unique<DenseBackend>(); }});

}  // namespace
}  // namespace pareto
