// Any server that speaks OpenAI's API (vLLM, SGLang, llama.cpp, TensorRT-LLM, the service itself): accuracy and latency
// by the same rules as our own engine, no work account. How to use it: docs/remote.md.
//
//   requests ── at most `concurrency` Asks ── HttpPool ── server
//                  └─ an attempt that failed in passing waits, then is made again; else the response has the error
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <vector>

#include "backends/http_pool.h"
#include "backends/openai_ask.h"
#include "core/backend.h"
#include "engine/tokenizer.h"

namespace pareto {
namespace {

constexpr double kLongestBackOff = 60, kLongestRetryAfter = 300;  // seconds
constexpr Nanos kMillisecond = 1'000'000;
constexpr Nanos kLongestSleep = 50 * kMillisecond;  // Ctrl-C is seen that soon

// How often and how long something is tried.
struct Patience {
  int concurrency = 32, retries = 7;
  double timeout_s = 300, stall_s = 60, connect_s = 20, retry_wait_s = 0.5;
};

double number_of(const OptionMap& options, const char* name) {
  return std::strtod(options.at(name).c_str(), nullptr);  // checked by check_options()
}

bool is_true(const std::string& value) { return value == "true" || value == "1"; }

// Without what other tools want at its end: lm-eval's base_url names the endpoint.
std::string without_endpoint(std::string url) {
  const auto trim = [&url] {
    while (url.ends_with('/')) url.pop_back();
  };
  trim();
  for (const std::string_view end : {"/chat/completions", "/completions"})
    if (url.ends_with(end)) url.resize(url.size() - end.size());
  trim();
  return url;
}

// Messages never show the URL where it may hold a password.
Status check_url(const std::string& url) {
  const std::size_t host = url.find("://") + 3;
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return fail(Code::kUsage, "openai: base_url must begin with http:// or https://, such as http://127.0.0.1:8000/v1");
  if (url.substr(host, url.find('/', host) - host).find('@') != std::string::npos)
    return fail(Code::kUsage,
                "openai: base_url holds a user name or password; a key comes from the environment only: "
                "api_key_env");
  if (url.find_first_of("?#") != std::string::npos)
    return fail(Code::kUsage,
                "openai: base_url may not hold '?' or '#'; a key comes from the environment only: "
                "api_key_env");
  const bool plain = std::all_of(url.begin(), url.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (!plain || host == url.size() || url[host] == '/')
    return fail(Code::kUsage, "openai: base_url is no address; give one such as http://127.0.0.1:8000/v1");
  return {};
}

Status complete_options(OptionMap* options) {
  std::string& url = (*options)["base_url"];
  if (const char* set = std::getenv("OPENAI_BASE_URL"); url.empty() && set != nullptr) url = set;
  if (url.empty())
    return fail(Code::kUsage,
                "backend 'openai' needs base_url=URL, such as openai:base_url=http://127.0.0.1:8000/v1,"
                "model=NAME, or $OPENAI_BASE_URL");
  PARETO_CHECK_OK(check_url(url));
  url = without_endpoint(url);
  if (options->at("model").empty())
    return fail(Code::kUsage, "backend 'openai' needs model=NAME, as the server calls it: GET {}/models lists them",
                url);
  const std::string& name = options->at("api_key_env");
  const bool is_name =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  if (!is_name)
    return fail(Code::kUsage,
                "openai: api_key_env is the name of the environment variable that holds the key, not the "
                "key");
  return {};
}

Result<std::string> read_key(const std::string& name) {
  const char* set = name.empty() ? nullptr : std::getenv(name.c_str());
  const std::string key = set == nullptr ? "" : set;
  if (std::any_of(key.begin(), key.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7f; }))
    return fail(Code::kInvalid, "the key in ${} holds a space, a line end or another character that no header may hold",
                name);
  return key;
}

class OpenAiBackend final : public Backend {
 public:
  Status open(const BackendOptions& options) override {
    const OptionMap& spec = options.spec;
    context_.base_url = spec.at("base_url");
    context_.model.name = spec.at("model");
    context_.model.chat = spec.at("api") == "chat";
    context_.model.stream = is_true(spec.at("stream"));
    context_.model.prefix = spec.at("prefix");
    context_.model.conversations = options.conversations;
    context_.key_name = spec.at("api_key_env");
    PARETO_TRY(context_.key, read_key(context_.key_name));
    patience_ = {static_cast<int>(number_of(spec, "concurrency")),
                 static_cast<int>(number_of(spec, "retries")),
                 number_of(spec, "timeout"),
                 number_of(spec, "stall"),
                 number_of(spec, "connect_timeout"),
                 number_of(spec, "retry_wait")};
    if (!options.tokenizer.empty()) {
      PARETO_TRY(tokenizer_, load_tokenizer(options.tokenizer));
      context_.tokenizer = tokenizer_.get();
      facts_.tokenizer_hash = tokenizer_->info().hash;
    }
    facts_.name = context_.model.name;
    facts_.architecture = "remote";
    facts_.max_length = options.max_length;
    return pool_.open({context_.key, patience_.connect_s, patience_.timeout_s}, patience_.concurrency);
  }

  Status serve(RequestSource& source, ResponseSink& sink) override {
    const Nanos start = now_ns();
    Status status;
    while (status && !sink.stopped()) {
      take_requests(source);
      if (asks_.empty() && source.exhausted()) break;
      start_attempts(sink);
      status = pool_.wait(pause(source), [&](Exchange* ended) { end_attempt(static_cast<Ask*>(ended), sink); });
      end_silent(sink);
      std::erase_if(asks_, [](const auto& ask) { return ask->done; });
    }
    for (const auto& ask : asks_)
      if (ask->running) pool_.cancel(ask.get());
    asks_.clear();
    serve_ns_ += now_ns() - start;
    say_retries();
    return status;
  }

  Description describe() const override {
    Description d;
    d.model = facts_;
    d.isa = "remote";
    d.serve_ns = serve_ns_;
    return d;
  }

 private:
  void take_requests(RequestSource& source) {
    while (std::ssize(asks_) < patience_.concurrency) {
      const Request* request = source.next(now_ns());
      if (request == nullptr) return;
      asks_.push_back(std::make_unique<Ask>(context_, *request, taken_++));
    }
  }

  void start_attempts(ResponseSink& sink) {
    for (const auto& ask : asks_) {
      const Nanos now = now_ns();
      if (ask->running || ask->done || ask->ready_at > now) continue;
      Result<std::string> body = ask->begin(now);
      Status started = body ? pool_.start(ask->url(), *std::move(body), ask.get()) : tl::unexpected(body.error());
      ask->running = started.has_value();
      if (!started) answer_error(ask.get(), started.error(), sink);
    }
  }

  // How long nothing but a byte can make anything happen.
  Nanos pause(const RequestSource& source) const {
    const Nanos now = now_ns();
    Nanos longest = kLongestSleep;
    if (!source.exhausted() && std::ssize(asks_) < patience_.concurrency) longest = kMillisecond;
    for (const auto& ask : asks_) {
      if (ask->done) return 0;
      if (!ask->running) longest = std::clamp<Nanos>(ask->ready_at - now, 0, longest);
    }
    return longest;
  }

  void end_attempt(Ask* ask, ResponseSink& sink) {
    ask->running = false;
    const std::optional<AskFailure> failure = ask->finish();
    if (!failure) {
      server_is_gone_ = false;
      ask->done = true;
      sink.done(ask->request(), std::move(ask->response()));
      return;
    }
    const bool again =
        failure->passing && ask->attempts() <= patience_.retries && !(failure->unreachable && server_is_gone_);
    if (again) {
      ++retried_;
      last_failure_ = failure->error.message;
      ask->ready_at = now_ns() + back_off(*ask, *failure);
      return;
    }
    server_is_gone_ = failure->unreachable;  // then the others are not made to wait for it as long
    Error error = failure->error;
    if (ask->attempts() > 1) error.message += fmt::format("; {} attempts failed", ask->attempts());
    answer_error(ask, std::move(error), sink);
  }

  // Doubled with each attempt, and not the same for all: else they come back at once.
  Nanos back_off(const Ask& ask, const AskFailure& failure) const {
    const double doubled = patience_.retry_wait_s * std::ldexp(1.0, std::min(ask.attempts() - 1, 30));
    const double spread = 1 + static_cast<double>(ask.number() % 8) / 32;
    const double seconds =
        std::max(std::min(doubled, kLongestBackOff) * spread, std::min(failure.wait_s, kLongestRetryAfter));
    return static_cast<Nanos>(seconds * 1e9);
  }

  void answer_error(Ask* ask, Error error, ResponseSink& sink) {
    ask->give_up(std::move(error), now_ns());
    ask->done = true;
    sink.done(ask->request(), std::move(ask->response()));
  }

  // Streams that have begun and then bring nothing.
  void end_silent(ResponseSink& sink) {
    const Nanos now = now_ns(), longest = static_cast<Nanos>(patience_.stall_s * 1e9);
    for (const auto& ask : asks_) {
      if (!ask->running || ask->silent_for(now) <= longest) continue;
      pool_.cancel(ask.get());
      ask->end.transport = fmt::format("the stream stood still for {} s", patience_.stall_s);
      ask->end.passing = true;
      ask->end.status = 200;
      end_attempt(ask.get(), sink);
    }
  }

  void say_retries() {
    if (retried_ > 0)
      fmt::print(stderr, "pareto: {} attempts failed and were made again; the last: {}\n", retried_, last_failure_);
    retried_ = 0;
  }

  AskContext context_;
  Patience patience_;
  std::unique_ptr<Tokenizer> tokenizer_;
  HttpPool pool_;
  std::vector<std::unique_ptr<Ask>> asks_;  // handed out and not answered
  std::size_t taken_ = 0, retried_ = 0;
  std::string last_failure_;
  bool server_is_gone_ = false;
  ModelFacts facts_;
  Nanos serve_ns_ = 0;
};

std::vector<OptionSpec> openai_options() {
  using Type = OptionSpec::Type;
  constexpr auto kSpeed = OptionSpec::Effect::kSpeed;
  return {
      {.name = "base_url",
       .type = Type::kString,
       .help = "of the server, as a rule ending in /v1; default: $OPENAI_BASE_URL"},
      {.name = "model", .type = Type::kString, .help = "as the server calls it"},
      {.name = "api",
       .type = Type::kString,
       .default_value = "completions",
       .choices = {"completions", "chat"},
       .help = "what generation goes through; chat: the server's own template"},
      {.name = "stream",
       .type = Type::kBool,
       .default_value = "true",
       .help = "generated text piece by piece, each timed",
       .effect = kSpeed},
      {.name = "concurrency",
       .type = Type::kInt,
       .default_value = "32",
       .min = 1,
       .max = 4096,
       .help = "most requests at the server at a time",
       .aliases = {"num_concurrent"},
       .effect = kSpeed},
      {.name = "timeout",
       .type = Type::kFloat,
       .default_value = "300",
       .min = 0.001,
       .max = 1e6,
       .help = "seconds that one attempt may take in all",
       .effect = kSpeed},
      {.name = "stall",
       .type = Type::kFloat,
       .default_value = "60",
       .min = 0.001,
       .max = 1e6,
       .help = "seconds that a stream may stand still after its first byte",
       .effect = kSpeed},
      {.name = "connect_timeout",
       .type = Type::kFloat,
       .default_value = "20",
       .min = 0.001,
       .max = 1e6,
       .help = "seconds until there must be a connection",
       .effect = kSpeed},
      {.name = "retries",
       .type = Type::kInt,
       .default_value = "7",
       .min = 0,
       .max = 1000,
       .help = "attempts after the first, where another may help",
       .aliases = {"max_retries"},
       .effect = kSpeed},
      {.name = "retry_wait",
       .type = Type::kFloat,
       .default_value = "0.5",
       .min = 0,
       .max = 1e4,
       .help = "seconds before the second attempt, doubled before each further one",
       .effect = kSpeed},
      {.name = "api_key_env",
       .type = Type::kString,
       .default_value = "OPENAI_API_KEY",
       .help = "environment variable that holds the key",
       .effect = kSpeed},
      {.name = "prefix",
       .type = Type::kString,
       .help = "text in front of empty contexts and rolling texts: the model's BOS, where the server adds none"},
  };
}

const RegisterBackend kOpenAi(
    {.name = "openai",
     .summary = "any OpenAI-compatible server (vLLM, SGLang, llama.cpp, …): accuracy and latency",
     .options = openai_options(),
     .needs_model = false,
     .device = "remote",
     .complete = complete_options,
     .takes_conversations = [](const OptionMap& options) { return options.at("api") == "chat"; },
     .make = [] { return std::make_unique<OpenAiBackend>(); }});

}  // namespace
}  // namespace pareto
