#include "backends/http_pool.h"

#include <curl/curl.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace pareto {
namespace {

constexpr std::size_t kErrorBodyBytes = 64 << 10;

struct EasyFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiFree {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct SlistFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Flight {
  std::unique_ptr<CURL, EasyFree> easy;
  std::string body;
  Exchange* exchange = nullptr;
  bool enough = false;  // take() said so
};

std::size_t take_bytes(const char* data, std::size_t, std::size_t n, void* user) {
  const Nanos now = now_ns();
  auto* flight = static_cast<Flight*>(user);
  long status = 0;
  curl_easy_getinfo(flight->easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    std::string& body = flight->exchange->end.error_body;
    body.append(data, std::min(n, kErrorBodyBytes - std::min(kErrorBodyBytes, body.size())));
    return n;
  }
  if (flight->exchange->take(std::string_view(data, n), now)) return n;
  flight->enough = true;
  return 0;
}

bool may_pass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
      return true;
    default:
      return false;
  }
}

// REQUIRES: the transfer is over, and `flight` still has its handle.
void fill_end(const Flight& flight, CURLcode code, HttpEnd* end) {
  CURL* easy = flight.easy.get();
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &end->status);
  curl_off_t wait = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
  end->retry_after_s = static_cast<double>(wait);
  if (code == CURLE_OK || flight.enough) return;
  end->transport = curl_easy_strerror(code);
  end->passing = may_pass(code);
  end->unreachable =
      code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT;
}

}  // namespace

struct HttpPool::State {
  HttpPoolOptions options;
  std::unique_ptr<CURLM, MultiFree> multi;
  std::unique_ptr<curl_slist, SlistFree> headers;
  std::unordered_map<CURL*, std::unique_ptr<Flight>> flights;  // ends before `multi` does
  std::vector<std::unique_ptr<CURL, EasyFree>> idle;           // handles to use again

  std::unique_ptr<Flight> land(CURL* easy) {
    const auto found = flights.find(easy);
    std::unique_ptr<Flight> flight = std::move(found->second);
    flights.erase(found);
    curl_multi_remove_handle(multi.get(), easy);
    return flight;
  }
};

HttpPool::HttpPool() : state_(std::make_unique<State>()) {}

HttpPool::~HttpPool() {
  for (auto& [easy, flight] : state_->flights) curl_multi_remove_handle(state_->multi.get(), easy);
}

Status HttpPool::open(const HttpPoolOptions& options, int most) {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  state_->options = options;
  state_->multi.reset(kStarted == CURLE_OK ? curl_multi_init() : nullptr);
  if (state_->multi == nullptr) return fail(Code::kOutOfMemory, "libcurl does not start");
  curl_multi_setopt(state_->multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(most));
  curl_slist* list = nullptr;
  const auto add = [&list](const std::string& line) { list = curl_slist_append(list, line.c_str()); };
  add("Content-Type: application/json");
  add("Accept: application/json, text/event-stream");
  add("Expect:");  // else libcurl waits a second for a server's consent to a long prompt
  if (!options.key.empty()) add("Authorization: Bearer " + options.key);
  state_->headers.reset(list);
  return {};
}

Status HttpPool::start(const std::string& url, std::string body, Exchange* exchange) {
  auto flight = std::make_unique<Flight>();
  flight->exchange = exchange;
  flight->body = std::move(body);
  exchange->end = HttpEnd{};
  if (state_->idle.empty()) {
    flight->easy.reset(curl_easy_init());
  } else {
    flight->easy = std::move(state_->idle.back());
    state_->idle.pop_back();
    curl_easy_reset(flight->easy.get());
  }
  CURL* easy = flight->easy.get();
  if (easy == nullptr) return fail(Code::kOutOfMemory, "libcurl has no handle left");
  const auto set = [easy](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // a redirect would take the key, and the latency, elsewhere
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // a connection for each: streams do not mix
  set(CURLOPT_HTTPHEADER, state_->headers.get());
  set(CURLOPT_USERAGENT, "pareto");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, static_cast<long>(state_->options.connect_s * 1e3)));
  set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(state_->options.timeout_s * 1e3)));
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(flight->body.size()));
  set(CURLOPT_POSTFIELDS, flight->body.c_str());
  set(CURLOPT_WRITEFUNCTION, take_bytes);
  set(CURLOPT_WRITEDATA, flight.get());
  if (curl_multi_add_handle(state_->multi.get(), easy) != CURLM_OK)
    return fail(Code::kOutOfMemory, "libcurl takes no further transfer");
  state_->flights.emplace(easy, std::move(flight));
  return {};
}

void HttpPool::cancel(Exchange* exchange) {
  for (auto& [easy, flight] : state_->flights)
    if (flight->exchange == exchange) {
      state_->land(easy);
      return;
    }
}

Status HttpPool::wait(Nanos most_ns, const std::function<void(Exchange*)>& ended) {
  CURLM* multi = state_->multi.get();
  int running = 0;
  const int ms = static_cast<int>(std::clamp<Nanos>((most_ns + 999'999) / 1'000'000, 0, 60'000));
  CURLMcode code = curl_multi_perform(multi, &running);  // what was just started is sent before the wait
  if (code == CURLM_OK && ms > 0 && running == std::ssize(state_->flights)) {
    code = curl_multi_poll(multi, nullptr, 0, ms, nullptr);
    if (code == CURLM_OK) code = curl_multi_perform(multi, &running);
  }
  if (code != CURLM_OK) return fail(Code::kIo, "libcurl: {}", curl_multi_strerror(code));
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    std::unique_ptr<Flight> flight = state_->land(message->easy_handle);
    fill_end(*flight, result, &flight->exchange->end);
    Exchange* exchange = flight->exchange;
    state_->idle.push_back(std::move(flight->easy));
    ended(exchange);
  }
  return {};
}

std::size_t HttpPool::running() const { return state_->flights.size(); }

}  // namespace pareto
