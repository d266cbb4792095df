// A backend: a named inference method that answers requests.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/request.h"
#include "core/result.h"
#include "core/work.h"

namespace pareto {

// Where requests come from. Offline: all at once; a server scenario: each when it is due.
class RequestSource {
 public:
  virtual ~RequestSource() = default;
  // The next request that is due at `now`, or null. The pointer stays valid until serve() returns.
  virtual const Request* next(Nanos now) = 0;
  // No request will come any more.
  virtual bool exhausted() const = 0;
  // True: requests come at their times, and one that is put before another makes that one wait. False: any order is
  // as good, so a backend may sort them.
  virtual bool timed() const { return false; }
};

class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  // Called once for every request taken, in any order, from the thread that called serve().
  virtual void done(const Request& request, Response&& response) = 0;
  // True: finish the step in hand and return (Ctrl-C, a full disk). Requests in flight are dropped, not answered.
  virtual bool stopped() const = 0;
};

// Everything that `pareto run` knows about the model and the machine; how each is spelled: `pareto run --help`.
struct BackendOptions {
  std::string model;           // file or folder; resolved from names by the harness
  std::string tokenizer;       // empty: the model's own
  std::string device = "cpu";  // where the model runs
  std::string dtype = "auto";  // auto: as stored, fast kernels; f32: reference numerics on the stored weights; bf16
  int batch = 0;               // most sequences in one step; 0: chosen by the memory plan
  int threads = 0;             // 0: all cores
  int max_length = 0;          // context limit in tokens; 0: the model's
  int chunk = 0;               // most tokens in one step (chunked prefill); 0: default
  int page = 16;               // tokens per KV page
  bool deterministic = true;   // identical bits at any batch, chunk and page size and thread count
  bool conversations = false;  // contexts may be conversations: [{"role": "user", "content": "…"}, …]
  OptionMap spec;              // the method's own options, checked against its OptionSpecs
};

struct ModelFacts {
  std::string name, architecture, dtype;  // weight dtype: the one that holds most bytes
  std::int64_t parameters = 0, active_parameters = 0, weight_bytes = 0, kv_bytes_per_token = 0;
  std::vector<std::pair<std::string, std::string>> file_hashes;  // path inside the model, xxh3 of the content
  int max_length = 0;
  std::string tokenizer_hash, chat_template;  // empty where there is none
  Token bos = -1, eos = -1;
};

// What is known after open() and after serve(); serve() adds to the counts.
struct Description {
  ModelFacts model;
  std::string isa;          // the kernels' path: "avx2", "amx", …
  std::string setup = "A";  // design.md §2
  Work work;                // of all requests served
  OpWork shared;            // flops and bytes that prefix sharing saved
  Nanos load_ns = 0, warmup_ns = 0, serve_ns = 0;
  std::int64_t planned_bytes = 0;  // the memory plan; 0 where there is none
};

class Backend {
 public:
  virtual ~Backend() = default;
  // Loads the model, plans memory, warms up. Called once.
  virtual Status open(const BackendOptions& options) = 0;
  // Answers every request of `source`, then returns. A request's own failure is its response's error.
  virtual Status serve(RequestSource& source, ResponseSink& sink) = 0;
  virtual Description describe() const = 0;
};

struct BackendEntry {
  std::string name, summary;
  std::vector<OptionSpec> options;
  bool needs_model = true;
  std::string device;  // where it runs whatever --device says; empty: where that says
  // Fills in what the environment decides and checks what no option can be checked for alone, before any file is
  // opened. Errors: kUsage. Empty: nothing to do.
  std::function<Status(OptionMap*)> complete;
  // With these options --apply_chat_template hands it conversations, for it has a template of its own. Empty: never.
  std::function<bool(const OptionMap&)> takes_conversations;
  std::function<std::unique_ptr<Backend>()> make;
};

// What is built in, by name. A backend registers itself at start-up: `const RegisterBackend kDense({...});`
const std::vector<BackendEntry>& backends();
const BackendEntry* find_backend(std::string_view name);
struct RegisterBackend {
  explicit RegisterBackend(BackendEntry entry);
};

}  // namespace pareto
