// The account against calls counted one by one, on tiny models of every architecture.
#include <map>

#include "engine/forward.h"
#include "engine/model.h"
#include "tests/engine/serving.h"
#include "tests/support/counting_ops.h"

namespace pareto {
namespace {

struct Case {
  std::string shape;
  DType dtype = DType::kF32;
};

class WorkOf : public testing::TestWithParam<Case> {
 protected:
  // An engine whose op table counts; `ops` stays valid as long as the engine.
  std::unique_ptr<Engine> counted(BackendOptions options) {
    options.model = write_tiny(folder_, GetParam().shape, GetParam().dtype);
    options.threads = 1;
    auto engine = Engine::open(options, [this](ThreadPool&) -> Result<std::unique_ptr<Ops>> {
      auto ops = std::make_unique<CountingOps>(make_reference_ops());
      ops_ = ops.get();
      return ops;
    });
    EXPECT_TRUE(engine) << engine.error().message;
    return engine ? std::move(*engine) : nullptr;
  }

  // Which op class a matrix belongs to, by its address (tied embeddings are only multiplied as the head).
  std::map<const void*, OpClass> classes(const Model& model) {
    std::map<const void*, OpClass> of;
    const auto mlp = [&](const MlpWeights& m) {
      of[m.gate.weight.data] = OpClass::kGateUp;
      of[m.down.weight.data] = OpClass::kDown;
    };
    for (const LayerWeights& l : model.layers()) {
      of[l.q.weight.data] = of[l.k.weight.data] = OpClass::kQkv;
      of[l.o.weight.data] = OpClass::kAttnOut;
      if (l.experts.empty()) mlp(l.mlp);
      for (const MlpWeights& expert : l.experts) mlp(expert);
      if (!l.experts.empty()) of[l.router.weight.data] = OpClass::kRouter;
    }
    of[model.head().data] = OpClass::kHead;
    return of;
  }

  void expect_equal(const Engine& engine) {
    const Work& work = engine.work();
    const auto of = classes(engine.model());
    std::map<OpClass, OpWork> counted;
    for (const auto& [key, value] : ops_->counts()) {
      const std::map<std::string, OpClass> names = {
          {"embed", OpClass::kEmbed},      {"rmsnorm", OpClass::kNorm},
          {"rope", OpClass::kRope},        {"kv_write", OpClass::kKvWrite},
          {"attend", OpClass::kAttention}, {"silu_mul", OpClass::kActivation},
          {"add", OpClass::kAdd},          {"route", OpClass::kRouter},
          {"scatter_add", OpClass::kAdd},  {"log_softmax", OpClass::kLogSoftmax}};
      counted[key.first == "matmul" ? of.at(key.second) : names.at(key.first)] += value;
    }
    for (int c = 0; c < kOpClasses; ++c) {
      const auto op = static_cast<OpClass>(c);
      OpWork sum;
      for (int p = 0; p < kPhases; ++p) sum += work.total(static_cast<Phase>(p), op);
      EXPECT_EQ(sum.calls, counted[op].calls) << op_class_name(op);
      EXPECT_EQ(sum.flops, counted[op].flops) << op_class_name(op);
      EXPECT_EQ(sum.bytes.weights, counted[op].bytes.weights) << op_class_name(op);
      EXPECT_EQ(sum.bytes.kv_read, counted[op].bytes.kv_read) << op_class_name(op);
      EXPECT_EQ(sum.bytes.kv_write, counted[op].bytes.kv_write) << op_class_name(op);
      EXPECT_EQ(sum.bytes.index, counted[op].bytes.index) << op_class_name(op);
      EXPECT_EQ(sum.bytes.activations, counted[op].bytes.activations) << op_class_name(op);
    }
    for (int layer = 0; layer < engine.config().layers; ++layer) {
      const void* k = engine.kv().layer(layer).k;
      for (const auto& [name, op] :
           {std::pair{"attend", OpClass::kAttention}, std::pair{"kv_write", OpClass::kKvWrite}}) {
        OpWork sum;
        for (int p = 0; p < kPhases; ++p) sum += work.at(static_cast<Phase>(p), op, layer);
        EXPECT_EQ(sum, ops_->counts().at({name, k})) << "layer " << layer;
      }
    }
  }

  // Scores and generations of odd lengths with shared prefixes; windows and chunks are crossed.
  std::vector<Request> requests() {
    const auto token = [](int i) { return static_cast<Token>(3 + (i * 7) % 60); };
    std::vector<Token> prefix, other;
    for (int i = 0; i < 45; ++i) prefix.push_back(token(i)), other.push_back(token(i * i));
    std::vector<Request> list;
    list.push_back(score_ids(prefix, {5, 6, 7}));
    list.push_back(score_ids(prefix, {5, 9}));
    list.push_back(score_ids(prefix, {5, 9, 11, 12, 13}));
    list.push_back(score_ids({other.begin(), other.begin() + 20}, {8}));
    list.push_back(score_ids({other.begin(), other.begin() + 20}, {9}));
    list.push_back(generate_ids(prefix, 6));
    list.push_back(generate_ids({other.begin(), other.begin() + 33}, 9));
    list.push_back(generate_ids(prefix, 4));
    return list;
  }

  TempFolder folder_;
  CountingOps* ops_ = nullptr;
};

TEST_P(WorkOf, EqualsCountedCalls) {
  for (const int chunk : {16, 512}) {
    const auto engine = counted({.chunk = chunk, .page = 8});
    ASSERT_TRUE(engine);
    serve_all(*engine, requests());
    expect_equal(*engine);
  }
}

TEST_P(WorkOf, PhasesAreKeptApart) {
  const auto engine = counted({});
  ASSERT_TRUE(engine);
  std::vector<Request> list = requests();
  serve_all(*engine, {list[0], list[3]});
  EXPECT_EQ(engine->work().total(Phase::kScore).flops, ops_->total().flops);
  EXPECT_EQ(engine->work().tokens(Phase::kScore), 45 + 2 + 20 - 2);  // the two contexts begin with the same two tokens
  EXPECT_EQ(engine->work().total(Phase::kPrefill), OpWork{});
  engine->reset_work();
  ops_->reset();
  serve_all(*engine, {list[5]}, 1);
  EXPECT_EQ(engine->work().tokens(Phase::kPrefill), 45);
  EXPECT_EQ(engine->work().tokens(Phase::kDecode), 5);  // the sixth token is never read
  EXPECT_EQ(engine->work().total(), ops_->total());
}

TEST_P(WorkOf, AnItemAloneCostsWhatItCosts) {
  for (const int chunk : {16, 512}) {
    const auto engine = counted({.batch = 1, .chunk = chunk});
    ASSERT_TRUE(engine);
    for (const Request& request : requests()) {
      engine->reset_work();
      const std::vector<Response> responses = serve_all(*engine, {request}, 1);
      EXPECT_EQ(responses[0].work.flops, engine->work().total().flops);
      EXPECT_EQ(responses[0].work.bytes, engine->work().total().bytes.total());
      EXPECT_NEAR(responses[0].share_flops, static_cast<double>(responses[0].work.flops), 1);
      EXPECT_NEAR(responses[0].share_bytes, static_cast<double>(responses[0].work.bytes), 1);
    }
  }
}

TEST_P(WorkOf, AnItemAloneDoesNotDependOnItsNeighbours) {
  const auto engine = counted({.chunk = 24});
  ASSERT_TRUE(engine);
  const std::vector<Request> list = requests();
  const std::vector<Response> together = serve_all(*engine, list);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::vector<Response> single = serve_all(*engine, {list[i]}, 1);
    EXPECT_EQ(together[i].work.flops, single[0].work.flops) << i;
    EXPECT_EQ(together[i].work.bytes, single[0].work.bytes) << i;
    EXPECT_EQ(together[i].logprobs, single[0].logprobs) << i;
  }
}

TEST_P(WorkOf, SharesSumToTheWork) {
  for (const int chunk : {16, 40, 512}) {
    const auto engine = counted({.chunk = chunk});
    ASSERT_TRUE(engine);
    std::vector<Request> list = requests();
    list[6].sampling.temperature = 0.8;
    double flops = 0, bytes = 0;
    Scheduler scheduler(*engine, 0);
    for (const Response& response : serve_all(scheduler, list))
      flops += response.share_flops, bytes += response.share_bytes;
    const OpWork total = engine->work().total();
    EXPECT_NEAR(flops / static_cast<double>(total.flops), 1, 1e-9);
    EXPECT_NEAR(bytes / static_cast<double>(total.bytes.total()), 1, 1e-9);
    EXPECT_GT(scheduler.shared().flops, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, WorkOf,
                         testing::Values(Case{"tiny"}, Case{"tiny-mistral"}, Case{"tiny-qwen2"}, Case{"tiny-qwen3"},
                                         Case{"tiny-mixtral"}, Case{"tiny-qwen3_moe"}, Case{"tiny", DType::kBF16},
                                         Case{"tiny", DType::kQ8_0}, Case{"tiny-mixtral", DType::kQ4_0}),
                         [](const auto& info) {
                           std::string name = info.param.shape + "_" + dtype_name(info.param.dtype);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace pareto
