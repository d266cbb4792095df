// Serving a list of requests in a test: a source that has them all at once, a sink that keeps the responses.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/model_writer.h"
#include "engine/scheduler.h"

namespace pareto {

class ListSource final : public RequestSource {
 public:
  explicit ListSource(const std::vector<Request>& requests) : requests_(requests) {}
  const Request* next(Nanos) override { return at_ < requests_.size() ? &requests_[at_++] : nullptr; }
  bool exhausted() const override { return at_ == requests_.size(); }

 private:
  const std::vector<Request>& requests_;
  std::size_t at_ = 0;
};

class MapSink final : public ResponseSink {
 public:
  void done(const Request& request, Response&& response) override {
    EXPECT_TRUE(responses.emplace(&request, std::move(response)).second) << "answered twice";
  }
  bool stopped() const override { return static_cast<int>(responses.size()) >= stop_after; }
  std::map<const Request*, Response> responses;
  int stop_after = 1 << 30;
};

// The responses in the order of the requests; every one must have been answered.
inline std::vector<Response> serve_all(Scheduler& scheduler, const std::vector<Request>& requests) {
  ListSource source(requests);
  MapSink sink;
  const Status status = scheduler.serve(source, sink);
  EXPECT_TRUE(status) << status.error().message;
  std::vector<Response> responses;
  for (const Request& request : requests) {
    EXPECT_EQ(sink.responses.count(&request), 1u) << "a request was not answered";
    responses.push_back(sink.responses[&request]);
  }
  return responses;
}

inline std::vector<Response> serve_all(Engine& engine, const std::vector<Request>& requests, int batch = 0) {
  Scheduler scheduler(engine, batch);
  return serve_all(scheduler, requests);
}

inline Request score_ids(std::vector<Token> context, std::vector<Token> continuation) {
  Request request;
  request.kind = Request::Kind::kScore;
  request.context_ids = std::move(context);
  request.continuation_ids = std::move(continuation);
  return request;
}

inline Request generate_ids(std::vector<Token> context, int max_tokens) {
  Request request;
  request.kind = Request::Kind::kGenerate;
  request.context_ids = std::move(context);
  request.max_tokens = max_tokens;
  request.ignore_eos = true;
  return request;
}

inline std::unique_ptr<Engine> open_engine(const BackendOptions& options) {
  auto engine = Engine::open(options);
  EXPECT_TRUE(engine) << engine.error().message;
  return engine ? std::move(*engine) : nullptr;
}

// A folder that is removed with the test.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "pareto-engine-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (std::filesystem::path(path_) / name).string(); }

 private:
  std::string path_;
};

// A tiny random model of one of model_shape()'s names: a Hugging Face folder, or GGUF where the dtype is quantised. A
// sliding window is narrowed to 16, so that short tests cross it.
inline std::string write_tiny(const TempFolder& folder, const std::string& shape, DType dtype = DType::kF32) {
  ModelConfig config = model_shape(shape).value();
  for (int& window : config.window) window = 16;
  const std::string path = folder.file(shape + "-" + dtype_name(dtype));
  const auto source = random_source(config, 7);
  const Status written = is_quantised(dtype) ? write_gguf(*source, {.path = path + ".gguf", .dtype = dtype})
                                             : write_hugging_face(*source, {.path = path, .dtype = dtype});
  EXPECT_TRUE(written) << written.error().message;
  return is_quantised(dtype) ? path + ".gguf" : path;
}

}  // namespace pareto
